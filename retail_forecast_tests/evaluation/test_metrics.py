"""Measures of error, by hand and against utilsforecast."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from retail_forecast.evaluation import metrics

with warnings.catch_warnings():
    # A docstring there holds an escape that Python 3.12 warns of, once, when it first compiles the module.
    warnings.simplefilter("ignore")
    from utilsforecast import losses


def test_scale_starts_at_the_first_sale() -> None:
    history = np.array([[0, 0, 4, 0, 2]])
    # Steps after the first sale: (0 - 4)^2 = 16 and (2 - 0)^2 = 4, two of them. The step up to 4 is no error.
    assert metrics.squared_scale(history, [5]).item() == 10


def test_scale_at_an_earlier_stop_ignores_what_comes_later() -> None:
    history = np.array([[1.0, 3.0, 3.0, 900.0]])
    assert metrics.squared_scale(history, [2, 3]).tolist() == [[4.0, 2.0]]


@pytest.mark.parametrize("history", [[0, 0, 0], [0, 0, 7]])
def test_a_series_without_a_step_has_no_scale(history: list[int]) -> None:
    scale = metrics.squared_scale(np.array([history]), [3])[:, 0]
    assert np.isnan(scale).all()
    assert np.isnan(metrics.rmsse(np.ones((1, 2)), scale)).all()


def test_rmsse_leaves_out_periods_that_are_not_known_yet() -> None:
    error = np.array([[2.0, 2.0, 99.0]])
    known = np.array([[True, True, False]])
    assert metrics.rmsse(error, np.array([4.0]), known).tolist() == [1.0]


def test_weights_of_series_without_a_score_go_to_the_others() -> None:
    assert metrics.weighted_mean(np.array([1.0, np.nan, 4.0]), np.array([2.0, 5.0, 1.0])) == 2.0
    assert np.isnan(metrics.weighted_mean(np.array([np.nan]), np.array([1.0])))


def test_series_without_revenue_weigh_the_same() -> None:
    assert metrics.weighted_mean(np.array([1.0, 3.0]), np.zeros(2)) == 2.0


def test_wql_is_unknown_where_nothing_was_sold() -> None:
    assert np.isnan(metrics.wql(np.zeros(3), np.ones((3, 1)), [0.5]))


@pytest.fixture(params=range(5))
def panel(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """Five random series: history [5, 60], first sold on one of its first 20 days, actual values and forecasts [5, 7].

    Some sell several a day, some now and then.
    """
    random = np.random.default_rng(request.param)
    history = random.poisson(random.uniform(0.1, 9.0, (5, 1)), (5, 60)).astype(float)
    first = random.integers(0, 20, 5)
    history[np.arange(60) < first[:, None]] = 0
    history[np.arange(5), first] += 1
    actual = random.poisson(2.0, (5, 7)).astype(float)
    mean = random.gamma(2.0, 1.0, (5, 7))
    return {"history": history, "actual": actual, "mean": mean, "low": mean * 0.5, "high": mean * 1.5}


def _long(panel: dict[str, np.ndarray], **names: str) -> pl.DataFrame:
    """One row per series and period, with the arrays of the panel under the names that utilsforecast gives them."""
    series, periods = panel[next(iter(names.values()))].shape
    index = {"unique_id": np.repeat(range(series), periods), "ds": np.tile(range(periods), series)}
    return pl.DataFrame({**index, **{theirs: panel[ours].ravel() for theirs, ours in names.items()}})


def test_rmsse_agrees_with_utilsforecast(panel: dict[str, np.ndarray]) -> None:
    frame, train = _long(panel, y="actual", mean="mean"), _long(panel, y="history")
    train = train.filter(pl.col("y").cum_sum().over("unique_id", order_by="ds") > 0)
    theirs = losses.rmsse(frame, models=["mean"], seasonality=1, train_df=train).sort("unique_id")["mean"]
    scale = metrics.squared_scale(panel["history"], [60])[:, 0]
    np.testing.assert_allclose(metrics.rmsse(panel["mean"] - panel["actual"], scale), theirs)


@pytest.mark.parametrize(("ours", "theirs"), [(metrics.mae, losses.mae), (metrics.bias, losses.bias)])
def test_mean_errors_agree_with_utilsforecast(
    panel: dict[str, np.ndarray], ours: Callable[..., float], theirs: Callable[..., pl.DataFrame]
) -> None:
    frame = _long(panel, y="actual", mean="mean")
    expected = theirs(frame, models=["mean"])["mean"].mean()
    assert ours(panel["actual"], panel["mean"]) == pytest.approx(expected)


def test_pinball_loss_agrees_with_utilsforecast(panel: dict[str, np.ndarray]) -> None:
    frame = _long(panel, y="actual", high="high")
    expected = losses.quantile_loss(frame, models={"model": "high"}, q=0.9)["model"].mean()
    assert metrics.pinball(panel["actual"], panel["high"], 0.9) == pytest.approx(expected)


def test_wql_agrees_with_utilsforecast(panel: dict[str, np.ndarray]) -> None:
    frame = _long(panel, y="actual", low="low", high="high")
    losses_ = losses.mqloss(frame, models={"m": ["low", "high"]}, quantiles=np.array([0.2, 0.9]))
    forecasts = np.stack([panel["low"].ravel(), panel["high"].ravel()], axis=1)
    # WQL is twice the mean loss over series, periods and quantiles, divided by the mean of what was sold.
    expected = 2 * losses_["m"].to_numpy().mean() / panel["actual"].mean()
    assert metrics.wql(panel["actual"].ravel(), forecasts, [0.2, 0.9]) == pytest.approx(expected)


def test_coverage_agrees_with_utilsforecast(panel: dict[str, np.ndarray]) -> None:
    frame = _long(panel, **{"y": "actual", "m-lo-80": "low", "m-hi-80": "high"})
    expected = losses.coverage(frame, models=["m"], level=80)["m"].mean()
    assert metrics.coverage(panel["actual"], panel["low"], panel["high"]) == pytest.approx(expected)


def test_scaled_pinball_loss_agrees_with_utilsforecast(panel: dict[str, np.ndarray]) -> None:
    frame, train = _long(panel, y="actual", low="low", high="high"), _long(panel, y="history")
    train = train.filter(pl.col("y").cum_sum().over("unique_id", order_by="ds") > 0)
    quantiles = np.array([0.2, 0.9])
    theirs = losses.scaled_mqloss(frame, {"m": ["low", "high"]}, quantiles, seasonality=1, train_df=train)
    scale = metrics.absolute_scale(panel["history"], [60])[:, 0]
    forecasts = np.stack([panel["low"], panel["high"]], axis=2)
    ours = metrics.scaled_pinball(panel["actual"], forecasts, [0.2, 0.9], scale)
    np.testing.assert_allclose(ours, theirs.sort("unique_id")["m"])


def test_scaled_pinball_loss_leaves_out_periods_that_are_not_known_yet() -> None:
    actual, known = np.array([[3.0, np.nan]]), np.array([[True, False]])
    # 2 above the quantile of 0.75: a loss of 1.5, over a scale of 3
    assert metrics.scaled_pinball(actual, np.ones((1, 2, 1)), [0.75], np.array([3.0]), known).tolist() == [0.5]
