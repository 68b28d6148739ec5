"""Shards on a Ray cluster that somebody else runs: two nodes on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from retail_forecast.errors import ConfigurationError, TrainingError
from retail_forecast.parallel import map_shards
from retail_forecast.parallel.given import SETTING, _judge, code_here, folders_of
from retail_forecast.pipeline import forecast_rows
from retail_forecast_tests.parallel.two_nodes import two_nodes
from retail_forecast_tests.pipeline.test_same_bytes import published


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="rf-two-", dir="/tmp"))
    with two_nodes(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


def node_of(shard: str) -> tuple[str, str]:
    import ray

    return shard, ray.get_runtime_context().get_node_id()


@pytest.mark.slow
def test_bundle_and_forecasts_are_the_same_bytes_here_on_two_workers_and_on_a_cluster(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, side_by_side = (published(tmp_path / str(workers), workers=workers) for workers in (1, 2))
    monkeypatch.setenv(SETTING, cluster)
    monkeypatch.setattr(forecast_rows, "_SMALL_CELLS", 0)  # however little there is to forecast
    assert published(tmp_path / "cluster", workers=2) == side_by_side == here


@pytest.mark.slow
def test_shards_run_on_both_nodes(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, cluster)
    found = map_shards(node_of, [f"CA_{number}" for number in range(8)], workers=2)
    assert [shard for shard, _ in found] == [f"CA_{number}" for number in range(8)]
    assert len({node for _, node in found}) == 2


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1:99999", "auto"])
def test_a_cluster_that_is_not_there_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, address)
    with pytest.raises(ConfigurationError, match=rf"{SETTING}: found '{address}'; expected the address of a Ray"):
        map_shards(os.path.basename, ["a", "b"], workers=2)


def test_a_node_that_does_not_see_a_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"10\.0\.0\.7 .* does not see .*RETAIL_FORECAST_HOME and TMPDIR"):
        _judge("10.0.0.7", (code_here(), [str(tmp_path)]), {tmp_path})


def test_a_node_with_other_code_is_named_with_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"10\.0\.0\.7 .* has Python 3\.9, code 00.*same image"):
        _judge("10.0.0.7", ("Python 3.9, code 00", []), set())


def test_the_folders_of_a_shard_are_those_of_its_paths_and_stores(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    found = folders_of([("CA_1", tmp_path / "pool=1" / "features.parquet", (tmp_path / "lake").as_uri())])
    assert found == {tmp_path, tmp_path / "lake"}
