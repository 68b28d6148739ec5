"""What an API server would refuse, as far as it can be told without one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

helm_python = pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the extra infra: make infra-test")
jsonschema = pytest.importorskip("jsonschema", reason="the extra infra: make infra-test")

from retail_forecast_tests.infra.chart import (  # noqa: E402
    CHART,
    CONTROLLERS,
    ENVIRONMENTS,
    KUBERNETES,
    SHARED,
    Object,
    containers,
    given,
    of_kind,
    pods,
    read_yaml,
    rendered,
    selects,
)

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MADE_BY_OTHERS = {"retail-forecast-serve-svc", "retail-forecast-dagster-webserver", "not-found"} | {
    "retail-forecast-dagster-webserver-read-only"
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_object_of_kubernetes_is_strictly_valid(environment: str) -> None:
    core = [one for one in rendered(environment) if one["kind"] != "RayService"]
    assert len(core) > 10
    for one in core:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_rayservice_is_valid_by_kuberays_own_definition(environment: str) -> None:
    schema = SHARED / "rayservice-v1.schema.json"
    if not schema.exists():
        pytest.skip(f"KubeRay's definition is not here: {schema}")
    (service,) = of_kind(rendered(environment), "RayService")
    errors = jsonschema.Draft202012Validator(json.loads(schema.read_text())).iter_errors(service)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_validators_see_what_is_misspelt() -> None:
    (deployment,) = of_kind(rendered("dev"), "Deployment")
    broken: Object = json.loads(json.dumps(deployment))
    broken["spec"]["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePulPolicy"):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_two_objects_share_a_name_and_every_name_is_one_of_dns(environment: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered(environment)]
    assert len(names) == len(set(names))
    assert [name for _, name in names if not DNS_LABEL.fullmatch(name)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_controllers_select_their_own_pods_and_services_find_some(environment: str) -> None:
    objects = rendered(environment)
    for one in objects:
        if one["kind"] in CONTROLLERS:
            assert selects(one["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"])
    labels = [pod["metadata"]["labels"] for _, pod in pods(objects)]
    for service in of_kind(objects, "Service"):
        assert sum(selects({"matchLabels": service["spec"]["selector"]}, one) for one in labels) == 1


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_services_and_probes_name_ports_that_their_containers_have(environment: str) -> None:
    objects = rendered(environment)
    for service in of_kind(objects, "Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        (pod,) = [one for _, one in pods(objects) if selects(selector, one["metadata"]["labels"])]
        ports = {port["name"] for one in pod["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for who, container in containers(objects):
        numbers = [port["containerPort"] for port in container.get("ports", [])]
        assert len(numbers) == len(set(numbers)), who
        assert all(0 < number < 65536 for number in numbers), who


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_whatever_is_referred_to_exists(environment: str) -> None:
    objects = rendered(environment)
    have = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for who, pod in pods(objects):
        account = pod["spec"].get("serviceAccountName")
        assert account is None or ("ServiceAccount", account) in have, who
        for volume in pod["spec"].get("volumes", []):
            assert "configMap" not in volume or ("ConfigMap", volume["configMap"]["name"]) in have, who
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            assert claim is None or ("PersistentVolumeClaim", claim) in have, who
    services = {name for kind, name in have if kind == "Service"} | MADE_BY_OTHERS
    for ingress in of_kind(objects, "Ingress"):
        paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        assert {path["backend"]["service"]["name"] for path in paths} <= services


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_mount_has_its_volume_and_every_volume_is_mounted(environment: str) -> None:
    for who, pod in pods(rendered(environment)):
        volumes = {one["name"] for one in pod["spec"].get("volumes", [])}
        claimed = {"data"} if who.startswith("StatefulSet") else set()
        mounts = {mount["name"] for one in pod["spec"]["containers"] for mount in one.get("volumeMounts", [])}
        assert mounts == volumes | claimed, who


def test_the_chart_follows_the_lock_file() -> None:
    locked = dict(
        re.findall(
            r"^(dagster|ray)(?:\[\w+])?==([\d.]+)", (CHART.parents[1] / "requirements.lock").read_text(), re.MULTILINE
        )
    )
    (dagster,) = [one for one in read_yaml(CHART / "Chart.yaml")["dependencies"] if one["name"] == "dagster"]
    values: dict[str, Any] = read_yaml(CHART / "values.yaml")
    assert dagster["version"] == locked["dagster"]
    assert values["ray"]["version"] == locked["ray"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_helm_lint_finds_nothing_but_what_is_not_downloaded(environment: str) -> None:
    report = helm_python.lint(str(CHART), given(environment), namespace="retail-forecast", strict=True)
    found = [one["error"] for one in report["messages"] if one["severity"] >= 2]
    assert [error for error in found if "missing these dependencies" not in error] == []


def test_the_charts_that_this_one_brings_can_be_left_out_by_a_value() -> None:
    dependencies = read_yaml(CHART / "Chart.yaml")["dependencies"]
    values = read_yaml(CHART / "values.yaml")
    assert [one["condition"] for one in dependencies] == ["dagster.enabled", "kuberay-operator.enabled"]
    assert all(values[one["name"]]["enabled"] is True for one in dependencies)
    statuses = {one["name"]: one["status"] for one in helm_python.dependency_list(str(CHART))}
    assert set(statuses) == {"dagster", "kuberay-operator"}
    assert set(statuses.values()) <= {"ok", "missing"}  # never another version than the one asked for
