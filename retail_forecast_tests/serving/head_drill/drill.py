"""python -m retail_forecast_tests.serving.head_drill.drill FOLDER LAKE FIRST SECOND: kills the head and starts another.

Prints one JSON object: what the client saw, and seconds since the head was killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from retail_forecast.serving.config import ServeConfig, UserConfig, build_serve_config
from retail_forecast.serving.serve_api import ServeApi
from retail_forecast_tests.serving.head_drill.pods import HEAD, HERE, WORKER, Pod, connect
from retail_forecast_tests.serving.head_drill.ray_node import GCS_PORT, REST_PORT
from retail_forecast_tests.serving.load import steady_load
from retail_forecast_tests.serving.world import until

API, REST = f"http://{WORKER}:8000", ServeApi(f"http://{HEAD}:{REST_PORT}", "")
HEADLESS_SECONDS, PATIENCE_SECONDS = 20, 900
_REDIS = f"redis-server --port {GCS_PORT} --bind {HERE} --protected-mode no --save".split()


def serve_config(lake_url: str, vintage: str) -> ServeConfig:
    """Two replicas as the chart has them, with a proxy on each node."""
    user_config = UserConfig(vintage=vintage, lake_url=lake_url, required=True, request=vintage)
    config = build_serve_config(user_config, host="0.0.0.0", port=8000, replicas=2, environment={})
    return config.model_copy(update={"proxy_location": "EveryNode"})


def is_told(config: ServeConfig) -> bool:
    """Whether Serve took the configuration; one whose proxies do not come up in its patience is told again."""
    REST.put(config)
    return True


def is_running() -> bool:
    return succeeds(lambda: REST.state().status == "RUNNING" and len(REST.state().replicas) == 2)


def serves(vintage: str) -> bool:
    """Whether a request that is put to the worker now is answered by that vintage."""
    return succeeds(lambda: ask_ready()["active"] == vintage)


def ask_ready() -> dict[str, Any]:
    answer = httpx.get(f"{API}/readyz", trust_env=False, timeout=10)
    return dict(answer.json())


def succeeds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def main(folder: Path, lake_url: str, first: str, second: str) -> dict[str, Any]:
    """The drill; its processes end with the namespace that it runs in."""
    connect(HEAD, WORKER)
    subprocess.Popen([*_REDIS, ""], stdout=subprocess.DEVNULL)
    head, worker = Pod(HEAD, folder / "head"), Pod(WORKER, folder / "worker")
    head.start()
    until(lambda: succeeds(lambda: REST.state().status == "NOT_STARTED"), seconds=PATIENCE_SECONDS)
    worker.start()
    until(lambda: succeeds(lambda: is_told(serve_config(lake_url, first))), seconds=PATIENCE_SECONDS)
    until(is_running, seconds=PATIENCE_SECONDS)
    until(lambda: serves(first), seconds=PATIENCE_SECONDS)
    with steady_load(API, lake_url, first, second) as seen:
        lost = lose_head(head, worker, lake_url, second)
    return {"seen": seen.told, **lost}


def lose_head(head: Pod, worker: Pod, lake_url: str, second: str) -> dict[str, Any]:
    """seconds: event to seconds since the head was killed. probes: what the worker's said while there was none."""
    head.kill()
    killed, marks = time.monotonic(), {}

    def mark(event: str, reached: Callable[[], bool]) -> None:
        until(reached, seconds=PATIENCE_SECONDS)
        marks[event] = round(time.monotonic() - killed, 1)

    mark("another head starts", lambda: time.monotonic() - killed > HEADLESS_SECONDS)
    probes = [httpx.get(url, trust_env=False, timeout=30).status_code for url in (f"{API}/-/healthz", liveness(worker))]
    head.start()
    mark("its REST API answers", lambda: succeeds(lambda: bool(REST.state().status)))
    mark("the application runs", is_running)
    mark("it is told of the next vintage", lambda: succeeds(lambda: is_told(serve_config(lake_url, second))))
    mark("the next vintage is served", lambda: serves(second))
    return {"seconds": marks, "probes": probes}


def liveness(pod: Pod) -> str:
    """Where the chart's liveness probe asks; the port is where Ray's agent wrote it."""
    (file,) = (pod.folder / "ray" / "session").glob("dashboard_agent_listen_port_*")
    return f"http://{pod.address}:{file.read_text()}/api/local_raylet_healthz"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), *sys.argv[2:])))
