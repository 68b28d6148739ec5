"""The RayService: what Ray Serve is told, and what stays up when something goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")

from retail_forecast.serving.config import ServeConfig, check_serve_config
from retail_forecast_tests.infra.chart import (
    CHART,
    ENVIRONMENTS,
    Object,
    containers,
    effective,
    given,
    named,
    objects_in,
    of_kind,
    pods,
    render,
    render_files,
    rendered,
    selects,
)


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


def serve_config_beside(live: str, scratch: Path, overrides: Object | None = None) -> str:
    """What an upgrade tells Ray Serve while the cluster has a RayService that is told `live`."""
    chart = scratch / "chart"
    shutil.copytree(CHART, chart)
    template = chart / "templates" / "_serve-config.tpl"
    call = 'lookup "ray.io/v1" "RayService" .Release.Namespace "retail-forecast"'
    assert template.read_text().count(call) == 1
    template.write_text(template.read_text().replace(call, 'fromJson (.Files.Get "live.json")'))  # nothing else is here
    (chart / "live.json").write_text(json.dumps({"spec": {"serveConfigV2": live}}))
    objects = objects_in(render_files(given("prod", overrides), chart=chart))
    text: str = named(objects, "RayService", "retail-forecast")["spec"]["serveConfigV2"]
    return text


def written(config: dict[str, Any]) -> dict[str, Any]:
    """As the platform would write it back: with the keys that have defaults, in an order of its own."""
    found: dict[str, Any] = check_serve_config(config).model_dump(exclude_none=True)
    deployment = found["applications"][0]["deployments"][0]
    if "autoscaling_config" in deployment:
        del deployment["num_replicas"]  # it writes the one or the other
    return found


def with_vintage(vintage: str) -> str:
    """What the running RayService is told after a deployment."""
    config = serve_config("prod")
    told = {"vintage": vintage, "lake_url": "s3://bucket/lake", "request": "1f"}
    config["applications"][0]["deployments"][0]["user_config"] = told
    return yaml.safe_dump(written(config), sort_keys=False)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_chart_tells_every_key_that_the_platform_would_write(environment: str) -> None:
    """Else the text would change at each upgrade after a deployment."""
    told, config = serve_config(environment), written(serve_config(environment))
    for one in (told, config):
        del one["applications"][0]["deployments"][0]["user_config"]
    assert told == config


def test_a_new_installation_serves_the_vintage_in_force_in_its_lake() -> None:
    told = {environment: serve_config(environment)["applications"][0]["deployments"][0]["user_config"]
            for environment in ENVIRONMENTS}  # fmt: skip
    assert told["prod"] == {"lake_url": "s3://retail-forecast-test-lake/lake"}
    assert told["laptop"] == {"lake_url": "file:///var/lib/retail-forecast/lake"}


def test_an_upgrade_that_changes_nothing_of_serve_leaves_the_running_text_as_it_is(tmp_path: Path) -> None:
    live = with_vintage("2024-05-01-3f2a91c07d")
    assert serve_config_beside(live, tmp_path).strip() == live.strip()


def test_an_upgrade_that_changes_serve_keeps_what_is_served(tmp_path: Path) -> None:
    live = with_vintage("2024-05-01-3f2a91c07d")
    text = serve_config_beside(live, tmp_path, {"serve": {"maxReplicas": 12}})
    deployment = yaml.safe_load(text)["applications"][0]["deployments"][0]
    assert deployment["autoscaling_config"]["max_replicas"] == 12
    assert deployment["user_config"]["vintage"] == "2024-05-01-3f2a91c07d"


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


def test_every_container_of_ray_serves_through_haproxy() -> None:
    of_ray = {who: one for who, one in containers(rendered("prod")) if who.startswith("RayService")}
    assert len(of_ray) == 3  # head, autoscaler, worker
    for container in of_ray.values():
        env = {one["name"]: one.get("value") for one in container["env"]}
        assert (env["RAY_SERVE_ENABLE_HA_PROXY"], env["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("1", "1")
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
        assert env == [{"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": token}}]


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
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (3, 3, 8)


@pytest.mark.parametrize(("environment", "when"), [("dev", "ScheduleAnyway"), ("prod", "DoNotSchedule")])
def test_workers_are_spread_over_zones_and_nodes(environment: str, when: str) -> None:
    (group,) = spec_of(environment)["rayClusterConfig"]["workerGroupSpecs"]
    template = group["template"]
    constraints = template["spec"]["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {one["whenUnsatisfiable"] for one in constraints} == {when}
    assert all(selects(one["labelSelector"], template["metadata"]["labels"]) for one in constraints)


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
