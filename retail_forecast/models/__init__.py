"""Forecasters: baselines, gradient boosting by pools of stores, intervals from residuals, and the bundle on disk."""

from retail_forecast.models.baselines import BASELINES, Baseline
from retail_forecast.models.bundle import Bundle, write_bundle
from retail_forecast.models.gradient_boosting import predict_pool, train_pool
from retail_forecast.models.intervals import Intervals, fit_intervals
from retail_forecast.models.recipe import Recipe

__all__ = [
    "BASELINES",
    "Baseline",
    "Bundle",
    "Intervals",
    "Recipe",
    "fit_intervals",
    "predict_pool",
    "train_pool",
    "write_bundle",
]
