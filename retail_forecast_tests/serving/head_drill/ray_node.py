"""python -m retail_forecast_tests.serving.head_drill.ray_node ADDRESS FOLDER [HEAD]: one Ray node, until it is killed.

Without HEAD it is the head.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from retail_forecast.parallel.cluster import fixed_node

GCS_PORT, REST_PORT, OBJECT_STORE_BYTES = 6379, 8265, 80_000_000


def main(address: str, folder: str, head: str | None = None) -> None:
    """Runs the node in the foreground, told what KubeRay tells it by the chart."""
    if head is None:
        own = ["--head", f"--port={GCS_PORT}", "--num-cpus=0", "--dashboard-host=0.0.0.0"]
    else:
        own = [f"--address={head}:{GCS_PORT}", "--num-cpus=4"]
    common = [f"--node-ip-address={address}", f"--temp-dir={folder}", f"--object-store-memory={OBJECT_STORE_BYTES}"]
    sys.argv = ["ray", "start", "--block", *own, *common]
    with fixed_node(Path(folder), address):
        _let_ray_look_for_the_session_before()
        importlib.import_module("ray.scripts.scripts").main()


def _let_ray_look_for_the_session_before() -> None:
    """Ray takes note of its Redis only while it looks there for a session, which it does not where one is named."""
    parameter: Any = importlib.import_module("ray._private.parameter")
    node: Any = importlib.import_module("ray._private.node").Node
    with_ports, look, named = parameter.RayParams, node.check_persisted_session_name, list[str]()

    def without_name(**options: Any) -> Any:
        made = with_ports(**options)
        named.append(made.session_name)
        made.session_name = None
        return made

    parameter.RayParams = without_name
    node.check_persisted_session_name = lambda self: look(self) or named[-1].encode()


if __name__ == "__main__":
    main(*sys.argv[1:])
