"""Demand forecasts for every store and item, from files that land to answers over HTTP."""

from __future__ import annotations

__version__ = "0.1.0"
