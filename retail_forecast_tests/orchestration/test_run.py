"""`run_pipeline` from landed files to a served vintage, in real Dagster runs; only the endpoint is made up."""

from __future__ import annotations

import signal
import subprocess
import sys

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES, RunsFilter

from retail_forecast.errors import RetailForecastError
from retail_forecast.lake.vintages import list_vintages, scan_forecasts
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.run import RunSummary, run_pipeline
from retail_forecast.registry import open_registry
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.world import DAYS, SERIES, World, day

KILLED_AT = [
    ("Files looked at", 30),  # before the ledger is written
    ("Sales, partitions", 40),  # parts are written, the manifest is not
    ("sales", 1),  # published, nothing downstream
    ("Train, pools", 1),  # the job is done, its model is not published
    ("Backtest, pools", 1),
    ("training", 1),  # promoted, no forecasts yet
    ("Forecasts, pools", 1),  # forecast, not published
]
WORST = [KILLED_AT[1], KILLED_AT[3], KILLED_AT[6]]


def run(world: World, endpoint: FakeEndpoint) -> RunSummary:
    return run_pipeline(world.settings, overrides={"endpoint_port": endpoint})


def kill_at(world: World, what: str, done: int) -> None:
    module = "retail_forecast_tests.orchestration.killed_run"
    command = [sys.executable, "-m", module, str(world.home), what, str(done)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr[-3000:]


def last_steps(world: World) -> list[str]:
    """The steps of the last run, in their order."""
    with open_instance(world.settings) as instance:
        run_id, starts = instance.get_runs(limit=1)[0].run_id, dg.DagsterEventType.STEP_START
        events = [entry.get_dagster_event() for entry in instance.all_logs(run_id, of_type=starts)]
    return [str(event.step_key) for event in events]


@pytest.mark.parametrize("kills", [WORST, pytest.param(KILLED_AT, marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_run_that_is_killed_again_and_again_ends_right_and_follows_a_correction(
    world: World, kills: list[tuple[str, int]]
) -> None:
    world.write_dataset()
    world.deliver_all()
    for what, done in kills:
        kill_at(world, what, done)
    endpoint = FakeEndpoint()
    first = run(world, endpoint)

    assert first.vintage is not None
    assert first.vintage.cutoff == str(day(DAYS - 1))
    assert endpoint.deployed == [first.vintage.id]
    assert [vintage.id for vintage in list_vintages(world.lake)] == [first.vintage.id]
    sales, forecasts = world.lake.table("sales").scan(), scan_forecasts(world.lake, first.vintage.id)
    assert sales is not None
    assert sales.select(pl.len()).collect().item() == DAYS * len(SERIES)
    assert forecasts.select(pl.len()).collect().item() == 7 * len(SERIES)
    assert len(open_registry(world.settings).versions()) == 1
    with open_instance(world.settings) as instance:
        assert not instance.get_runs(filters=RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)))

    again = run(world, endpoint)
    assert not again.trained
    assert again.vintage == first.vintage

    world.deliver(DAYS - 2, factor=1.5)
    second = run(world, endpoint)
    assert not second.trained
    assert second.vintage is not None
    objects = {one["object"] for one in second.vintage.inputs["sales"]}
    before, after = ({one["sha256"] for one in v.inputs["sales"]} for v in (first.vintage, second.vintage))
    assert len(objects) == DAYS
    assert len(after - before) == 1
    steps = last_steps(world)
    assert steps.index("endpoint") < min(steps.index("drift"), steps.index("forecast_accuracy"))


def test_a_bad_file_is_set_aside_and_a_blocking_check_stops_the_run(world: World) -> None:
    world.write_dataset()
    world.deliver_all(days=20)
    world.put("sales/rubbish.parquet", b"PAR1 and nothing more")
    world.put(f"sales/{day(19)}.csv", f"store_id,item_id,date,units_sold\nnorth,ale,{day(19)},3\n".encode())
    with pytest.raises(RetailForecastError, match="expected_stores_are_all_there"):
        run(world, FakeEndpoint())
    with pytest.raises(RetailForecastError, match="expected_stores_are_all_there"):
        run(world, FakeEndpoint())
    assert list_vintages(world.lake) == []
