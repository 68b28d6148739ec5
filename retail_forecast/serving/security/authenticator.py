"""From the headers of a request to its caller; what was verified once is remembered by its hash."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from retail_forecast.serving.security.callers import Caller
from retail_forecast.serving.security.key_ring import KeyRing, looks_like_key
from retail_forecast.serving.security.refusals import ambiguous_credentials, bad_token, no_credentials, unknown_key
from retail_forecast.serving.security.tokens import TokenVerifier

REMEMBERED = 4096
_TOKEN_SECONDS = 300.0  # a token is judged again after so long, with the issuer's keys of then

_CARRIERS = frozenset({b"authorization", b"x-api-key"})

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Known:
    """A caller who was verified, until when (seconds since 1970), and with which state of the key file."""

    caller: Caller
    until: float
    generation: int


class Authenticator:
    """Knows API keys, access tokens or both."""

    def __init__(self, ring: KeyRing | None, tokens: TokenVerifier | None) -> None:
        self._ring, self._tokens = ring, tokens
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    async def caller_of(self, headers: Headers) -> Caller:
        """Raises Refusal."""
        secret = credentials_in(headers)
        if self._ring is not None:
            self._ring.refresh()
        mark = hashlib.sha256(secret).digest()
        known = self._known.get(mark)
        if known is not None and known.until > time.time() and known.generation == self._generation:
            return known.caller
        self._known.pop(mark, None)
        return self._remember(mark, await self._verify(secret))

    @property
    def _generation(self) -> int:
        return self._ring.generation if self._ring is not None else 0

    async def _verify(self, secret: bytes) -> Caller:
        text = secret.decode("latin-1")
        if self._ring is not None and (looks_like_key(text) or self._tokens is None):
            caller = self._ring.caller_of(text)
            if caller is None or caller.expires_at <= time.time():
                raise unknown_key()
            return caller
        if self._tokens is None or looks_like_key(text):
            raise bad_token("bad_token", "API keys are not taken here, only access tokens.")
        return await self._tokens.caller_of(text)

    def _remember(self, mark: bytes, caller: Caller) -> Caller:
        of_key = caller.name.startswith("key:")
        until = caller.expires_at if of_key else min(caller.expires_at, time.time() + _TOKEN_SECONDS)
        self._known[mark] = Known(caller, until, self._generation)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller


def credentials_in(headers: Headers) -> bytes:
    """The one key or token of a request. Raises Refusal for none, or more than one."""
    found = [(name, value) for name, value in headers if name in _CARRIERS]
    if len(found) > 1:
        raise ambiguous_credentials()
    name, value = found[0] if found else (b"", b"")
    if name == b"authorization":
        scheme, _, value = value.partition(b" ")
        value = value if scheme.lower() == b"bearer" else b""
    if not (secret := value.strip()):
        raise no_credentials()
    return secret
