"""python -m retail_forecast_tests.orchestration.killed_run HOME WHAT DONE: a run that is killed when it says so."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from retail_forecast.orchestration.run import run_pipeline
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.world import World


def main(home: str, what: str, done: int) -> None:
    """Kills this process with -9 as soon as `what` has come to `done`."""

    def on_progress(name: str, so_far: int, _total: int) -> None:
        if name.startswith(what) and so_far >= done:
            os.kill(os.getpid(), signal.SIGKILL)

    overrides = {"endpoint_port": FakeEndpoint()}
    run_pipeline(World(Path(home)).settings, on_progress=on_progress, overrides=overrides)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
