"""deploy and scale through the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from retail_forecast.cli import app
from retail_forecast.errors import ConfigurationError, NotFoundError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.lake_retention import deployed_vintage
from retail_forecast.serving import open_endpoint
from retail_forecast.serving.scale import Scale, read_scale
from retail_forecast.settings import load_settings
from retail_forecast_tests.serving.world import features, free_port, publish, train


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    values = {"HOME": str(tmp_path / "home"), "API_PORT": str(free_port()), "RAY_DASHBOARD_PORT": str(free_port())}
    for name, value in {**values, "REPLICAS": "1"}.items():
        monkeypatch.setenv(f"RETAIL_FORECAST_{name}", value)
    return tmp_path / "home"


def _call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_what_an_endpoint_that_is_down_is_scaled_to_it_starts_with() -> None:
    assert "Replicas: 3; the endpoint is down and starts with them." in _call("scale", "3").output
    assert read_scale(load_settings()) == Scale(3, 3)
    assert "Replicas: 1 to 4" in _call("scale", "--min", "1", "--max", "4").output
    assert read_scale(load_settings()) == Scale(1, 4)


def test_a_range_that_is_none_is_refused_and_changes_nothing() -> None:
    assert isinstance(_call("scale", "--min", "4", "--max", "2").exception, ConfigurationError)
    assert read_scale(load_settings()) == Scale(1, 1)


@pytest.mark.parametrize("arguments", [[], ["2", "--min", "1", "--max", "2"], ["--min", "1"], ["0"]])
def test_scale_wants_a_number_or_a_range(arguments: list[str]) -> None:
    assert _call("scale", *arguments).exit_code == 2


def test_without_a_vintage_nothing_is_deployed() -> None:
    refused = _call("deploy")
    assert isinstance(refused.exception, NotFoundError)
    assert "retail-forecast run" in str(refused.exception)


@pytest.fixture
def vintages(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Ids of two published vintages, the second in force; what is deployed ends with the test."""
    settings, rows = load_settings(), features()
    lake, bundle = open_lake(settings.lake), train(rows, tmp_path / "bundle")
    first, second = (publish(lake, bundle, rows, version=version).id for version in ("1", "2"))
    put_in_force(lake, second)
    yield first, second
    open_endpoint(settings).stop()


@pytest.mark.slow
def test_a_vintage_is_deployed_and_the_endpoint_scaled_while_it_answers(vintages: tuple[str, str]) -> None:
    first, second = vintages
    settings = load_settings()
    assert f"answers from vintage {second}" in _call("deploy").output
    with open_instance(settings) as instance:
        assert deployed_vintage(instance) == second
    assert f"In force is {second}" in _call("deploy", first).output
    assert "Replicas: 2; 2 answer now" in _call("scale", "2").output
    assert "Replicas: 1 to 2; " in _call("scale", "--min", "1", "--max", "2").output
    assert isinstance(_call("scale", "5").exception, ConfigurationError)  # the host has room for 2
    answer = httpx.get(f"{settings.api_url}/readyz", trust_env=False, timeout=30).json()
    assert answer["active"] == first
