"""Which change makes which asset follow.

Dagster's own conditions answer to updates; these answer to changed *data versions*, so an identical re-delivery ends
where it arrives and a corrected old partition goes on. Two properties of Dagster 1.13 shape them:

- `since` drops a change that is seen in the same tick as the request before it, although the run of that request may
  have read its inputs already. A reset therefore counts only where nothing changed (see `_follow`).
- `will_be_requested` would hand a mere *request* of a parent on to its children, before its data version is known. It
  is left out where a parent is often materialized without a change, and where the child must not share a run with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

Condition = Any  # Dagster's types leave out the operators and `allow`, `ignore` and `with_label` of its conditions
AC: Condition = dg.AutomationCondition

SALES = dg.AssetSelection.assets("sales", "raw_sales")


def _changed_alone() -> Condition:
    elsewhere = AC.data_version_changed() & ~AC.executed_with_root_target()
    return AC.any_deps_match(elsewhere)


def _changed_or_requested() -> Condition:
    updated = AC.any_deps_updated()
    return updated.replace("newly_updated", AC.data_version_changed())


def _follow(trigger: Condition, *, may_be_missing: dg.AssetSelection | None = None) -> Condition:
    """True from a trigger until a request that was made after it, while the parents are there and sound."""
    reset = (AC.newly_requested() | AC.initial_evaluation()) & ~trigger
    missing = AC.any_deps_missing()
    return (
        (trigger.since(reset) | AC.newly_missing())
        & ~(missing.ignore(may_be_missing) if may_be_missing else missing)
        & ~AC.in_progress()
        & AC.all_deps_blocking_checks_passed()
    )


def when_parents_change() -> Condition:
    """The asset follows each parent, in the same run where it can."""
    return _follow(_changed_or_requested()).with_label("when_parents_change")


def when_tables_change() -> Condition:
    """As `when_parents_change`, for an asset over all partitions of sales, some of which may never arrive."""
    return _follow(_changed_or_requested(), may_be_missing=SALES).with_label("when_tables_change")


def when_training_is_due() -> Condition:
    """Only a new training request counts; the tables are read as they are then."""
    trigger = _changed_alone().allow(dg.AssetSelection.assets("training_request"))
    return _follow(trigger, may_be_missing=SALES).with_label("when_training_is_due")


def when_tables_or_champion_change() -> Condition:
    """As `when_tables_change`, but never in the champion's run: a long training must not hold the forecasts up."""
    champion = dg.AssetSelection.assets("champion")
    trigger = _changed_or_requested().ignore(champion) | _changed_alone().allow(champion)
    return _follow(trigger, may_be_missing=SALES).with_label("when_tables_or_champion_change")


def build_automation_sensor(
    *, interval_seconds: int, tags: Mapping[str, str]
) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all assets; the runs it asks for have the tags."""
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
        run_tags=tags,
        emit_backfills=True,  # otherwise each partition is a run, whatever the asset's backfill policy says
        description="Asks for what is missing or behind: each asset's automation condition decides.",
    )
