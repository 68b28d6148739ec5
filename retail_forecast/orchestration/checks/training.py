"""The budget, held against the estimate before a job is launched."""

import dagster as dg

from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.trainings import billed_seconds
from retail_forecast.settings import Settings
from retail_forecast.training.sagemaker.cost import Estimate, Price, estimate_cost

TASKS = ("train", "backtest")


def build_training_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The check of the budget, where a training costs money: not on this machine."""
    return [training_fits_the_budget] if settings.trainer == "sagemaker" else []


@dg.asset_check(
    asset="features",
    blocking=True,
    description="What training and backtest on SageMaker may cost is within RETAIL_FORECAST_TRAINING_BUDGET_USD.",
)
def training_fits_the_budget(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_budget(platform.settings, billed_seconds(platform.lake))


def evaluate_budget(settings: Settings, last: dict[str, float]) -> dg.AssetCheckResult:
    """The estimates of both jobs against the budget. `last`: what the last job of each task was billed, in seconds."""
    estimates = {task: estimate_cost(settings, last_seconds=last.get(task)) for task in TASKS}
    known = [one.usd for one in estimates.values() if one.usd is not None]
    total = sum(known) if len(known) == len(TASKS) else None
    budget = settings.training_budget_usd
    shown = {task: _sentence(estimate) for task, estimate in estimates.items()}
    price = estimates["train"].price
    numbers = {"estimate USD": total, "budget USD": budget, "price USD per hour": price.usd}
    return dg.AssetCheckResult(
        passed=budget is None or (total is not None and total <= budget),
        description=_verdict(settings, total, price),
        metadata={
            **shown,
            "price from": price.source,
            **{name: value for name, value in numbers.items() if value is not None},
        },
    )


def _verdict(settings: Settings, total: float | None, price: Price) -> str:
    instance, budget = settings.training_instance_type, settings.training_budget_usd
    if total is None:
        unknown = f"No price is known of {instance} in {settings.aws_region}: set RETAIL_FORECAST_TRAINING_PRICE_USD."
        unknown = f"{unknown} {price.source}"
        if budget is None:
            return f"{unknown} There is no budget to hold it against."
        return f"{unknown} Until then nothing is trained, since the budget of {budget:,.2f} USD cannot be kept."
    spent = f"Training and backtest may cost {total:,.2f} USD on {settings.training_instance_count} x {instance}"
    if budget is None:
        return f"{spent}. There is no budget (RETAIL_FORECAST_TRAINING_BUDGET_USD)."
    if total <= budget:
        return f"{spent}, of {budget:,.2f} USD."
    return (
        f"{spent}, more than the budget of {budget:,.2f} USD. Raise RETAIL_FORECAST_TRAINING_BUDGET_USD, lower "
        "RETAIL_FORECAST_TRAINING_MAX_SECONDS, or take a smaller instance; then materialize `features` again."
    )


def _sentence(estimate: Estimate) -> str:
    cost = "unknown" if estimate.usd is None else f"{estimate.usd:,.2f} USD"
    return f"{cost}: {estimate.seconds:,.0f} s ({estimate.basis}) on {estimate.instance}"
