"""What `dev` and `demo` do while they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from retail_forecast.cli.live import keep_up
from retail_forecast.cli.processes import Services
from retail_forecast.serving import Deployment, EndpointStatus
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint

State = Literal["down", "ready"]


@dataclass
class Told(FakeEndpoint):
    """An endpoint that is in these states, one look after the other; the looks end with them."""

    states: Iterator[State] = field(default_factory=lambda: iter(()))
    starts: int = 0

    def status(self) -> EndpointStatus:
        return EndpointStatus(next(self.states), "http://127.0.0.1:9")

    def start(self) -> Deployment:
        self.starts += 1
        return super().start()


def starts_after(states: list[State], folder: Path) -> int:
    endpoint = Told(states=iter(states))
    with pytest.raises(StopIteration), Services(folder, {}) as services:
        keep_up(services, endpoint, look_seconds=0)
    return endpoint.starts


def test_an_api_that_died_is_started_again(tmp_path: Path) -> None:
    assert starts_after(["ready", "down", "down", "ready"], tmp_path) == 1


def test_an_api_that_a_run_replaces_is_left_alone(tmp_path: Path) -> None:
    assert starts_after(["ready", "down", "ready", "down", "ready"], tmp_path) == 0
