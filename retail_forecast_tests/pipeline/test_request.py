"""When a training is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from retail_forecast.dataset import Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake
from retail_forecast.pipeline.accuracy import forecast_accuracy
from retail_forecast.pipeline.request import (
    RetrainingPolicy,
    TrainingFacts,
    TrainingRequest,
    decide_training,
    judge,
    read_request,
)
from retail_forecast.pipeline.trainings import (
    TrainedModel,
    changed_rows,
    finish_training,
    last_training,
    start_training,
)
from retail_forecast_tests.pipeline.small_lake import (
    START,
    new_lake,
    publish_constant_vintage,
    publish_days,
    small_dataset,
)

POLICY = RetrainingPolicy(after_periods=5, changed_share=0.1, error_ratio=1.2)
CALM = TrainingFacts(has_champion=True, has_training=True, age_periods=4, changed_rows=9, trained_rows=100)
CUTOFF = START + timedelta(days=9)


def test_calm_facts_ask_for_nothing_and_say_why() -> None:
    assert judge(CALM, POLICY) == (
        False,
        (
            "The last training is 4 periods old; due at 5.",
            "9.00% of the rows of its window changed since; due at 10.00%.",
            "No forecast since the last training can be judged yet.",
        ),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"has_training": False, "has_champion": False}, "No model has been trained yet."),
        ({"age_periods": 5}, "The last training is 5 periods old; due at 5."),
        ({"age_periods": -3}, "The last training saw sales up to 3 periods after the cutoff."),
        ({"changed_rows": 10}, "10.00% of the rows of its window changed since; due at 10.00%."),
        (
            {"recent_error": 0.72, "backtest_error": 0.6},
            "The recent error is 0.7200, 0.6000 in the backtest; due at 0.7200.",
        ),
        ({"has_champion": False}, "There is no champion, and sales are newer or other than in the last training."),
        ({"same_dataset": False}, "The description of the dataset changed since the last training."),
        ({"same_recipe": False}, "The recipe changed since the last training."),
    ],
)
def test_each_reason_alone_is_enough(change: dict[str, float], reason: str) -> None:
    assert judge(replace(CALM, **change), POLICY) == (True, (reason,))  # type: ignore[arg-type]


def test_an_error_below_the_limit_is_no_reason() -> None:
    assert not judge(replace(CALM, recent_error=0.71, backtest_error=0.6), POLICY)[0]


def test_a_rejected_first_model_is_not_trained_again_on_the_same_sales() -> None:
    rejected = TrainingFacts(has_champion=False, has_training=True, trained_rows=100)
    assert not judge(rejected, POLICY)[0]
    assert judge(replace(rejected, age_periods=1), POLICY)[0]


def test_a_model_that_waits_for_a_person_is_superseded_only_as_a_champion_would_be() -> None:
    waits = replace(CALM, has_champion=False, awaits_decision=True)
    due, why = judge(waits, POLICY)
    assert not due
    assert why[0] == "The model of the last training waits for a person to approve it."
    assert judge(replace(waits, age_periods=5), POLICY) == (True, ("The last training is 5 periods old; due at 5.",))
    assert judge(replace(waits, changed_rows=10), POLICY)[0]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Ten days of two items."""
    lake = new_lake(tmp_path)
    publish_days(lake, {"a": [1, 2] * 5, "b": [4, 4] * 5})
    return lake


@pytest.fixture
def dataset() -> Dataset:
    return small_dataset()


def _decide(lake: Lake, dataset: Dataset, champion: str | None = "1", **more: object) -> TrainingRequest:
    return decide_training(lake, dataset, POLICY, **{"recipe": "r1", "champion": champion, **more})  # type: ignore[arg-type]


def _train(lake: Lake, dataset: Dataset, request: TrainingRequest, version: str = "1") -> None:
    assert request.cutoff is not None
    start_training(lake, request.id, cutoff=date.fromisoformat(request.cutoff))
    finish_training(lake, request.id, version=version, window_start=START, dataset_hash=dataset.hash, recipe="r1")


def test_without_sales_nothing_is_due(tmp_path: Path, dataset: Dataset) -> None:
    request = _decide(new_lake(tmp_path), dataset, None)
    assert (request.due, request.reasons) == (False, ("There are no sales yet.",))


def test_the_first_sales_ask_for_the_first_training(lake: Lake, dataset: Dataset) -> None:
    request = _decide(lake, dataset, None)
    assert request.due
    assert request.id.startswith("2024-01-10-")
    assert read_request(lake) == request


def test_a_pending_request_keeps_its_id_while_days_arrive(lake: Lake, dataset: Dataset) -> None:
    first = _decide(lake, dataset, None)
    publish_days(lake, {"a": [1], "b": [4]}, start=CUTOFF + timedelta(days=1))
    again = _decide(lake, dataset, None)
    assert (again.due, again.id, again.cutoff) == (True, first.id, "2024-01-11")


def test_a_finished_training_settles_the_request_and_age_raises_the_next(lake: Lake, dataset: Dataset) -> None:
    first = _decide(lake, dataset, None)
    _train(lake, dataset, first)
    settled = _decide(lake, dataset)
    assert (settled.due, settled.id) == (False, first.id)
    publish_days(lake, {"a": [1] * 4, "b": [4] * 4}, start=CUTOFF + timedelta(days=1))
    assert _decide(lake, dataset).id == first.id
    publish_days(lake, {"a": [1], "b": [4]}, start=CUTOFF + timedelta(days=5))
    second = _decide(lake, dataset)
    assert second.due
    assert second.id != first.id
    assert second.numbers["age_periods"] == 5


def test_corrections_are_counted_by_row(lake: Lake, dataset: Dataset) -> None:
    _train(lake, dataset, _decide(lake, dataset, None))
    publish_days(lake, {"a": [77], "b": [4]}, start=START)
    assert changed_rows(lake, _last(lake)) == (1, 20)
    assert not _decide(lake, dataset).due
    publish_days(lake, {"a": [78], "b": [4]}, start=START + timedelta(days=1))
    assert _decide(lake, dataset).reasons == ("10.00% of the rows of its window changed since; due at 10.00%.",)


def _last(lake: Lake) -> TrainedModel:
    last = last_training(lake)
    assert last is not None
    return last


def test_a_correction_that_was_taken_back_asks_for_nothing(lake: Lake, dataset: Dataset) -> None:
    first = _decide(lake, dataset, None)
    _train(lake, dataset, first)
    publish_days(lake, {"a": [77, 77], "b": [4, 4]})
    raised = _decide(lake, dataset)
    publish_days(lake, {"a": [1, 2], "b": [4, 4]})
    calmed = _decide(lake, dataset)
    assert (raised.due, calmed.due, calmed.id) == (True, False, raised.id)
    publish_days(lake, {"a": [77, 77], "b": [4, 4]})
    assert _decide(lake, dataset).id not in (first.id, raised.id)


def test_added_and_removed_rows_count_as_changed(lake: Lake, dataset: Dataset) -> None:
    _train(lake, dataset, _decide(lake, dataset, None))
    publish_days(lake, {"a": [1], "b": [4], "c": [9]}, start=START)
    publish_days(lake, {"b": [4]}, start=START + timedelta(days=1))
    lake.table("sales").publish({}, remove=["2024-01-03"])
    # c on the first day, a on the second, both on the third.
    assert changed_rows(lake, _last(lake)) == (4, 18)


def test_a_correction_during_the_training_is_seen_afterwards(lake: Lake, dataset: Dataset) -> None:
    request = _decide(lake, dataset, None)
    start_training(lake, request.id, cutoff=CUTOFF)
    publish_days(lake, {"a": [77], "b": [4]})
    last = finish_training(lake, request.id, version="1", window_start=START, dataset_hash=dataset.hash, recipe="r1")
    assert changed_rows(lake, last) == (1, 20)


def test_sales_outside_the_training_window_do_not_count(lake: Lake, dataset: Dataset) -> None:
    request = _decide(lake, dataset, None)
    start_training(lake, request.id, cutoff=CUTOFF)
    window_start = START + timedelta(days=1)
    last = finish_training(
        lake, request.id, version="1", window_start=window_start, dataset_hash=dataset.hash, recipe="r1"
    )
    publish_days(lake, {"a": [77], "b": [4]})
    publish_days(lake, {"a": [77], "b": [4]}, start=CUTOFF + timedelta(days=1))
    assert changed_rows(lake, last) == (0, 18)


def test_a_worse_recent_error_asks_for_a_training_once(lake: Lake, dataset: Dataset, tmp_path: Path) -> None:
    _train(lake, dataset, _decide(lake, dataset, None))
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 30, "b": 30}, id="v1")
    publish_days(lake, {"a": [1, 2], "b": [4, 4]}, start=CUTOFF + timedelta(days=1))
    forecast_accuracy(lake, dataset)
    raised = _decide(lake, dataset, backtest_error=0.6)
    assert raised.due
    assert raised.reasons[0].startswith("The recent error is ")
    _train(lake, dataset, raised, version="2")
    # The model was rejected, say: the old error is no news about a training that has seen these sales.
    assert not _decide(lake, dataset, backtest_error=0.6).due


def test_an_earlier_cutoff_asks_for_a_model_that_has_not_seen_the_future(lake: Lake, dataset: Dataset) -> None:
    first = _decide(lake, dataset, None)
    _train(lake, dataset, first)
    earlier = _decide(lake, dataset, cutoff=CUTOFF - timedelta(days=3))
    assert earlier.reasons == ("The last training saw sales up to 3 periods after the cutoff.",)
    assert earlier.id.startswith("2024-01-07-")


def test_a_training_that_never_started_cannot_end(lake: Lake, dataset: Dataset) -> None:
    with pytest.raises(NotFoundError, match="request 'r'"):
        finish_training(lake, "r", version="1", window_start=START, dataset_hash=dataset.hash, recipe="r1")
