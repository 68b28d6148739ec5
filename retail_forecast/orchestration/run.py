"""Everything up to date, in this process: what `retail-forecast run` and `demo` do, recorded in Dagster's instance.

Each stage is a Dagster run over the same assets that automation uses, and each asset is idempotent by the fingerprint
of its inputs: after kill -9 at any point the next call does what is left.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from retail_forecast.dataset import load_dataset
from retail_forecast.errors import RetailForecastError
from retail_forecast.lake.arrivals import Poll
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.ledger import Entry, Ledger
from retail_forecast.lake.vintages import Vintage, latest_vintage
from retail_forecast.orchestration.arrivals import materialization_of, news_of_files, unreported_facts
from retail_forecast.orchestration.captured import output_of_steps_stays_in_their_runs
from retail_forecast.orchestration.event_log import report_asset_events
from retail_forecast.orchestration.graph import build_graph
from retail_forecast.orchestration.instance import PROCESS_TAG, close_abandoned_runs, open_instance, process_tag
from retail_forecast.orchestration.jobs import FORECASTS, TRAINING
from retail_forecast.orchestration.partitions import RANGE_END, RANGE_START, contiguous_ranges
from retail_forecast.orchestration.resources import OnProgress, Platform
from retail_forecast.orchestration.run_logs import AS_JSON
from retail_forecast.orchestration.run_tags import CUTOFF, DATASET
from retail_forecast.orchestration.training_run import (
    BACKTESTS,
    Tested,
    read_backtest,
    read_progress,
    training_is_pending,
)
from retail_forecast.pipeline.arrivals import current_ledger, look_for_arrivals
from retail_forecast.pipeline.tables import stale_partitions
from retail_forecast.settings import Settings

SALES = dg.AssetKey("sales")
_SETTLE_LOOKS = 5
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # the event log has it all


@dataclass(frozen=True)
class Stage:
    """One part of a run: what was done and how long it took. `count` is in partitions, files, checks or assets."""

    name: str
    count: int
    seconds: float


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    notes: checks that did not hold and did not block. rejected: files that were set aside. waiting: files that are
    still being written.
    """

    stages: tuple[Stage, ...]
    vintage: Vintage | None
    trained: bool
    notes: tuple[str, ...] = ()
    rejected: tuple[Entry, ...] = ()
    waiting: tuple[str, ...] = ()


def run_pipeline(
    settings: Settings,
    *,
    cutoff: date | None = None,
    on_progress: OnProgress | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> RunSummary:
    """Brings tables, model, forecasts and endpoint up to date. With a cutoff, as if later sales did not exist.

    Raises the RetailForecastError of the step that failed; what was published before stays.
    """
    with _opened(Platform(settings, load_dataset(settings.dataset_path), cutoff, on_progress), overrides) as run:
        return run.all()


def train_challenger(
    settings: Settings, *, on_progress: OnProgress | None = None, overrides: Mapping[str, Any] | None = None
) -> Tested:
    """Trains and tests a challenger on all that has landed, due or not; it is neither registered nor judged."""
    platform = Platform(settings, load_dataset(settings.dataset_path), None, on_progress)
    with _opened(platform, overrides) as run:
        run.train()
    return read_backtest(Artifact(platform.lake, BACKTESTS, str(read_progress(platform.lake).backtest)))


@contextmanager
def _opened(platform: Platform, overrides: Mapping[str, Any] | None) -> "Iterator[_Run]":
    graph = build_graph(platform, overrides or {})
    with open_instance(platform.settings) as instance:
        close_abandoned_runs(instance)
        yield _Run(platform, instance, graph.resolve_implicit_global_asset_job_def())


@dataclass
class _Run:
    platform: Platform
    instance: dg.DagsterInstance
    job: dg.JobDefinition
    stages: list[Stage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def all(self) -> RunSummary:
        waiting = self._take_in()
        trained = training_is_pending(self.platform)
        if trained:
            self._materialize("training", TRAINING)
        self._materialize("forecasts", FORECASTS)
        rejected = current_ledger(self.platform.lake, self.platform.dataset).rejected()
        vintage = latest_vintage(self.platform.lake)
        return RunSummary(tuple(self.stages), vintage, trained, tuple(self.notes), tuple(rejected), waiting)

    def train(self) -> None:
        self._take_in()
        self._materialize("training", [name for name in TRAINING if name != "champion"])

    def _take_in(self) -> tuple[str, ...]:
        """Tables and the training request, up to date with what landed; files that are still being written."""
        waiting = self._look()
        if self._publish_tables():
            waiting = self._look()  # other stores may be known now, and files be judged by them
        self._publish_sales()
        self._materialize("training request", ["training_request"])
        return waiting

    def _look(self) -> tuple[str, ...]:
        """Records what landed and reports it. Files that still settle are given some time."""
        platform = self.platform
        before = current_ledger(platform.lake, platform.dataset)
        with self._stage("arrivals", len(list(platform.landing.list()))):
            poll = self._poll_until_settled()
            self._report(before, poll.ledger)
        return poll.waiting

    def _poll_until_settled(self) -> Poll:
        platform = self.platform
        for look in range(_SETTLE_LOOKS):
            poll = look_for_arrivals(
                platform.lake,
                platform.landing,
                platform.dataset,
                settle_seconds=platform.settings.settle_seconds,
                workers=platform.settings.workers,
                on_progress=platform.progress("Files looked at"),
            )
            if not poll.waiting or look == _SETTLE_LOOKS - 1:
                break
            time.sleep(platform.settings.settle_seconds / 2)
        return poll

    def _report(self, before: Ledger, now: Ledger) -> None:
        facts = unreported_facts(self.instance, now, self.platform.dataset)
        report_asset_events(self.instance, [materialization_of(fact) for fact in facts])
        for event in news_of_files(before, now, self.platform.dataset):
            self.instance.report_runless_asset_event(event)

    def _publish_tables(self) -> bool:
        names = [name for name in self.platform.dataset.tables if name != "sales"]
        stale = [name for name in names if stale_partitions(self.platform.lake, self.platform.dataset, name)]
        if stale:
            self._materialize("tables", stale)
        return bool(stale)

    def _publish_sales(self) -> None:
        """The stale partitions; without any, the checks alone: a run that was killed may not have come to them."""
        days = self.platform.dataset.period_days
        stale = stale_partitions(self.platform.lake, self.platform.dataset, "sales")
        for first, last in contiguous_ranges(stale, days):
            count = sum(first <= partition <= last for partition in stale)
            self._materialize(f"sales {first} to {last}", ["sales"], {RANGE_START: first, RANGE_END: last}, count)
        if not stale:
            checks = {key for key in self.job.asset_layer.asset_graph.asset_check_keys if key.asset_key == SALES}
            self._execute("checks of sales", len(checks), self.job.get_subset(asset_check_selection=checks), {})

    def _materialize(
        self, name: str, assets: Sequence[str], tags: Mapping[str, str] | None = None, count: int | None = None
    ) -> None:
        keys = [dg.AssetKey(asset) for asset in assets]
        self._execute(name, count or len(keys), self.job, tags or {}, asset_selection=keys)

    def _execute(self, name: str, count: int, job: dg.JobDefinition, tags: Mapping[str, str], **selection: Any) -> None:
        all_tags = {**tags, PROCESS_TAG: process_tag(), DATASET: self.platform.dataset.name}
        if self.platform.cutoff is not None:
            all_tags[CUTOFF] = self.platform.cutoff.isoformat()
        with self._stage(name, count), _plain_errors(name), output_of_steps_stays_in_their_runs():
            told = _QUIET if self.platform.settings.log_format == "text" else AS_JSON
            result = job.execute_in_process(told, self.instance, tags=all_tags, **selection)
        for check in result.get_asset_check_evaluations():
            if not check.passed:
                self.notes.append(f"{check.asset_key.to_user_string()}: {check.check_name} does not hold")

    @contextmanager
    def _stage(self, name: str, count: int) -> Iterator[None]:
        started = time.monotonic()
        self._tell(name, 0)
        yield
        self.stages.append(Stage(name, count, round(time.monotonic() - started, 2)))
        self._tell(name, 1)

    def _tell(self, name: str, done: int) -> None:
        if self.platform.on_progress is not None:
            self.platform.on_progress(name, done, 1)


@contextmanager
def _plain_errors(stage: str) -> Iterator[None]:
    try:
        yield
    except DagsterAssetCheckFailedError as error:
        lines = [line for line in str(error).splitlines()[1:] if line.strip()]
        fix = "Correct the files that its metadata names, or look at the check in the UI; what was served goes on."
        raise RetailForecastError(f"Stage {stage!r} stopped at a blocking check: {'; '.join(lines)}. {fix}") from error
