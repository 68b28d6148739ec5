"""Forecasters: baselines, gradient boosting by pools of stores, intervals from residuals, and the bundle on disk."""

from retail_forecast.models.alignment import alignment_factors, fit_alignment
from retail_forecast.models.baselines import BASELINES, Baseline
from retail_forecast.models.bundle import Bundle, write_bundle
from retail_forecast.models.coherence import raise_to_parts
from retail_forecast.models.ensemble import load_members, predict_members, train_members
from retail_forecast.models.group_model import GroupModel
from retail_forecast.models.interval_fitting import Sample, fit_intervals
from retail_forecast.models.intervals import Intervals, intervals_from_json, intervals_to_json
from retail_forecast.models.recipe import Recipe
from retail_forecast.models.spread import compute_spread, spread_periods

__all__ = [
    "BASELINES",
    "Baseline",
    "Bundle",
    "GroupModel",
    "Intervals",
    "Recipe",
    "Sample",
    "alignment_factors",
    "compute_spread",
    "fit_alignment",
    "fit_intervals",
    "intervals_from_json",
    "intervals_to_json",
    "load_members",
    "predict_members",
    "raise_to_parts",
    "spread_periods",
    "train_members",
    "write_bundle",
]
