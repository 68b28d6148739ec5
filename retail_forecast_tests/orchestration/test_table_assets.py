"""Data versions and metadata of the tables, as Dagster records them."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
import pytest

from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.graph import build_graph
from retail_forecast.orchestration.partitions import RANGE_END, RANGE_START
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast_tests.orchestration.world import World, day, shown

SALES = dg.AssetKey("sales")


class Runs:
    """Runs of the sales asset over one home."""

    def __init__(self, world: World, instance: dg.DagsterInstance) -> None:
        self.world, self.instance = world, instance
        self.job = build_graph(world.platform, {}).resolve_implicit_global_asset_job_def()

    def sales(self, first: int, last: int) -> dg.ExecuteInProcessResult:
        world = self.world
        look_for_arrivals(world.lake, world.landing, world.dataset, settle_seconds=0)
        tags = {RANGE_START: str(day(first)), RANGE_END: str(day(last))}
        return self.job.execute_in_process(instance=self.instance, asset_selection=[SALES], tags=tags)

    def versions(self) -> dict[str, str]:
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        tags = self.instance.event_log_storage.get_latest_tags_by_partition(SALES, kind, [DATA_VERSION])
        return {partition: found[DATA_VERSION] for partition, found in tags.items()}


@pytest.fixture
def runs(world: World, instance: dg.DagsterInstance) -> Runs:
    world.deliver_all(days=4)
    return Runs(world, instance)


def test_a_range_is_one_run_whose_partitions_share_the_version_that_the_lake_keeps(runs: Runs) -> None:
    assert runs.sales(0, 3).success
    parts = runs.world.lake.table("sales").manifest().parts
    assert runs.versions() == {partition: part.data_version for partition, part in parts.items()}
    assert len(set(runs.versions().values())) == 1


def test_making_an_unchanged_partition_again_keeps_its_version(runs: Runs) -> None:
    runs.sales(0, 3)
    before = runs.versions()
    runs.sales(2, 2)
    assert runs.versions() == before


def test_a_correction_changes_the_version_of_its_partition_and_taking_it_back_changes_it_again(runs: Runs) -> None:
    runs.sales(0, 3)
    first = runs.versions()
    runs.world.deliver(1, factor=2)
    runs.sales(1, 1)
    second = runs.versions()
    runs.world.deliver(1)
    runs.sales(1, 1)
    third = runs.versions()
    corrected = str(day(1))
    assert {p for p in first if second[p] != first[p]} == {corrected}
    assert len({first[corrected], second[corrected], third[corrected]}) == 3  # never a version of other content


def test_each_partition_says_its_rows_and_its_files(runs: Runs) -> None:
    result = runs.sales(0, 3)
    events: Sequence[dg.AssetMaterialization] = result.asset_materializations_for_node("sales")
    by_partition = {str(event.partition): shown(event.metadata) for event in events}
    assert by_partition[str(day(2))]["dagster/partition_row_count"] == 6
    assert by_partition[str(day(2))]["dagster/row_count"] == 24
    assert by_partition[str(day(2))]["objects"] == [f"sales/{day(2)}.csv"]


def test_the_columns_are_known_before_the_first_run(runs: Runs) -> None:
    spec = runs.job.asset_layer.asset_graph.get(SALES)
    columns = [column.name for column in spec.metadata["dagster/column_schema"].columns]
    assert columns == ["store_id", "item_id", "date", "units_sold"]
