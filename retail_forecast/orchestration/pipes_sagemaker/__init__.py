"""Dagster Pipes for training jobs of SageMaker. See docs/pipes-sagemaker.md.

It knows Dagster and `training.sagemaker.jobs`, and nothing else of this package.
"""

from retail_forecast.orchestration.pipes_sagemaker.client import PipesSageMakerClient, SageMakerInvocation
from retail_forecast.orchestration.pipes_sagemaker.s3 import PipesS3JobContextInjector, PipesS3JobMessageReader

__all__ = ["PipesS3JobContextInjector", "PipesS3JobMessageReader", "PipesSageMakerClient", "SageMakerInvocation"]
