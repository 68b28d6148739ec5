"""From the lake to a predictor that can answer: everything is read and tried before anything is swapped."""

from __future__ import annotations

import logging
import time
import weakref

import polars as pl

from retail_forecast.errors import AwsError
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.vintages import fetch_bundle, fetch_forecasts, fetch_scenario_features, read_vintage
from retail_forecast.models import Bundle
from retail_forecast.scratch import ScratchFolder
from retail_forecast.serving.insight import Insight
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.table import ForecastTable

logger = logging.getLogger(__name__)

_PAUSES_SECONDS = (0.5, 2.0)  # an object store that stumbles is asked again


def load_predictor(lake_url: str, vintage_id: str) -> Predictor:
    """The predictor of a published vintage. Raises NotFoundError, UnsoundVintageError, OSError, AwsError."""
    for pause in _PAUSES_SECONDS:
        try:
            return _load(open_lake(lake_url), vintage_id)
        except (OSError, AwsError) as error:
            logger.warning("Loading vintage %s failed (%s); trying again in %s s", vintage_id, error, pause)
            time.sleep(pause)
    return _load(open_lake(lake_url), vintage_id)


def _load(lake: Lake, vintage_id: str) -> Predictor:
    vintage = read_vintage(lake, vintage_id)
    cache = ScratchFolder(vintage_id)
    try:
        bundle = Bundle.load(fetch_bundle(lake, vintage_id, cache.path / "bundle"))
        rows = fetch_scenario_features(lake, vintage_id, cache.path / "scenario_features.parquet")
        forecasts = fetch_forecasts(lake, vintage_id, cache.path / "forecasts.parquet")
        insight = Insight.read(lake, vintage, bundle.spec, cache.path)
        table = ForecastTable.open(forecasts, vintage.quantiles)
        predictor = Predictor.build(vintage, table, pl.scan_parquet(rows), bundle, insight)
    except BaseException:
        cache.cleanup()
        raise
    weakref.finalize(predictor, cache.cleanup)
    return predictor
