"""From the decision to train to the champion. Everything here is idempotent by the fingerprint of its inputs."""

from typing import Any

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.orchestration import gate, training_run
from retail_forecast.orchestration.assets import AFTER_SERVING, FORECASTING_TEAM, Result, asset
from retail_forecast.orchestration.automation import (
    when_parents_change,
    when_tables_change,
    when_training_is_due,
)
from retail_forecast.orchestration.gate import gate_metadata
from retail_forecast.orchestration.metadata import bullet_list, frame_metadata, linked, policy_metadata
from retail_forecast.orchestration.plots import plot_bars, plot_lines
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.run_tags import tag_run
from retail_forecast.orchestration.sagemaker_run import within_run
from retail_forecast.registry import ModelRegistry
from retail_forecast.training import Trainer


def build_training_assets(dataset: Dataset) -> list[dg.AssetsDefinition]:
    """training_request → features → model → backtest → champion."""
    tables = list(dataset.tables)
    return [_training_request(tables), _features(tables), model, backtest, champion]


def _training_request(tables: list[str]) -> dg.AssetsDefinition:
    @asset(
        deps=tables,
        automation_condition=when_tables_change(),
        group="training",
        owner=FORECASTING_TEAM,
        kinds={"python"},
        op_tags=AFTER_SERVING,
        description="Whether a training is due, and what a change triggers.",
    )
    def training_request(platform: dg.ResourceParam[Platform], registry: dg.ResourceParam[ModelRegistry]) -> Result:
        request = training_run.decide(platform, registry)
        numbers: dict[str, Any] = {"due": request.due, "cutoff": str(request.cutoff), **request.numbers}
        shown = {"why": bullet_list(request.reasons), "policy": policy_metadata(platform.settings)}
        return Result(metadata={**numbers, **shown}, data_version=dg.DataVersion(request.id))

    return training_request


def _features(tables: list[str]) -> dg.AssetsDefinition:
    @asset(
        deps=["training_request", *tables],
        automation_condition=when_training_is_due(),
        group="training",
        owner=FORECASTING_TEAM,
        kinds={"polars", "parquet"},
        description="One row per active series and period to learn.",
    )
    def features(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Result:
        made = training_run.make_features(platform)
        tag_run(context, cutoff=made.cutoff, request=training_run.read_progress(platform.lake).request)
        numbers = {"dagster/row_count": made.total_rows, "columns": len(made.columns), "pools": len(made.pools)}
        span = {"cutoff": str(made.cutoff), "start": str(made.start)}
        return Result(metadata={**numbers, **span}, data_version=dg.DataVersion(made.fingerprint))

    return features


@asset(
    deps=["features"],
    automation_condition=when_parents_change(),
    group="training",
    owner=FORECASTING_TEAM,
    kinds={"lightgbm"},
    description="The challenger: an ensemble of boosters per pool of stores.",
)
def model(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform], trainer: dg.ResourceParam[Trainer]
) -> Result:
    made = training_run.train(platform, *within_run(context, trainer))
    return Result(metadata=linked(made.info), data_version=dg.DataVersion(made.fingerprint))


@asset(
    deps=["features", "model"],
    automation_condition=when_parents_change(),
    group="training",
    owner=FORECASTING_TEAM,
    kinds={"lightgbm", "polars"},
    description="Recipe, champion and baselines on rolling cutoffs.",
)
def backtest(
    context: dg.AssetExecutionContext,
    platform: dg.ResourceParam[Platform],
    trainer: dg.ResourceParam[Trainer],
    registry: dg.ResourceParam[ModelRegistry],
) -> Result:
    trainer, on_log = within_run(context, trainer)
    made = training_run.run_backtest(platform, trainer, registry, on_log)
    plots = {
        "error by level": plot_bars(made.by_level, "WRMSSE", "Error by level of aggregation"),
        "error by lead": plot_lines(made.by_lead, "lead", "error", "Mean absolute error by lead"),
    }
    if made.coverage:
        title = "Share of sales within the intervals, by level"
        plots["coverage by level"] = plot_bars(made.coverage, "share", title)
        plots["loss of quantiles by level"] = plot_bars(made.quantile_loss, "loss", "Loss of the quantiles, by level")
    version = dg.DataVersion(made.fingerprint)
    return Result(metadata={**linked(made.info), **frame_metadata(made.scores), **plots}, data_version=version)


@asset(
    deps=["backtest"],
    automation_condition=when_parents_change(),
    group="training",
    owner=FORECASTING_TEAM,
    kinds={"mlflow"},
    description="The model in force. A challenger has to earn the place.",
)
def champion(platform: dg.ResourceParam[Platform], registry: dg.ResourceParam[ModelRegistry]) -> Result:
    outcome = gate.judge(platform, registry)
    versions = {"champion version": str(outcome.champion), "challenger version": outcome.challenger}
    shown = {**versions, "promoted": outcome.promoted, **gate_metadata(outcome)}
    return Result(metadata=shown, data_version=dg.DataVersion(str(outcome.champion)))
