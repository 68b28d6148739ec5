"""What the official Dagster chart makes of our values: instance settings, the workspace and the Jobs of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")
kubernetes = pytest.importorskip("kubernetes", reason="the extra k8s: make infra-test")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the extra infra: make infra-test")
dagster_k8s = pytest.importorskip("dagster_k8s", reason="the extra k8s: make infra-test")
jsonschema = pytest.importorskip("jsonschema", reason="the extra infra: make infra-test")
for module in ("dagster_postgres", "dagster_aws"):
    pytest.importorskip(module, reason="the extras k8s and aws: make infra-test")

import dagster as dg  # noqa: E402
from dagster._config import process_config, resolve_to_config_type  # noqa: E402
from dagster._core.instance.config import dagster_instance_config  # noqa: E402
from dagster._serdes.config_class import ConfigurableClassData, class_from_code_pointer  # noqa: E402
from dagster_k8s.client import DagsterKubernetesClient  # noqa: E402
from dagster_k8s.container_context import K8sContainerContext  # noqa: E402
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job  # noqa: E402

from retail_forecast_tests.infra.chart import (  # noqa: E402
    ENVIRONMENTS,
    KUBERNETES,
    RESTRICTED,
    RUN,
    SHARED,
    Object,
    effective,
    named,
    needs,
    render,
    rendered,
)
from retail_forecast_tests.infra.dagster_chart import (  # noqa: E402
    followed_instance,
    official_chart,
    rendered_instance,
)

CONFIGURABLE = (
    "run_storage",
    "event_log_storage",
    "schedule_storage",
    "run_launcher",
    "run_coordinator",
    "compute_logs",
)


def instance(environment: str, scratch: Path) -> Object:
    """dagster.yaml: the official chart's where it is at hand."""
    chart = official_chart(scratch)
    return rendered_instance(environment, chart) if chart else followed_instance(environment)


def without_required(schema: Any) -> Any:
    """The schema of a part of the values; the official chart has defaults for the rest."""
    if isinstance(schema, list):
        return [without_required(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: without_required(one) for key, one in schema.items() if not (key == "required" and type(one) is list)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_our_values_are_valid_by_the_official_charts_own_schema(environment: str) -> None:
    schema = SHARED / "dagster-chart-1.12-values.schema.json"
    if not schema.exists():
        pytest.skip(f"the official chart's schema is not here: {schema}")
    validator = jsonschema.Draft202012Validator(without_required(json.loads(schema.read_text())))
    values = {key: value for key, value in effective(environment)["dagster"].items() if key != "enabled"}
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(values)] == []
    assert set(values) <= set(validator.schema["properties"])  # it lets unknown sections pass


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_mapping_that_these_tests_follow_is_the_official_charts(environment: str, tmp_path: Path) -> None:
    chart = official_chart(tmp_path)
    if chart is None:
        pytest.skip(
            "the official Dagster chart is not here: helm dependency update helm/retail-forecast, or DAGSTER_CHART"
        )
    found, expected = rendered_instance(environment, chart), followed_instance(environment)
    coordinator = found["run_coordinator"]["config"]
    assert expected["run_coordinator"]["config"].items() <= coordinator.items()  # beside the chart's own defaults
    ours = {key: value for key, value in expected.items() if key != "run_coordinator"}
    assert {key: found.get(key) for key in ours} == ours


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_dagster_takes_the_instance_settings(environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "unused")
    settings = instance(environment, tmp_path)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    loaded, _ = dagster_instance_config(str(tmp_path))
    assert loaded["run_retries"] == {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}
    assert loaded["concurrency"]["runs"]["max_concurrent_runs"] == 3
    for name in CONFIGURABLE:
        data = ConfigurableClassData(settings[name]["module"], settings[name]["class"], "")
        configured: Any = class_from_code_pointer(data.module_name, data.class_name)
        result = process_config(resolve_to_config_type(configured.config_type()), settings[name].get("config", {}))
        assert result.success, f"{name}: {result.errors}"


def test_settings_that_dagster_does_not_know_would_be_noticed(tmp_path: Path) -> None:
    settings = {**instance("prod", tmp_path), "run_retry": {"enabled": True}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(dg.DagsterInvalidConfigError, match="run_retry"):
        dagster_instance_config(str(tmp_path))


def job_of_a_run(environment: str, scratch: Path, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str]) -> Object:
    """The Job that the run launcher makes for a run with these tags."""
    monkeypatch.setattr(DagsterKubernetesClient, "production_client", lambda *args, **kwargs: None)
    monkeypatch.setattr(kubernetes.config, "load_incluster_config", lambda: None)
    config: dict[str, Any] = instance(environment, scratch)["run_launcher"]["config"]
    launcher = dagster_k8s.K8sRunLauncher(**config)
    run = dg.DagsterRun(job_name="retrain", run_id="0" * 32, tags=tags)
    context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=True)
    job_config: DagsterK8sJobConfig = context.get_k8s_job_config("orchestrator:1", launcher)
    job = construct_dagster_k8s_job(
        job_config, ["dagster", "api", "execute_run"], "dagster-run", context.run_k8s_config, component="run_worker"
    )
    found: Object = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_pod_of_a_run_is_valid_restricted_and_knows_its_settings(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of_a_run(environment, tmp_path, monkeypatch, {})
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"] == RESTRICTED
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["serviceAccountName"] == "retail-forecast-orchestrator"
    assert RUN.items() <= pod["metadata"]["labels"].items()
    assert all(0 < request <= limit for request, limit in needs(container))
    assert {"configMapRef": {"name": "retail-forecast-settings"}} in container["envFrom"]
    secrets = {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one}
    assert secrets == {"retail-forecast-database", "retail-forecast-ray", "retail-forecast-api-keys"}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["spec"]["volumes"]}
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400


def test_a_run_may_ask_for_more_by_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"requests": {"cpu": "8", "memory": "32Gi"}, "limits": {"cpu": "8", "memory": "32Gi"}}
    tag = {"dagster-k8s/config": json.dumps({"container_config": {"resources": wanted}})}
    (container,) = job_of_a_run("prod", tmp_path, monkeypatch, tag)["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == wanted
    assert container["securityContext"] == RESTRICTED


def test_runs_are_on_nodes_that_stay_and_are_not_moved_to_save_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = job_of_a_run("prod", tmp_path, monkeypatch, {})["spec"]["template"]
    assert pod["spec"]["nodeSelector"] == {"retail-forecast/pool": "system"}
    assert pod["metadata"]["annotations"] == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_workspace_names_the_code_server_and_its_port(environment: str) -> None:
    (server,) = effective(environment)["dagster"]["dagsterWebserver"]["workspace"]["servers"]
    service = named(rendered(environment), "Service", server["host"])
    deployment = named(rendered(environment), "Deployment", "retail-forecast-code")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [port["port"] for port in service["spec"]["ports"]] == [server["port"]]
    assert [port["containerPort"] for port in container["ports"]] == [server["port"]]
    assert container["args"][container["args"].index("--module-name") + 1] == "retail_forecast.definitions"


def test_a_changed_instance_or_setting_rolls_the_code_server() -> None:
    def notes(overrides: dict[str, Any]) -> dict[str, str]:
        deployment = named(render("prod", overrides), "Deployment", "retail-forecast-code")
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    before = notes({})
    assert notes({}) == before
    for overrides in ({"dagster": {"concurrency": {"runs": {"maxConcurrentRuns": 4}}}}, {"settings": {"workers": 3}}):
        assert notes(overrides) != before
