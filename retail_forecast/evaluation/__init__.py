"""How good forecasts are: rolling cutoffs, scores by level, and the gate that promotes a model."""

from retail_forecast.evaluation.cutoffs import rolling_cutoffs
from retail_forecast.evaluation.gates import Contender, Decision, contender, decide
from retail_forecast.evaluation.hierarchy import ALL_LEVELS, level_name
from retail_forecast.evaluation.quantile_scores import coverage_table, quantile_scores
from retail_forecast.evaluation.scores import SCORE_COLUMNS, score_against, score_table, wrmsse
from retail_forecast.evaluation.yardsticks import build_yardsticks

__all__ = [
    "ALL_LEVELS",
    "SCORE_COLUMNS",
    "Contender",
    "Decision",
    "build_yardsticks",
    "contender",
    "coverage_table",
    "decide",
    "level_name",
    "quantile_scores",
    "rolling_cutoffs",
    "score_against",
    "score_table",
    "wrmsse",
]
