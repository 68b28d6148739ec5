"""Why a request is not answered, as problem documents. None of them repeats what was sent as a secret."""

from __future__ import annotations

import math

from retail_forecast.serving.problems import ProblemError
from retail_forecast.serving.security.callers import Caller
from retail_forecast.serving.security.throttle import Allowance

REALM = 'Bearer realm="retail-forecast"'
_HOW = "Send `Authorization: Bearer KEY_OR_TOKEN` or `X-API-Key: KEY`."


class Refusal(ProblemError):
    """Ends a request before it is looked at; `reason` is what the metrics count."""

    def __init__(self, reason: str, problem: ProblemError) -> None:
        self.reason = reason
        headers = problem.headers
        super().__init__(
            problem.status, problem.name, problem.title, problem.detail, headers=headers, **problem.members
        )


def no_credentials() -> Refusal:
    """Nothing was sent that could tell who asks."""
    return _unauthorized("no_credentials", f"This API answers those it knows. {_HOW}", REALM)


def ambiguous_credentials() -> Refusal:
    """Two of them, which might be two callers."""
    return _unauthorized("ambiguous_credentials", f"More than one key or token was sent. {_HOW}", REALM)


def unknown_key() -> Refusal:
    """An API key that is not in force, or never was."""
    detail = "The API key is not in force: it was revoked, has expired or was mistyped. Ask for a new one."
    return _unauthorized("unknown_key", detail)


def bad_token(reason: str, why: str) -> Refusal:
    """An access token that does not hold; `why` must not repeat the token."""
    return _unauthorized(reason, f"The access token is not accepted: {why}")


def no_issuer_keys(url: str) -> Refusal:
    """No token can be judged now."""
    detail = f"Access tokens cannot be verified now: the issuer's keys at {url} could not be fetched. Try again."
    return Refusal("no_issuer_keys", ProblemError(503, "issuer-unavailable", "The issuer is unavailable", detail))


def missing_scope(caller: Caller, scope: str) -> Refusal:
    """A caller who may do other things."""
    granted = ", ".join(sorted(caller.scopes)) or "none"
    detail = f"{caller.name} lacks the scope {scope!r}, which this needs; granted: {granted}."
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'}
    problem = ProblemError(403, "missing-scope", "Not allowed", detail, headers=headers, scope=scope)
    return Refusal("missing_scope", problem)


def too_many(caller: Caller, rate: float, allowance: Allowance) -> Refusal:
    """A caller who asks faster than is answered."""
    wait = max(1, math.ceil(allowance.wait_seconds))
    detail = f"{caller.name} asks more than {rate:g} times a second. Wait {wait} s, and ask for many series at once."
    headers = {"Retry-After": str(wait), **allowance.headers}
    problem = ProblemError(429, "too-many-requests", "Too many requests", detail, headers=headers)
    return Refusal("rate_limited", problem)


def _unauthorized(reason: str, detail: str, challenge: str = f'{REALM}, error="invalid_token"') -> Refusal:
    headers = {"WWW-Authenticate": challenge}
    return Refusal(reason, ProblemError(401, "unauthorized", "Not authorized", detail, headers=headers))
