"""The RayService: what Ray Serve is told, and what stays up when something goes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast.serving.config import SHORTCUT, DeploymentConfig, ServeConfig, UserConfig, check_serve_config
from retail_forecast.serving.packing import write_pack
from retail_forecast.serving.pressure import LOOKUPS_UNDER_WAY
from retail_forecast.serving.rayservice import RayService
from retail_forecast.serving.security.policy import auth_mode
from retail_forecast.serving.state import ServingState
from retail_forecast.settings import Settings
from retail_forecast_tests.infra.chart import (
    ENVIRONMENTS,
    Object,
    amount,
    containers,
    effective,
    named,
    of_kind,
    pods,
    render,
    rendered,
    selects,
)

QUANTILES = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)


def spec_of(environment: str) -> Object:
    """The RayService's specification."""
    found: Object = named(rendered(environment), "RayService", "retail-forecast")["spec"]
    return found


def serve_config(environment: str) -> dict[str, Any]:
    """What Ray Serve is told."""
    found: dict[str, Any] = yaml.safe_load(spec_of(environment)["serveConfigV2"])
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_ray_takes_the_serve_configuration_and_ours_knows_every_key_of_it(environment: str) -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="the extra serving")
    schema.ServeDeploySchema.model_validate(serve_config(environment))
    config = check_serve_config(serve_config(environment))
    assert isinstance(config, ServeConfig)
    assert config.http_options.host == "0.0.0.0"


def test_no_vintage_is_in_the_manifest_so_that_no_rollback_brings_back_old_forecasts() -> None:
    told = {environment: serve_config(environment)["applications"][0]["deployments"][0]["user_config"]
            for environment in ENVIRONMENTS}  # fmt: skip
    assert told["prod"] == {"lake_url": "s3://retail-forecast-test-lake/lake", "required": True}
    assert told["laptop"] == {"lake_url": "file:///var/lib/retail-forecast/lake", "required": True}


def test_replicas_that_run_keep_what_they_serve_when_an_upgrade_tells_them_no_vintage() -> None:
    served: Any = SimpleNamespace(vintage=SimpleNamespace(id="2024-05-01-3f2a91c07d"), provenance={})
    state = ServingState(load=lambda lake_url, vintage: served)
    state.switch({"lake_url": "s3://retail-forecast-test-lake/lake", "vintage": "2024-05-01-3f2a91c07d"})
    state.switch(serve_config("prod")["applications"][0]["deployments"][0]["user_config"])
    assert state.active is served
    assert state.error is None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_platform_can_change_what_the_chart_made(environment: str) -> None:
    service = RayService(named(rendered(environment), "RayService", "retail-forecast"))
    changed = service.changed(UserConfig(vintage="v2", lake_url="s3://b/lake"), service.scale)
    patch = service.patch(changed, "registry/retail-forecast/serving:2")
    replaced = {one["path"]: one["value"] for one in patch if one["op"] == "replace"}
    pods = "/spec/rayClusterConfig/{}/template/spec/containers/0/image"
    assert {replaced[pods.format(group)] for group in ("headGroupSpec", "workerGroupSpecs/0")} == {
        "registry/retail-forecast/serving:2"
    }
    (told,) = check_serve_config(yaml.safe_load(replaced["/spec/serveConfigV2"])).applications[0].deployments
    assert told.user_config.vintage == "v2"
    assert told.autoscaling_config == changed.applications[0].deployments[0].autoscaling_config


@pytest.mark.parametrize(("environment", "least", "most"), [("dev", 2, 2), ("prod", 4, 16), ("laptop", 2, 2)])
def test_replicas_range_from_floor_to_ceiling(environment: str, least: int, most: int) -> None:
    deployment = check_serve_config(serve_config(environment)).applications[0].deployments[0]
    if least == most:
        assert (deployment.num_replicas, deployment.autoscaling_config) == (least, None)
    else:
        assert deployment.autoscaling_config is not None
        assert "num_replicas" not in serve_config(environment)["applications"][0]["deployments"][0]
        assert (deployment.autoscaling_config.min_replicas, deployment.autoscaling_config.max_replicas) == (least, most)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_workers_at_the_floor_have_room_for_the_least_replicas_and_at_the_ceiling_for_the_most(
    environment: str,
) -> None:
    values = effective(environment)
    serve, worker = values["serve"], values["ray"]["worker"]
    per_worker = int(float(worker["cpu"]) / serve["cpusPerReplica"])
    assert worker["minReplicas"] * per_worker >= serve["minReplicas"]
    assert worker["maxReplicas"] * per_worker >= serve["maxReplicas"]
    assert serve["minReplicas"] >= worker["minReplicas"]  # a worker without a replica would never be ready


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_serve_lets_in_what_it_does_elsewhere_and_more_than_a_replica_refuses_by_itself(environment: str) -> None:
    told = check_serve_config(serve_config(environment)).applications[0].deployments[0]
    usual = DeploymentConfig()
    for name in ("max_ongoing_requests", "max_queued_requests", "backpressure_config"):
        assert getattr(told, name) == getattr(usual, name)
    assert told.max_ongoing_requests > LOOKUPS_UNDER_WAY


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_half_of_tmp_holds_what_two_vintages_of_300_000_series_are_answered_from(
    environment: str, tmp_path: Path
) -> None:
    write_pack(tmp_path, vintage_of(100, tmp_path / "forecasts.parquet"), QUANTILES)
    a_series = sum(one.stat().st_size for one in tmp_path.iterdir() if one.suffix != ".parquet") / 100
    worker = spec_of(environment)["rayClusterConfig"]["workerGroupSpecs"][0]["template"]["spec"]
    (tmp,) = [one["emptyDir"]["sizeLimit"] for one in worker["volumes"] if one["name"] == "tmp"]
    assert 2 * 300_000 * a_series <= amount(tmp) / 2


def vintage_of(series: int, path: Path) -> Path:
    """Forecasts of 28 days, in the order of series."""
    random = np.random.default_rng(1)
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(28)]
    items = pl.DataFrame({"item_id": [f"FOODS_1_{n:03}" for n in range(series)]})
    rows = items.join(pl.DataFrame({"date": days, "lead": range(1, 29)}), how="cross")
    values = np.sort(random.gamma(2, 20, (rows.height, len(QUANTILES))), axis=1)
    named = {f"q{quantile:g}": values[:, n] for n, quantile in enumerate(QUANTILES)}
    told = {"store_id": pl.lit("CA_1"), "basis": pl.lit("own"), "spread": pl.lit(1.0)}
    rows.with_columns(
        **told, mean=pl.Series(values[:, 4]), **{k: pl.Series(v) for k, v in named.items()}
    ).write_parquet(path)
    return path


def test_every_container_of_ray_serves_through_haproxy() -> None:
    of_ray = {who: one for who, one in containers(rendered("prod")) if who.startswith("RayService")}
    assert len(of_ray) == 3  # head, autoscaler, worker
    for container in of_ray.values():
        env = {one["name"]: one.get("value") for one in container["env"]}
        assert (env["RAY_SERVE_ENABLE_HA_PROXY"], env["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("1", "1")
        assert env["RAY_SERVE_HAPROXY_RETRY_ON"] == "conn-failure empty-response"  # a replica that dies loses nothing
        assert env.items() >= SHORTCUT.items()
        assert env["RAY_USAGE_STATS_ENABLED"] == "0"


def test_the_head_can_be_lost() -> None:
    cluster = spec_of("prod")["rayClusterConfig"]
    assert cluster["gcsFaultToleranceOptions"] == {"redisAddress": "retail-forecast-redis:6379"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec_of("prod")["excludeHeadPodFromServeSvc"] is True
    assert named(rendered("prod"), "StatefulSet", "retail-forecast-redis")


def test_ray_asks_for_the_token_that_the_orchestrator_is_given() -> None:
    assert spec_of("prod")["rayClusterConfig"]["authOptions"] == {"mode": "token", "secretName": "retail-forecast-ray"}
    assert spec_of("dev")["rayClusterConfig"]["authOptions"] == {"mode": "disabled"}
    (code,) = [one for who, one in containers(rendered("prod")) if who.endswith("/code-server")]
    (token,) = [one["valueFrom"]["secretKeyRef"] for one in code["env"] if one["name"] == "RAY_AUTH_TOKEN"]
    assert token == {"name": "retail-forecast-ray", "key": "auth_token", "optional": True}
    dagster = effective("prod")["dagster"]
    run = dagster["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["containerConfig"]
    for env in (dagster["dagsterDaemon"]["env"], run["env"]):
        assert {"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": token}} in env


def test_the_api_asks_for_keys_that_come_from_a_secret_as_hashes_alone() -> None:
    for who, pod in pods(rendered("prod")):
        if not who.startswith("RayService"):
            continue
        (container,) = pod["spec"]["containers"]
        env = {one["name"]: one["value"] for one in container["env"]}
        (volume,) = [one["secret"] for one in pod["spec"]["volumes"] if one["name"] == "api-keys"]
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "api-keys"]
        assert env["RETAIL_FORECAST_AUTH"] == "keys"
        assert env["RETAIL_FORECAST_AUTH_KEYS_FILE"] == f"{mount['mountPath']}/keys.json"
        assert mount["readOnly"]
        assert volume["items"] == [{"key": "keys.json", "path": "keys.json"}]  # not the platform's own key
        assert "RETAIL_FORECAST_API_KEY" not in env


def test_replicas_of_every_environment_know_whom_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    oidc = {
        "oidc_issuer": "https://id.example.com",
        "oidc_audience": "forecasts",
        "oidc_jwks_url": "https://id.example.com/k",
    }
    told = {one: rendered(one) for one in ENVIRONMENTS}
    told["oidc"] = tuple(render("prod", {"settings": {"auth": "keys,oidc", "rate_burst": 50, **oidc}}))
    modes = {}
    for name, objects in told.items():
        (worker,) = [one for who, one in containers(objects) if who.endswith("/ray-worker")]
        with monkeypatch.context() as patch:
            for one in worker["env"]:
                patch.setenv(one["name"], one["value"])
            settings = Settings()
            modes[name] = auth_mode(settings)
    assert modes == {"dev": "keys", "prod": "keys", "laptop": "off", "oidc": "keys,oidc"}
    assert (settings.rate_limit, settings.rate_burst, settings.forwarded_hops) == (200, 50, 1)
    assert settings.public_api_url == "https://forecasts.example.com"


def test_a_redis_of_ones_own_takes_the_place_of_the_charts() -> None:
    fault = {"redisAddress": "rediss://cache.example.com:6379", "passwordSecret": "cache"}
    objects = render("prod", {"ray": {"headFaultTolerance": fault}})
    cluster = named(objects, "RayService", "retail-forecast")["spec"]["rayClusterConfig"]
    assert cluster["gcsFaultToleranceOptions"] == {
        "redisAddress": "rediss://cache.example.com:6379",
        "redisPassword": {"valueFrom": {"secretKeyRef": {"name": "cache", "key": "password"}}},
    }
    assert of_kind(objects, "StatefulSet") == []


def test_ray_scales_its_workers_itself_between_floor_and_ceiling() -> None:
    cluster = spec_of("prod")["rayClusterConfig"]
    (group,) = cluster["workerGroupSpecs"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (3, 3, 6)


@pytest.mark.parametrize(("environment", "when"), [("dev", "ScheduleAnyway"), ("prod", "DoNotSchedule")])
def test_workers_are_spread_over_zones_and_nodes(environment: str, when: str) -> None:
    (group,) = spec_of(environment)["rayClusterConfig"]["workerGroupSpecs"]
    template = group["template"]
    constraints = template["spec"]["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {one["whenUnsatisfiable"] for one in constraints} == {when}
    assert all(selects(one["labelSelector"], template["metadata"]["labels"]) for one in constraints)


def test_head_and_code_server_are_on_nodes_that_stay_and_workers_on_spare_capacity() -> None:
    pools = {
        who: pod["spec"].get("nodeSelector", {}).get("retail-forecast/pool") for who, pod in pods(rendered("prod"))
    }
    assert pools == {
        "Deployment/retail-forecast-code": "system",
        "RayService/retail-forecast/head": "system",
        "RayService/retail-forecast/replicas": "workers",
        "StatefulSet/retail-forecast-redis": "system",
        "Pod/retail-forecast-smoke": None,
    }
    (group,) = spec_of("prod")["rayClusterConfig"]["workerGroupSpecs"]
    assert [one["value"] for one in group["template"]["spec"]["tolerations"]] == ["workers"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_drained_node_takes_one_worker_at_a_time(environment: str) -> None:
    budget = named(rendered(environment), "PodDisruptionBudget", "retail-forecast-workers")["spec"]
    (group,) = spec_of(environment)["rayClusterConfig"]["workerGroupSpecs"]
    assert budget["minAvailable"] == group["minReplicas"] - 1 >= 1  # a whole number: a RayCluster cannot be scaled
    chosen = [who for who, pod in pods(rendered(environment)) if selects(budget["selector"], pod["metadata"]["labels"])]
    assert chosen == ["RayService/retail-forecast/replicas"]


def test_in_production_everything_that_a_request_passes_through_is_there_twice_and_has_a_budget() -> None:
    values = effective("prod")
    assert values["dagster"]["dagsterWebserver"]["replicaCount"] >= 2
    assert values["serve"]["minReplicas"] >= 2
    budgets = {one["metadata"]["name"] for one in of_kind(rendered("prod"), "PodDisruptionBudget")}
    assert budgets == {
        "retail-forecast-workers",
        "retail-forecast-dagster-webserver",
        "retail-forecast-dagster-webserver-read-only",
    }


def test_webservers_scale_by_their_processor() -> None:
    scalers = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in
               of_kind(rendered("prod"), "HorizontalPodAutoscaler")}  # fmt: skip
    assert set(scalers) == {"retail-forecast-dagster-webserver", "retail-forecast-dagster-webserver-read-only"}
    assert {(one["minReplicas"], one["maxReplicas"]) for one in scalers.values()} == {(2, 4)}
    assert of_kind(rendered("dev"), "HorizontalPodAutoscaler") == []


def test_the_load_balancer_asks_whether_a_node_is_ready_and_hides_the_metrics() -> None:
    ingress = named(rendered("prod"), "Ingress", "retail-forecast-api")
    notes = ingress["metadata"]["annotations"]
    assert notes["alb.ingress.kubernetes.io/healthcheck-path"] == "/readyz"
    assert notes["alb.ingress.kubernetes.io/target-type"] == "ip"
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    assert [(path["path"], path["backend"]["service"]["name"]) for path in paths] == [
        ("/metrics", "not-found"),
        ("/", "retail-forecast-serve-svc"),
    ]
    action = json.loads(notes["alb.ingress.kubernetes.io/actions.not-found"])
    assert action["fixedResponseConfig"]["statusCode"] == "404"


def test_probes_go_to_paths_that_the_application_and_ray_have() -> None:
    head, worker = (pod["spec"]["containers"][0] for who, pod in pods(rendered("prod")) if who.startswith("RayService"))
    probes = {(name, kind): one[f"{kind}Probe"]["httpGet"] for name, one in (("head", head), ("worker", worker))
              for kind in ("startup", "liveness", "readiness")}  # fmt: skip
    raylet = {"path": "/api/local_raylet_healthz", "port": 52365}
    assert {tuple(sorted(one.items(), key=str)) for key, one in probes.items() if key[1] != "readiness"} == {
        tuple(sorted(raylet.items(), key=str))
    }
    assert probes["head", "readiness"] == {"path": "/api/gcs_healthz", "port": 8265}
    assert probes["worker", "readiness"] == {"path": "/-/healthz", "port": 8000}


def test_a_pod_that_goes_waits_until_the_load_balancer_knows() -> None:
    notes = named(rendered("prod"), "Ingress", "retail-forecast-api")["metadata"]["annotations"]
    (deregistration,) = [
        int(one.split("=")[1])
        for one in notes["alb.ingress.kubernetes.io/target-group-attributes"].split(",")
        if one.startswith("deregistration_delay")
    ]
    for who, pod in pods(rendered("prod")):
        if who.startswith("RayService"):
            (container,) = pod["spec"]["containers"]
            waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert deregistration <= waits < pod["spec"]["terminationGracePeriodSeconds"]
