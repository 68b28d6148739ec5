"""Writes the chart as files for `make infra-scan`: python -m retail_forecast_tests.infra.manifests FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "retail-forecast"

ONE_TAG_IS_ONE_IMAGE = {
    "CKV_K8S_15": "a tag of ECR is immutable, and no start should wait for the registry",
    "CKV_K8S_43": "a tag of ECR is immutable, so it names one image as a digest does",
}
EXPLAINED = {
    ("Deployment", "retail-forecast-code"): {
        **ONE_TAG_IS_ONE_IMAGE,
        "CKV_K8S_8": "definitions that load slowly answer no probe, and a restart would begin them again",
        "CKV_K8S_35": "Dagster reads the database's password from the environment alone",
        "CKV_K8S_38": "the endpoint asset asks the API server for the RayService",
    },
    ("Pod", "retail-forecast-smoke"): {
        **ONE_TAG_IS_ONE_IMAGE,
        "CKV_K8S_8": "it asks one question after a release and ends",
        "CKV_K8S_9": "nobody sends requests to a pod that asks one question",
    },
    ("StatefulSet", "retail-forecast-redis"): {
        "CKV_K8S_15": "its tag names a release, and no start should wait for the registry",
        "CKV_K8S_40": "999 is the user that the image of Redis was made for",
        "CKV_K8S_43": "its tag names a release; a mirror of one's own is a value of the chart",
    },
}
"""Findings that are not followed, by object, each with its reason."""


def write_manifests(folder: Path, environment: str = "prod") -> None:
    """One file per object of this chart, as production is installed; subcharts are their own projects' business."""
    from retail_forecast_tests.infra.chart import render

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    for one in render(environment):
        path = folder / f"{one['kind']}-{one['metadata']['name']}.yaml".lower()
        path.write_text(yaml.safe_dump(explained(one)), encoding="utf-8")


def explained(manifest: dict[str, Any]) -> dict[str, Any]:
    """The object in the namespace that Helm puts it in, with the reasons as checkov reads them."""
    reasons = EXPLAINED.get((manifest["kind"], manifest["metadata"]["name"]), {})
    skips = {f"checkov.io/skip{place}": f"{check}={reason}" for place, (check, reason) in enumerate(reasons.items())}
    metadata = {"namespace": NAMESPACE, **manifest["metadata"]}
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **skips}}}


if __name__ == "__main__":
    write_manifests(Path(sys.argv[1]))
