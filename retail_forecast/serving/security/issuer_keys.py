"""The keys of the issuer of access tokens (a JWKS, RFC 7517), fetched from the one URL that was configured."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWTError

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256", "EdDSA")
FRESH_SECONDS = 300.0
RETRY_SECONDS = 10.0
KEEP_SECONDS = 24 * 3600.0
_TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 256 * 1024

Keys = dict[str, PyJWK]


class IssuerKeys:
    """Keys by `kid`. They are fetched again when five minutes old, or for a `kid` that is new, and not more often
    than every ten seconds, whatever is asked. When that fails, the old ones stay for a day from when they were
    fetched, and each failure is logged."""

    def __init__(
        self, url: str, *, fetch: Callable[[str], Keys] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.url, self._fetch, self._clock = url, fetch or fetch_keys, clock
        self._keys: Keys = {}
        self._fetched_at, self._tried_at = float("-inf"), float("-inf")
        self._pending: asyncio.Task[None] | None = None

    @property
    def has_any(self) -> bool:
        """Whether a token can be judged at all."""
        return bool(self._keys) and self._age < KEEP_SECONDS

    async def key_of(self, kid: str) -> PyJWK | None:
        """The key of that name; None if the issuer has none, as far as is known."""
        if not self.has_any or kid not in self._keys:
            if (pending := self._refresh()) is not None:
                await asyncio.shield(pending)
        elif self._age > FRESH_SECONDS:
            self._refresh()
        return self._keys.get(kid) if self.has_any else None

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch under way, begun if one is due; None while it is too soon after the last."""
        if self._pending is not None and not self._pending.done():
            return self._pending
        if self._clock() - self._tried_at < RETRY_SECONDS:
            return None
        self._tried_at = self._clock()
        self._pending = asyncio.get_running_loop().create_task(self._try())
        return self._pending

    async def _try(self) -> None:
        try:
            self._keys = await asyncio.to_thread(self._fetch, self.url)
        except (httpx.HTTPError, ValueError) as error:
            left = max(0.0, KEEP_SECONDS - self._age) if self._keys else 0.0
            logger.warning(
                "The issuer's keys at %s cannot be fetched (%s: %s); %s known keys stay for %.0f s more",
                self.url,
                type(error).__name__,
                error,
                len(self._keys) if left else "no",
                left,
            )
            return
        self._fetched_at = self._clock()


def fetch_keys(url: str) -> Keys:
    """The keys for signatures by algorithms that we accept. Raises httpx.HTTPError, or ValueError for no JWKS."""
    with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client, client.stream("GET", url) as answer:
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"it answered {answer.status_code}")
        text = b""
        for part in answer.iter_bytes():
            text += part
            if len(text) > _MOST_BYTES:
                raise ValueError(f"it answered more than {_MOST_BYTES} bytes")
    keys = _usable(httpx.Response(200, content=text).json())
    if not keys:
        raise ValueError(f"it holds no key with a kid for {', '.join(ALGORITHMS)}")
    return keys


def _usable(document: Any) -> Keys:
    found: Keys = {}
    listed = document.get("keys") if isinstance(document, dict) else None
    for raw in listed if isinstance(listed, list) else []:
        try:
            key = PyJWK.from_dict(raw)
        except (PyJWTError, ValueError, AttributeError, TypeError):
            continue  # of a kind that we do not accept anyway
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig"):
            found[str(key.key_id)] = key
    return found
