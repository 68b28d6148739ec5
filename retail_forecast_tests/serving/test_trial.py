from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.app import build_app
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.shadow import QUEUE
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.trial import ERRORS_TO_HALT, is_in_share
from retail_forecast.serving.trial_metrics import TrialMetrics
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import until


def trying(world: World, *, mode: str = "canary", share: float = 1.0, vintage: str | None = None) -> dict[str, object]:
    challenger = {"vintage": vintage or world.second.id, "mode": mode, "share": share}
    return {"vintage": world.first.id, "lake_url": world.lake_url, "challenger": challenger, "request": "a"}


def started(world: World, **how: Any) -> ServingState:
    state = ServingState()
    state.switch(trying(world, **how))
    return state


def answering(state: ServingState, item: str = "milk") -> str:
    predictor = state.predictor_for("S1", item)
    assert predictor is not None
    return predictor.vintage.id


def test_the_share_of_series_is_about_the_share_and_another_vintage_takes_others() -> None:
    series = [(f"S{store}", f"item-{item}") for store in range(10) for item in range(1000)]
    mine, other = ({one for one in series if is_in_share(v, *one, 0.1)} for v in ("2024-a", "2024-b"))
    assert 900 < len(mine) < 1100  # 1000 +- 3 standard deviations (30)
    assert 50 < len(mine & other) < 150  # independent: a tenth of a tenth


def test_a_series_that_is_in_a_share_stays_in_a_larger_one() -> None:
    series = [("S1", f"item-{item}") for item in range(500)]
    shares = [{one for one in series if is_in_share("v", *one, share)} for share in (0.1, 0.5, 1.0)]
    assert shares[0] < shares[1] < shares[2] == set(series)


def test_a_canary_answers_for_its_share_and_a_shadow_for_none(world: World) -> None:
    assert answering(started(world, share=1.0)) == world.second.id
    assert answering(started(world, share=1e-9)) == world.first.id
    assert answering(started(world, mode="shadow")) == world.first.id


def test_the_challenger_is_let_go_when_it_is_no_longer_wanted(world: World) -> None:
    state = started(world)
    state.switch({"vintage": world.first.id, "lake_url": world.lake_url})
    assert (answering(state), state.trial, state.status()["rollout"]) == (world.first.id, None, None)


def test_a_promoted_challenger_is_not_loaded_again(world: World) -> None:
    loaded: list[str] = []

    def load(lake_url: str, vintage: str) -> Predictor:
        loaded.append(vintage)
        return load_predictor(lake_url, vintage)

    state = ServingState(load=load)
    state.switch(trying(world))
    state.switch({**trying(world, share=0.5), "request": "b"})
    state.switch({"vintage": world.second.id, "lake_url": world.lake_url, "request": "c"})
    assert loaded == [world.first.id, world.second.id]
    assert (answering(state), state.trial) == (world.second.id, None)


def test_a_broken_challenger_changes_nothing_of_what_is_served(world: World) -> None:
    state = started(world, vintage=world.broken.id)
    status = state.status()
    assert (status["status"], status["active"], answering(state)) == ("ready", world.first.id, world.first.id)
    assert status["rollout"]["vintage"] == world.broken.id
    assert "cannot be read" in status["rollout"]["error"]


class Panic(BaseException):
    """As Polars' panics: no Exception."""


@pytest.mark.parametrize("error", [MemoryError("too large"), Panic("a panic"), SystemExit(1)])
def test_whatever_loading_a_challenger_raises_stays_inside(world: World, error: BaseException) -> None:
    def load(lake_url: str, vintage: str) -> Predictor:
        if vintage == world.second.id:
            raise error
        return load_predictor(lake_url, vintage)

    state = ServingState(load=load)
    state.switch(trying(world))
    assert answering(state) == world.first.id
    assert type(error).__name__ in state.status()["rollout"]["error"]


def test_a_series_that_the_challenger_lacks_is_answered_by_the_active_vintage(world: World) -> None:
    state = started(world)
    assert state.trial is not None
    table = state.trial.predictor.table
    object.__setattr__(table, "spans", {key: span for key, span in table.spans.items() if key != ("S1", "milk")})
    assert answering(state, "milk") == world.first.id
    assert answering(state, "bread") == world.second.id
    until(lambda: state.status()["rollout"]["shadow"]["missing"] == 1, seconds=10)


def test_a_batch_is_answered_by_one_vintage_and_by_the_active_one_if_the_challenger_lacks_a_series(
    world: World,
) -> None:
    state = started(world)
    assert state.trial is not None
    with TestClient(build_app(state)) as client:
        assert batch(client, "milk", "bread", "none") == (world.second.id, ["none"])
        table = state.trial.predictor.table
        object.__setattr__(table, "spans", Without(table.spans, ("S1", "bread")))
        assert batch(client, "milk", "bread", "none") == (world.first.id, ["none"])
        assert batch(client, "milk", "none") == (world.second.id, ["none"])


@dataclass(frozen=True)
class Without:
    """The series of a table without one of them."""

    spans: Any
    missing: tuple[str, str]

    def __contains__(self, series: object) -> bool:
        return series != self.missing and series in self.spans

    def __getattr__(self, name: str) -> Any:
        return getattr(self.spans, name)


def batch(client: TestClient, *items: str) -> tuple[str, list[str]]:
    """(the vintage of the answer and of its header, the items that it does not know)."""
    answer = client.post("/v1/forecasts", json={"series": [{"store_id": "S1", "item_id": item} for item in items]})
    assert answer.headers["x-forecast-vintage"] == answer.json()["vintage"]
    return answer.json()["vintage"], [one["item_id"] for one in answer.json()["unknown"]]


def test_answers_and_headers_name_the_vintage_that_answered(world: World) -> None:
    state = started(world, share=0.5)
    with TestClient(build_app(state)) as client:
        for item in ("milk", "bread", "eggs/6"):
            answer = client.get(f"/v1/forecasts/S1/{item}")
            wanted = world.second.id if is_in_share(world.second.id, "S1", item, 0.5) else world.first.id
            assert (answer.json()["vintage"], answer.headers["x-forecast-vintage"]) == (wanted, wanted)
        told = client.get("/readyz").json()["rollout"]
    counts = {side: sum(told[side]["requests"].values()) for side in ("active", "challenger")}
    assert counts["active"] + counts["challenger"] == 3
    assert told["challenger"]["seconds"]["+Inf"] == counts["challenger"] > 0


def test_a_replica_stops_asking_a_challenger_that_fails(world: World) -> None:
    state = started(world)
    body = {"store_id": "S1", "item_id": "milk", "changes": [{"values": {"sell_price": 1.0}}]}
    with TestClient(build_app(state), raise_server_exceptions=False) as client:
        assert state.trial is not None
        object.__setattr__(state.trial.predictor, "bundle", None)  # what-if questions fail on it
        answers = [client.post("/v1/what-if", json=body) for _ in range(ERRORS_TO_HALT + 2)]
    assert [one.status_code for one in answers] == [500] * ERRORS_TO_HALT + [200] * 2
    assert answers[-1].json()["vintage"] == world.first.id
    assert state.status()["rollout"]["halted"] == "5 of its 5 answers were errors"


def test_a_shadow_tells_how_far_the_challenger_is_from_the_active_vintage(world: World) -> None:
    state = started(world, mode="shadow", vintage=world.doubled.id)
    for _ in range(20):
        answering(state)
    until(lambda: asked(state, "challenger") + shadow(state)["dropped"] == 20, seconds=20)
    told = shadow(state)
    # twice the units: |2a - a| / ((2a + a) / 2) = 0.67
    assert (told["disagreement"]["0.5"], told["disagreement"]["0.75"]) == (0, asked(state, "challenger"))
    assert answering(state) == world.first.id


def test_a_shadow_is_asked_the_same_what_if(world: World) -> None:
    state = started(world, mode="shadow", vintage=world.doubled.id)
    body = {"store_id": "S1", "item_id": "bread", "changes": [{"values": {"sell_price": 0.5}}]}
    with TestClient(build_app(state)) as client:
        assert client.post("/v1/what-if", json=body).json()["vintage"] == world.first.id
    until(lambda: shadow(state)["disagreement"].get("+Inf") == 2, seconds=20)  # what was published, and the scenario
    assert shadow(state)["disagreement"]["0.75"] - shadow(state)["disagreement"]["0.5"] == 2  # twice as much each


def test_what_a_shadow_sees_is_measured_by_vintage(world: World) -> None:
    metrics = Metrics()
    state = ServingState(trial_metrics=TrialMetrics(metrics.registry))
    state.switch(trying(world, mode="shadow"))
    answering(state)
    wanted = f'retail_forecast_shadow_difference_count{{vintage="{world.second.id}"}} 1.0'
    until(lambda: wanted in metrics.render().decode(), seconds=10)


def test_a_shadow_that_fails_is_counted_and_nobody_else_hears_of_it(world: World) -> None:
    state = started(world, mode="shadow")
    assert state.trial is not None
    object.__setattr__(state.trial.predictor.table, "values", None)
    assert answering(state) == world.first.id
    until(lambda: shadow(state)["challenger"]["requests"] == {"500": 1}, seconds=10)


def test_a_full_queue_drops_questions_and_nobody_waits(world: World) -> None:
    state = started(world, mode="shadow")
    assert state.trial is not None
    release = Event()
    state.trial.mirror("S1", "milk", lambda _: {"2024-10-01": float(release.wait(30))})
    for _ in range(QUEUE + 50):
        answering(state)
    assert shadow(state)["dropped"] >= 49  # the thread may have taken one from the queue
    release.set()


def shadow(state: ServingState) -> dict[str, Any]:
    told: dict[str, Any] = state.status()["rollout"]["shadow"]
    return told


def asked(state: ServingState, side: str) -> int:
    return sum(shadow(state)[side]["requests"].values())
