"""Whatever checkov is told to leave alone has a reason that a reader can judge."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from retail_forecast_tests.infra.manifests import EXPLAINED, explained

ROOT = Path(__file__).parents[2]
SCANNED = [*(ROOT / "terraform").rglob("*.tf"), *(ROOT / "deploy" / "docker").glob("*Dockerfile*")]
SKIP = re.compile(r"checkov:skip=(\S*?)(?::(.*))?$", re.MULTILINE)
LEAST_WORDS = 4


def skips() -> list[tuple[str, str, str]]:
    """(where, check, reason) of everything that is skipped."""
    found = [(path.name, check, reason) for path in SCANNED for check, reason in SKIP.findall(path.read_text("utf-8"))]
    chart = [(name, check, reason) for (_, name), checks in EXPLAINED.items() for check, reason in checks.items()]
    return found + chart


def test_every_skip_names_a_check_and_has_a_reason_of_more_than_three_words() -> None:
    assert len(skips()) >= 10
    assert [one for one in skips() if not re.fullmatch(r"CKV2?_[A-Z0-9]+_\d+", one[1])] == []
    assert [one for one in skips() if len(one[2].split()) < LEAST_WORDS] == []


def test_no_check_is_switched_off_for_everything() -> None:
    configuration = yaml.safe_load((ROOT / ".checkov.yaml").read_text(encoding="utf-8"))
    assert {"skip-check", "soft-fail", "soft-fail-on", "check"} & configuration.keys() == set()
    assert configuration["skip-download"]
    assert not configuration["download-external-modules"]


def test_the_scanner_is_locked_with_hashes_and_without_an_index() -> None:
    lock = (ROOT / "deploy" / "checkov.lock").read_text(encoding="utf-8")
    (version,) = re.findall(r"^CHECKOV := (\S+)$", (ROOT / "deploy" / "scan.mk").read_text("utf-8"), re.MULTILINE)
    assert f"\ncheckov=={version} " in lock
    assert "http" not in re.sub(r"^\S*http\S*==", "", lock, flags=re.MULTILINE).replace("--hash", "")
    requirements = re.findall(r"^(\w[^=\s]*==.*?)(?=^\w|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 50
    assert [one for one in requirements if "--hash=sha256:" not in one] == []


@pytest.mark.parametrize(("kind", "name"), EXPLAINED)
def test_what_is_explained_in_the_chart_is_there(kind: str, name: str) -> None:
    pytest.importorskip("helm_python", reason="charts are rendered by the extra infra")
    from retail_forecast_tests.infra.chart import named, rendered

    annotations = explained(named(rendered("prod"), kind, name))["metadata"]["annotations"]
    reasons = [text for key, text in annotations.items() if key.startswith("checkov.io/skip")]
    assert reasons == [f"{check}={reason}" for check, reason in EXPLAINED[kind, name].items()]
