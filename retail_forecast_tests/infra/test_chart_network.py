"""Who reaches whom: closed networks with the doors that are needed, in every environment."""

from __future__ import annotations

import pytest

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast_tests.infra.chart import (
    ENVIRONMENTS,
    OPERATOR,
    RUN,
    effective,
    named,
    of_kind,
    pods,
    render,
    rendered,
    selects,
)


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


def test_without_the_operator_in_the_chart_one_in_another_namespace_is_let_through() -> None:
    objects = render("prod", {"kuberay-operator": {"enabled": False}})
    policy = named(objects, "NetworkPolicy", "retail-forecast-serving")
    peers = [peer for rule in policy["spec"]["ingress"] for peer in rule["from"] if "namespaceSelector" in peer]
    assert peers == [{"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}]
