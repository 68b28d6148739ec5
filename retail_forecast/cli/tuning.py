"""The command that searches for a better recipe."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_forecast.cli.console import OnProgress, console, progress

if TYPE_CHECKING:
    from retail_forecast.cli.backtesting import PreparedBacktest
    from retail_forecast.models import Recipe
    from retail_forecast.settings import Settings
    from retail_forecast.training.tuning import Found, OnTrial


class Tuner(StrEnum):
    """Who chooses what is tried next."""

    optuna = "optuna"
    sagemaker = "sagemaker"


def tune(
    trials: Annotated[int, typer.Option(min=1, help="Recipes to try in all; those of an earlier call count.")],
    cutoffs: Annotated[int, typer.Option(min=1, help="Rolling cutoffs, one horizon apart.")] = 2,
    tuner: Annotated[Tuner, typer.Option(help="sagemaker: one tuning job of SageMaker.")] = Tuner.optuna,
    parallel: Annotated[int, typer.Option(min=1, max=10, help="Trials at a time of a tuning job.")] = 2,
) -> None:
    """Search for a better recipe on rolling cutoffs; a call that was killed goes on. Nothing is trained by it."""
    from retail_forecast.cli.backtesting import METRIC, prepared_backtest
    from retail_forecast.dataset import load_dataset
    from retail_forecast.registry.tracking import track_trial
    from retail_forecast.settings import load_settings
    from retail_forecast.training.recipes import SETTING, chosen_recipe, write_recipe

    settings = load_settings()
    if tuner is Tuner.sagemaker:
        _require_sagemaker(settings)
    dataset = load_dataset(settings.dataset_path)
    start, home = chosen_recipe(settings, dataset), settings.home.resolve()
    with (
        progress() as show,
        prepared_backtest(settings, dataset, start, cutoffs=cutoffs, on_progress=show) as prepared,
    ):
        study = f"{prepared.name}-{start.digest[:12]}" + ("-sagemaker" if tuner is Tuner.sagemaker else "")
        track = partial(track_trial, settings, study)

        def on_trial(number: int, values: Mapping[str, Any], error: float) -> None:
            track(number, values, {METRIC: error})

        if tuner is Tuner.sagemaker:
            found = _search_on_sagemaker(settings, prepared, start, trials, parallel, on_trial, show)
        else:
            found = _search_with_optuna(settings, prepared, start, trials, study, on_trial, show)
    about = {"study": study, "trial": found.trial, METRIC: found.error, f"{METRIC} before": found.start_error}
    path = write_recipe(home / "recipes", found.recipe, about)
    console().print(f"{METRIC.upper()} {found.start_error:.4f} before, {found.error:.4f} with {path}.", soft_wrap=True)
    console().print(f"Train with it: {SETTING}={path} retail-forecast run", soft_wrap=True)


def _require_sagemaker(settings: Settings) -> None:
    from retail_forecast.errors import ConfigurationError

    if settings.trainer != "sagemaker":
        raise ConfigurationError(
            key="RETAIL_FORECAST_TRAINER", found=settings.trainer, expected="sagemaker, to tune there"
        )


def _search_with_optuna(
    settings: Settings,
    prepared: PreparedBacktest,
    start: Recipe,
    trials: int,
    study: str,
    on_trial: OnTrial,
    show: OnProgress,
) -> Found:
    from retail_forecast.cli.backtesting import mean_error
    from retail_forecast.training.tuning import search_recipe

    def tell(number: int, values: Mapping[str, Any], error: float) -> None:
        on_trial(number, values, error)
        show("Trials", number + 1, trials)

    return search_recipe(
        lambda recipe: mean_error(prepared.scores(recipe)),
        start,
        trials=trials,
        storage=settings.home.resolve() / "tuning" / "optuna.db",
        study=study,
        on_trial=tell,
    )


def _search_on_sagemaker(
    settings: Settings,
    prepared: PreparedBacktest,
    start: Recipe,
    trials: int,
    parallel: int,
    on_trial: OnTrial,
    show: OnProgress,
) -> Found:
    """Trial 0, the recipe to start from, is a job of its own, so what is found is never worse than it."""
    from retail_forecast.cli.backtesting import mean_error
    from retail_forecast.lake import open_lake
    from retail_forecast.pipeline.trainings import billed_seconds
    from retail_forecast.training.sagemaker.cost import estimate_cost, require_budget
    from retail_forecast.training.sagemaker.trainer import open_sagemaker_trainer
    from retail_forecast.training.sagemaker.tuner import build_tuning_request, open_sagemaker_tuner
    from retail_forecast.training.tuning import Found, search_space, values_of

    last = billed_seconds(open_lake(settings.lake)).get("backtest")
    require_budget(settings, estimate_cost(settings, jobs=trials + 1, last_seconds=last), "this search")
    start_error = mean_error(prepared.scores(start))
    on_trial(0, values_of(start), start_error)
    job, space = prepared.job(start), search_space(start)
    channels = open_sagemaker_trainer(settings).place_channels(job)
    request = build_tuning_request(settings, job, channels, space, trials=trials, parallel=parallel)
    tuned = open_sagemaker_tuner(settings).run(request, start, lambda done: show("Trials", done, trials))
    for trial in tuned:
        on_trial(trial.number, trial.values, trial.error)
    best = min(tuned, key=lambda one: one.error, default=None)
    if best is None or best.error >= start_error:
        return Found(start, 0, start_error, start_error)
    return Found(best.recipe, best.number, best.error, start_error)
