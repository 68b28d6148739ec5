"""Checks of the vintage in force, and of what the endpoint answers. The blocking ones keep it from being served."""

from datetime import date, timedelta
from itertools import pairwise
from math import isclose
from urllib.parse import quote

import dagster as dg
import httpx
import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.lake import Lake
from retail_forecast.lake.vintages import Vintage, latest_vintage, scan_forecasts
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.features import known_future_shortfalls
from retail_forecast.pipeline.forecasts import last_sales
from retail_forecast.serving import Endpoint, EndpointStatus
from retail_forecast.serving.proof import sample_forecasts
from retail_forecast.serving.security.own_key import own_headers

RECENT_PERIODS = 28
ABSURD_RATIO = 5
_NAMED = 10


def build_forecast_checks() -> list[dg.AssetChecksDefinition]:
    """Checks of the forecasts and of the endpoint."""
    return [
        quantiles_do_not_cross,
        forecasts_cover_every_active_series,
        forecasts_are_not_absurd,
        known_future_covers_the_horizon,
        live_answers_equal_published_forecasts,
    ]


@dg.asset_check(asset="forecasts", blocking=True, description="Each quantile is at least as large as the one below.")
def quantiles_do_not_cross(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    vintage = latest_vintage(platform.lake)
    return evaluate_quantiles(_rows(platform.lake, vintage), platform.dataset.quantile_columns)


@dg.asset_check(asset="forecasts", blocking=True, description="Each series that sold has one row per lead.")
def forecasts_cover_every_active_series(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    vintage = latest_vintage(platform.lake)
    return evaluate_cover(
        _rows(platform.lake, vintage), recent_sales(platform.lake, platform.dataset, vintage), vintage
    )


@dg.asset_check(asset="forecasts", blocking=True, description="Each store's forecast is within reach of its past.")
def forecasts_are_not_absurd(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    vintage = latest_vintage(platform.lake)
    return evaluate_scale(_rows(platform.lake, vintage), recent_sales(platform.lake, platform.dataset, vintage))


@dg.asset_check(asset="endpoint", description="The live URL is asked, and answers the numbers of the vintage in force.")
def live_answers_equal_published_forecasts(
    platform: dg.ResourceParam[Platform], endpoint_port: dg.ResourceParam[Endpoint]
) -> dg.AssetCheckResult:
    vintage, status = latest_vintage(platform.lake), endpoint_port.status()
    problem = _live_problem(platform, vintage, status)
    numbers = {"served": str(status.active), "published": vintage.id if vintage else "nothing", "url": status.url}
    return dg.AssetCheckResult(passed=problem is None, metadata={**numbers, "problem": problem or "none"})


@dg.asset_check(asset="forecasts", description="What is known ahead (prices, promotions, calendar) reaches far enough.")
def known_future_covers_the_horizon(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    vintage = latest_vintage(platform.lake)
    cutoff = date.fromisoformat(vintage.cutoff) if vintage else last_sales(platform.lake)
    short = known_future_shortfalls(platform.lake, platform.dataset, cutoff=cutoff)
    ends = {f"{table} ends": str(end) for table, end in short.items()}
    return dg.AssetCheckResult(passed=not short, severity=dg.AssetCheckSeverity.WARN, metadata=ends)


def forecasts_are_sound(platform: Platform) -> bool:
    """Whether the vintage in force would pass the blocking checks now."""
    vintage = latest_vintage(platform.lake)
    rows, sales = _rows(platform.lake, vintage), recent_sales(platform.lake, platform.dataset, vintage)
    results = (
        evaluate_quantiles(rows, platform.dataset.quantile_columns),
        evaluate_cover(rows, sales, vintage),
        evaluate_scale(rows, sales),
    )
    return all(result.passed for result in results)


def evaluate_quantiles(rows: pl.LazyFrame, quantiles: list[str]) -> dg.AssetCheckResult:
    """Names the first rows whose quantiles cross or which are negative where sales are not."""
    crossing = [pl.col(low) > pl.col(high) for low, high in pairwise(quantiles)]
    bad = rows.filter(pl.any_horizontal(crossing)).collect() if crossing else rows.head(0).collect()
    named = [f"{row['store_id']}, {row['item_id']} on {row['date']}" for row in bad.head(_NAMED).to_dicts()]
    return dg.AssetCheckResult(
        passed=bad.is_empty(), metadata={"rows": bad.height, "first": ", ".join(named) or "none"}
    )


def evaluate_cover(rows: pl.LazyFrame, sales: pl.LazyFrame | None, vintage: Vintage | None) -> dg.AssetCheckResult:
    """Every series that sold in the recent periods, and every lead of each series with a history.

    The forecasts of a new series begin when it is listed.
    """
    if sales is None or vintage is None:
        return dg.AssetCheckResult(passed=False, metadata={"problem": "Nothing is published."})
    series = rows.group_by("store_id", "item_id").agg(pl.len(), pl.col("basis").first().cast(pl.String)).collect()
    sold = sales.filter(pl.col("units_sold") > 0).select("store_id", "item_id").unique().collect()
    absent = sold.join(series, on=["store_id", "item_id"], how="anti").sort("store_id", "item_id")
    short = series.filter((pl.col("len") != vintage.horizon) & (pl.col("basis") == "history"))
    named = [f"{store}, {item}" for store, item in absent.head(_NAMED).iter_rows()]
    new = series.filter(basis="cold_start").height
    numbers = {"series": series.height, "new series": new, "absent": absent.height, "incomplete": short.height}
    passed = absent.is_empty() and short.is_empty() and not series.is_empty()
    return dg.AssetCheckResult(passed=passed, metadata={**numbers, "first absent": "; ".join(named) or "none"})


def evaluate_scale(rows: pl.LazyFrame, sales: pl.LazyFrame | None) -> dg.AssetCheckResult:
    """Mean units per period and store, forecast against recent: at most five times, at least a fifth."""
    if sales is None:
        return dg.AssetCheckResult(passed=False, metadata={"problem": "Nothing is published."})
    past = _per_period(sales, "units_sold")
    ahead = _per_period(rows, "mean").rename({"units": "forecast"})
    both = past.join(ahead, on="store_id", how="inner").filter(pl.col("units") > 1).collect()
    ratio = both.with_columns(ratio=pl.col("forecast") / pl.col("units"))
    bad = ratio.filter(
        (pl.col("ratio") > ABSURD_RATIO) | (pl.col("ratio") < 1 / ABSURD_RATIO) | pl.col("ratio").is_nan()
    )
    named = [f"{row['store_id']}: {row['forecast']:.0f} a period, {row['units']:.0f} of late" for row in bad.to_dicts()]
    return dg.AssetCheckResult(
        passed=bad.is_empty(), metadata={"stores": both.height, "out of scale": "; ".join(named[:_NAMED]) or "none"}
    )


def recent_sales(lake: Lake, dataset: Dataset, vintage: Vintage | None) -> pl.LazyFrame | None:
    """Sales of the periods up to the vintage's cutoff."""
    if vintage is None:
        return None
    cutoff = date.fromisoformat(vintage.cutoff)
    since = cutoff - timedelta(days=(RECENT_PERIODS - 1) * dataset.period_days)
    return lake.table("sales").scan(since=since, until=cutoff)


def _live_problem(platform: Platform, vintage: Vintage | None, status: EndpointStatus) -> str | None:
    """What tells the live answers from the published table, or None."""
    if vintage is None or status.state != "ready" or status.active != vintage.id:
        return f"The endpoint is {status.state} and serves {status.active}."
    headers = own_headers(platform.settings)
    for rows in sample_forecasts(platform.settings.lake, vintage.id):
        store, item = str(rows["store_id"][0]), str(rows["item_id"][0])
        url = f"{status.url}/v1/forecasts/{quote(store, safe='')}/{quote(item, safe='')}"
        try:
            answer = httpx.get(url, headers=headers, trust_env=False, timeout=30).json()
        except (httpx.HTTPError, ValueError) as error:
            return f"{url} gives no answer: {error}"
        served = [one["mean"] for one in answer.get("forecasts", [])]
        if answer.get("vintage") != vintage.id or not _are_close(served, rows["mean"].to_list()):
            return f"{url} does not say what was published."
    return None


def _are_close(served: list[float], published: list[float]) -> bool:
    pairs = zip(served, published, strict=False)
    return len(served) == len(published) and all(isclose(a, b, rel_tol=1e-3, abs_tol=1e-3) for a, b in pairs)


def _rows(lake: Lake, vintage: Vintage | None) -> pl.LazyFrame:
    if vintage is None:
        raise dg.Failure("No vintage is published yet; materialize `forecasts` first.")
    return scan_forecasts(lake, vintage.id)


def _per_period(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    daily = rows.group_by("store_id", "date").agg(pl.col(column).sum())
    return daily.group_by("store_id").agg(units=pl.col(column).mean())
