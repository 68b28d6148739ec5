"""Settings come from the environment, with defaults that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import load_settings


def test_defaults_lie_below_home(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert settings.landing == (tmp_path / "landing").as_uri()
    assert settings.dataset_path == tmp_path / "dataset.yaml"
    assert settings.api_url == "http://127.0.0.1:8000"


def test_the_environment_wins_and_is_named_as_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_FORECAST_API_PORT", "8100")
    origins = {name: (value, origin) for name, value, origin in load_settings().describe()}
    assert origins["api_port"] == (8100, "environment")
    assert origins["replicas"] == (2, "default")


def test_a_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_FORECAST_API_PORT", "eighty")
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_API_PORT: found 'eighty'; expected .*integer"):
        load_settings()


def test_the_region_is_the_one_of_aws_own_tools_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert load_settings().aws_region == "ap-southeast-1"
    for name, region in (("AWS_DEFAULT_REGION", "a"), ("AWS_REGION", "b"), ("RETAIL_FORECAST_AWS_REGION", "c")):
        monkeypatch.setenv(name, region)
        assert load_settings().aws_region == region
    assert load_settings(aws_region="d").aws_region == "d"
    assert ("aws_region", "c", "environment") in load_settings().describe()
