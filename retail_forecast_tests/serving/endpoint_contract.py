"""What every endpoint keeps to. The tests follow one another on one endpoint, which has two replicas and serves the
first vintage; `endpoint` and `url` are fixtures of the module that names its implementation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from retail_forecast.errors import ConfigurationError, DeploymentError, NotFoundError
from retail_forecast.serving import Endpoint, proof
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.rollouts import Limits, Plan, RolledBackError, roll_out
from retail_forecast.serving.rollouts.plan import parse_steps
from retail_forecast_tests.serving.asker import Asker
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import until


class EndpointContract:
    """The contract of the port `Endpoint`."""

    def test_a_new_vintage_reaches_every_replica_without_a_failed_request(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        with Asker(url) as asker:
            until(lambda: len(asker.vintages) > 5)
            deployed = endpoint.deploy(world.second.id)
            after = len(asker.vintages)
            until(lambda: len(asker.vintages) > after + 20)
        assert (deployed.vintage, deployed.model_version, deployed.replicas) == (world.second.id, "2", 2)
        assert asker.failures == []
        assert set(asker.vintages) == {world.first.id, world.second.id}
        assert set(asker.vintages[after + 2 :]) == {world.second.id}

    def test_a_broken_vintage_fails_loudly_and_the_old_one_goes_on(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        with Asker(url) as asker, pytest.raises(DeploymentError, match="cannot be read") as caught:
            endpoint.deploy(world.broken.id)
        assert (caught.value.wanted, caught.value.active) == (world.broken.id, world.second.id)
        assert asker.failures == []
        assert set(asker.vintages) == {world.second.id}
        assert endpoint.status().active == world.second.id

    def test_a_vintage_that_was_never_published_changes_nothing(self, endpoint: Endpoint, url: str) -> None:
        with pytest.raises(NotFoundError, match="2020-01-01-none"):
            endpoint.deploy("2020-01-01-none")

    def test_answers_that_are_not_the_published_ones_are_taken_back(
        self, endpoint: Endpoint, world: World, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def other_rows(lake_url: str, vintage: str, **how: Any) -> object:
            return [rows.with_columns(mean=rows["mean"] + 1) for rows in sample(lake_url, vintage, **how)]

        sample = proof.sample_forecasts
        monkeypatch.setattr(proof, "sample_forecasts", other_rows)
        with pytest.raises(DeploymentError, match="is not what was published: mean on 2024-10-01") as caught:
            endpoint.deploy(world.first.id)
        assert caught.value.active == world.second.id
        assert endpoint.status().active == world.second.id

    def test_a_canary_answers_for_its_series_and_the_active_vintage_for_the_others(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        with Asker(url) as asker:
            held = endpoint.challenge(Challenger(vintage=world.first.id, mode="canary", share=1.0))
            after = len(asker.vintages)
            until(lambda: len(asker.vintages) > after + 20)
            reports = endpoint.observe()
            left = endpoint.withdraw()
        assert (held.vintage, held.replicas, left.vintage) == (world.second.id, 2, world.second.id)
        assert {report["rollout"]["vintage"] for report in reports.values()} == {world.first.id}
        assert asker.failures == []
        assert set(asker.vintages[after + 2 :]) >= {world.first.id}
        assert {report["rollout"] for report in endpoint.observe().values()} == {None}

    def test_a_challenger_that_cannot_be_loaded_is_let_go_by_every_replica(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        with Asker(url) as asker, pytest.raises(DeploymentError, match="replicas cannot hold it beside"):
            endpoint.challenge(Challenger(vintage=world.broken.id, mode="canary", share=1.0))
        assert (asker.failures, set(asker.vintages)) == ([], {world.second.id})
        assert {report["rollout"] for report in endpoint.observe().values()} == {None}

    def test_a_rollout_in_steps_is_promoted_and_one_that_disagrees_taken_back(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        plan = Plan(parse_steps("0.5,1"), 0, Limits(observations=30, disagreement=0.5, latency_ratio=100))
        with Asker(url) as asker:
            rolled = roll_out(endpoint, world.first.id, plan, lake_url=world.lake_url)
            with pytest.raises(RolledBackError, match=r"limit 0\.5"):
                roll_out(endpoint, world.doubled.id, plan, lake_url=world.lake_url)
            roll_out(endpoint, world.second.id, plan, lake_url=world.lake_url)
        assert [step.problem for step in rolled.steps] == [None, None]
        assert asker.failures == []
        assert endpoint.status().active == world.second.id

    def test_it_is_scaled_while_it_answers_and_keeps_to_the_number(
        self, endpoint: Endpoint, world: World, url: str
    ) -> None:
        with Asker(url) as asker:
            scaled = endpoint.scale(3, 3)
            assert endpoint.deploy(world.second.id).replicas == 3
            endpoint.scale(2, 2)
        assert scaled is not None
        assert (scaled.replicas, scaled.vintage) == (3, world.second.id)
        assert asker.failures == []
        assert set(asker.vintages) == {world.second.id}

    def test_a_range_that_is_none_is_refused(self, endpoint: Endpoint, url: str) -> None:
        with pytest.raises(ConfigurationError, match="3 to 2"):
            endpoint.scale(3, 2)
        assert httpx.get(f"{url}/readyz", trust_env=False, timeout=30).status_code == 200
