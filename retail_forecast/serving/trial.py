"""A challenger beside the active vintage, as one replica has it: whom it answers, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from retail_forecast.serving.config import Challenger
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.shadow import Question, Shadow
from retail_forecast.serving.tally import Tally
from retail_forecast.serving.trial_metrics import TrialMetrics

logger = logging.getLogger(__name__)

ERRORS_TO_HALT = 5  # fewer may be a caller's bad luck


def is_in_share(vintage: str, store_id: str, item_id: str, share: float) -> bool:
    """Whether the series is one of the share. Its place depends on the vintage, so that others go first next time.

    >>> [is_in_share("v", "S1", "milk", share) for share in (0.1, 0.5, 1)]
    [False, True, True]
    """
    if share >= 1:
        return True
    place = blake2b(f"{vintage}\0{store_id}\0{item_id}".encode(), digest_size=8).digest()
    return int.from_bytes(place, "big") < share * 2**64


class Trial:
    """One challenger, loaded, with one mode and share; another share is another trial.

    A replica that sees it fail too often stops asking it, whoever else watches: `halted` says why.
    """

    def __init__(
        self, config: Challenger, predictor: Predictor, active: Predictor, metrics: TrialMetrics | None = None
    ) -> None:
        self.config, self.predictor, self.active = config, predictor, active
        self.halted: str | None = None
        self._tallies = {id(active): Tally(), id(predictor): Tally()}
        self._shadow = Shadow(active, predictor, metrics)

    def choose(self, store_id: str, item_id: str) -> Predictor:
        """What answers for the series. A series that the challenger lacks is the active one's."""
        config = self.config
        if self.halted is not None or not is_in_share(config.vintage, store_id, item_id, config.share):
            return self.active
        self._shadow.offer((store_id, item_id))
        known = config.mode == "canary" and (store_id, item_id) in self.predictor.table.spans
        return self.predictor if known else self.active

    def choose_for_all(self, series: Sequence[tuple[str, str]]) -> Predictor:
        """What answers for all of them: as for the first, but no challenger for which one that is served is unknown."""
        chosen, ours, theirs = self.choose(*series[0]), self.active.table.spans, self.predictor.table.spans
        if chosen is self.predictor and any(key in ours and key not in theirs for key in series[1:]):
            return self.active
        return chosen

    def mirror(self, store_id: str, item_id: str, question: Question) -> None:
        """Puts a question about the series to both, beside the request, if the series is of the share."""
        if self.halted is None and is_in_share(self.config.vintage, store_id, item_id, self.config.share):
            self._shadow.offer((store_id, item_id), question)

    def observe(self, predictor: Predictor, status: int, seconds: float) -> None:
        """Counts an answer of one of the two."""
        tally = self._tallies.get(id(predictor))
        if tally is not None:
            tally.add(status, seconds)
            if predictor is self.predictor:
                self._judge(tally)

    def close(self) -> None:
        """Ends what goes on beside requests."""
        self._shadow.close()

    def report(self) -> Mapping[str, Any]:
        """See contracts_rollout.TrialReport."""
        return {
            **self.config.model_dump(),
            "error": None,
            "halted": self.halted,
            "active": self._tallies[id(self.active)].to_json(),
            "challenger": self._tallies[id(self.predictor)].to_json(),
            "shadow": self._shadow.report(),
        }

    def _judge(self, tally: Tally) -> None:
        if tally.errors < ERRORS_TO_HALT or tally.errors <= self.config.error_limit * tally.total:
            return
        self.halted = f"{tally.errors} of its {tally.total} answers were errors"
        logger.error("Vintage %s is no longer asked: %s", self.config.vintage, self.halted)
