"""The API for fuzzers: a small vintage, and an OpenAPI document that names what there is, so that answers are reached.

python -m retail_forecast_tests.serving.fuzzing runs schemathesis' command line against it (make fuzz).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from retail_forecast.lake import open_lake
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.world import ITEMS, STORES, features, free_port, publish, train

CONFIG = Path(__file__).with_name("schemathesis.toml")
_LEVELS = ("total", "store_id", "store_id:department", "store_id:item_id")
_GROUPS = ("total", "S1", "S1/food", "S1/milk")


def build_fuzzed_app(serving: ServingState) -> FastAPI:
    """The application, whose document knows stores, items, levels and the vintage; every other value stays allowed."""
    app = build_app(serving)
    vintage = serving.active.vintage.id if serving.active is not None else "none"
    known = {"store_id": STORES, "item_id": ITEMS, "level": _LEVELS, "group": _GROUPS, "vintage": (vintage,)}
    document = app.openapi()
    for operation in (one for path in document["paths"].values() for one in path.values()):
        for parameter in operation.get("parameters", []):
            _name(parameter, known)
    for name in ("SeriesKey", "WhatIfRequest"):
        properties = document["components"]["schemas"][name]["properties"]
        for key in ("store_id", "item_id"):
            properties[key] = _either(properties[key], known[key])
    return app


def _name(parameter: dict[str, Any], known: dict[str, tuple[str, ...]]) -> None:
    if parameter["name"] in known:
        parameter["schema"] = _either(parameter["schema"], known[parameter["name"]])


def _either(schema: dict[str, Any], values: tuple[str, ...]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string", "enum": list(values)}, schema]}


@contextmanager
def serve_fuzzed() -> Iterator[str]:
    """The application on a free port; its URL."""
    with tempfile.TemporaryDirectory() as folder:
        rows = features()
        lake_url = (Path(folder) / "lake").as_uri()
        vintage = publish(open_lake(lake_url), train(rows, Path(folder) / "bundle"), rows, version="1")
        serving = ServingState()
        serving.switch({"vintage": vintage.id, "lake_url": lake_url})
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(build_fuzzed_app(serving), port=port, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            url = f"http://127.0.0.1:{port}"
            while not server.started:
                time.sleep(0.05)
            httpx.get(f"{url}/readyz", trust_env=False).raise_for_status()
            yield url
        finally:
            server.should_exit = True
            thread.join()


def main() -> int:
    """Exit status of schemathesis; further arguments go to it."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(CONFIG),
        "run",
        "--checks",
        "all",
    ]
    with serve_fuzzed() as url:
        return subprocess.run([*command, *sys.argv[1:], f"{url}/openapi.json"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
