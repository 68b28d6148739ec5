"""Search for a better recipe with Optuna, by the error on rolling cutoffs.

The search is kept in a database: after a kill it goes on, and the trial that was under way is tried again. Trial 0 is
the recipe to start from, so what is found is never worse on these cutoffs. Each trial draws from the trials before it
and its own number: an interrupted search ends as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retail_forecast.errors import ConfigurationError
from retail_forecast.models import Recipe

if TYPE_CHECKING:
    from optuna import Study, Trial

OnTrial = Callable[[int, Mapping[str, Any], float], None]
"""(number, values, error)"""


@dataclass(frozen=True)
class Dimension:
    """The values from `low` to `high` that one setting of a recipe may take."""

    low: float
    high: float
    whole: bool = False
    logarithmic: bool = False


_ALWAYS = {
    "leaves": Dimension(15, 255, whole=True, logarithmic=True),
    "min_data_in_leaf": Dimension(20, 1000, whole=True, logarithmic=True),
    "learning_rate": Dimension(0.02, 0.2, logarithmic=True),
    "feature_fraction": Dimension(0.2, 0.9),
    "row_fraction": Dimension(0.4, 0.95),
}
_TWEEDIE = {"tweedie_power": Dimension(1.05, 1.6)}


@dataclass(frozen=True)
class Found:
    """The best recipe of a search: its trial, its error and that of trial 0, the recipe to start from."""

    recipe: Recipe
    trial: int
    error: float
    start_error: float


def search_recipe(
    evaluate: Callable[[Recipe], float],
    start: Recipe,
    *,
    trials: int,
    storage: Path,
    study: str,
    on_trial: OnTrial | None = None,
) -> Found:
    """The recipe with the smallest error after `trials` trials in all, those of earlier calls counted.

    storage: SQLite file of the searches; study: names this one, by everything that errors depend on.
    on_trial: told of each trial as it ends, in the order of their numbers.
    """
    search = _open(storage, study, start)
    _try_again(search)
    while len(done := _complete(search)) < trials:
        # the sampler must not depend on where an earlier call was cut off
        search.sampler = _sampler(start.seed + len(done))
        trial = search.ask()
        recipe = _draw(trial, start)
        error = evaluate(recipe)
        search.tell(trial, error)
        if on_trial is not None:
            on_trial(len(done), trial.params, error)
    best = min(done, key=lambda one: (one.value, one.number))
    return Found(replace(start, **best.params), done.index(best), best.value, done[0].value)


def values_of(recipe: Recipe) -> dict[str, Any]:
    """What is searched, as the recipe has it."""
    return {name: getattr(recipe, name) for name in search_space(recipe)}


def search_space(recipe: Recipe) -> dict[str, Dimension]:
    """What may be searched around a recipe."""
    return {**_ALWAYS, **(_TWEEDIE if recipe.objective == "tweedie" else {})}


def _open(storage: Path, study: str, start: Recipe) -> Study:
    optuna = _optuna()
    storage.parent.mkdir(parents=True, exist_ok=True)
    opened: Study = optuna.create_study(
        storage=f"sqlite:///{storage}", study_name=study, direction="minimize", load_if_exists=True
    )
    opened.enqueue_trial(_within(start), skip_if_exists=True)
    return opened


def _try_again(search: Study) -> None:
    """Trials that a killed process left."""
    states = _optuna().trial.TrialState
    for left in search.get_trials(states=(states.RUNNING,)):
        search.tell(left.number, state=states.FAIL)
        search.enqueue_trial(left.params)


def _complete(search: Study) -> list[Any]:
    return list(search.get_trials(states=(_optuna().trial.TrialState.COMPLETE,)))


def _draw(trial: Trial, start: Recipe) -> Recipe:
    for name, one in search_space(start).items():
        if one.whole:
            trial.suggest_int(name, int(one.low), int(one.high), log=one.logarithmic)
        else:
            trial.suggest_float(name, one.low, one.high, log=one.logarithmic)
    return replace(start, **trial.params)


def _within(recipe: Recipe) -> dict[str, Any]:
    """The recipe's own values. Raises ConfigurationError where a search could not reach them."""
    values = values_of(recipe)
    for name, one in search_space(recipe).items():
        if not one.low <= values[name] <= one.high:
            expected = f"a value from {one.low:g} to {one.high:g} to search around"
            raise ConfigurationError(key=f"recipe.{name}", found=values[name], expected=expected)
    return values


def _sampler(seed: int) -> Any:
    return _optuna().samplers.TPESampler(seed=seed, n_startup_trials=5)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        install = "the package optuna: make install EXTRAS=tune, or the extra `tune` of this package"
        raise ConfigurationError(key="retail-forecast tune", found="no optuna", expected=install) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
