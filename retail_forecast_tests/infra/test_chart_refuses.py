"""What schema and chart refuse, and whether they name the culprit."""

from __future__ import annotations

import json
from typing import Any

import pytest

helm_python = pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast.settings import Settings  # noqa: E402
from retail_forecast_tests.infra.chart import CHART, given, read_yaml, render, render_files  # noqa: E402


@pytest.mark.parametrize(
    ("overrides", "culprit"),
    [
        ({"servee": {"minReplicas": 2}}, "servee"),
        ({"serve": {"minReplica": 2}}, "minReplica"),
        ({"serve": {"minReplicas": 1}}, "minReplicas"),
        ({"ray": {"worker": {"memory": "4GB"}}}, "memory"),
        ({"ray": {"worker": {"minReplica": 3}}}, "minReplica"),
        ({"ray": {"headFaultTolerance": {"redisAdress": "a:6379"}}}, "redisAdress"),
        ({"ingress": {"api": {"scheme": "public"}}}, "scheme"),
        ({"ingress": {"oidc": {"issuer": "http://login.example.com"}}}, "issuer"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"tags": "1"}}, "tags"),
        ({"settings": {"lake_ulr": "s3://bucket/lake"}}, "lake_ulr"),
        ({"settings": {"home": "/elsewhere"}}, "home"),
        ({"settings": {"log_format": "yaml"}}, "log_format"),
        ({"settings": {"auth": False}}, "auth"),
        ({"codeServer": {"resources": {"limit": {"cpu": "1"}}}}, "limit"),
        ({"networkPolicy": {"databaseCidrs": ["the database"]}}, "databaseCidrs"),
    ],
)
def test_a_value_that_is_misspelt_or_impossible_is_refused_by_its_name(overrides: dict[str, Any], culprit: str) -> None:
    with pytest.raises(helm_python.HelmError, match=culprit):
        render("prod", overrides)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"settings": {"lake_url": ""}}, "settings.lake_url is missing.*terraform output -raw helm_values"),
        ({"ingress": {"certificateArn": ""}}, "ingress.api.host is set without ingress.certificateArn"),
        ({"ingress": {"oidc": {"issuer": ""}}}, "ingress.ui.host is set without ingress.oidc.issuer"),
        ({"settings": {"auth": "oidc"}}, "settings.auth is oidc, which needs settings.oidc_issuer"),
        ({"serve": {"minReplicas": 20}}, r"serve.minReplicas \(20\) is more than serve.maxReplicas \(16\)"),
        ({"ray": {"worker": {"minReplicas": 9}}}, r"ray.worker.minReplicas \(9\) is more than .* \(6\)"),
        ({"settings": {"executor": "process"}}, "only a run whose steps are Jobs of their own can be resumed"),
        ({"image": {"tag": "other"}}, "dagster.dagsterWebserver.image is .*0123abc, the code server runs .*other"),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_the_way_out(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(helm_python.HelmError, match=said):
        render("prod", overrides)


def test_another_namespace_is_refused_since_no_workload_identity_is_bound_to_it() -> None:
    with pytest.raises(helm_python.HelmError, match="bound to namespace retail-forecast, not default"):
        render_files(given("prod"), namespace="default")


def test_every_setting_of_the_platform_can_be_given_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    names = set(schema["properties"]["settings"]["propertyNames"]["enum"])
    # the chart says these itself; the key is a Secret's
    own = {"home", "dataset_file", "kubernetes_namespace", "rayservice", "auth_keys_file", "api_key"}
    assert names == set(Settings.model_fields) - own


def test_the_schema_knows_every_value_of_the_chart() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) == {*read_yaml(CHART / "values.yaml"), "global"}
    assert schema["additionalProperties"] is False


def open_objects(schema: Any, path: str = "") -> list[str]:
    """Paths of the objects that take keys unknown to the schema, and say nothing of what is in them."""
    if not isinstance(schema, dict):
        return []
    here = [path] if schema.get("type") == "object" and "additionalProperties" not in schema else []
    return here + [found for key, value in schema.items() for found in open_objects(value, f"{path}/{key}")]


def test_only_objects_that_are_somebody_elses_take_unknown_keys() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert open_objects(schema) == [
        "/properties/global",
        "/properties/dataset",
        "/properties/dagster",
        "/properties/kuberay-operator",
        "/$defs/tolerations/items",
    ]
