"""What Terraform tells the chart is what the chart asks for: it renders, and every setting is one of the platform."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="the extra infra: make infra-test")

from retail_forecast.settings import load_settings
from retail_forecast_tests.infra.chart import CHART, merged, objects_in, read_yaml, render_files
from retail_forecast_tests.infra.planned import planned_output

IMAGE_TAGS = {
    "image": {"tag": "0123abc"},
    "dagster": {part: {"image": {"tag": "0123abc"}} for part in ("dagsterWebserver", "dagsterDaemon")},
}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    text = planned_output("helm_values", "names", "the_chart_is_told_what_only_the_account_knows")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_chart_renders_with_what_terraform_says(environment: str, values: dict[str, Any]) -> None:
    given = merged(merged(read_yaml(CHART / f"values-{environment}.yaml"), values), IMAGE_TAGS)
    kinds = [one["kind"] for one in objects_in(render_files(given))]
    assert kinds.count("RayService") == 1
    assert kinds.count("Ingress") == 2


def test_every_setting_that_terraform_gives_is_one_of_the_platform(values: dict[str, Any]) -> None:
    settings = load_settings(**values["settings"])
    assert settings.model_fields_set == values["settings"].keys()
    assert settings.trainer == "sagemaker"
    assert settings.training_tags is not None
    assert "Project=retail-forecast" in settings.training_tags


def test_ray_workers_alone_run_on_nodes_that_may_be_taken_away(values: dict[str, Any]) -> None:
    assert values["ray"]["worker"]["nodeSelector"] == {"retail-forecast/pool": "workers"}
    assert values["ray"]["worker"]["tolerations"][0]["value"] == "workers"
    assert values["ray"]["head"]["nodeSelector"] == {"retail-forecast/pool": "system"}
