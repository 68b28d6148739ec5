"""Which predictor answers the request that is under way: noted where it is chosen, read where headers are written."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from retail_forecast.serving.predictor import Predictor


@dataclass
class Answering:
    """One request; `predictor` is None until one was chosen by its series."""

    predictor: Predictor | None = None

    @property
    def provenance(self) -> dict[str, str]:
        """Vintage, model version and cutoff of what answers; empty until that is known."""
        return self.predictor.provenance if self.predictor is not None else {}


_current: ContextVar[Answering | None] = ContextVar("answering", default=None)


def begin_answer() -> Answering:
    """The note of the request that begins in this context; threads that it starts share it."""
    answering = Answering()
    _current.set(answering)
    return answering


def answered_from() -> dict[str, str]:
    """Vintage, model version and cutoff of what answers the request of this context, as far as that is known."""
    answering = _current.get()
    return answering.provenance if answering is not None else {}


def note_answering(predictor: Predictor | None) -> None:
    """Notes that `predictor` answers the request of this context, if there is one."""
    answering = _current.get()
    if answering is not None:
        answering.predictor = predictor
