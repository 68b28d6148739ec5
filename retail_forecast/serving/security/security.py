"""The security of one replica, put together from the settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Self

from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.headers import SecurityHeaders
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.policy import auth_mode
from retail_forecast.serving.security.throttle import Throttle
from retail_forecast.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Security:
    """What the Guard goes by; by default everybody may ask, as often as they like."""

    authenticator: Authenticator | None = None
    throttle: Throttle | None = None
    headers: SecurityHeaders = field(default_factory=lambda: SecurityHeaders(behind_tls=False))
    hops: int = 0
    origins: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises ConfigurationError for what is missing or cannot be."""
        mode = auth_mode(settings)
        if settings.auth == "off":
            logger.warning("RETAIL_FORECAST_AUTH=off: whoever reaches this API may ask it")
        return cls(
            authenticator=_authenticator(settings) if mode != "off" else None,
            throttle=Throttle(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None,
            headers=SecurityHeaders(behind_tls=(settings.public_api_url or "").startswith("https://")),
            hops=settings.forwarded_hops,
            origins=tuple(one.strip() for one in (settings.cors_origins or "").split(",") if one.strip()),
        )


def _authenticator(settings: Settings) -> Authenticator:
    modes = str(settings.auth).split(",")
    ring = KeyRing(settings.keys_path) if "keys" in modes else None
    if "oidc" not in modes:
        return Authenticator(ring, None)
    from retail_forecast.serving.security.issuer_keys import IssuerKeys
    from retail_forecast.serving.security.tokens import TokenVerifier

    keys = IssuerKeys(str(settings.oidc_jwks_url))
    return Authenticator(ring, TokenVerifier(str(settings.oidc_issuer), str(settings.oidc_audience), keys))
