"""The trials of a search for a recipe, in MLflow: an experiment per search, a run per trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail_forecast.errors import RegistryError
from retail_forecast.registry.mlflow_client import connect, locked, mlflow_errors
from retail_forecast.settings import Settings


def track_trial(
    settings: Settings, study: str, number: int, parameters: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """Writes one trial as a finished run called `trial-<number>`, unless there is one. Raises RegistryError."""
    folder = settings.home.resolve() / "mlflow"
    try:
        with locked(folder):
            client = connect(settings.mlflow)
            experiment = client.get_experiment_by_name(study)
            id = experiment.experiment_id if experiment is not None else client.create_experiment(study)
            if client.search_runs([id], f"attributes.run_name = 'trial-{number}' and attributes.status = 'FINISHED'"):
                return
            run = client.create_run(id, run_name=f"trial-{number}").info.run_id
            for name, value in parameters.items():
                client.log_param(run, name, value)
            for name, value in metrics.items():
                client.log_metric(run, name, value)
            client.set_terminated(run)
    except mlflow_errors() as error:
        raise RegistryError(f"Trial {number} of {study} cannot be tracked in {settings.mlflow}: {error}") from error
