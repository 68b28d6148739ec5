"""An asset that runs a small job on SageMaker. python -m …launch BUCKET NAME WHAT: in a process of its own."""

import sys
from typing import Any

import dagster as dg

from retail_forecast.aws import aws_client
from retail_forecast.emulator.cloud import REGION
from retail_forecast.orchestration.pipes_sagemaker import PipesSageMakerClient
from retail_forecast.training.sagemaker.jobs import SageMakerJobs

_JOB = "retail_forecast_tests.orchestration.pipes_sagemaker.small_job"


def small_request(bucket: str, name: str, what: str) -> dict[str, Any]:
    """The least that CreateTrainingJob takes, with spot."""
    return {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast-training:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-m", _JOB, what],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/jobs"},
        "CheckpointConfig": {"S3Uri": f"s3://{bucket}/checkpoints/{name}"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
        "EnableManagedSpotTraining": True,
    }


def launch(bucket: str, name: str, what: str, *, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Materializes the asset `trained` with the job."""
    sagemaker, logs, s3 = (aws_client(service, region=REGION) for service in ("sagemaker", "logs", "s3"))
    jobs = SageMakerJobs(sagemaker, logs, first_wait_seconds=0.1, longest_wait_seconds=0.2, settle_seconds=0)
    client = PipesSageMakerClient(jobs=jobs, s3=s3, bucket=bucket)

    @dg.asset
    def trained(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return client.run(context=context, request=small_request(bucket, name, what)).get_materialize_result()

    return dg.materialize([trained], instance=instance, raise_on_error=False)


if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as ephemeral:
        sys.exit(0 if launch(*sys.argv[1:4], instance=ephemeral).success else 1)
