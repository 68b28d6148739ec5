"""Alarms, dashboard and runbooks speak of what the product measures, and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from retail_forecast.settings import Settings
from retail_forecast.telemetry import catalogue
from retail_forecast_tests.infra.planned import Resource, planned
from retail_forecast_tests.infra.terraform import ROOT

NAMESPACE = Settings.model_fields["metrics_namespace"].default
MEASURED = {metric.name: set(metric.dimensions) for metric in catalogue.CATALOGUE}
OF_AWS = {
    "AWS/Events": {"RuleName"},
    "AWS/RDS": {"DBInstanceIdentifier"},
    "AWS/SQS": {"QueueName"},
    "ContainerInsights": {"ClusterName"},
}
DOCUMENTED = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")


def alarms() -> dict[str, Resource]:
    """Name without the environment to alarm."""
    found = planned("aws_cloudwatch_metric_alarm").values()
    return {alarm["alarm_name"].removeprefix("retail-forecast-prod-"): alarm for alarm in found}


def dataset() -> str:
    name: str = json.loads((ROOT / "terraform" / "datasets" / "corner-shop.json").read_text())["dataset"]
    return name


def watched(alarm: Resource) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, metric and dimensions of everything that an alarm looks at."""
    if alarm["metric_name"]:
        yield alarm["namespace"], alarm["metric_name"], alarm["dimensions"]
    for query in alarm["metric_query"]:
        for metric in query["metric"]:
            yield metric["namespace"], metric["metric_name"], metric["dimensions"]
        yield from selected(query["expression"] or "")


def selected(expression: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The same of a question in CloudWatch's SQL; a dimension that is not asked for has the value *."""
    for metric, namespace, names in re.findall(r'SELECT \w+\((\w+)\) FROM SCHEMA\("(\w+)", ([\w, ]+)\)', expression):
        asked = dict(re.findall(r"(\w+) = '([^']+)'", expression))
        yield namespace, metric, {name: asked.get(name, "*") for name in names.split(", ")}


def charted() -> Iterator[tuple[str, set[str]]]:
    """Metric and dimensions of everything of ours on the dashboard."""
    (dashboard,) = planned("aws_cloudwatch_dashboard").values()
    for widget in json.loads(dashboard["dashboard_body"])["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                (found,) = re.findall(r'SEARCH\(\'\{(\w+),([\w,]+)\} MetricName="(\w+)"', metric[0]["expression"])
                yield found[2], set(found[1].split(","))
            elif metric[0] == NAMESPACE:
                yield metric[1], set(metric[2::2])


def test_alarms_look_at_metrics_that_the_product_writes_under_their_dimensions() -> None:
    ours = [
        (metric, set(found)) for one in alarms().values() for space, metric, found in watched(one) if space == NAMESPACE
    ]
    assert len(ours) >= 12
    assert [one for one in ours if MEASURED.get(one[0]) != one[1]] == []
    assert [metric for metric, _ in ours if f"| `{metric}` |" not in DOCUMENTED] == []


def test_alarms_are_about_the_dataset_that_is_described() -> None:
    names = {found["Dataset"] for one in alarms().values() for space, _, found in watched(one) if space == NAMESPACE}
    assert names == {dataset()}


def test_other_alarms_look_at_metrics_of_aws_under_its_dimensions() -> None:
    others = [
        (space, set(found)) for one in alarms().values() for space, _, found in watched(one) if space != NAMESPACE
    ]
    assert {space for space, _ in others} == OF_AWS.keys()
    assert [one for one in others if OF_AWS[one[0]] != one[1]] == []


def test_what_must_not_go_wrong_unseen_has_an_alarm() -> None:
    seen = {metric for alarm in alarms().values() for _, metric, _ in watched(alarm)}
    must = {catalogue.FRESHNESS, catalogue.FAILED_RUNS, catalogue.FAILED_CHECKS, catalogue.WRMSSE, catalogue.DRIFT}
    must |= {catalogue.LATENCY_P99, catalogue.ERRORS, catalogue.READY, catalogue.REJECTED}
    assert {metric.name for metric in must} - seen == set()
    assert {"ApproximateAgeOfOldestMessage", "cluster_failed_node_count", "FreeStorageSpace"} <= seen


def test_every_alarm_tells_the_topic_when_it_rises_and_when_it_is_over() -> None:
    (policy,) = planned("aws_sns_topic_policy").values()
    silent = {name for name, one in alarms().items() if one["alarm_actions"] != [policy["arn"]] != one["ok_actions"]}
    assert silent == set()
    assert all(alarm["actions_enabled"] is not False for alarm in alarms().values())


def test_the_dashboard_shows_metrics_that_the_product_writes() -> None:
    shown = dict(charted())
    assert [name for name, found in shown.items() if MEASURED.get(name) != found] == []
    assert MEASURED.keys() - shown.keys() == set()


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    sections = re.findall(r"^### ([a-z-]+)$", RUNBOOKS, re.MULTILINE)
    assert len(sections) == len(set(sections))
    assert set(sections) == alarms().keys()


def test_every_alarm_names_its_runbook() -> None:
    assert [
        name for name, one in alarms().items() if not one["alarm_description"].endswith(f"docs/runbooks.md#{name}")
    ] == []
