"""A RayCluster as a local process: Ray and the proxies that the platform starts on a laptop, in a home of their own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from retail_forecast.errors import RetailForecastError
from retail_forecast.serving.config import APPLICATION
from retail_forecast.serving.processes import HostInfo, read_token, serve_folder, start_host, stop_host
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.world import free_port

ROOM = 3


@dataclass
class RayCluster:
    """One cluster, coming up from the moment on at which it is made. image: variables of its containers."""

    name: str
    image: dict[str, str]
    folder: Path
    host: HostInfo | None = None
    accepted: str | None = None
    _starting: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.folder, api_port=free_port(), ray_dashboard_port=free_port(), replicas=ROOM)
        self._starting = threading.Thread(target=self._start, daemon=True)
        self._starting.start()

    @property
    def api_port(self) -> int:
        """Where its proxy listens."""
        return self.settings.api_port

    def put(self, config: dict[str, Any], text: str) -> None:
        """Hands serveConfigV2 to Ray, on this cluster's port and with its image's variables. `text` identifies it."""
        http = {**config.get("http_options", {}), "host": "127.0.0.1", "port": self.api_port}
        (application,) = config["applications"]
        variables = {**application.get("runtime_env", {}).get("env_vars", {}), **self.image}
        application = {**application, "runtime_env": {"env_vars": variables}}
        answer = self.ask(
            "PUT", "api/serve/applications/", {**config, "http_options": http, "applications": [application]}
        )
        answer.raise_for_status()
        self.accepted = text

    def application(self) -> dict[str, Any]:
        """What Serve says of the application; empty before there is one."""
        applications = self.ask("GET", "api/serve/applications/").json().get("applications", {})
        found: dict[str, Any] = applications.get(APPLICATION, {})
        return found

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ray's REST API. Raises httpx.ConnectError while the cluster is not up."""
        host = self.host
        if host is None:
            raise httpx.ConnectError(f"{self.name} is not up")
        headers = {"Authorization": f"Bearer {read_token(serve_folder(self.settings))}"}
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.request(method, f"{host.rest_url}/{path}", headers=headers, json=body)

    def stop(self) -> None:
        """Ends it and everything that it started."""
        self._starting.join()
        self.host = None
        stop_host(serve_folder(self.settings))

    def _start(self) -> None:
        try:
            self.host = start_host(self.settings, wanted="a cluster", replicas=ROOM)
        except RetailForecastError as error:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "failure").write_text(str(error))
