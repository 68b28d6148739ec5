"""What automation asks for after each kind of change: through a real instance, sensor and all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._serdes import deserialize_value

from retail_forecast.orchestration.instance import open_instance
from retail_forecast_tests.orchestration.automation_world import Automation
from retail_forecast_tests.orchestration.world import World, day

DAILY = {"training_request", "forecasts", "endpoint", "forecast_accuracy", "drift"}
TRAINING = {"features", "model", "backtest", "champion"}

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.fixture
def automation(settled_home: tuple[Path, str, str | None], tmp_path: Path) -> Iterator[Automation]:
    """A copy of the settled home, so that each test changes its own."""
    source, cursor, sensor_cursor = settled_home
    world = World(tmp_path / "home")
    shutil.copytree(source, world.home)
    with open_instance(world.settings) as instance:
        yield Automation(world, instance, sensor_cursor, deserialize_value(cursor, AssetDaemonCursor))


def test_nothing_is_asked_for_when_nothing_changed(automation: Automation) -> None:
    automation.look()
    assert automation.asked() == {}


def test_a_new_day_leads_to_forecasts_and_to_no_training(automation: Automation) -> None:
    automation.world.deliver(3)
    automation.look()
    assert automation.asked() == {"sales": {str(day(3))}}
    automation.run("sales", partition=str(day(3)))
    assert set(automation.asked()) == DAILY


def test_a_corrected_old_day_is_made_again_and_forecasts_follow(automation: Automation) -> None:
    automation.world.deliver(0, factor=2)
    automation.look()
    assert automation.asked() == {"sales": {str(day(0))}}
    automation.run("sales", partition=str(day(0)))
    assert set(automation.asked()) == DAILY


def test_an_identical_redelivery_ends_where_it_arrives(automation: Automation) -> None:
    automation.world.deliver(0)
    automation.look()
    assert automation.asked() == {}


def test_a_file_with_other_bytes_and_the_same_rows_ends_at_the_table(automation: Automation) -> None:
    file = automation.world.home / "landing" / "sales" / f"{day(0)}.csv"
    header, *rows = file.read_text().splitlines()
    automation.world.put(f"sales/{day(0)}.csv", "\n".join([header, *reversed(rows), ""]).encode())
    automation.look()
    assert automation.asked() == {"sales": {str(day(0))}}
    automation.run("sales", partition=str(day(0)))
    assert automation.asked() == {}


def test_a_deleted_file_changes_nothing_unless_the_policy_says_so(automation: Automation) -> None:
    (automation.world.home / "landing" / "sales" / f"{day(0)}.csv").unlink()
    automation.look()
    assert automation.asked() == {}


def test_two_files_of_one_second_are_asked_for_together(automation: Automation) -> None:
    automation.world.deliver(3)
    automation.world.deliver(4)
    automation.look()
    assert automation.asked() == {"sales": {str(day(3)), str(day(4))}}


def test_a_new_price_is_in_the_same_run_as_the_forecasts_that_follow(automation: Automation) -> None:
    automation.world.put("prices/later.csv", f"store_id,item_id,date,sell_price\nnorth,ale,{day(2)},9\n".encode())
    automation.look()
    assert set(automation.asked()) == DAILY | {"prices"}


def test_a_due_training_leads_to_a_training_without_the_forecasts(automation: Automation) -> None:
    automation.tell("training_request", "second")
    assert set(automation.asked()) == TRAINING


def test_an_unchanged_training_request_trains_nothing(automation: Automation) -> None:
    automation.tell("training_request", "first")
    assert automation.asked() == {}


def test_a_new_champion_leads_to_forecasts(automation: Automation) -> None:
    automation.tell("champion", "second")
    assert set(automation.asked()) == {"forecasts", "endpoint", "forecast_accuracy", "drift"}


def test_a_rejected_challenger_leads_to_nothing(automation: Automation) -> None:
    automation.tell("champion", "first")
    assert automation.asked() == {}


def test_a_change_while_the_answer_to_the_one_before_is_under_way_is_not_lost(automation: Automation) -> None:
    automation.world.deliver(0, factor=2)
    automation.look()
    automation.asked()
    automation.run("sales", partition=str(day(0)))
    automation.world.deliver(1, factor=2)
    automation.look()
    assert set(automation.asked()) == DAILY | {"sales"}  # forecasts for day 0 begin, and may read before day 1 is there
    for name in DAILY:
        automation.tell(name, "second")
    automation.run("sales", partition=str(day(1)))
    assert set(automation.asked()) >= DAILY


def test_a_blocking_check_keeps_the_forecasts_on_what_they_had_until_the_file_is_corrected(
    automation: Automation,
) -> None:
    automation.world.deliver(3, stores=["north"])
    automation.look()
    assert automation.asked() == {"sales": {str(day(3))}}
    automation.run("sales", partition=str(day(3)), stops_at="expected_stores_are_all_there")
    assert automation.asked() == {}
    automation.world.deliver(3)
    automation.look()
    assert automation.asked() == {"sales": {str(day(3))}}
    automation.run("sales", partition=str(day(3)))
    assert set(automation.asked()) == DAILY


def test_days_that_never_arrived_do_not_hold_the_forecasts_up(automation: Automation) -> None:
    missing = set(automation.defs.resolve_asset_graph().get(dg.AssetKey("sales")).partitions_def.get_partition_keys())  # type: ignore[union-attr]
    assert missing - automation.world.lake_days()
    automation.tell("prices", "second")
    assert "forecasts" in automation.asked()
