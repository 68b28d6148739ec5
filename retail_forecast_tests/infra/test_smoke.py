"""The smoke test against the real API on this machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from deploy.smoke import check_forecast, wait_for, wrong_with
from retail_forecast.errors import RetailForecastError
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.infra.stand_ins import StandIns
from retail_forecast_tests.serving.conftest import World, serving, world  # noqa: F401 - fixtures
from retail_forecast_tests.serving.world import free_port, until


def answering(state: ServingState) -> Iterator[str]:
    """The API over HTTP on a free port of this machine."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(build_app(state), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, seconds=60)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def api(serving: ServingState) -> Iterator[str]:  # noqa: F811
    yield from answering(serving)


@pytest.fixture(scope="module")
def empty_api() -> Iterator[str]:
    yield from answering(ServingState(replica="r1"))


def test_a_forecast_and_its_lineage_are_told_in_one_sentence(api: str, world: World) -> None:  # noqa: F811
    wait_for(f"{api}/readyz", seconds=10)
    sentence = check_forecast(api)
    assert f"{api}/v1/forecasts/S1/bread: 7 periods after 2024-09-30" in sentence
    assert f"vintage {world.first.id}, model 1, from 3 files" in sentence  # two days of sales and the prices


def test_as_a_command_it_ends_with_0_and_with_1(api: str, empty_api: str, tmp_path: Any) -> None:
    tools = StandIns(tmp_path)
    good = tools.run([sys.executable, "-m", "deploy.smoke", api])
    assert (good.returncode, good.stdout[:6]) == (0, "ok    ")
    bad = tools.run([sys.executable, "-m", "deploy.smoke", empty_api, "--seconds", "0"])
    assert bad.returncode == 1
    assert "/readyz answered 503" in bad.stderr
    assert tools.run([sys.executable, "-m", "deploy.smoke", empty_api, "--live"]).returncode == 0


def test_an_api_that_is_not_there_fails_with_its_url() -> None:
    with pytest.raises(RetailForecastError, match=r"not within 0 s: http://127\.0\.0\.1:9/readyz does not answer"):
        wait_for("http://127.0.0.1:9/readyz", seconds=0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"forecasts": []}, "no periods"),
        ({"cutoff": "2024-10-05"}, "do not rise"),
        ({"forecasts": [{"date": "2024-10-01", "mean": -1.0, "quantiles": {"0.5": 1.0}}]}, "not one of units sold"),
        ({"forecasts": [{"date": "2024-10-01", "mean": float("nan"), "quantiles": {}}]}, "not one of units sold"),
        ({"forecasts": [{"date": "2024-10-01", "mean": 1.0, "quantiles": {"0.5": 2.0, "0.95": 1.0}}]}, "cross"),
    ],
)
def test_an_answer_that_cannot_be_right_is_told(change: dict[str, Any], problem: str) -> None:
    period = {"date": "2024-10-01", "mean": 1.0, "quantiles": {"0.05": 0.0, "0.5": 1.0}}
    answer = {"cutoff": "2024-09-30", "forecasts": [period]}
    assert wrong_with(answer) is None
    assert problem in str(wrong_with({**answer, **change}))
