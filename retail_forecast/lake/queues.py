"""Queues that events wait in: what the arrivals ask of one, whichever cloud it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """One delivery of a message. `receipt` is what this delivery is deleted by; `deliveries` counts them so far."""

    id: str
    body: str
    receipt: str
    deliveries: int = 1


class EventQueue(Protocol):
    """A queue that delivers at least once: what is neither deleted nor set aside comes again after a while."""

    def receive(self, limit: int) -> list[Message]:
        """What waits now, at most `limit` messages; it does not wait for any."""
        ...

    def delete(self, messages: Sequence[Message]) -> None:
        """Forgets messages that were dealt with."""
        ...

    def set_aside(self, message: Message, reason: str) -> bool:
        """Moves a message that cannot be used to the dead letters, with the reason; False where there are none."""
        ...
