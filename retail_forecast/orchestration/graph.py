"""The whole graph of one home: assets, checks, jobs, sensors, schedules and resources."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from retail_forecast.orchestration.approvals import build_approvals_sensor
from retail_forecast.orchestration.arrivals import build_arrivals_sensor
from retail_forecast.orchestration.assets.forecasts import build_forecast_assets
from retail_forecast.orchestration.assets.monitoring import build_monitoring_assets
from retail_forecast.orchestration.assets.tables import build_table_assets
from retail_forecast.orchestration.assets.training import build_training_assets
from retail_forecast.orchestration.automation import build_automation_sensor
from retail_forecast.orchestration.catch_up import build_catch_up_sensor
from retail_forecast.orchestration.checks.champion import build_champion_checks
from retail_forecast.orchestration.checks.forecasts import build_forecast_checks
from retail_forecast.orchestration.checks.landing import build_landing_checks
from retail_forecast.orchestration.checks.sales import build_sales_checks
from retail_forecast.orchestration.checks.training import build_training_checks
from retail_forecast.orchestration.executors import build_executor
from retail_forecast.orchestration.failures import build_failure_sensors
from retail_forecast.orchestration.jobs import build_jobs, build_schedules
from retail_forecast.orchestration.measurements import build_measurements_sensor
from retail_forecast.orchestration.resources import Platform, build_resources
from retail_forecast.orchestration.run_logs import build_loggers
from retail_forecast.orchestration.run_tags import DATASET


def build_graph(platform: Platform, overrides: Mapping[str, Any]) -> dg.Definitions:
    """Definitions over one platform; `overrides` replace resources by key."""
    dataset, interval = platform.dataset, platform.settings.arrivals_interval_seconds
    jobs = build_jobs(platform)
    return dg.Definitions(
        assets=[
            *build_table_assets(dataset),
            *build_training_assets(dataset),
            *build_forecast_assets(dataset),
            *build_monitoring_assets(),
        ],
        asset_checks=[
            *build_landing_checks(dataset),
            *build_sales_checks(dataset),
            *build_training_checks(platform.settings),
            *build_champion_checks(),
            *build_forecast_checks(),
        ],
        sensors=[
            build_arrivals_sensor(platform),
            build_automation_sensor(interval_seconds=interval, tags={DATASET: dataset.name}),
            build_catch_up_sensor(platform, jobs),
            build_approvals_sensor(platform),
            build_measurements_sensor(platform),
            *build_failure_sensors(),
        ],
        jobs=jobs,
        schedules=build_schedules(platform),
        resources=build_resources(platform, overrides),
        loggers=build_loggers(platform.settings),
        executor=build_executor(platform.settings),
    )
