"""What Ray's own processes inherit: those of the clusters that shards run on, and of the one that carries the API."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def ray_environment(*, patience_seconds: int) -> dict[str, str]:
    """For a Ray that asks for a token, reports to nobody and imports what this process does.

    It has to be there before Ray is imported. A start costs 20 s of processor time: on a busy machine that is more
    than Ray's own 30 s of patience.
    """
    return {
        "PYTHONPATH": import_path(),
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` Ray would build every worker an environment
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a FutureWarning
        "RAY_enable_metrics_collection": "0",
        "RAY_raylet_start_wait_time_s": str(patience_seconds),
        "RAY_agent_register_timeout_ms": str(1000 * patience_seconds),
        "RAY_gcs_server_port_wait_time_s": str(patience_seconds),
    }


def import_path() -> str:
    """PYTHONPATH with which another process imports what this one does."""
    return os.pathsep.join(str(Path(path).resolve()) for path in sys.path if path)
