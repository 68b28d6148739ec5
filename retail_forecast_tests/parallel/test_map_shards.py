"""Shards run in this process or on Ray: same results, same errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from retail_forecast.errors import TrainingError
from retail_forecast.parallel import ShardTraceback, cores, map_shards, shard_name
from retail_forecast.parallel.cluster import INSIDE_SHARD

IN_BOTH = pytest.mark.parametrize("workers", [1, 2], ids=["here", "on ray"])


def square(number: int) -> int:
    return number * number


def surroundings(shard: str) -> tuple[str, int, str | None, str | None]:
    return shard, os.getpid(), os.environ.get("POLARS_MAX_THREADS"), os.environ.get("RAY_AUTH_MODE")


def refuse_bad_store(store: tuple[str, int]) -> int:
    if store[0] == "bad":
        raise KeyError("sell_price")
    return store[1]


def kill_itself(store: str) -> str:
    if store == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return store


def nest(store: str) -> list[int]:
    return map_shards(square, [1, 2], workers=2 if store == "bad" else 1)


def test_results_come_in_the_order_of_the_shards_and_progress_as_they_end() -> None:
    seen: list[tuple[int, int]] = []
    results = map_shards(square, [3, 1, 2], workers=1, on_done=lambda shard, result: seen.append((shard, result)))
    assert results == [9, 1, 4]
    assert seen == [(3, 9), (1, 1), (2, 4)]


def test_one_shard_runs_in_this_process() -> None:
    assert map_shards(surroundings, ["CA_1"], workers=8)[0][1] == os.getpid()


def test_no_shards_are_no_work() -> None:
    assert map_shards(square, [], workers=4) == []


def test_on_ray_workers_share_the_cores_and_nothing_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")  # somebody's cluster: never joined
    monkeypatch.setenv("POLARS_MAX_THREADS", "7")
    seen: set[str] = set()
    before = psutil.Process().children()
    found = map_shards(
        surroundings, ["CA_3", "CA_1", "CA_2"], workers=2, memory_gb=10_000, on_done=lambda shard, _: seen.add(shard)
    )
    assert [shard for shard, *_ in found] == ["CA_3", "CA_1", "CA_2"]
    assert seen == {"CA_1", "CA_2", "CA_3"}
    assert {(polars, auth) for _, _, polars, auth in found} == {(str(max(1, cores() // 2)), "token")}
    assert os.getpid() not in {pid for _, pid, _, _ in found}
    assert os.environ["POLARS_MAX_THREADS"] == "7"
    assert INSIDE_SHARD not in os.environ
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert psutil.Process().children() == before


@IN_BOTH
def test_a_failing_shard_is_named_with_its_cause(workers: int) -> None:
    with pytest.raises(TrainingError, match=r"'bad'.*KeyError.*sell_price") as caught:
        map_shards(refuse_bad_store, [("good", 1), ("bad", 2)], workers=workers)
    assert caught.value.shard == "bad"
    assert "refuse_bad_store" in caught.value.log_tail
    assert isinstance(caught.value.__cause__, (KeyError, ShardTraceback))


def test_a_killed_shard_is_named() -> None:
    with pytest.raises(TrainingError, match="'bad': its process was killed") as caught:
        map_shards(kill_itself, ["good", "bad"], workers=2)
    assert caught.value.shard == "bad"


def test_shards_do_not_nest() -> None:
    with pytest.raises(TrainingError, match="shards do not nest"):
        map_shards(nest, ["bad"], workers=2)


def test_shards_do_not_nest_in_a_worker_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INSIDE_SHARD, "1")
    with pytest.raises(TrainingError, match="shards do not nest"):
        map_shards(square, [1, 2], workers=2)


def test_a_shard_may_loop_over_shards_itself() -> None:
    assert map_shards(nest, ["good"], workers=2) == [[1, 4]]


def test_a_shard_is_called_by_its_name() -> None:
    assert [shard_name(shard) for shard in ("CA_1", ("CA_2", 5), Path("CA_3"))] == ["CA_1", "CA_2", "CA_3"]


@pytest.mark.slow
def test_shards_run_beside_another_ray_on_this_machine(tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from retail_forecast.parallel.cluster import private_cluster
        with private_cluster(1):
            print("up", flush=True)
            sys.stdin.read()
        """)
    )
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "up\n"
        assert map_shards(square, [1, 2], workers=2) == [1, 4]
        assert other.poll() is None
        other.stdin.close()
