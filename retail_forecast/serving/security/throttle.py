"""A limit per caller: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

CALLERS = 10_000


@dataclass(frozen=True)
class Allowance:
    """What a caller has left of `limit` in each window. wait_seconds: until the next is answered, 0 if this one is."""

    limit: int
    window_seconds: int
    left: int
    reset_seconds: int
    wait_seconds: float

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 writes it."""
        return {
            "ratelimit": f'"caller";r={self.left};t={self.reset_seconds}',
            "ratelimit-policy": f'"caller";q={self.limit};w={self.window_seconds}',
        }


class Throttle:
    """`rate` requests a second and `burst` at once for each caller; remembers the last 10,000 callers alone."""

    def __init__(self, rate: float, burst: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst or max(1, math.ceil(2 * rate)), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> Allowance:
        """Takes a token; where there is none, says how long to wait."""
        now = self._clock()
        tokens, filled_at = self._buckets.pop(caller, (float(self.burst), now))
        tokens = min(self.burst, tokens + (now - filled_at) * self.rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self.rate
        tokens -= wait == 0.0
        self._buckets[caller] = (tokens, now)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        window, reset = (math.ceil(missing / self.rate) for missing in (self.burst, self.burst - tokens))
        return Allowance(self.burst, window, int(tokens), reset, wait)
