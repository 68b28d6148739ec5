"""Callers, their scopes, and which scope a request needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

READ: Final = "forecasts:read"
WHAT_IF: Final = "what-if"
LINEAGE: Final = "lineage:read"
OPERATIONS: Final = "operations"
SCOPES: Final = {
    READ: "forecasts, history, accuracy, explanations and downloads",
    WHAT_IF: "what-if questions, which run the model",
    LINEAGE: "the files and the model behind a vintage",
    OPERATIONS: "metrics",
}

_OPEN = frozenset({"/", "/livez", "/readyz", "/docs", "/openapi.json", "/favicon.ico"})
_OPEN_BELOW = ("/docs-assets/", "/page/")


@dataclass(frozen=True)
class Caller:
    """Who asks. name: `key:NAME`, `token:SUBJECT` or `address:IP`; expires_at: seconds since 1970, if ever."""

    name: str
    scopes: frozenset[str]
    expires_at: float = float("inf")

    def may(self, scope: str) -> bool:
        """Whether the scope was granted."""
        return scope in self.scopes


def scope_of(path: str) -> str | None:
    """The scope that a path needs; None for probes, the page and the documentation. What is unknown needs one, too.

    >>> scope_of("/readyz"), scope_of("/v1/what-if"), scope_of("/v1/forecasts/S1/milk"), scope_of("/nothing")
    (None, 'what-if', 'forecasts:read', 'forecasts:read')
    """
    if path.startswith("/v1/"):
        return WHAT_IF if path.startswith("/v1/what-if") else LINEAGE if path.startswith("/v1/lineage/") else READ
    if path in _OPEN or path.startswith(_OPEN_BELOW):
        return None
    return OPERATIONS if path.startswith("/metrics") else READ
