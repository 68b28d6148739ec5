"""How good forecasts are: rolling cutoffs, scores by level, and the gate that promotes a model."""

from retail_forecast.evaluation.cutoffs import rolling_cutoffs
from retail_forecast.evaluation.gates import Contender, Decision, contender, decide
from retail_forecast.evaluation.hierarchy import ALL_LEVELS, level_name
from retail_forecast.evaluation.scores import score_table, wrmsse

__all__ = [
    "ALL_LEVELS",
    "Contender",
    "Decision",
    "contender",
    "decide",
    "level_name",
    "rolling_cutoffs",
    "score_table",
    "wrmsse",
]
