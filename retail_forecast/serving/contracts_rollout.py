"""What a replica reports of a challenger that is tried beside the active vintage."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Answers(BaseModel):
    """Answers since this trial began on this replica."""

    seconds: dict[str, int] = Field(description="Upper bound, in seconds, to the answers that took no longer.")
    requests: dict[str, int] = Field(description="Status to answers.")


class ShadowReport(BaseModel):
    """The same questions put to both, beside the requests.

    dropped: for want of time. missing: series that the challenger lacks. incomparable: no date in common.
    """

    active: Answers
    challenger: Answers
    dropped: int
    missing: int
    incomparable: int
    disagreement: dict[str, int] = Field(
        description="Upper bound of the relative difference (0 to 2) to the questions whose answers differed no more."
    )


class TrialReport(BaseModel):
    """A trial on this replica. error: why it holds no challenger. halted: why it stopped asking it."""

    vintage: str
    mode: Literal["shadow", "canary"]
    share: float
    error_limit: float
    error: str | None
    halted: str | None
    active: Answers
    challenger: Answers
    shadow: ShadowReport


class FailedTrial(BaseModel):
    """A challenger that this replica could not load; it answers from the active vintage."""

    vintage: str
    error: str
