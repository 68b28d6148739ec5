"""A home in which everything is up to date, and the means to see what automation asks for next."""

from __future__ import annotations

from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor

from retail_forecast.orchestration.arrivals import DATA_VERSION, build_arrivals_sensor
from retail_forecast.orchestration.graph import build_graph
from retail_forecast_tests.orchestration.world import World, tick

DOWNSTREAM = (
    "training_request",
    "features",
    "model",
    "backtest",
    "champion",
    "forecasts",
    "endpoint",
    "forecast_accuracy",
    "drift",
)
BLOCKING = {
    "forecasts": ["quantiles_do_not_cross", "forecasts_cover_every_active_series", "forecasts_are_not_absurd"],
}


@dataclass
class Automation:
    """Sensor ticks, evaluations and runs over one instance; runs below sales are told, not made."""

    world: World
    instance: dg.DagsterInstance
    sensor_cursor: str | None = None
    cursor: AssetDaemonCursor | None = None
    defs: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.defs = build_graph(self.world.platform, {})

    def look(self) -> None:
        """One tick of the arrivals sensor."""
        self.sensor_cursor = tick(build_arrivals_sensor(self.world.platform), self.instance, self.sensor_cursor)

    def asked(self) -> dict[str, set[str | None]]:
        """What one evaluation of the automation conditions asks for: asset → partitions."""
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        keys = self.defs.resolve_asset_graph().get_all_asset_keys()
        found = {key.to_user_string(): set(result.get_requested_partitions(key)) for key in keys}
        return {name: partitions for name, partitions in found.items() if partitions}

    def run(self, *assets: str, partition: str | None = None, stops_at: str | None = None) -> None:
        """A real run of assets with their checks; `stops_at` names the only blocking one that does not hold."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(name) for name in assets]
        result = job.execute_in_process(
            instance=self.instance, asset_selection=keys, partition_key=partition, raise_on_error=False
        )
        checks = [check for check in result.get_asset_check_evaluations() if check.blocking and not check.passed]
        assert [check.check_name for check in checks] == ([stops_at] if stops_at else [])
        assert result.success == (stops_at is None)

    def tell(self, asset: str, version: str) -> None:
        """As if a run had materialized the asset with that data version, and its blocking checks had passed."""
        event = dg.AssetMaterialization(asset, tags={DATA_VERSION: version})
        self.instance.report_runless_asset_event(event)
        for name in BLOCKING.get(asset, []):
            check = dg.AssetCheckEvaluation(
                asset_key=event.asset_key, check_name=name, passed=True, blocking=True, metadata={}
            )
            self.instance.report_runless_asset_event(check)

    def settle(self) -> None:
        """Everything there and nothing asked for."""
        self.look()
        self.asked()
        self.run("prices", "stores")
        for partition in sorted(self.world.lake_days()):
            self.run("sales", partition=partition)
        for name in DOWNSTREAM:
            self.tell(name, "first")
        for _ in range(2):
            self.asked()
