"""SageMaker's actions that the emulator answers itself; the others are moto's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.emulator.sagemaker.access import RoleSessions
from retail_forecast.emulator.sagemaker.attempt import World
from retail_forecast.emulator.sagemaker.errors import RefusedError
from retail_forecast.emulator.sagemaker.job import TrainingJob
from retail_forecast.emulator.sagemaker.requests import validate_request
from retail_forecast.emulator.sagemaker.tags import Tags
from retail_forecast.emulator.sagemaker.training_jobs import TrainingJobs

Action = Callable[[dict[str, Any]], dict[str, Any]]


class Region:
    """SageMaker in one region."""

    def __init__(self, name: str, world: World, roles: RoleSessions) -> None:
        self.training = TrainingJobs(name, world, roles, notify=_ignore)
        self.tags = Tags()
        self.actions: dict[str, Action] = {
            "CreateTrainingJob": self._create_training_job,
            "DescribeTrainingJob": self.training.describe,
            "ListTrainingJobs": self.training.list,
            "StopTrainingJob": self.training.stop,
        }

    def action(self, name: str, request: dict[str, Any]) -> Action | None:
        """Who answers: one of ours, or nobody here. Tags go with what they are on."""
        return self.tags.action(name, request) or self.actions.get(name)

    def _create_training_job(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self.training.create(request)
        self.tags.own(job.arn, request)
        return {"TrainingJobArn": job.arn}


@dataclass
class SageMaker:
    """All regions."""

    world: World
    roles: RoleSessions
    regions: dict[str, Region] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def region(self, name: str) -> Region:
        """One region, made when it is first asked for."""
        with self._lock:
            return self.regions.setdefault(name, Region(name, self.world, self.roles))

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


def _ignore(_job: TrainingJob) -> None:
    return
