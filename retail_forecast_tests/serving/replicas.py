"""Replicas without Ray: real states behind one real HTTP server, told by the same `Rollout` as those of Ray Serve."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from retail_forecast.serving import Deployment, EndpointStatus
from retail_forecast.serving.app import build_app
from retail_forecast.serving.config import Challenger, ServeConfig, build_serve_config
from retail_forecast.serving.deploy import Rollout, Wanted
from retail_forecast.serving.port import ask_status, require_active
from retail_forecast.serving.scale import Scale
from retail_forecast.serving.serve_api import ApplicationState
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.world import free_port, until


@dataclass
class Replicas:
    """An endpoint of two replicas, asked in turn. `told`: every configuration that they were told."""

    lake_url: str
    url: str
    states: list[ServingState] = field(default_factory=lambda: [ServingState("r1"), ServingState("r2")])
    told: list[Any] = field(default_factory=list)

    def put(self, config: ServeConfig) -> None:
        self.told.append(config.applications[0].deployments[0].user_config)
        for state in self.states:
            state.switch(self.told[-1].model_dump(exclude_none=True))

    def state(self) -> ApplicationState:
        return ApplicationState("RUNNING", "", frozenset(state.replica for state in self.states))

    def deploy(self, vintage_id: str) -> Deployment:
        return self._change(Wanted(vintage_id))

    def challenge(self, challenger: Challenger) -> Deployment:
        return self._change(Wanted(require_active(self.status(), challenger.vintage), challenger))

    def withdraw(self) -> Deployment:
        return self._change(Wanted(require_active(self.status(), "none")))

    def observe(self) -> dict[str, dict[str, Any]]:
        return self.rollout.reports(10)

    def status(self) -> EndpointStatus:
        return ask_status(self.url)

    def start(self) -> Deployment:
        return self._change(Wanted(None))

    def scale(self, least: int, most: int) -> Deployment | None:
        raise NotImplementedError

    def stop(self) -> bool:
        return False

    def _change(self, wanted: Wanted) -> Deployment:
        reports = self.rollout.run(wanted)
        return Deployment(self.url, wanted.vintage, "1", len(reports), 0.0)

    @property
    def rollout(self) -> Rollout:
        return Rollout(
            api=self,
            api_url=self.url,
            lake_url=self.lake_url,
            scale=Scale(2, 2),
            configure=lambda user_config: build_serve_config(
                user_config, host="127.0.0.1", port=1, replicas=2, environment={}
            ),
            timeout_seconds=10,
            poll_seconds=0.01,
        )


@contextmanager
def run_replicas(lake_url: str) -> Iterator[Replicas]:
    """The replicas, listening."""
    port = free_port()
    replicas = Replicas(lake_url, f"http://127.0.0.1:{port}")
    apps = cycle([build_app(state) for state in replicas.states])

    async def next_one(scope: Scope, receive: Receive, send: Send) -> None:
        await next(apps)(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(next_one, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, seconds=30)
    try:
        yield replicas
    finally:
        server.should_exit = True
        thread.join()
