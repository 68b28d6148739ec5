"""The gate as a check: its numbers stand beside the champion whether the challenger passed or not."""

import dagster as dg

from retail_forecast.orchestration.gate import gate_metadata, read_outcome
from retail_forecast.orchestration.resources import Platform


def build_champion_checks() -> list[dg.AssetChecksDefinition]:
    """The check of the gate."""
    return [challenger_beats_baselines_and_champion]


@dg.asset_check(
    asset="champion",
    description="On rolling cutoffs the challenger beats every baseline and does not fall behind the champion. "
    "Otherwise the champion stays, and nothing else changes.",
)
def challenger_beats_baselines_and_champion(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    outcome = read_outcome(platform.lake)
    if outcome is None:
        return dg.AssetCheckResult(passed=False, metadata={"why": "No challenger has been judged yet."})
    return dg.AssetCheckResult(
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=gate_metadata(outcome),
    )
