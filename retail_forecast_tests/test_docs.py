from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from retail_forecast.dataset import Dataset, Policy, Table, parse_dataset
from retail_forecast.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    (row,) = [line for line in CONFIGURATION.splitlines() if line.startswith(f"| `RETAIL_FORECAST_{name.upper()}`")]
    assert row.endswith("|  |" if default is None else f"| `{default}` |")


@pytest.mark.parametrize("key", [*Dataset.model_fields, *Table.model_fields, *Policy.model_fields])
def test_every_key_of_the_dataset_is_documented(key: str) -> None:
    assert re.search(rf"`{key}[`.]", CONFIGURATION)


def test_the_documented_datasets_are_valid() -> None:
    texts = re.findall(r"```yaml\n(.*?)```", CONFIGURATION, re.DOTALL)
    assert [parse_dataset(yaml.safe_load(text)).name for text in texts] == ["corner-shops", "drug-stores"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    assert [page.name for page in (DOCS / "decisions").glob("0*.md") if page.name not in index] == []
