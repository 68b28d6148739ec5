"""Keeps what a replica opens on this machine on loopback, where Ray Serve would open it to everybody.

A replica's server for calls between deployments listens on all addresses, with or without HAProxy, and unpickles what
it is sent. On one machine nobody else has to reach it. In a cluster other nodes have to, and network policies say who.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

VARIABLE = "RETAIL_FORECAST_ONE_MACHINE"
"""Set by the host in the environment of its Ray."""

_EVERYWHERE, _LOOPBACK = "[::]:", "127.0.0.1:"


def confine_replica() -> None:
    """Has to run before the replica's servers start; changes nothing in a cluster."""
    if os.environ.get(VARIABLE) != "1":
        return
    replica: Any = importlib.import_module("ray.serve._private.replica")
    add_port = replica.add_port_to_grpc_server

    def add_loopback_port(server: Any, address: str) -> Any:
        return add_port(server, address.replace(_EVERYWHERE, _LOOPBACK))

    replica.add_port_to_grpc_server = add_loopback_port
