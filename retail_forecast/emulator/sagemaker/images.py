"""Which command stands for which image, as there is no container runtime."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Mapping
from typing import Any

from retail_forecast.emulator.sagemaker.errors import JobFailedError

_TRAINING = (sys.executable, "-m", "retail_forecast.training.entrypoint")


class Images:
    """Globs over an image's URI or its repository's name, each with the command of its ENTRYPOINT; the last wins."""

    def __init__(self, commands: Mapping[str, list[str]] | None = None) -> None:
        self._commands: dict[str, list[str]] = {"retail-forecast-training": list(_TRAINING), **(commands or {})}

    def add(self, pattern: str, command: list[str]) -> None:
        """Makes images known."""
        self._commands.pop(pattern, None)
        self._commands[pattern] = list(command)

    def command(self, specification: Mapping[str, Any], role_arn: str) -> list[str]:
        """What a container runs: the image's entry point, or the job's own, with its arguments (default: train).

        Raises JobFailedError as SageMaker does for an image that cannot be pulled.
        """
        image = str(specification.get("TrainingImage") or specification.get("AlgorithmName"))
        for pattern, command in reversed(self._commands.items()):
            if any(fnmatch.fnmatchcase(name, pattern) for name in (image, repository_of(image))):
                arguments = list(specification.get("ContainerArguments") or [])
                if entry := specification.get("ContainerEntrypoint"):
                    return [*entry, *arguments]
                return [*command, *(arguments or ["train"])]
        raise JobFailedError(
            f"ClientError: Cannot find repository: {repository_of(image)} for image {image}. Please check if your ECR "
            f"repository and image exist and role {role_arn} has proper pull permissions for SageMaker: "
            "ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer."
        )


def repository_of(image: str) -> str:
    """
    >>> repository_of("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/train:1.2")
    'team/train'
    >>> repository_of("train@sha256:0a1b")
    'train'
    """
    first, _, rest = image.partition("/")
    name = rest if rest and ("." in first or ":" in first) else image
    return name.split("@")[0].split(":")[0]
