"""What a replica was told to serve and what it serves. A new vintage is swapped in last; a bad one changes nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from retail_forecast.errors import RetailForecastError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.serving.answering import note_answering
from retail_forecast.serving.attempts import attempt_at
from retail_forecast.serving.config import Challenger, UserConfig
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.shadow import Question
from retail_forecast.serving.trial import Trial
from retail_forecast.serving.trial_metrics import TrialMetrics

logger = logging.getLogger(__name__)


class ServingState:
    """Holds the active predictor and, while one is tried, a challenger beside it.

    A request takes `predictor_for` its series, or `active` where it has none, once and keeps it.
    """

    def __init__(
        self,
        replica: str = "local",
        load: Callable[[str, str], Predictor] = load_predictor,
        trial_metrics: TrialMetrics | None = None,
    ) -> None:
        self.replica = replica
        self._trial_metrics = trial_metrics
        self.active: Predictor | None = None
        self.trial: Trial | None = None
        self.lake_url: str | None = None
        self.wanted: str | None = None
        self.request: str | None = None
        self.error: str | None = None
        self.failed_trial: dict[str, str] | None = None
        self.failures = 0
        self.must_serve = False
        self._load = load
        self._lock = threading.Lock()

    def switch(self, raw: Any) -> None:
        """Serves what the configuration wants, or keeps what is served and says why. Never raises."""
        with self._lock:
            config, error = _parse(raw)
            self._end_trial_unless(config)
            error = error or self._try(config)
            self._try_out(config.challenger)
            self.failures += error is not None
            self.wanted, self.error, self.request = config.vintage, error, config.request
            self.must_serve = config.required

    def _try(self, config: UserConfig) -> str | None:
        if config.vintage is None:
            return self._take_in_force(config.lake_url) if self.active is None and config.lake_url else None
        if config.lake_url is None:
            return "user_config: lake_url is missing."
        error = self._take(config.lake_url, config.vintage)
        if error is not None and self.active is None and config.fallback is not None:
            self._take(config.lake_url, config.fallback)
        return error

    def _take_in_force(self, lake_url: str) -> str | None:
        """Serves the vintage in force, if there is one; the reason if that failed."""
        try:
            vintage = latest_vintage(open_lake(lake_url))
        except Exception as error:
            logger.exception("The vintage in force of %s cannot be told", lake_url)
            return f"The vintage in force of {lake_url} cannot be told: {type(error).__name__}: {error}"
        return self._take(lake_url, vintage.id) if vintage is not None else None

    def _take(self, lake_url: str, vintage: str) -> str | None:
        """Loads and swaps; the reason if that failed."""
        if self.active is not None and (self.active.vintage.id, self.lake_url) == (vintage, lake_url):
            return None
        predictor = self._loaded(lake_url, vintage)
        if isinstance(predictor, str):
            return predictor
        self.active, self.lake_url = predictor, lake_url
        self._replace_trial(None)  # it was compared with what is no longer active
        logger.info("Serving vintage %s", vintage, extra={"vintage": vintage})
        return None

    def _end_trial_unless(self, config: UserConfig) -> None:
        """Lets go of a challenger that is no longer wanted before another vintage is loaded: two fit, not three."""
        wanted = {config.vintage, config.challenger.vintage if config.challenger is not None else None}
        if self.trial is not None and self.trial.config.vintage not in wanted:
            self._replace_trial(None)

    def _try_out(self, wanted: Challenger | None) -> None:
        """Holds the challenger beside what is served, or says why not; what is served stays in any case."""
        trial = self._trial_of(wanted) if wanted is not None else None
        self.failed_trial = None
        if wanted is not None and isinstance(trial, str):
            self.failed_trial = {"vintage": wanted.vintage, "error": trial}
        self._replace_trial(trial if isinstance(trial, Trial) else None)

    def _trial_of(self, wanted: Challenger) -> Trial | str:
        if self.active is None or self.lake_url is None:
            return "Nothing is served yet that it could be compared with."
        if wanted.vintage == self.active.vintage.id:
            return f"Vintage {wanted.vintage!r} is what is served already."
        predictor = self._loaded(self.lake_url, wanted.vintage)
        if isinstance(predictor, str):
            return predictor
        logger.info("Trying vintage %s (%s, share %s)", wanted.vintage, wanted.mode, wanted.share)
        return Trial(wanted, predictor, self.active, self._trial_metrics)

    def _replace_trial(self, trial: Trial | None) -> None:
        before, self.trial = self.trial, trial
        if before is not None:
            before.close()

    def _loaded(self, lake_url: str, vintage: str) -> Predictor | str:
        """The predictor, from the trial if it is held there; the reason if it cannot be loaded."""
        held = self.trial.predictor if self.trial is not None else None
        if held is not None and (held.vintage.id, self.lake_url) == (vintage, lake_url):
            return held
        try:
            with attempt_at(vintage):
                return self._load(lake_url, vintage)
        except BaseException as error:  # Polars' panics are no Exception; raising here would end the replica
            logger.exception("Vintage %s cannot be served", vintage, extra={"vintage": vintage})
            known = isinstance(error, RetailForecastError)
            return str(error) if known else f"Vintage {vintage!r} cannot be read: {type(error).__name__}: {error}"

    def predictor_for(self, store_id: str, item_id: str) -> Predictor | None:
        """What answers for the series: the active predictor, or a canary; None before the first vintage."""
        return self.predictor_for_all([(store_id, item_id)])

    def predictor_for_all(self, series: Sequence[tuple[str, str]]) -> Predictor | None:
        """What answers for all of the series at once, so that an answer is of one vintage."""
        trial = self.trial
        predictor = self.active if trial is None else trial.choose_for_all(series)
        note_answering(predictor)
        return predictor

    def mirror(self, series: tuple[str, str], question: Question) -> None:
        """Puts a question to both vintages, beside the request, while a challenger is tried."""
        if self.trial is not None:
            self.trial.mirror(*series, question)

    def observe(self, predictor: Predictor | None, status: int, seconds: float) -> None:
        """Counts an answer while a challenger is tried."""
        if self.trial is not None and predictor is not None:
            self.trial.observe(predictor, status, seconds)

    @property
    def is_of_no_use(self) -> bool:
        """Whether it can serve nothing although it must; that there is nothing to serve yet is no reason."""
        return self.must_serve and self.active is None and self.error is not None

    def provenance(self) -> dict[str, str]:
        """Vintage, model version and cutoff of the active predictor; empty without one."""
        return self.active.provenance if self.active is not None else {}

    def status(self) -> dict[str, Any]:
        """The replica's report (see contracts.ServingStatus)."""
        active = self.provenance()
        vintage = active.get("vintage")
        state = "unready" if vintage is None else "ready" if self.error is None else "degraded"
        return {
            "status": state,
            "wanted": self.wanted,
            "active": vintage,
            "model_version": active.get("model_version"),
            "cutoff": active.get("cutoff"),
            "error": self.error,
            "replica": self.replica,
            "request": self.request,
            "rollout": self._rollout(),
        }

    def _rollout(self) -> Mapping[str, Any] | None:
        if self.trial is not None:
            return self.trial.report()
        return self.failed_trial


def _parse(raw: Any) -> tuple[UserConfig, str | None]:
    """The configuration and what is wrong with it; then only what it was about, as far as that can be read."""
    try:
        return UserConfig.model_validate(raw or {}), None
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(["user_config", *(str(part) for part in first["loc"])])
        known = raw if isinstance(raw, dict) else {}
        about = {name: str(known[name]) for name in ("vintage", "request") if known.get(name) is not None}
        return UserConfig(**about), f"{where}: {first['msg']}."
