"""Asking the live URL during a rollout, so that quiet hours are judged too: every answer must be the published one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle, zip_longest

import httpx
import polars as pl

from retail_forecast.serving import proof
from retail_forecast.serving.rollouts.plan import Step
from retail_forecast.serving.trial import is_in_share

SERIES = 50


@dataclass
class Probe:
    """Asks for series that each of the two vintages is to answer, one after the other, and remembers what was wrong.

    headers: what our requests carry, if the API asks who we are.
    """

    api_url: str
    lake_url: str
    active: str
    challenger: str
    step: Step
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    asked: int = 0
    problem: str | None = None
    _next: Iterator[tuple[str, pl.DataFrame]] = field(init=False)

    def __post_init__(self) -> None:
        sides = []
        if self.step.mode == "shadow" or self.step.share < 1:
            sides.append([(self.active, rows) for rows in self._rows(self.active, False)])
        if self.step.mode == "canary":
            sides.append([(self.challenger, rows) for rows in self._rows(self.challenger, True)])
        self._next = cycle([one for pair in zip_longest(*sides) for one in pair if one is not None])

    def ask(self, count: int) -> None:
        """Asks so many questions, or until an answer is wrong."""
        with httpx.Client(base_url=self.api_url, headers=self.headers, trust_env=False, timeout=30) as client:
            for _ in range(count if self.problem is None else 0):
                vintage, rows = next(self._next)
                self.asked += 1
                self.problem = self.problem or _problem(client, vintage, rows)

    def _rows(self, vintage: str, in_share: bool) -> list[pl.DataFrame]:
        """Published rows of some series that the vintage answers for in this step."""
        canary, share = self.step.mode == "canary", self.step.share

        def is_answered(store_id: str, item_id: str) -> bool:
            return not canary or is_in_share(self.challenger, store_id, item_id, share) == in_share

        return proof.sample_forecasts(self.lake_url, vintage, count=SERIES, wanted=is_answered)


def _problem(client: httpx.Client, vintage: str, rows: pl.DataFrame) -> str | None:
    where = f"store {rows['store_id'][0]!r}, item {rows['item_id'][0]!r}"
    try:
        answer = client.get(proof.path_of(rows)).json()
    except (httpx.HTTPError, ValueError) as error:
        return f"the live URL gives no answer for {where}: {error!r}"
    found = proof.difference(rows, answer, vintage)
    return f"the live answer for {where} is not what vintage {vintage} published: {found}" if found else None
