"""Dagster's own processes over one home: the code server that holds the definitions, the daemon, the UI."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retail_forecast.cli.http import answers, post_json
from retail_forecast.cli.processes import Services
from retail_forecast.errors import RetailForecastError
from retail_forecast.scratch import scratch_folder

if TYPE_CHECKING:
    from retail_forecast.settings import Settings

_LOCATION = "retail_forecast"
_START_SECONDS = 120
_LOADED = (
    "{workspaceOrError{... on Workspace{locationEntries{locationOrLoadError{__typename ... on PythonError{message}}}}}}"
)


@contextmanager
def dagster_services(settings: Settings) -> Iterator[Services]:
    """UI and daemon are up, with the definitions loaded, inside the block and gone after it."""
    from retail_forecast.orchestration.instance import prepare_dagster_home

    prepare_dagster_home(settings)
    run = settings.home.resolve() / "run"
    environment = {"DAGSTER_HOME": str(settings.dagster_home), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    environment["RETAIL_FORECAST_HOME"] = str(settings.home.resolve())
    # on a busy machine the code server takes more than Dagster's 60 s to start the process of a run, which then failed
    environment["DAGSTER_GRPC_TIMEOUT_SECONDS"] = "300"
    # a socket's path may have 107 characters, which a home's may exceed
    with scratch_folder("ui") as folder, Services(run, environment) as services:
        socket = folder / "code.sock"
        workspace = run / "workspace.yaml"
        workspace.write_text(_workspace(socket))
        module = ["-m", "retail_forecast.definitions", "--location-name", _LOCATION, "--socket", str(socket)]
        logs = ["--log-format", "json" if settings.log_format == "json" else "colored"]
        services.start("code-server", [sys.executable, "-m", "dagster", "code-server", "start", *module, *logs])
        services.wait_until("The code server", socket.exists, seconds=_START_SECONDS)
        services.start("daemon", [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace), *logs])
        address = ["-h", settings.host, "-p", str(settings.ui_port)]
        services.start("ui", [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), *address, *logs])
        server_info = f"{settings.ui_url}/server_info"
        services.wait_until("The Dagster UI", lambda: answers(server_info), seconds=_START_SECONDS)
        services.wait_until("The definitions", lambda: definitions_loaded(settings.ui_url), seconds=_START_SECONDS)
        yield services


def definitions_loaded(ui_url: str) -> bool:
    """Whether the UI shows the definitions. One that does not answer in time on a busy machine does not yet."""
    try:
        answer = post_json(f"{ui_url}/graphql", {"query": _LOADED})
    except RetailForecastError:
        return False
    return '"RepositoryLocation"' in json.dumps(answer)


def _workspace(socket: Path) -> str:
    server = {"grpc_server": {"host": "localhost", "socket": str(socket), "location_name": _LOCATION}}
    return json.dumps({"load_from": [server]})  # JSON is YAML
