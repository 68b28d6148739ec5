"""`make train-and-gate` with a stand-in for kubectl: what Job it makes, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.train_and_gate import build_job
from retail_forecast_tests.infra.stand_ins import StandIns

IMAGE = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast/orchestrator"
COMMAND = [sys.executable, "-m", "deploy.train_and_gate", "--tag", "new"]
CODE_SERVER: dict[str, Any] = {
    "spec": {
        "template": {
            "spec": {
                "serviceAccountName": "retail-forecast-orchestrator",
                "securityContext": {"runAsNonRoot": True},
                "containers": [
                    {
                        "name": "code-server",
                        "image": f"{IMAGE}:old",
                        "command": ["dagster", "api", "grpc"],
                        "env": [{"name": "DAGSTER_CURRENT_IMAGE", "value": f"{IMAGE}:old"}],
                        "envFrom": [{"configMapRef": {"name": "retail-forecast-settings"}}],
                        "ports": [{"containerPort": 3030}],
                        "readinessProbe": {"grpc": {"port": 3030}},
                        "securityContext": {"readOnlyRootFilesystem": True},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }
        }
    }
}


def kubectl(folder: Path, status: dict[str, int]) -> StandIns:
    """A cluster with a code server, in which every Job ends with `status`."""
    tools = StandIns(folder / "bin")
    (folder / "code-server.json").write_text(json.dumps(CODE_SERVER))
    tools.add(
        "kubectl",
        f"""case $all in
        *"get deployment"*) cat {folder}/code-server.json ;;
        *create*) tee {folder}/job.json >/dev/null; echo '{{"metadata": {{"name": "retail-forecast-train-x"}}}}' ;;
        *"get job"*) echo '{json.dumps({"status": status})}' ;;
        *logs*) echo "The gate would say something." ;;
        esac""",
    )
    return tools


def test_the_job_is_the_code_server_with_the_new_images_and_room_to_train() -> None:
    job = build_job(CODE_SERVER, tag="new", seconds=3600)
    pod = job["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    assert worker["image"] == f"{IMAGE}:new"
    assert worker["command"][-1] == "retail-forecast train && retail-forecast register --require-gate"
    assert {one["name"]: one["value"] for one in worker["env"]} == {
        "DAGSTER_CURRENT_IMAGE": f"{IMAGE}:new",
        "RETAIL_FORECAST_TRAINING_IMAGE": f"{IMAGE.replace('orchestrator', 'training')}:new",
    }
    assert worker["envFrom"] == [{"configMapRef": {"name": "retail-forecast-settings"}}]
    assert {"ports", "readinessProbe"} & set(worker) == set()
    assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "retail-forecast-orchestrator")
    assert CODE_SERVER["spec"]["template"]["spec"]["containers"][0]["image"] == f"{IMAGE}:old"


@pytest.mark.parametrize(("status", "code", "word"), [({"succeeded": 1}, 0, "ok "), ({"failed": 1}, 1, "fail ")])
def test_it_ends_as_the_gate_says(tmp_path: Path, status: dict[str, int], code: int, word: str) -> None:
    done = kubectl(tmp_path, status).run(COMMAND)
    assert done.returncode == code, done.stderr
    assert "The gate would say something." in done.stdout
    assert done.stdout.splitlines()[-1].startswith(word)
    assert json.loads((tmp_path / "job.json").read_text())["spec"]["backoffLimit"] == 0


def test_before_the_first_release_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    tools = StandIns(tmp_path / "bin")
    tools.add("kubectl", 'echo "Error from server (NotFound): deployments.apps" >&2; exit 1')
    done = tools.run(COMMAND)
    assert (done.returncode, len(tools.calls)) == (0, 1)
    assert "Nothing is deployed yet" in done.stdout


def test_a_cluster_that_refuses_fails_with_its_words(tmp_path: Path) -> None:
    tools = StandIns(tmp_path / "bin")
    tools.add("kubectl", 'echo "Error from server (Forbidden): deployments.apps" >&2; exit 1')
    done = tools.run(COMMAND)
    assert done.returncode == 1
    assert "Forbidden" in done.stderr
