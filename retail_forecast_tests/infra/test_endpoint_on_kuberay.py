"""The endpoint on a RayService, through the stand-in cluster; its tests follow one another on one RayService."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from retail_forecast.errors import DeploymentError
from retail_forecast.parallel.environment import import_path
from retail_forecast.serving.config import UserConfig
from retail_forecast.serving.rayservice import RayService
from retail_forecast.settings import Settings
from retail_forecast_tests.infra.cluster import Cluster, run_cluster
from retail_forecast_tests.infra.cluster.operator import NAMESPACE
from retail_forecast_tests.infra.rayservice import IMAGE, NEXT_IMAGE, account_of_the_docs, apply_rayservice
from retail_forecast_tests.serving.asker import Asker
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.endpoint_contract import EndpointContract
from retail_forecast_tests.serving.world import until

pytest.importorskip("kubernetes", reason="needs the extra k8s")

from retail_forecast.serving.kuberay import KubeRayEndpoint

pytestmark = pytest.mark.slow
SPOILT_IMAGE, MISSING_IMAGE = "serving:spoilt", "serving:misspelt"
PATIENCE_SECONDS = 600  # a Ray cluster starts in 15 s on an idle machine, in minutes on a busy one


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a RayService that was never told what to serve, and an account with the documented Role."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "spoilt" / "lightgbm").mkdir(parents=True)
    (folder / "spoilt" / "lightgbm" / "__init__.py").write_text("raise ImportError('libgomp.so.1 is missing')")
    spoilt = {"PYTHONPATH": f"{folder / 'spoilt'}:{import_path()}"}
    with run_cluster(folder / "state", images={IMAGE: {}, NEXT_IMAGE: {}, SPOILT_IMAGE: spoilt}) as cluster:
        cluster.roles = account_of_the_docs()
        apply_rayservice(cluster, UserConfig(required=True))
        until(lambda: cluster.active is not None, seconds=PATIENCE_SECONDS)
        yield cluster


@pytest.fixture(scope="module")
def endpoint(cluster: Cluster, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeRayEndpoint]:
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        lake_url=world.lake_url,
        endpoint="kuberay",
        serve_url=cluster.serve_url,
        ray_url=cluster.head_url,
        endpoint_timeout_seconds=PATIENCE_SECONDS,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig("orchestrator")))
        yield KubeRayEndpoint(settings)


def with_image(endpoint: KubeRayEndpoint, image: str, *, seconds: int = PATIENCE_SECONDS) -> KubeRayEndpoint:
    changed = {"serving_image": image, "endpoint_timeout_seconds": seconds}
    return KubeRayEndpoint(endpoint.settings.model_copy(update=changed))


def stored(cluster: Cluster) -> RayService:
    return RayService(cluster.objects.get("rayservices", NAMESPACE, "retail-forecast"))


def test_without_a_vintage_it_is_up_and_not_ready(endpoint: KubeRayEndpoint) -> None:
    until(lambda: endpoint.status().state == "unready")
    assert httpx.get(f"{endpoint.settings.api_url}/readyz", trust_env=False, timeout=30).status_code == 503


@pytest.fixture(scope="module")
def url(endpoint: KubeRayEndpoint, world: World) -> str:
    """The RayService serving the first vintage."""
    deployment = endpoint.deploy(world.first.id)
    assert (deployment.vintage, deployment.model_version, deployment.replicas) == (world.first.id, "1", 2)
    return deployment.url


class TestOnKubeRay(EndpointContract):
    """The contract, kept by a RayService."""


def test_what_was_refused_is_not_left_in_the_rayservice(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    with pytest.raises(DeploymentError, match=f"All replicas were sent back to '{world.second.id}'"):
        endpoint.deploy(world.broken.id)
    assert stored(cluster).user_config.vintage == world.second.id
    status = endpoint.status()
    assert (status.state, status.wanted, status.active) == ("ready", world.second.id, world.second.id)


def test_more_replicas_than_there_is_room_for_are_taken_back(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    impatient = with_image(endpoint, IMAGE, seconds=10)
    with pytest.raises(DeploymentError, match="of 9 replicas had taken note"):
        impatient.scale(9, 9)
    assert stored(cluster).scale.least == 2
    until(lambda: endpoint.status().active == world.second.id)


def test_an_image_that_cannot_be_pulled_is_taken_back_and_named(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    with Asker(url) as asker, pytest.raises(DeploymentError, match=r"ImagePullBackOff.*misspelt") as caught:
        with_image(endpoint, MISSING_IMAGE, seconds=10).deploy(world.first.id)
    assert "went on answering" in str(caught.value)
    assert (stored(cluster).image, stored(cluster).user_config.vintage) == (IMAGE, world.second.id)
    assert asker.failures == []
    assert set(asker.vintages) == {world.second.id}
    until(lambda: stored(cluster).is_settled, seconds=PATIENCE_SECONDS)


def test_a_new_image_comes_up_beside_the_old_one_without_a_failed_request(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    before = cluster.active
    with Asker(url, keep_alive=False) as asker:
        deployed = with_image(endpoint, NEXT_IMAGE).deploy(world.first.id)
        until(lambda: len(cluster.operator.clusters) == 1)  # the replaced cluster is gone
    assert (deployed.vintage, deployed.replicas, stored(cluster).image) == (world.first.id, 2, NEXT_IMAGE)
    assert cluster.active is not before
    assert asker.failures == []
    assert set(asker.vintages) == {world.second.id, world.first.id}


def test_a_cluster_that_comes_up_untold_serves_what_is_in_force(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    """As after a release of the chart that put its own user_config over the platform's."""
    service, before = stored(cluster), cluster.active
    reset = service.changed(UserConfig(lake_url=world.lake_url, required=True), service.scale)
    cluster.objects.patch("rayservices", NAMESPACE, "retail-forecast", service.patch(reset, IMAGE))
    until(lambda: cluster.active is not before, seconds=PATIENCE_SECONDS)
    assert endpoint.status().active == world.second.id


def test_an_image_whose_code_does_not_start_is_never_switched_to(
    endpoint: KubeRayEndpoint, cluster: Cluster, world: World, url: str
) -> None:
    with Asker(url, keep_alive=False) as asker, pytest.raises(DeploymentError, match=r"libgomp\.so\.1 is missing"):
        with_image(endpoint, SPOILT_IMAGE).deploy(world.first.id)
    assert stored(cluster).image == IMAGE
    assert asker.failures == []
    assert set(asker.vintages) == {world.second.id}
