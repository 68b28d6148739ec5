"""python -m retail_forecast_tests.serving.head_drill.ray_node ADDRESS FOLDER [HEAD]: one Ray node, until it is killed.

Without HEAD it is the head. What KubeRay passes to `ray start` by the chart is passed here, too.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from retail_forecast.parallel.cluster import fixed_node

GCS_PORT, REST_PORT, OBJECT_STORE_BYTES = 6379, 8265, 80_000_000


def main(address: str, folder: str, head: str | None = None) -> None:
    """Runs the node in the foreground."""
    if head is None:
        own = ["--head", f"--port={GCS_PORT}", "--num-cpus=0", "--dashboard-host=0.0.0.0"]
    else:
        own = [f"--address={head}:{GCS_PORT}", "--num-cpus=4"]
    common = [f"--node-ip-address={address}", f"--temp-dir={folder}", f"--object-store-memory={OBJECT_STORE_BYTES}"]
    sys.argv = ["ray", "start", "--block", *own, *common]
    with fixed_node(Path(folder), address):
        importlib.import_module("ray.scripts.scripts").main()


if __name__ == "__main__":
    main(*sys.argv[1:])
