"""The errors that a user can meet. Each message says what happened, to which culprit, and what to do.

RetailForecastError
├── ConfigurationError      a setting is wrong
│   └── DatasetError        a key of dataset.yaml is wrong
├── BadDropError            a delivered file cannot be used
├── BadEventError           an event about the landing cannot be used
├── SchemaError             a table would break its schema
├── PublishConflictError    somebody else published first
├── NotFoundError           something that was asked for does not exist
├── DiskFullError           nothing more can be written
├── TrainingError           a training job failed
├── RegistryError           the model registry refused
├── AwsError                AWS refused, or could not be reached
├── KubernetesError         the cluster's API server refused, or could not be reached
└── DeploymentError         the endpoint does not serve what was wanted
"""

from __future__ import annotations


class RetailForecastError(Exception):
    """Base of every error that Retail Forecast raises on purpose."""


class ConfigurationError(RetailForecastError):
    """A setting has a value that cannot work."""

    def __init__(self, *, key: str, found: object, expected: str) -> None:
        self.key, self.found, self.expected = key, found, expected
        super().__init__(f"{key}: found {found!r}; expected {expected}.")


class DatasetError(ConfigurationError):
    """A key of dataset.yaml has a value that cannot work."""


class BadDropError(RetailForecastError):
    """A delivered file cannot be used; it is set aside and the others go on."""

    def __init__(self, *, object: str, reason: str, fix: str) -> None:
        self.object, self.reason, self.fix = object, reason, fix
        super().__init__(f"{object}: {reason} {fix}")


class BadEventError(RetailForecastError):
    """A message in the queue of the landing's events says nothing of an object; it is set aside."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"A message of the arrivals' queue cannot be used. {reason}")


class SchemaError(RetailForecastError):
    """A table does not satisfy its schema and was not written."""

    def __init__(self, *, table: str, problems: list[str], fix: str) -> None:
        self.table, self.problems = table, problems
        super().__init__(f"Table {table!r} breaks its schema: {'; '.join(problems)}. {fix}")


class PublishConflictError(RetailForecastError):
    """Another writer published under the same name first."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} exists already: another writer published first. Read it again and retry.")


class NotFoundError(RetailForecastError):
    """Something that was asked for by name does not exist."""

    def __init__(self, what: str, *, fix: str) -> None:
        self.what = what
        super().__init__(f"{what} does not exist. {fix}")


class DiskFullError(RetailForecastError):
    """Nothing more can be written."""

    def __init__(self, folder: str, *, free_bytes: int) -> None:
        self.folder, self.free_bytes = folder, free_bytes
        super().__init__(
            f"The disk of {folder} has no room left ({free_bytes:,} bytes are free). "
            "Free some and run the same command again; what was published stays."
        )


class TrainingError(RetailForecastError):
    """A training job, or one of its shards, failed."""

    def __init__(self, message: str, *, shard: str | None = None, log_tail: str = "") -> None:
        self.shard, self.log_tail = shard, log_tail
        where = f"Shard {shard!r}: " if shard else ""
        tail = f"\nLast lines of its log:\n{log_tail}" if log_tail else ""
        super().__init__(f"{where}{message}{tail}")


class RegistryError(RetailForecastError):
    """The model registry refused a request."""


class AwsError(RetailForecastError):
    """AWS refused a call, or could not be reached. `code` is AWS' own, such as AccessDenied."""

    def __init__(self, what: str, *, code: str, message: str, fix: str) -> None:
        self.what, self.code, self.fix = what, code, fix
        super().__init__(f"{what}: {message} ({code}). {fix}")


class KubernetesError(RetailForecastError):
    """The cluster's API server refused a call, or could not be reached. `status` is HTTP's; 0 without an answer."""

    def __init__(self, what: str, *, status: int, message: str, fix: str) -> None:
        self.what, self.status, self.fix = what, status, fix
        super().__init__(f"{what}: {message} ({status or 'no status'}). {fix}")


class DeploymentError(RetailForecastError):
    """The endpoint does not serve the vintage that was wanted; it keeps serving what it had. `reason` says why."""

    def __init__(self, message: str, *, wanted: str, active: str | None) -> None:
        self.reason, self.wanted, self.active = message, wanted, active
        super().__init__(f"{message} Wanted vintage {wanted!r}; active is {active!r}.")
