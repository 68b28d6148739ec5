"""What is asked of the API server, and what its refusals say, on a RayService whose cluster never comes up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from retail_forecast.cli.doctor import Finding, examine
from retail_forecast.cli.live import api
from retail_forecast.errors import ConfigurationError, DeploymentError, KubernetesError
from retail_forecast.serving.config import UserConfig
from retail_forecast.serving.kubernetes import RayServices
from retail_forecast.serving.rayservice import RayService
from retail_forecast.serving.scale import Scale
from retail_forecast.settings import Settings
from retail_forecast_tests.infra.cluster import Cluster, run_cluster
from retail_forecast_tests.infra.cluster.operator import NAMESPACE
from retail_forecast_tests.infra.rayservice import IMAGE, NEXT_IMAGE, account_of_the_docs, apply_rayservice
from retail_forecast_tests.serving.conftest import World

pytest.importorskip("kubernetes", reason="needs the extra k8s")

from retail_forecast.serving.kuberay import KubeRayEndpoint

VINTAGE = UserConfig(vintage="v1", lake_url="s3://bucket/lake", request="one")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that cannot pull the RayService's image; the account in use has the documented Role."""
    with run_cluster(tmp_path / "cluster") as cluster:
        cluster.roles = account_of_the_docs()
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig("orchestrator")))
        apply_rayservice(cluster, VINTAGE)
        yield cluster


@pytest.fixture
def rayservice() -> RayServices:
    return RayServices(NAMESPACE, "retail-forecast")


def endpoint(cluster: Cluster, lake_url: str = "s3://bucket/lake", seconds: int = 2) -> KubeRayEndpoint:
    return KubeRayEndpoint(
        Settings(
            endpoint="kuberay",
            lake_url=lake_url,
            serve_url=cluster.serve_url,
            ray_url=cluster.head_url,
            endpoint_timeout_seconds=seconds,
        )
    )


def test_a_patch_changes_the_user_config_and_leaves_the_rest(cluster: Cluster, rayservice: RayServices) -> None:
    before = rayservice.read()
    wanted = before.changed(UserConfig(vintage="v2"), before.scale)
    after = rayservice.patch(before.patch(wanted, before.image))
    assert (after.user_config.vintage, after.scale, after.image) == ("v2", Scale(2, 2), IMAGE)
    assert after.config.http_options == before.config.http_options
    assert after.raw["metadata"]["generation"] == 2


def test_a_new_image_is_put_in_every_container_that_had_the_old_one(cluster: Cluster, rayservice: RayServices) -> None:
    before = rayservice.read()
    ray = rayservice.patch(before.patch(before.config, NEXT_IMAGE)).raw["spec"]["rayClusterConfig"]
    groups = [ray["headGroupSpec"], *ray["workerGroupSpecs"]]
    containers = [group["template"]["spec"]["containers"][0] for group in groups]
    assert [one["image"] for one in containers] == [NEXT_IMAGE, NEXT_IMAGE]
    assert ray["autoscalerOptions"]["image"] == NEXT_IMAGE


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(cluster: Cluster, rayservice: RayServices) -> None:
    before = rayservice.read()
    theirs = rayservice.patch(before.patch(before.changed(UserConfig(vintage="theirs"), before.scale), IMAGE))
    with pytest.raises(KubernetesError, match="Somebody changed it at the same moment") as caught:
        rayservice.patch(before.patch(before.changed(UserConfig(vintage="ours"), before.scale), NEXT_IMAGE))
    assert caught.value.status == 422
    assert rayservice.read().raw["spec"] == theirs.raw["spec"]


def test_a_number_becomes_a_range_and_a_number_again(cluster: Cluster, rayservice: RayServices) -> None:
    before = rayservice.read()
    ranged = rayservice.patch(before.patch(before.changed(VINTAGE, Scale(2, 5)), IMAGE))
    assert ranged.scale == Scale(2, 5)
    fixed = rayservice.patch(ranged.patch(ranged.changed(VINTAGE, Scale(3, 3)), IMAGE))
    assert fixed.scale == Scale(3, 3)
    assert "autoscaling" not in fixed.text


@pytest.mark.parametrize("verb", ["get", "patch"])
def test_a_rule_that_the_role_lacks_is_named(cluster: Cluster, rayservice: RayServices, verb: str) -> None:
    (rule, _), before = cluster.roles["orchestrator"], rayservice.read()
    lacking = re.escape(f"{{apiGroups: [ray.io], resources: [rayservices], verbs: [{verb}]}}")
    cluster.roles["orchestrator"] = [{**rule, "verbs": [one for one in rule["verbs"] if one != verb]}]
    with pytest.raises(KubernetesError, match=lacking):
        rayservice.patch(before.patch(before.config, IMAGE)) if verb == "patch" else rayservice.read()


def test_a_rayservice_that_is_not_there_is_helms_to_make(cluster: Cluster, rayservice: RayServices) -> None:
    cluster.objects.delete("rayservices", NAMESPACE, "retail-forecast")
    with pytest.raises(KubernetesError, match="Install the chart"):
        rayservice.read()


def test_an_api_server_that_does_not_answer_is_told_from_a_refusal(rayservice: RayServices, cluster: Cluster) -> None:
    config = cluster.kubeconfig("orchestrator")
    config.write_text(config.read_text().replace(str(cluster.port), "9"))
    with pytest.raises(KubernetesError, match="KUBECONFIG") as caught:
        rayservice.read()
    assert caught.value.status == 0


def test_without_a_kubeconfig_the_variable_is_named(
    rayservice: RayServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="KUBECONFIG"):
        rayservice.read()


def test_keys_that_ray_would_ignore_are_refused_before_anything_is_changed(cluster: Cluster) -> None:
    raw = cluster.objects.get("rayservices", NAMESPACE, "retail-forecast")
    raw["spec"]["serveConfigV2"] = raw["spec"]["serveConfigV2"].replace("num_replicas", "num_replica")
    with pytest.raises(ConfigurationError, match=r"num_replica: .*no such key"):
        _ = RayService(raw).config


def test_a_deployment_that_nobody_hands_on_is_taken_back_and_the_operator_asked_after(
    cluster: Cluster, world: World
) -> None:
    cluster.operator.paused.set()
    with pytest.raises(DeploymentError, match="is its operator running") as caught:
        endpoint(cluster, world.lake_url).deploy(world.first.id)
    assert caught.value.wanted == world.first.id
    stored = RayService(cluster.objects.get("rayservices", NAMESPACE, "retail-forecast"))
    assert stored.user_config.vintage == "v1"


def test_nothing_is_stopped_that_helm_started(cluster: Cluster) -> None:
    assert endpoint(cluster).stop() is False
    assert endpoint(cluster).status().state == "starting"


def test_doctor_says_whether_the_rayservice_may_be_patched_and_changes_nothing(cluster: Cluster) -> None:
    def finding() -> Finding:
        return next(one for one in examine(endpoint(cluster).settings) if one.check == "rayservice")

    before = cluster.objects.get("rayservices", NAMESPACE, "retail-forecast")["metadata"]["generation"]
    assert (finding().state, finding().found) == ("ok", f"{IMAGE}, 2 to 2 replicas; may be patched")
    cluster.roles["orchestrator"] = [{**cluster.roles["orchestrator"][0], "verbs": ["get"]}]
    assert (finding().state, "verbs: [patch]" in finding().mend) == ("fail", True)
    assert cluster.objects.get("rayservices", NAMESPACE, "retail-forecast")["metadata"]["generation"] == before


def test_commands_that_keep_the_api_up_here_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_ENDPOINT"), api(endpoint(cluster).settings):
        pass
