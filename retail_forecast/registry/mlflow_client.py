"""MLflow's client without its noise: quiet, no telemetry, and a database that is whole or not there."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_SQLITE = "sqlite:///"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def connect(uri: str) -> MlflowClient:
    """A client of the tracking and registry store at `uri`. The caller holds the lock: this may make the store."""
    with _quiet():
        if uri.startswith(_SQLITE):
            _make_database(Path(uri.removeprefix(_SQLITE)))
        return _client(uri)


def mlflow_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises when it refuses or cannot be reached."""
    with _quiet():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        return MlflowException, SQLAlchemyError, OSError


def delete_artifacts(uri: str) -> None:
    """Removes the files of a run, wherever MLflow keeps them; MLflow's own deletion leaves them."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(uri).delete_artifacts()  # type: ignore[no-untyped-call]


def is_local(uri: str) -> bool:
    """Whether the store is a SQLite file of this machine."""
    return uri.startswith(_SQLITE)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process or thread of this machine at a time, by a lock file in `folder`; a killed one lets go."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _client(uri: str) -> MlflowClient:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.search_experiments(max_results=1)
    client.search_registered_models(max_results=1)
    return client


def _make_database(path: Path) -> None:
    """Makes the database aside and moves it in place: MLflow's migrations do not survive a kill half-way."""
    if path.exists():
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.parent.mkdir(parents=True, exist_ok=True)
    aside.unlink(missing_ok=True)
    _client(f"{_SQLITE}{aside}")
    aside.replace(path)


@contextmanager
def _quiet() -> Iterator[None]:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # MLflow uses what SQLAlchemy and Pydantic have deprecated; nobody here can mend that.
        warnings.simplefilter("ignore")
        yield
