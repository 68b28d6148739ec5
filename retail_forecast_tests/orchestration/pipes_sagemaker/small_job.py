"""python -m …small_job WHAT: a training job that uses Dagster Pipes as its own documentation has it.

report: tells a line and a metric. wait: the same, but the metric only once the object `go` is beside its context.
fail: fails after its line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import boto3
from dagster_pipes import PipesContext, PipesEnvVarParamsLoader, PipesS3ContextLoader, PipesS3MessageWriter
from dagster_pipes import open_dagster_pipes as open_pipes

_WAIT_SECONDS = 120


def main(what: str) -> int:
    """Does what it is told; 1 with a reason in output/failure."""
    s3 = boto3.client("s3")
    with open_pipes(
        context_loader=PipesS3ContextLoader(s3), message_writer=PipesS3MessageWriter(s3, interval=0)
    ) as pipes:
        pipes.log.info("the job is under way")
        sys.stdout.write("a line of the log\n")
        sys.stdout.flush()
        if what == "fail":
            Path("/opt/ml/output/failure").write_text("the oven is cold")
            return 1
        if what == "wait":
            _wait(s3)
        _finish(pipes)
    return 0


def _finish(pipes: PipesContext) -> None:
    pipes.report_asset_materialization(metadata={"error": 0.25})
    Path("/opt/ml/model/model.txt").write_text("a model")


def _wait(s3: object) -> None:
    loader = PipesEnvVarParamsLoader()  # type: ignore[no-untyped-call]
    place = loader.load_context_params()
    go = {"Bucket": place["bucket"], "Prefix": place["key"].replace("context.json", "go")}
    until = time.monotonic() + _WAIT_SECONDS
    while not s3.list_objects_v2(**go).get("Contents"):  # type: ignore[attr-defined]
        if time.monotonic() > until:
            raise TimeoutError(f"nobody said go within {_WAIT_SECONDS} s")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
