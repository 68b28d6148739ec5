"""What services tell EventBridge of their own accord, put onto moto's default bus."""

from __future__ import annotations

import json
from typing import Any

from moto.events.models import events_backends

from retail_forecast.emulator.sagemaker.training_jobs import ACCOUNT


def publish_event(region: str, source: str, detail_type: str, detail: dict[str, Any]) -> None:
    """Puts one event onto the default bus of a region; its rules carry it on."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": []}
    events_backends[ACCOUNT][region].put_events([entry])
