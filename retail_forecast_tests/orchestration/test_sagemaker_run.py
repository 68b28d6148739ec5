"""A training job of SageMaker as an asset shows it."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.orchestration.metadata import linked
from retail_forecast.orchestration.sagemaker_run import within_run
from retail_forecast.orchestration.workshop import cost_of
from retail_forecast.training import TrainingJob
from retail_forecast_tests.pipeline.shop_lake import RECIPE, shop_lake, training_folder
from retail_forecast_tests.training.sagemaker.jobs_of import quick_trainer


def test_an_asset_shows_the_figures_the_job_and_its_price(
    aws_cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    channels = {"features": training_folder(shop_lake(tmp_path))}
    values = {"recipe": json.dumps(RECIPE.to_json()), "workers": "1"}
    job = TrainingJob("train", f"train-{tmp_path.name}", channels, values, tmp_path / "out")

    @dg.asset
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        trainer, on_log = within_run(context, quick_trainer(aws_cloud))
        return dg.MaterializeResult(metadata=linked(cost_of(trainer.run(job, on_log=on_log))))

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([model], instance=instance)
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert shown["pools"].value == 3.0  # told through Pipes
    assert ":training-job/retail-forecast-train-" in str(shown["job ARN"].value)
    assert isinstance(shown["job"], dg.UrlMetadataValue)
    assert isinstance(shown["cost USD"], dg.FloatMetadataValue)
    assert "train: 3 of 3 pools" in said
    assert "metric pools=3" in capfd.readouterr().out
