from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from retail_forecast.serving.batching import MicroBatcher


class Model:
    """Doubles numbers when it is let; notes what it was asked together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may_answer = threading.Event()

    def __call__(self, jobs: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(jobs))
        assert self.may_answer.wait(10)
        return [ValueError(f"{job} is negative") if job < 0 else 2 * job for job in jobs]


async def gathered(model: Model, batcher: MicroBatcher[int, int], *jobs: int) -> list[int | BaseException]:
    """The first job is under way before the others arrive."""
    first = asyncio.create_task(batcher.ask(jobs[0]))
    while not model.calls:
        await asyncio.sleep(0)
    others = [asyncio.create_task(batcher.ask(job)) for job in jobs[1:]]
    await asyncio.sleep(0)
    model.may_answer.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_a_request_that_is_alone_is_asked_alone_and_those_that_gather_meanwhile_together() -> None:
    model = Model()
    batcher = MicroBatcher(model, most=10)
    assert asyncio.run(gathered(model, batcher, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert model.calls == [[1], [2, 3, 4]]


def test_a_call_is_given_no_more_than_the_most_unless_one_job_is_larger() -> None:
    model = Model()
    batcher = MicroBatcher(model, most=5, size=lambda job: job)
    assert asyncio.run(gathered(model, batcher, 1, 2, 3, 9, 4)) == [2, 4, 6, 18, 8]
    assert model.calls == [[1], [2, 3], [9], [4]]


def test_who_asks_the_impossible_is_told_and_the_others_are_answered() -> None:
    model = Model()
    batcher = MicroBatcher(model, most=10)
    one, refused, other = asyncio.run(gathered(model, batcher, 1, -2, 3))
    assert (one, other) == (2, 6)
    assert isinstance(refused, ValueError)


class Panic(BaseException):
    """What a panic of Polars is to Python: no Exception."""


@pytest.mark.parametrize("failure", [RuntimeError("no model"), Panic("no model")])
def test_a_call_that_fails_fails_those_in_it_and_the_next_is_answered(failure: BaseException) -> None:
    def answer(jobs: Sequence[int]) -> list[int | Exception]:
        if 0 in jobs:
            raise failure
        return list(jobs)

    async def ask() -> int:
        batcher = MicroBatcher(answer, most=1)
        with pytest.raises(RuntimeError, match="no model"):
            await asyncio.wait_for(batcher.ask(0), 10)
        return await batcher.ask(7)

    assert asyncio.run(ask()) == 7


def test_who_gave_up_waiting_holds_up_nobody() -> None:
    model = Model()

    async def ask() -> int:
        batcher = MicroBatcher(model, most=10)
        first, given_up = (asyncio.create_task(batcher.ask(job)) for job in (1, 2))
        while not model.calls:
            await asyncio.sleep(0)
        given_up.cancel()
        last = asyncio.create_task(batcher.ask(3))
        await asyncio.sleep(0)
        model.may_answer.set()
        await first
        return await last

    assert asyncio.run(ask()) == 6
    assert model.calls[-1] == [3]
