"""The chart as Helm renders it, and ways through the objects; a test imports it behind importorskip("helm_python")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "retail-forecast"
SHARED = ROOT.parent / "shared" / "tools" / "kubernetes-offline"
KUBERNETES = "1.33"
ENVIRONMENTS = ("dev", "prod", "laptop")
CONTROLLERS = {"Deployment", "StatefulSet"}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
RUN = {"retail-forecast/part": "orchestrator"}  # runs, webservers and daemon, by the Dagster chart's values
OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
_UNITS = {"m": 0.001, "Mi": 2**20, "Gi": 2**30, "": 1}


def read_yaml(path: Path) -> Object:
    """A value file."""
    found: Object = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Object:
    """As Helm lays value files over each other: maps are merged, anything else is replaced.

    >>> merged({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}})
    {'a': {'b': 1, 'c': [2]}}
    """
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def given(environment: str, overrides: Mapping[str, Any] | None = None) -> Object:
    """The value files that an environment is installed with, as one; on AWS with what Terraform says."""
    values = read_yaml(CHART / f"values-{environment}.yaml")
    if environment != "laptop":
        values = merged(values, read_yaml(Path(__file__).parent / "aws.yaml"))
    return merged(values, overrides or {})


def effective(environment: str) -> Object:
    """Those over the chart's own values."""
    return merged(read_yaml(CHART / "values.yaml"), given(environment))


def render_files(
    values: Mapping[str, Any], *, chart: Path = CHART, namespace: str = "retail-forecast"
) -> dict[str, str]:
    """Template to text. Raises helm_python.HelmError for what schema or chart refuse."""
    helm_python, native = import_module("helm_python"), import_module("helm_python._native")
    options = {"name": "retail-forecast", "namespace": namespace, "kube_version": f"v{KUBERNETES}.0"}
    with helm_python.Chart.load(str(chart)) as loaded:
        raw = native.call_string(
            "helm_render", loaded._raw(), json.dumps(values), json.dumps({**options, "api_versions": ["ray.io/v1"]})
        )
    files: dict[str, str] = json.loads(raw)
    return files


def render(environment: str, overrides: Mapping[str, Any] | None = None) -> list[Object]:
    """Every object of this chart in an environment; those of its dependencies are not among them."""
    return objects_in(render_files(given(environment, overrides)))


@cache
def rendered(environment: str) -> tuple[Object, ...]:
    """The same without overrides, rendered once."""
    return tuple(render(environment))


def objects_in(files: Mapping[str, str], chart: str = "retail-forecast") -> list[Object]:
    """The objects in rendered files of one chart, without its subcharts."""
    own = {name: text for name, text in files.items() if name.startswith(f"{chart}/templates/")}
    manifests = [text for name, text in own.items() if name.endswith(".yaml")]
    return [one for text in manifests for one in yaml.safe_load_all(text) if one]


def named(objects: tuple[Object, ...] | list[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (found,) = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def of_kind(objects: tuple[Object, ...] | list[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [one for one in objects if one["kind"] == kind]


def pods(objects: tuple[Object, ...] | list[Object]) -> Iterator[tuple[str, Object]]:
    """(who, {metadata, spec}) of every pod that the objects lead to."""
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] in CONTROLLERS:
            yield name, one["spec"]["template"]
        elif one["kind"] == "Pod":
            yield name, one
        elif one["kind"] == "RayService":
            cluster = one["spec"]["rayClusterConfig"]
            yield f"{name}/head", cluster["headGroupSpec"]["template"]
            for group in cluster["workerGroupSpecs"]:
                yield f"{name}/{group['groupName']}", group["template"]


def containers(objects: tuple[Object, ...] | list[Object]) -> Iterator[tuple[str, Object]]:
    """(who, container) of every container, also the one that KubeRay adds to the head."""
    for name, pod in pods(objects):
        for one in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            yield f"{name}/{one['name']}", one
    for service in of_kind(objects, "RayService"):
        yield "RayService/autoscaler", service["spec"]["rayClusterConfig"]["autoscalerOptions"]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of matchLabels alone selects these labels; an empty one selects everything."""
    assert set(selector) <= {"matchLabels"}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def amount(text: str) -> float:
    """A quantity as a number: 250m is 0.25, 2Gi is 2147483648."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Mi|Gi|)", str(text))
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]


def needs(container: Object) -> list[tuple[float, float]]:
    """(request, limit) of processor and memory."""
    resources = container["resources"]
    return [(amount(resources["requests"][kind]), amount(resources["limits"][kind])) for kind in ("cpu", "memory")]
