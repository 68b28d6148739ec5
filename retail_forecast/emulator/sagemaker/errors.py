"""What SageMaker refuses, and what a training job fails of.

EmulatorError
├── RefusedError      the answer to a request, with the code that boto3 shows
└── JobFailedError    becomes the FailureReason of a job
"""

from __future__ import annotations

_REASON_CHARACTERS = 1024


class EmulatorError(Exception):
    """Base of what the emulator raises on purpose."""


class RefusedError(EmulatorError):
    """A request that SageMaker does not accept."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class JobFailedError(EmulatorError):
    """Why a training job failed, in SageMaker's words, cut to the length that it allows."""

    def __init__(self, reason: str) -> None:
        self.reason = reason[:_REASON_CHARACTERS]
        super().__init__(self.reason)


def not_found(what: str) -> RefusedError:
    """The refusal of a name that nobody created."""
    return RefusedError("ValidationException", f"Requested resource not found: {what}.")
