"""SageMaker's actions that the emulator answers itself; the others are moto's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retail_forecast.emulator.sagemaker.access import RoleSessions
from retail_forecast.emulator.sagemaker.attempt import World
from retail_forecast.emulator.sagemaker.errors import RefusedError
from retail_forecast.emulator.sagemaker.job import TrainingJob
from retail_forecast.emulator.sagemaker.model_registry import ModelRegistry
from retail_forecast.emulator.sagemaker.requests import validate_request
from retail_forecast.emulator.sagemaker.tags import Tags
from retail_forecast.emulator.sagemaker.training_jobs import TrainingJobs
from retail_forecast.emulator.sagemaker.tuning_jobs import TuningJobs

Action = Callable[[dict[str, Any]], dict[str, Any]]
Publish = Callable[[str, str, str, dict[str, Any]], None]
"""Takes region, source, kind and detail of an event."""


class Region:
    """SageMaker in one region."""

    def __init__(self, name: str, world: World, roles: RoleSessions, publish: Publish) -> None:
        self._publish = partial(publish, name, "aws.sagemaker")
        self.tags = Tags()
        self.training = TrainingJobs(name, world, roles, notify=self._training_job_ended)
        self.tuning = TuningJobs(name, self.training)
        registry = ModelRegistry(name, self.tags, self._publish)
        self.actions: dict[str, Action] = {
            "CreateTrainingJob": self._create_training_job,
            "DescribeTrainingJob": self.training.describe,
            "ListTrainingJobs": self.training.list,
            "StopTrainingJob": self.training.stop,
            "CreateHyperParameterTuningJob": self._create_tuning_job,
            "DescribeHyperParameterTuningJob": self.tuning.describe,
            "ListHyperParameterTuningJobs": self.tuning.list,
            "ListTrainingJobsForHyperParameterTuningJob": self.tuning.list_training_jobs,
            "StopHyperParameterTuningJob": self.tuning.stop,
            "CreateModelPackageGroup": registry.create_group,
            "DescribeModelPackageGroup": registry.describe_group,
            "ListModelPackageGroups": registry.list_groups,
            "DeleteModelPackageGroup": registry.delete_group,
            "CreateModelPackage": registry.create_package,
            "DescribeModelPackage": registry.describe_package,
            "ListModelPackages": registry.list_packages,
            "UpdateModelPackage": registry.update_package,
            "DeleteModelPackage": registry.delete_package,
        }

    def action(self, name: str, request: dict[str, Any]) -> Action | None:
        """Who answers: one of ours, or nobody here. Tags go with what they are on."""
        return self.tags.action(name, request) or self.actions.get(name)

    def _create_training_job(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self.training.create(request)
        self.tags.own(job.arn, request)
        return {"TrainingJobArn": job.arn}

    def _create_tuning_job(self, request: dict[str, Any]) -> dict[str, Any]:
        tuning = self.tuning.create(request)
        self.tags.own(tuning.arn, request)
        return {"HyperParameterTuningJobArn": tuning.arn}

    def _training_job_ended(self, job: TrainingJob) -> None:
        self.tuning.training_job_ended(job)
        self._publish("SageMaker Training Job State Change", job.summarize())


@dataclass
class SageMaker:
    """All regions."""

    world: World
    roles: RoleSessions
    publish: Publish
    regions: dict[str, Region] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def region(self, name: str) -> Region:
        """One region, made when it is first asked for."""
        with self._lock:
            return self.regions.setdefault(name, Region(name, self.world, self.roles, self.publish))

    def answer(self, action: str, body: bytes, region: str) -> tuple[int, dict[str, Any]] | None:
        """Status and answer, or None for what moto shall answer."""
        request = json.loads(body or b"{}")
        answerer = self.region(region).action(action, request)
        if answerer is None:
            return None
        try:
            validate_request(action, request)
            return 200, answerer(request)
        except RefusedError as error:
            return 400, {"__type": error.code, "message": str(error)}

    def close(self) -> None:
        """Ends every job."""
        for region in self.regions.values():
            region.training.close()
        self.world.network.close()
