"""Forecasters: baselines, gradient boosting by pools of stores, intervals from residuals, and the bundle on disk."""

from retail_forecast.models.baselines import BASELINES, Baseline
from retail_forecast.models.bundle import Bundle, write_bundle
from retail_forecast.models.calibration import fit_level
from retail_forecast.models.ensemble import load_members, predict_members, train_members
from retail_forecast.models.intervals import Intervals, fit_intervals
from retail_forecast.models.recipe import Recipe

__all__ = [
    "BASELINES",
    "Baseline",
    "Bundle",
    "Intervals",
    "Recipe",
    "fit_intervals",
    "fit_level",
    "load_members",
    "predict_members",
    "train_members",
    "write_bundle",
]
