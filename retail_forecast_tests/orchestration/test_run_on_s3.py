"""The same deliveries, in a folder and on S3, end in the same published forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from retail_forecast.emulator import Cloud
from retail_forecast.lake import open_store
from retail_forecast.lake.retention import find_lineage, retire_vintage
from retail_forecast.lake.vintages import Vintage, scan_forecasts, scan_level_forecasts
from retail_forecast.orchestration.run import run_pipeline
from retail_forecast.serving.loading import load_predictor
from retail_forecast.settings import Settings
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.world import World, day

DAYS = 40


@dataclass(frozen=True)
class CloudWorld(World):
    """A tiny retailer whose landing and lake are on S3; only Dagster and MLflow are in the home."""

    bucket: str

    @property
    def settings(self) -> Settings:
        urls = {"landing_url": f"s3://{self.bucket}/landing", "lake_url": f"s3://{self.bucket}/lake"}
        return super().settings.model_copy(update=urls)

    def put(self, path: str, data: bytes) -> Path:
        open_store(self.settings.landing).write(path, data)
        return Path(path)


def publish(world: World) -> Vintage:
    world.write_dataset()
    world.deliver_all(DAYS)
    vintage = run_pipeline(world.settings, overrides={"endpoint_port": FakeEndpoint()}).vintage
    assert vintage is not None
    return vintage


@pytest.mark.slow
def test_landing_and_lake_on_s3_publish_the_forecasts_that_folders_publish(aws_cloud: Cloud, tmp_path: Path) -> None:
    local = World(tmp_path / "local")
    remote = CloudWorld(tmp_path / "remote", aws_cloud.new_bucket("shop", versioned=True))
    here, there = publish(local), publish(remote)
    assert_frame_equal(scan_forecasts(local.lake, here.id).collect(), scan_forecasts(remote.lake, there.id).collect())
    levels = [scan_level_forecasts(world.lake, one.id, "total") for world, one in ((local, here), (remote, there))]
    assert_frame_equal(levels[0].collect(), levels[1].collect())
    assert not (remote.home / "lake").exists()
    assert not (remote.home / "landing").exists()

    predictor = load_predictor(remote.settings.lake, there.id)
    assert predictor.vintage == there
    (first,) = [one for one in there.inputs["sales"] if one["partition"] == str(day(0))]
    key = f"landing/{first['object']}"
    head = aws_cloud.client("s3").head_object(Bucket=remote.bucket, Key=key)
    assert first["version_id"] == head["VersionId"]

    remote.deliver(DAYS - 1, factor=1.5)
    after = run_pipeline(remote.settings, overrides={"endpoint_port": FakeEndpoint()}).vintage
    assert after is not None
    assert after.id != there.id
    assert retire_vintage(remote.lake, there.id).objects > 2
    assert find_lineage(remote.lake, there.id) == there
