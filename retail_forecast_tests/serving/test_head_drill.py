"""The head is killed, as a pod of its own, while a Redis remembers for it: what KubeRay's fault tolerance comes to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.load import ROOT

pytestmark = pytest.mark.slow

_SPACE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture(scope="module")
def told(world: World) -> dict[str, Any]:
    """What the drill printed."""
    if missing := [name for name in ("unshare", "ip", "redis-server") if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} missing (Debian, Ubuntu: apt-get install util-linux iproute2 redis-server)")
    module = [sys.executable, "-m", "retail_forecast_tests.serving.head_drill.drill"]
    with tempfile.TemporaryDirectory(prefix="rf-head-", ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [*_SPACE, *module, folder, world.lake_url, world.first.id, world.second.id],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=2400,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_worker_goes_on_answering_while_there_is_no_head(told: dict[str, Any]) -> None:
    """Beside other work a health check may be late and HAProxy hold both replicas for dead for some seconds."""
    seen = told["seen"]
    assert told["probes"] == [200, 200]
    assert seen["failed"] <= 0.05 * seen["asked"], seen["examples"]
    assert seen["longest_gap_s"] < min(30, told["seconds"]["its REST API answers"])


def test_the_next_head_knows_what_the_last_one_did_and_deploys_the_next_vintage(
    told: dict[str, Any], world: World
) -> None:
    assert set(told["seen"]["vintages"]) == {world.first.id, world.second.id}
    assert told["seconds"]["the next vintage is served"] - told["seconds"]["the application runs"] < 300
