"""Restricted pods, no secrets, and nobody with more rights than needed, in every environment."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast_tests.infra.chart import (
    ENVIRONMENTS,
    RESTRICTED,
    containers,
    effective,
    given,
    named,
    needs,
    of_kind,
    pods,
    render,
    render_files,
    rendered,
)

SECRET = re.compile("(?i)password|secret|token|credential")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_container_is_restricted(environment: str) -> None:
    found = dict(containers(rendered(environment)))
    assert len(found) >= 5  # code server, head, autoscaler, worker, smoke test
    assert {who: one["securityContext"] for who, one in found.items()} == dict.fromkeys(found, RESTRICTED)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pod_runs_as_a_user_that_is_not_root_and_sees_nothing_of_its_node(environment: str) -> None:
    for who, pod in pods(rendered(environment)):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True, who
        assert context["runAsUser"] >= 999, who
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, who
        assert all("hostPath" not in volume for volume in pod["spec"].get("volumes", [])), who
        assert not pod["spec"].keys() & {"hostNetwork", "hostPID", "hostIPC"}, who


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_container_asks_for_no_more_than_it_may_have(environment: str) -> None:
    for who, container in containers(rendered(environment)):
        for request, limit in needs(container):
            assert 0 < request <= limit, who


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_so_do_the_containers_of_the_charts_that_this_one_brings(environment: str) -> None:
    values = effective(environment)
    dagster = values["dagster"]
    launcher = dagster["runLauncher"]["config"]["k8sRunLauncher"]
    for owner in (dagster["dagsterWebserver"], dagster["dagsterDaemon"], launcher, values["kuberay-operator"]):
        assert all(0 < request <= limit for request, limit in needs(owner))
    for owner in (dagster["dagsterWebserver"], dagster["dagsterDaemon"], launcher):
        assert owner["securityContext"] == RESTRICTED
        assert {one["mountPath"] for one in owner["volumeMounts"]} >= {"/tmp", "/opt/dagster/dagster_home"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_all_containers_run_as_the_user_of_the_images(environment: str) -> None:
    values = effective(environment)
    uid = values["image"]["uid"]
    ours = [pod for who, pod in pods(rendered(environment)) if not who.startswith("StatefulSet")]
    theirs = [values["dagster"][name]["podSecurityContext"] for name in ("dagsterWebserver", "dagsterDaemon")]
    runs = values["dagster"]["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]
    contexts = [*(pod["spec"]["securityContext"] for pod in ours), *theirs, runs["securityContext"]]
    assert {(one["runAsUser"], one["fsGroup"]) for one in contexts} == {(uid, uid)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_image_is_latest(environment: str) -> None:
    images = {one["image"] for _, one in containers(rendered(environment))}
    assert [image for image in images if not re.search(r":(?!latest$)[\w.-]+$", image)] == []


def told_secrets(value: Any, key: str = "") -> list[str]:
    """Keys, and names of environment variables, that sound secret and hold a text of their own, no reference."""
    if isinstance(value, dict):
        named = [str(value["name"])] if SECRET.search(str(value.get("name"))) and value.get("value") else []
        return named + [found for name, one in value.items() for found in told_secrets(one, name)]
    if isinstance(value, list):
        return [found for one in value for found in told_secrets(one, key)]
    return [key] if isinstance(value, str) and SECRET.search(key) and key != "secretName" else []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_rendered_is_or_holds_a_secret(environment: str) -> None:
    assert of_kind(rendered(environment), "Secret") == []
    assert told_secrets(list(rendered(environment))) == []
    text = "\n".join(render_files(given(environment)).values())
    assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN|://[^/\s:@]+:[^/\s@]+@", text)


def test_a_secret_that_is_told_would_be_found() -> None:
    env = [{"name": "DAGSTER_PG_PASSWORD", "value": "hunter2"}, {"name": "OTHER_TOKEN", "valueFrom": {}}]
    assert told_secrets({"env": env, "redisPassword": "x"}) == ["DAGSTER_PG_PASSWORD", "redisPassword"]


def test_passwords_come_from_secrets_that_the_chart_does_not_make() -> None:
    (code,) = [one for who, one in containers(rendered("prod")) if who.endswith("/code-server")]
    assert {one["name"]: one["valueFrom"]["secretKeyRef"] for one in code["env"] if "valueFrom" in one} == {
        "DAGSTER_PG_PASSWORD": {"name": "retail-forecast-database", "key": "postgresql-password"},
        "RAY_AUTH_TOKEN": {"name": "retail-forecast-ray", "key": "auth_token", "optional": True},
        "RETAIL_FORECAST_API_KEY": {"name": "retail-forecast-api-keys", "key": "api_key", "optional": True},
    }
    dagster = effective("prod")["dagster"]
    assert dagster["global"]["postgresqlSecretName"] == "retail-forecast-database"
    assert not dagster["generatePostgresqlPasswordSecret"]
    assert not dagster["generateCeleryConfigSecret"]


def test_only_the_orchestrator_and_the_head_are_given_a_token_of_the_kubernetes_api() -> None:
    accounts = {
        one["metadata"]["name"]: one["automountServiceAccountToken"]
        for one in of_kind(rendered("prod"), "ServiceAccount")
    }
    assert accounts == {f"retail-forecast-{name}": name == "orchestrator" for name in
                        ("orchestrator", "training", "serving", "metrics")}  # fmt: skip
    mounted = {who: pod["spec"].get("automountServiceAccountToken") for who, pod in pods(rendered("prod"))}
    assert [who for who, automount in mounted.items() if automount] == ["RayService/retail-forecast/head"]


def test_the_endpoint_asset_may_read_and_patch_one_rayservice_and_list_pods() -> None:
    role = named(rendered("prod"), "Role", "retail-forecast-endpoint")
    binding = named(rendered("prod"), "RoleBinding", "retail-forecast-endpoint")
    assert [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in role["rules"]] == [
        (["rayservices"], ["retail-forecast"], ["get", "patch"]),
        (["pods"], None, ["list"]),
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [one["name"] for one in binding["subjects"]] == ["retail-forecast-orchestrator"]


def test_no_role_of_ours_is_of_the_whole_cluster_or_has_a_star() -> None:
    kinds = {one["kind"] for environment in ENVIRONMENTS for one in rendered(environment)}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    rules: list[Any] = [rule for role in of_kind(rendered("prod"), "Role") for rule in role["rules"]]
    assert "*" not in yaml.safe_dump(rules)


def test_load_balancers_log_where_terraform_says() -> None:
    logged = {"ingress": {"accessLogsBucket": "retail-forecast-prod-logs-123456789012"}}
    for ingress in of_kind(render("prod", logged), "Ingress"):
        attributes = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/load-balancer-attributes"]
        assert dict(one.split("=") for one in attributes.split(",")) == {
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": "retail-forecast-prod-logs-123456789012",
            "access_logs.s3.prefix": "alb",
        }


def test_the_ui_is_behind_a_login_and_everything_behind_tls() -> None:
    prefix = "alb.ingress.kubernetes.io"
    for ingress in of_kind(rendered("prod"), "Ingress"):
        notes = ingress["metadata"]["annotations"]
        assert notes[f"{prefix}/ssl-redirect"] == "443"
        assert notes[f"{prefix}/certificate-arn"].startswith("arn:aws:acm:")
        assert "TLS13" in notes[f"{prefix}/ssl-policy"]
        assert notes[f"{prefix}/scheme"] == "internal"
    ui = named(rendered("prod"), "Ingress", "retail-forecast-ui")["metadata"]["annotations"]
    assert ui[f"{prefix}/auth-type"] == "oidc"
    assert ui[f"{prefix}/auth-on-unauthenticated-request"] == "authenticate"
    login = yaml.safe_load(ui[f"{prefix}/auth-idp-oidc"])
    assert login["secretName"] == "retail-forecast-oidc"
    assert all(login[name].startswith("https://") for name in login if name != "secretName")
