"""The fast path, batches in their forms, and what they are read from."""

from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import fetch_forecasts
from retail_forecast.serving.compression import LEAST_BYTES
from retail_forecast.serving.contracts import ForecastAnswer
from retail_forecast.serving.pack import open_pack
from retail_forecast.serving.packing import UnsoundVintageError
from retail_forecast.serving.series_index import SeriesIndex
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.table import ForecastTable
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import HORIZON, QUANTILES, forecasts_of

PATH = "/v1/forecasts/S1/milk"
ASKED = [("S2", "milk"), ("S1", "tea"), ("S1", "eggs/6")]


@pytest.fixture(scope="module")
def forecasts(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetch_forecasts(open_lake(world.lake_url), world.first.id, tmp_path_factory.mktemp("forecasts"))


def batch(client: TestClient, **headers: str) -> Any:
    body = {"series": [{"store_id": store, "item_id": item} for store, item in ASKED]}
    return client.post("/v1/forecasts", json=body, headers=headers)


def test_the_bytes_are_what_the_contract_says_and_what_the_table_holds(
    client: TestClient, serving: ServingState
) -> None:
    answer = client.get(PATH)
    assert serving.active is not None
    assert answer.headers["content-type"] == "application/json"
    assert ForecastAnswer.model_validate_json(answer.content, strict=False).basis == "history"
    expected = {**serving.provenance(), "store_id": "S1", "item_id": "milk", "basis": "history"}
    assert answer.json() == {**expected, "forecasts": serving.active.table.rows(("S1", "milk"))}


def test_a_cache_that_has_the_answer_is_told_so_until_the_next_vintage(client: TestClient, world: World) -> None:
    first = client.get(PATH)
    etag = first.headers["etag"]
    assert world.first.id in etag
    assert first.headers["cache-control"] == "no-cache"
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = client.get(PATH, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["x-forecast-vintage"] == world.first.id
    assert client.get(PATH, headers={"If-None-Match": f'W/"{world.second.id}.1"'}).status_code == 200


def test_answers_are_compressed_for_who_asks_unless_they_are_tiny(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = client.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert len(plain.content) < LEAST_BYTES
    assert "content-encoding" not in plain.headers
    monkeypatch.setattr("retail_forecast.serving.fast_path.LEAST_BYTES", 100)
    for accepted, decode in (("gzip", lambda body: zlib.decompress(body, 31)), ("zstd, gzip", zstandard.decompress)):
        with client.stream("GET", PATH, headers={"Accept-Encoding": accepted}) as answer:
            body = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == accepted.split(",")[0]
        assert (answer.headers["vary"], decode(body)) == ("accept-encoding", plain.content)
        assert len(body) < len(plain.content) / 2


def test_lines_come_in_the_order_asked_and_say_what_is_unknown(client: TestClient, world: World) -> None:
    answer = batch(client, accept="application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [(one["store_id"], one["item_id"], one.get("unknown", False)) for one in lines] == [
        ("S2", "milk", False),
        ("S1", "tea", True),
        ("S1", "eggs/6", False),
    ]
    assert {one["vintage"] for one in lines} == {world.first.id}
    assert lines[0] == client.get("/v1/forecasts/S2/milk").json()


def test_an_arrow_stream_holds_the_published_rows_and_one_without_numbers_for_what_is_unknown(
    client: TestClient, world: World
) -> None:
    answer = batch(client, accept="application/vnd.apache.arrow.stream")
    frame = pl.read_ipc_stream(io.BytesIO(answer.content))
    assert frame.height == 2 * HORIZON + 1
    assert frame.filter(item_id="tea").row(0, named=True)["mean"] is None
    published = forecasts_of(world.lake_url, world.first.id).filter(store_id="S2", item_id="milk")
    found = frame.filter(store_id="S2")
    assert found["date"].to_list() == published["date"].to_list()
    assert found["q0.95"].to_list() == pytest.approx(published["q0.95"].to_list(), abs=1e-4)
    assert set(frame["vintage"]) == {world.first.id}


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"])
def test_a_batch_is_the_same_when_it_is_compressed(client: TestClient, media: str) -> None:
    plain = batch(client, accept=media, **{"accept-encoding": "identity"})
    packed = batch(client, accept=media, **{"accept-encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert packed.headers["vary"] == "Accept, Accept-Encoding"


def test_a_pack_is_written_once_and_removed_when_nobody_holds_it(forecasts: Path, tmp_path: Path) -> None:
    first, again = (open_pack(forecasts, QUANTILES, tmp_path) for _ in range(2))
    assert (first.folder, len(packs(tmp_path))) == (again.folder, 1)
    other = open_pack(forecasts, QUANTILES[:2], tmp_path)
    assert packs(tmp_path) == {first.folder.name, other.folder.name}
    first.close()
    again.close()
    open_pack(forecasts, QUANTILES[:2], tmp_path)
    assert packs(tmp_path) == {other.folder.name}


def packs(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.is_dir()}


def test_what_a_killed_writer_left_is_removed(forecasts: Path, tmp_path: Path) -> None:
    (tmp_path / "draft-abc").mkdir()
    pack = open_pack(forecasts, QUANTILES, tmp_path)
    assert packs(tmp_path) == {pack.folder.name}


@pytest.mark.parametrize("change", [pl.lit(float("nan")), pl.lit(1e9), pl.lit(None, dtype=pl.Float32)])
def test_forecasts_that_cannot_be_served_are_refused_and_leave_nothing(
    forecasts: Path, tmp_path: Path, change: pl.Expr
) -> None:
    bad = tmp_path / "bad.parquet"
    pl.read_parquet(forecasts).with_columns(change.cast(pl.Float32).alias("q0.05")).write_parquet(bad)
    (tmp_path / "packs").mkdir()
    with pytest.raises(UnsoundVintageError, match="no numbers, or crossing"):
        open_pack(bad, QUANTILES, tmp_path / "packs")
    assert packs(tmp_path / "packs") == set()


def test_series_that_are_not_in_order_are_refused(forecasts: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    pl.read_parquet(forecasts).reverse().write_parquet(bad)
    with pytest.raises(UnsoundVintageError, match="not in the order of series"):
        ForecastTable.open(bad, QUANTILES, tmp_path)


def test_a_series_is_found_by_its_place_among_all() -> None:
    series = pl.DataFrame({"store_id": ["A", "A", "B"], "item_id": ["x", "z", "y"], "rows": [2, 3, 4]})
    index = SeriesIndex.build(series)
    assert list(index.items()) == [(("A", "x"), (0, 2)), (("A", "z"), (2, 5)), (("B", "y"), (5, 9))]
    assert (index.find("A", "y"), ("B", "y") in index, ("C", "y") in index) == (None, True, False)
    assert (index.items_of("A"), index.items_of("C"), index.items_by_store()) == (["x", "z"], [], {"A": 2, "B": 1})
