"""Access tokens of an OpenID Connect issuer: JWTs (RFC 7519, profile RFC 9068) that are verified without asking it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
from jwt.exceptions import ExpiredSignatureError, InvalidAudienceError, InvalidIssuerError, PyJWTError

from retail_forecast.serving.security.callers import SCOPES, Caller
from retail_forecast.serving.security.issuer_keys import ALGORITHMS, IssuerKeys
from retail_forecast.serving.security.refusals import Refusal, bad_token, no_issuer_keys

LEEWAY_SECONDS = 30
MOST_CHARACTERS = 8192


class TokenVerifier:
    """Who a token stands for, if its signature, issuer, audience and time hold."""

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys) -> None:
        self.issuer, self.audience, self.keys = issuer, audience, keys

    async def caller_of(self, token: str) -> Caller:
        """Raises Refusal."""
        key = await self.keys.key_of(_kid(token))
        if key is None and not self.keys.has_any:
            raise no_issuer_keys(self.keys.url)
        if key is None:
            raise bad_token("unknown_signer", "it is signed by a key that the issuer does not publish.")
        try:
            claims = jwt.decode(
                token,
                key=key,
                algorithms=list(ALGORITHMS),
                issuer=self.issuer,
                audience=self.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )
        except PyJWTError as error:
            raise self._refusal(error) from None  # the cause may hold parts of the token
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        who = next((str(claims[one]) for one in ("sub", "client_id", "azp") if claims.get(one)), "unnamed")
        shown = "".join(one if one.isprintable() else "?" for one in who[:100])
        return Caller(f"token:{shown}", self._scopes(claims), float(claims["exp"]) + LEEWAY_SECONDS)

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Those of ours in `scope` or `scp`, also as AUDIENCE/SCOPE, in which form some issuers give them."""
        raw = claims.get("scope", claims.get("scp", ""))
        names = raw.split() if isinstance(raw, str) else [str(one) for one in raw] if isinstance(raw, list) else []
        return frozenset(name.removeprefix(f"{self.audience}/") for name in names) & frozenset(SCOPES)

    def _refusal(self, error: PyJWTError) -> Refusal:
        if isinstance(error, ExpiredSignatureError):
            return bad_token("expired_token", "it has expired.")
        if isinstance(error, InvalidIssuerError):
            return bad_token("bad_token", f"its issuer is not {self.issuer}.")
        if isinstance(error, InvalidAudienceError):
            return bad_token("bad_token", f"it is not made out to {self.audience}.")
        return bad_token("bad_token", f"it does not hold ({type(error).__name__}).")


def _kid(token: str) -> str:
    """The name of the key that is said to have signed. Raises Refusal."""
    if len(token) > MOST_CHARACTERS:
        raise bad_token("bad_token", f"it is longer than {MOST_CHARACTERS} characters.")
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError:
        raise bad_token("bad_token", "it is neither an API key nor a JWT.") from None
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise bad_token("bad_token", f"it must name a kid and be signed by one of {', '.join(ALGORITHMS)}.")
    return str(header["kid"])
