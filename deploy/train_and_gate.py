"""Trains a challenger with the new images, beside what runs: python -m deploy.train_and_gate --tag TAG

A Job like the code server's pod, with the new image, trains, backtests and registers a challenger. Its status is the
gate's word: a release whose code makes worse models ends here. Nothing that answers is changed.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from typing import Any

from deploy.commands import CommandError, exit_with, run, run_json, say, show

NAMESPACE = "retail-forecast"
CODE_SERVER = "retail-forecast-code"
_WORK = "retail-forecast train && retail-forecast register --require-gate"
_RESOURCES = {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}}


def main() -> int:
    """0 if the challenger passes the gate, or there is nothing to train on yet."""
    parser = argparse.ArgumentParser(prog="deploy.train_and_gate", description="Trains with the images of a tag.")
    parser.add_argument("--tag", required=True, help="tag of the images that were pushed")
    parser.add_argument("--hours", type=float, default=12, help="so long may it take")
    given = parser.parse_args()
    deployment = find_code_server()
    if deployment is None:
        say("Nothing is deployed yet, so there are no sales to train on: the gate's turn comes with the first ones.")
        return 0
    job = build_job(deployment, tag=given.tag, seconds=int(given.hours * 3600))
    name = json.loads(run([*_kubectl("create"), "-f", "-", "-o", "json"], given=json.dumps(job)))["metadata"]["name"]
    return follow(name, seconds=given.hours * 3600)


def find_code_server() -> dict[str, Any] | None:
    """The deployment of the code server; None before the first release."""
    try:
        found: dict[str, Any] = run_json([*_kubectl("get"), "deployment", CODE_SERVER, "-o", "json"])
    except CommandError as error:
        if "NotFound" in error.output:
            return None
        raise
    return found


def build_job(deployment: dict[str, Any], *, tag: str, seconds: int) -> dict[str, Any]:
    """The Job: the code server's pod with the images of `tag`, without probes and ports, with room to train."""
    pod = copy.deepcopy(deployment["spec"]["template"]["spec"])
    (container,) = [one for one in pod["containers"] if one["name"] == "code-server"]
    image = f"{container['image'].rpartition(':')[0]}:{tag}"
    own = {
        "DAGSTER_CURRENT_IMAGE": image,
        "RETAIL_FORECAST_TRAINING_IMAGE": image.replace("/orchestrator:", "/training:"),
    }
    kept = ("envFrom", "securityContext", "volumeMounts", "imagePullPolicy")
    worker = {
        **{key: container[key] for key in kept if key in container},
        "name": "train",
        "image": image,
        "command": ["bash", "-euc", _WORK],
        "env": [one for one in container.get("env", []) if one["name"] not in own]
        + [{"name": name, "value": value} for name, value in own.items()],
        "resources": _RESOURCES,
    }
    labels = {"app.kubernetes.io/name": "retail-forecast", "retail-forecast/part": "orchestrator"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "retail-forecast-train-", "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": 86400,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**pod, "containers": [worker], "restartPolicy": "Never"},
            },
        },
    }


def follow(name: str, *, seconds: float, poll_seconds: float = 5) -> int:
    """Shows what the Job prints, and ends as it does."""
    deadline = time.monotonic() + seconds
    status = _wait_for(name, ("ready", "succeeded", "failed"), deadline, poll_seconds)
    if status:
        show([*_kubectl("logs"), "--follow", f"job/{name}"])
        status = _wait_for(name, ("succeeded", "failed"), deadline, poll_seconds)
    if status.get("succeeded"):
        say(f"ok    {name}: the challenger passes the gate")
        return 0
    if status.get("failed"):
        say(f"fail  {name}: no challenger passes the gate; its log is above. What runs stays as it is.")
    else:
        say(f"fail  {name} did not end within {seconds / 3600:.1f} hours")
    return 1


def _wait_for(name: str, any_of: tuple[str, ...], deadline: float, poll_seconds: float) -> dict[str, Any]:
    """The Job's status once it counts a pod of such a kind; empty after the deadline."""
    while time.monotonic() < deadline:
        status: dict[str, Any] = run_json([*_kubectl("get"), "job", name, "-o", "json"]).get("status", {})
        if any(status.get(one) for one in any_of):
            return status
        time.sleep(poll_seconds)
    return {}


def _kubectl(verb: str) -> list[str]:
    return ["kubectl", "--namespace", NAMESPACE, verb]


if __name__ == "__main__":
    exit_with(main)
