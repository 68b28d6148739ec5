"""The command that searches for a better recipe."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer

from retail_forecast.cli.console import console, progress


def tune(
    trials: Annotated[int, typer.Option(min=1, help="Recipes to try in all; those of an earlier call count.")],
    cutoffs: Annotated[int, typer.Option(min=1, help="Rolling cutoffs, one horizon apart.")] = 2,
) -> None:
    """Search for a better recipe on rolling cutoffs; a call that was killed goes on. Nothing is trained by it."""
    from retail_forecast.cli.backtesting import METRIC, mean_error, prepared_backtest
    from retail_forecast.dataset import load_dataset
    from retail_forecast.registry.tracking import track_trial
    from retail_forecast.settings import load_settings
    from retail_forecast.training.recipes import SETTING, chosen_recipe, write_recipe
    from retail_forecast.training.tuning import search_recipe

    settings = load_settings()
    dataset = load_dataset(settings.dataset_path)
    start, home = chosen_recipe(settings, dataset), settings.home.resolve()
    with (
        progress() as show,
        prepared_backtest(settings, dataset, start, cutoffs=cutoffs, on_progress=show) as prepared,
    ):
        study = f"{prepared.name}-{start.digest[:12]}"
        track = partial(track_trial, settings, study)

        def on_trial(number: int, values: Mapping[str, Any], error: float) -> None:
            track(number, values, {METRIC: error})
            show("Trials", number + 1, trials)

        found = search_recipe(
            lambda recipe: mean_error(prepared.scores(recipe)),
            start,
            trials=trials,
            storage=home / "tuning" / "optuna.db",
            study=study,
            on_trial=on_trial,
        )
    about = {"study": study, "trial": found.trial, METRIC: found.error, f"{METRIC} before": found.start_error}
    path = write_recipe(home / "recipes", found.recipe, about)
    console().print(f"{METRIC.upper()} {found.start_error:.4f} before, {found.error:.4f} with {path}.", soft_wrap=True)
    console().print(f"Train with it: {SETTING}={path} retail-forecast run", soft_wrap=True)
