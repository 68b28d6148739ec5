"""What every answer tells browsers and caches: to run nothing that is not ours, to show us in no frame, to keep quiet.

The directives are those of the OWASP Secure Headers Project.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

Header = tuple[bytes, bytes]

_ALWAYS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
# Charts and Swagger UI set styles on elements; scripts come from files of ours alone.
_OWN_FILES = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    b"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_DATA = ("/v1/", "/metrics", "/livez", "/readyz", "/openapi.json")
_PRIVATE = (b"cache-control", b"private")
_VARY = (b"vary", b"Authorization, X-API-Key")


class SecurityHeaders:
    """The headers of an answer, by its path. behind_tls: people come by https, and browsers are told to stay there."""

    def __init__(self, *, behind_tls: bool) -> None:
        rest = [*_ALWAYS, *([_HSTS] if behind_tls else [])]
        self._data = [(b"content-security-policy", _NOTHING), *rest]
        self._page = [(b"content-security-policy", _OWN_FILES), *rest]

    def add(self, headers: Iterable[Header], path: str) -> list[Header]:
        """The headers of an answer with ours; a page may have stricter ones of its own."""
        if path.startswith(_DATA):
            return [*headers, *self._data]
        given = list(headers)
        names = {name for name, _ in given}
        return [*given, *(header for header in self._page if header[0] not in names)]


def private(headers: Iterable[Header]) -> list[Header]:
    """The same for an answer to one caller: only that caller's own cache may keep it.

    >>> private([(b"cache-control", b"public, max-age=60")])
    [(b'cache-control', b'private, max-age=60'), (b'vary', b'Authorization, X-API-Key')]
    >>> private([])
    [(b'vary', b'Authorization, X-API-Key'), (b'cache-control', b'private')]
    """
    kept = [(name, _private(value) if name == b"cache-control" else value) for name, value in headers]
    kept.append(_VARY)
    if not any(name == b"cache-control" for name, _ in kept):
        kept.append(_PRIVATE)
    return kept


@lru_cache(maxsize=64)
def _private(control: bytes) -> bytes:
    """A value of Cache-Control that leaves out caches which others share."""
    if b"no-store" in control:
        return control
    control = control.replace(b"public", b"private")
    return control if b"private" in control else b"private, " + control
