"""The Ray Serve application. Only Ray's own processes import this module."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import FastAPI
from ray import serve

from retail_forecast.serving.app import build_app
from retail_forecast.serving.config import DEPLOYMENT
from retail_forecast.serving.confinement import confine_replica
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.shortcut import offer_shortcut
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.tracing import start_tracing
from retail_forecast.serving.trial_metrics import TrialMetrics
from retail_forecast.settings import load_settings
from retail_forecast.telemetry.logs import configure_logging

logger = logging.getLogger(__name__)


class UselessReplicaError(Exception):
    """A replica that starts can serve neither what it should nor anything else."""


class ForecastReplica:
    """One replica: it answers from its state, and takes a new vintage while it answers."""

    def __init__(self) -> None:
        configure_logging()
        self.metrics = Metrics()
        settings = load_settings()
        start_tracing(settings)
        self.security = Security.of(settings)  # a replica that may not tell who asks does not start
        name = serve.get_replica_context().replica_id.unique_id
        self.serving = ServingState(replica=name, trial_metrics=TrialMetrics(self.metrics.registry))
        self._has_started = False

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = build_app(self.serving, self.metrics, self.security)
        offer_shortcut(app)
        return app

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Takes note of what to serve. Never raises once started: Ray would kill the replica, and with the last one
        the service. One that starts and is of no use does raise: Ray tries again, and sends nobody to it."""
        # in a thread, so that the replica goes on answering while it loads
        await asyncio.to_thread(self.serving.switch, user_config)
        status = self.serving.status()
        self.metrics.show(
            vintage=status["active"] or "",
            model_version=status["model_version"] or "",
            degraded=status["status"] != "ready",
            failed=status["error"] is not None,
        )
        if self.serving.is_of_no_use and not self._has_started:
            raise UselessReplicaError(str(status["error"]))
        self._has_started = True


confine_replica()
_deployment: Any = serve.deployment(name=DEPLOYMENT)(serve.ingress()(ForecastReplica))
application = _deployment.bind()
