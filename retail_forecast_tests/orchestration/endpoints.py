"""An endpoint without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from retail_forecast.serving import Deployment, EndpointStatus
from retail_forecast.serving.config import Challenger


@dataclass
class FakeEndpoint:
    """An endpoint that says it serves whatever was deployed last."""

    deployed: list[str] = field(default_factory=list)

    def deploy(self, vintage_id: str) -> Deployment:
        self.deployed.append(vintage_id)
        return Deployment("http://127.0.0.1:9", vintage_id, "1", 1, 0.0)

    def scale(self, least: int, most: int) -> Deployment | None:
        return Deployment("http://127.0.0.1:9", None, None, least, 0.0)

    def start(self) -> Deployment:
        return Deployment("http://127.0.0.1:9", None, None, 1, 0.0)

    def challenge(self, challenger: Challenger) -> Deployment:
        return Deployment("http://127.0.0.1:9", self.deployed[-1], "1", 1, 0.0)

    def withdraw(self) -> Deployment:
        return Deployment("http://127.0.0.1:9", self.deployed[-1], "1", 1, 0.0)

    def observe(self) -> dict[str, dict[str, Any]]:
        return {}

    def status(self) -> EndpointStatus:
        return EndpointStatus("ready", "http://127.0.0.1:9", active=self.deployed[-1] if self.deployed else None)

    def stop(self) -> bool:
        return True
