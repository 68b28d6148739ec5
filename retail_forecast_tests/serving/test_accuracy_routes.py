from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.serving.accuracy import backtest_scores, live_scores, series_scores
from retail_forecast.serving.live_tables import LiveTable


def test_the_scores_of_a_backtest_are_the_means_over_its_cutoffs(tmp_path: Path) -> None:
    one = {"level": "total", "metric": "wrmsse", "cutoff": "2024-01-01"}
    rows = [
        {**one, "model": "challenger", "value": 0.4},
        {**one, "model": "challenger", "value": 0.6, "cutoff": "2024-01-08"},
        {**one, "model": "seasonal_naive", "value": 0.9},
        {**one, "model": "champion", "value": 0.5},
    ]
    (tmp_path / "scores.json").write_text(json.dumps(rows))
    assert backtest_scores(tmp_path) == (
        [{"level": "total", "wrmsse": pytest.approx(0.5)}],
        [{"model": "seasonal_naive", "level": "total", "wrmsse": 0.9}],
    )


def test_without_a_backtest_or_actuals_there_are_no_scores(client: TestClient) -> None:
    body = client.get("/v1/accuracy").json()
    assert (body["backtest"], body["baselines"], body["live"]) == ([], [], [])


def test_live_scores_have_the_latest_vintage_first_and_only_numbers() -> None:
    rows = pl.DataFrame(
        {
            "vintage": ["a", "b", "b"],
            "model_version": ["1", "2", "2"],
            "cutoff": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 1)],
            "periods": [7, 3, 3],
            "level": ["total"] * 3,
            "metric": ["bias", "bias", "wrmsse"],
            "value": [1.0, -2.0, float("nan")],
        }
    )
    newest, oldest = live_scores(rows)
    assert newest == {
        "vintage": "b", "model_version": "2", "cutoff": "2024-02-01", "periods": 3, "level": "total", "bias": -2.0
    }  # fmt: skip
    assert oldest["vintage"] == "a"


def test_a_series_has_its_error_over_all_judged_vintages_and_of_each() -> None:
    rows = pl.DataFrame(
        {
            "store_id": ["S1", "S1", "S2"],
            "item_id": ["milk"] * 3,
            "cutoff": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 1, 1)],
            "vintage": ["a", "b", "a"],
            "periods": [7, 3, 7],
            "units_sold": [10.0, 0.0, 9.0],
            "absolute_error": [4.0, 1.0, 9.0],
            "excess": [-4.0, 1.0, 9.0],
        }
    )
    told = series_scores(rows, "S1", "milk")
    assert (told["wape"], told["bias"], told["periods"]) == (0.5, -0.3, 10)  # 5 / 10 units; 3 too few in 10 periods
    assert told["cutoffs"][0] == {
        "vintage": "b", "cutoff": "2024-02-01", "wape": None, "bias": 0.3333, "periods": 3, "units_sold": 0.0
    }  # fmt: skip


def test_the_accuracy_of_a_series_is_empty_before_sales_came_and_404_for_an_unknown_one(client: TestClient) -> None:
    body = client.get("/v1/accuracy/S1/eggs/6").json()
    assert (body["item_id"], body["wape"], body["cutoffs"]) == ("eggs/6", None, [])
    assert client.get("/v1/accuracy/S1/tea").status_code == 404


def test_a_live_table_is_read_again_only_after_a_while(tmp_path: Path) -> None:
    lake, now = open_lake(tmp_path.as_uri()), [0.0]
    table = LiveTable(lake, "x", seconds=30, clock=lambda: now[0])
    assert table.rows() is None
    lake.table("x").publish({"all": NewPart(pl.DataFrame({"a": [1]}))})
    now[0] = 29.0
    assert table.rows() is None
    now[0] = 30.0
    assert table.rows() is not None
