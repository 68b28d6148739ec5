"""Rollouts in steps: a vintage is tried beside the one that is served, watched, and then promoted or taken back."""

from retail_forecast.serving.rollouts.observed import Observed
from retail_forecast.serving.rollouts.plan import Limits, Plan, Step, plan_of
from retail_forecast.serving.rollouts.staged import RolledBackError, RolledOut, StepReport, roll_out

__all__ = ["Limits", "Observed", "Plan", "RolledBackError", "RolledOut", "Step", "StepReport", "plan_of", "roll_out"]
