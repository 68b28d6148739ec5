"""Ray Serve's REST API: what we ask of it, and no more."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from retail_forecast.serving.config import APPLICATION, DEPLOYMENT, ServeConfig

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 200  # the first configuration waits for the proxies to start


@dataclass(frozen=True)
class ApplicationState:
    """What Serve says of the application: the ids of its running replicas, and a message when something failed.

    request: that of the user_config which Serve was handed last.
    """

    status: str
    message: str
    replicas: frozenset[str] = frozenset()
    request: str | None = None


class ServeControl(Protocol):
    """What hands a configuration to Serve and says what became of it; `url` for messages."""

    @property
    def url(self) -> str:
        """Where Serve is asked."""
        ...

    def put(self, config: ServeConfig) -> None:
        """Makes `config` what Serve works towards; returns before it got there."""
        ...

    def state(self) -> ApplicationState:
        """What Serve is doing."""
        ...


@dataclass(frozen=True)
class ServeApi:
    """The REST API at `url`, which asks for `token` unless that is empty. Raises httpx.HTTPError."""

    url: str
    token: str

    def put(self, config: ServeConfig) -> None:
        """See ServeControl. A Serve whose proxies did not come up in its own patience is asked to start once more."""
        body = config.model_dump(exclude_none=True)
        try:
            self._request("PUT", json=body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise
            logger.warning("Ray Serve did not take the configuration (%s); asking once more", error)
            self._request("PUT", json=body)

    def state(self) -> ApplicationState:
        """What Serve is doing."""
        found = self._request("GET").json().get("applications", {}).get(APPLICATION)
        if found is None:
            return ApplicationState("NOT_STARTED", "")
        deployments = found["deployments"]
        replicas = deployments.get(DEPLOYMENT, {}).get("replicas", [])
        running = frozenset(one["replica_id"] for one in replicas if one["state"] == "RUNNING")
        return ApplicationState(found["status"], told_reason(found, deployments), running, _request_of(found))

    def _request(self, method: str, **content: Any) -> httpx.Response:
        # trust_env: a proxy from the environment has no business with the loopback address
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            response = client.request(method, f"{self.url}/api/serve/applications/", headers=headers, **content)
        response.raise_for_status()
        return response


def told_reason(application: Mapping[str, Any], deployments: Mapping[str, Mapping[str, Any]]) -> str:
    """What went wrong: the application says which deployments failed, and each of those why."""
    said = [application.get("message"), *(one.get("message") for one in deployments.values())]
    return " ".join(text for text in said if text)


def _request_of(application: dict[str, Any]) -> str | None:
    deployments = (application.get("deployed_app_config") or {}).get("deployments") or [{}]
    request: str | None = (deployments[0].get("user_config") or {}).get("request")
    return request
