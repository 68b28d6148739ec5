"""What the gate said last, and who is champion, as two small documents of the lake."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retail_forecast.lake import Lake
from retail_forecast.orchestration.metadata import bullet_list
from retail_forecast.pipeline.trainings import read_json

_OUTCOME, _CHAMPION = "last_gate.json", "champion.json"


@dataclass(frozen=True)
class Outcome:
    """What the gate decided: versions of the challenger and of the champion afterwards, and the mean scores.

    passed: the gate's verdict. promoted: the challenger is champion. waiting: a person has to approve it.
    """

    challenger: str
    champion: str | None
    passed: bool
    promoted: bool
    waiting: bool
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]


def write_outcome(lake: Lake, outcome: Outcome) -> None:
    """Notes the gate's decision, and the champion after it."""
    lake.store.write(_OUTCOME, json.dumps(asdict(outcome)).encode())
    note_champion(lake, outcome.champion)


def read_outcome(lake: Lake) -> Outcome | None:
    """The last decision of the gate, or None before the first."""
    raw = read_json(lake, _OUTCOME)
    if raw is None:
        return None
    before_approvals = {"passed": raw["promoted"], "waiting": False}  # what an older document leaves out
    return Outcome(**{**before_approvals, **raw, "reasons": tuple(raw["reasons"])})


def note_champion(lake: Lake, version: str | None) -> None:
    """Notes in the lake which version is champion, for those who must not ask the registry at each look."""
    lake.store.write(_CHAMPION, json.dumps({"version": version}).encode())


def noted_champion(lake: Lake) -> str | None:
    """The champion when the gate or the registry's decisions were looked at last; None without one."""
    noted = read_json(lake, _CHAMPION)
    if noted is not None:
        version: str | None = noted["version"]
        return version
    outcome = read_outcome(lake)  # of a lake that is older than the note
    return outcome.champion if outcome is not None else None


def gate_metadata(outcome: Outcome) -> dict[str, Any]:
    """The decision's numbers and reasons, for the UI."""
    scores = {f"WRMSSE {name}": value for name, value in outcome.numbers.items()}
    waiting = {"waits for approval": outcome.challenger} if outcome.waiting else {}
    return {**scores, **waiting, "why": bullet_list(outcome.reasons)}
