"""The page of metrics and the code say the same."""

from __future__ import annotations

from pathlib import Path

from retail_forecast.telemetry import catalogue
from retail_forecast.telemetry.catalogue import CATALOGUE, Metric

PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()


def test_the_page_lists_every_metric_with_unit_dimensions_and_meaning() -> None:
    header = "| metric | unit | dimensions | meaning |\n|---|---|---|---|\n"
    table = PAGE.split(header)[1].split("\n\n")[0].splitlines()
    assert table == [f"| `{m.name}` | {m.unit} | {', '.join(m.dimensions)} | {m.meaning} |" for m in CATALOGUE]


def test_every_metric_of_the_code_is_in_the_catalogue_once() -> None:
    defined = [one for one in vars(catalogue).values() if isinstance(one, Metric)]
    assert sorted(one.name for one in defined) == sorted({one.name for one in CATALOGUE})
