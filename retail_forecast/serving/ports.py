"""Ports that must be free before something listens on them."""

from __future__ import annotations

import socket

from retail_forecast.errors import ConfigurationError


def require_free_ports(host: str, api_port: int, dashboard_port: int) -> None:
    """Raises ConfigurationError, naming the setting, if something listens on one of the endpoint's ports."""
    require_free_port(host, api_port, setting="RETAIL_FORECAST_API_PORT")
    require_free_port("127.0.0.1", dashboard_port, setting="RETAIL_FORECAST_RAY_DASHBOARD_PORT")


def require_free_port(host: str, port: int, *, setting: str) -> None:
    """Raises ConfigurationError, naming the setting, if something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            expected = f"a port that is free on {host} ({error.strerror}); stop what uses it or set another port"
            raise ConfigurationError(key=setting, found=port, expected=expected) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
