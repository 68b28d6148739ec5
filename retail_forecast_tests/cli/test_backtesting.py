from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from rich.table import Table

from retail_forecast.cli.backtesting import backtest_scores, cutoff_table, level_table, quantile_table
from retail_forecast.dataset import parse_dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.settings import load_settings

FIRST, SECOND = date(2024, 1, 31), date(2024, 2, 28)
COLUMNS = ["model", "cutoff", "level", "metric", "value"]


def printed(table: Table | None) -> list[list[str]]:
    """The words of each line."""
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().replace("│", " ").replace("┃", " ").splitlines()]


def test_the_table_has_a_row_per_level_and_the_mean_over_cutoffs() -> None:
    rows = [
        ("challenger", FIRST, "all", "wrmsse", 0.4),
        ("challenger", SECOND, "all", "wrmsse", 0.6),  # mean 0.5
        ("challenger", FIRST, "all", "mae", 9.0),
        ("seasonal_naive", FIRST, "all", "wrmsse", 0.8),
        ("challenger", FIRST, "store_id", "wrmsse", 0.3),
    ]
    scores = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    lines = printed(level_table(scores))
    assert ["WRMSSE,", "2", "cutoffs,", "2024-01-31", "to", "2024-02-28"] in lines
    assert ["level", "recipe", "seasonal", "naive"] in lines
    assert ["all", "0.5000", "0.8000"] in lines
    assert ["store_id", "0.3000"] in lines


def test_quantiles_have_a_table_of_losses_and_coverage() -> None:
    rows = [
        ("challenger", FIRST, "all", "wspl", 0.1),
        ("challenger", SECOND, "all", "wspl", 0.2),  # mean 0.15
        ("challenger", FIRST, "total", "wspl", 0.1),
        ("challenger", FIRST, "total", "coverage_0.9", 0.875),
        ("seasonal_naive", FIRST, "all", "wrmsse", 0.8),
    ]
    scores = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    lines = printed(quantile_table(scores))
    assert ["level", "WSPL", "90%"] in lines
    assert ["all", "0.1500"] in lines
    assert ["total", "0.1000", "0.8750"] in lines
    assert quantile_table(scores.filter(model="seasonal_naive")) is None


def test_a_backtest_needs_sales(tmp_path: Path) -> None:
    described = {"name": "t", "frequency": "1d", "horizon": 7, "start_date": FIRST, "tables": {"sales": {}}}
    with pytest.raises(NotFoundError, match="sales and run `retail-forecast run`"):
        backtest_scores(load_settings(home=tmp_path), parse_dataset(described), cutoffs=1, on_progress=lambda *_: None)


def test_each_cutoff_has_a_row_of_its_own() -> None:
    rows = [
        ("challenger", SECOND, "all", "wrmsse", 0.7),
        ("challenger", FIRST, "all", "wrmsse", 0.5),
        ("seasonal_naive", SECOND, "all", "wrmsse", 0.9),
        ("challenger", FIRST, "total", "wrmsse", 0.1),
    ]
    scores = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    lines = printed(cutoff_table(scores))
    assert ["cutoff", "recipe", "seasonal", "naive"] in lines
    assert [FIRST.isoformat(), "0.5000"] in lines
    assert [SECOND.isoformat(), "0.7000", "0.9000"] in lines
