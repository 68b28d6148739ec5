"""Restricted pods, closed networks and no secrets, in every environment."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast_tests.infra.chart import (
    ENVIRONMENTS,
    Object,
    containers,
    effective,
    given,
    named,
    of_kind,
    pods,
    render,
    render_files,
    rendered,
    selects,
)

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_UNITS = {"m": 0.001, "Mi": 2**20, "Gi": 2**30, "": 1}
SECRET = re.compile("(?i)password|secret|token|credential")
RUN = {"retail-forecast/part": "orchestrator"}  # runs, webservers and daemon, by the Dagster chart's values
OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}


def amount(text: str) -> float:
    """A quantity as a number: 250m is 0.25, 2Gi is 2147483648."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Mi|Gi|)", str(text))
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_container_is_restricted(environment: str) -> None:
    found = dict(containers(rendered(environment)))
    assert len(found) >= 5  # code server, head, autoscaler, worker, smoke test
    assert {who: one["securityContext"] for who, one in found.items()} == dict.fromkeys(found, RESTRICTED)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pod_runs_as_a_user_that_is_not_root_and_has_a_writable_tmp_only(environment: str) -> None:
    for who, pod in pods(rendered(environment)):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True, who
        assert context["runAsUser"] >= 999, who
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, who
        assert all("hostPath" not in volume for volume in pod["spec"].get("volumes", [])), who
        assert not pod["spec"].keys() & {"hostNetwork", "hostPID", "hostIPC"}, who


def needs(container: Object) -> list[tuple[float, float]]:
    """(request, limit) of processor and memory."""
    resources = container["resources"]
    return [(amount(resources["requests"][kind]), amount(resources["limits"][kind])) for kind in ("cpu", "memory")]


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
    }
    dagster = effective("prod")["dagster"]
    assert dagster["global"]["postgresqlSecretName"] == "retail-forecast-database"
    assert not dagster["generatePostgresqlPasswordSecret"]
    assert not dagster["generateCeleryConfigSecret"]


def policies_of(environment: str, labels: dict[str, str], direction: str) -> list[str]:
    """Names of the NetworkPolicies that govern pods with these labels in a direction."""
    return [
        one["metadata"]["name"]
        for one in of_kind(rendered(environment), "NetworkPolicy")
        if selects(one["spec"]["podSelector"], labels) and direction in one["spec"]["policyTypes"]
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pod_is_under_default_deny_and_under_a_policy_that_lets_it_work(environment: str) -> None:
    ours = [pod["metadata"]["labels"] for _, pod in pods(rendered(environment))]
    for labels in [*ours, RUN, OPERATOR]:
        for direction in ("Ingress", "Egress"):
            assert "retail-forecast-default-deny" in policies_of(environment, labels, direction)
        rules = {*policies_of(environment, labels, "Ingress"), *policies_of(environment, labels, "Egress")}
        assert len(rules - {"retail-forecast-default-deny", "retail-forecast-dns"}) == 1, labels


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pods_of_the_dagster_chart_carry_the_label_that_policies_go_by(environment: str) -> None:
    dagster = effective(environment)["dagster"]
    owners = [dagster["dagsterWebserver"], dagster["dagsterDaemon"], dagster["runLauncher"]["config"]["k8sRunLauncher"]]
    assert [one["labels"] for one in owners] == [RUN] * 3


def reachable(environment: str, who: dict[str, str], port: int, source: dict[str, str]) -> bool:
    """Whether a pod with labels `source` may open that port of a pod with labels `who`, both policies considered."""
    objects = rendered(environment)

    def allowed(labels: dict[str, str], peer: dict[str, str], direction: str) -> bool:
        side = "from" if direction == "ingress" else "to"
        rules = [
            rule
            for one in of_kind(objects, "NetworkPolicy")
            if selects(one["spec"]["podSelector"], labels)
            for rule in one["spec"].get(direction, [])
        ]
        return any(
            any(selects(to["podSelector"], peer) for to in rule[side] if to.keys() == {"podSelector"})
            and ("ports" not in rule or port in [one["port"] for one in rule["ports"]])
            for rule in rules
        )

    return allowed(source, who, "egress") and allowed(who, source, "ingress")


def test_who_reaches_whom() -> None:
    serving, smoke = {"retail-forecast/part": "serving"}, {"retail-forecast/part": "smoke"}
    database, redis = {"retail-forecast/part": "database"}, {"retail-forecast/part": "redis"}
    assert reachable("prod", serving, 8000, RUN)
    assert reachable("prod", serving, 8265, RUN)
    assert reachable("prod", serving, 8265, OPERATOR)
    assert reachable("prod", serving, 34567, serving)
    assert reachable("prod", RUN, 3030, RUN)
    assert reachable("prod", RUN, 3000, smoke)
    assert reachable("prod", redis, 6379, serving)
    assert reachable("laptop", database, 5432, RUN)
    assert not reachable("prod", serving, 8265, smoke)
    assert not reachable("prod", serving, 6379, RUN)
    assert not reachable("prod", redis, 6379, RUN)
    assert not reachable("laptop", database, 5432, serving)
    assert not reachable("prod", RUN, 3030, serving)


def test_the_load_balancers_reach_api_and_ui_alone() -> None:
    open_to: dict[str, list[int]] = {}
    for policy in of_kind(rendered("prod"), "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            if {"ipBlock": {"cidr": "10.0.32.0/19"}} in rule["from"]:
                open_to[policy["metadata"]["name"]] = [port["port"] for port in rule["ports"]]
    assert open_to == {"retail-forecast-orchestrator": [3000], "retail-forecast-serving": [8000]}


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


def test_without_the_operator_in_the_chart_one_in_another_namespace_is_let_through() -> None:
    objects = render("prod", {"kuberay-operator": {"enabled": False}})
    policy = named(objects, "NetworkPolicy", "retail-forecast-serving")
    peers = [peer for rule in policy["spec"]["ingress"] for peer in rule["from"] if "namespaceSelector" in peer]
    assert peers == [{"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}]
