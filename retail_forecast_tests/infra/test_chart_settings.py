"""The settings and the dataset that the chart hands to the platform."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast.dataset import parse_dataset
from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings
from retail_forecast_tests.infra.chart import ENVIRONMENTS, containers, named, pods, render, rendered

DATASET = {
    "name": "corner-shops",
    "frequency": "1d",
    "horizon": 28,
    "start_date": "2024-01-01",
    "tables": {"sales": {"columns": {"store_id": "shop", "item_id": "sku"}}},
}


def settings_of(objects: Any) -> dict[str, str]:
    """The environment that the ConfigMap makes."""
    found: dict[str, str] = named(objects, "ConfigMap", "retail-forecast-settings")["data"]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_variable_is_a_setting_and_its_value_is_taken(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings_of(rendered(environment))
    for _, container in containers(rendered(environment)):
        given = [one for one in container.get("env", []) if one["name"].startswith(ENVIRONMENT_PREFIX)]
        told |= {one["name"]: one.get("value", "from a Secret") for one in given}
    names = {name.removeprefix(ENVIRONMENT_PREFIX).lower(): value for name, value in told.items()}
    assert set(names) <= set(Settings.model_fields)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert Settings().model_fields_set == set(names)


def test_the_endpoint_asset_finds_the_rayservice_of_this_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of(rendered("prod")).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    service = named(rendered("prod"), "RayService", settings.rayservice)
    assert settings.endpoint == "kuberay"
    assert settings.api_url == f"http://{service['metadata']['name']}-serve-svc.retail-forecast:8000"
    assert settings.public_api_url == "https://forecasts.example.com"
    assert settings.run_url("1") == "https://dagster.example.com/runs/1"


def test_sagemaker_is_given_the_images_of_the_same_tag() -> None:
    told = settings_of(rendered("prod"))
    registry = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast"
    assert told["RETAIL_FORECAST_TRAINING_IMAGE"] == f"{registry}/training:0123abc"
    assert told["RETAIL_FORECAST_INFERENCE_IMAGE"] == f"{registry}/serving:0123abc"
    own = settings_of(render("prod", {"settings": {"training_image": "elsewhere:1"}}))
    assert own["RETAIL_FORECAST_TRAINING_IMAGE"] == "elsewhere:1"
    assert "RETAIL_FORECAST_TRAINING_IMAGE" not in settings_of(rendered("laptop"))


def test_numbers_and_switches_of_yaml_arrive_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"training_spot": False, "shard_rows": 3000000, "retrain_changed_share": 0.1, "workers": 4}
    for name, value in settings_of(render("prod", {"settings": told})).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert {name: getattr(settings, name) for name in told} == told


def test_a_dataset_is_mounted_where_the_settings_name_it() -> None:
    objects = render("prod", {"dataset": DATASET})
    text = named(objects, "ConfigMap", "retail-forecast-dataset")["data"]["dataset.yaml"]
    assert parse_dataset(yaml.safe_load(text)).name == "corner-shops"
    (code,) = [pod for who, pod in pods(objects) if who == "Deployment/retail-forecast-code"]
    (volume,) = [one["name"] for one in code["spec"]["volumes"] if "configMap" in one]
    mounts = {one["name"]: one["mountPath"] for one in code["spec"]["containers"][0]["volumeMounts"]}
    assert settings_of(objects)["RETAIL_FORECAST_DATASET_FILE"] == f"{mounts[volume]}/dataset.yaml"


def test_without_a_dataset_none_is_named() -> None:
    assert "RETAIL_FORECAST_DATASET_FILE" not in settings_of(rendered("laptop"))
    assert not named(rendered("laptop"), "ConfigMap", "retail-forecast-dataset").get("data")
