"""The same deliveries, in a folder and on S3, end in the same published forecasts, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.emulator import Cloud
from retail_forecast.lake import open_store
from retail_forecast.lake.retention import find_lineage, retire_vintage
from retail_forecast.lake.vintages import Vintage
from retail_forecast.orchestration.run import run_pipeline
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
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


def files_of(world: World, vintage: Vintage) -> dict[str, bytes]:
    """Bytes of the published forecasts, of those above the series, and of the features behind them."""
    names = ("forecasts", "level_forecasts", "scenario_features")
    return {name: world.lake.store.read(f"vintages/{vintage.id}/{name}.parquet") for name in names}


def answer_of(world: World, vintage: Vintage) -> dict[str, Any]:
    """What the API says of one series."""
    serving = ServingState(replica="r1")
    serving.switch({"vintage": vintage.id, "lake_url": world.settings.lake, "request": "one"})
    with TestClient(build_app(serving)) as client:
        found: dict[str, Any] = client.get("/v1/forecasts/north/ale").json()
    return found


@pytest.mark.slow
def test_landing_and_lake_on_s3_publish_the_forecasts_that_folders_publish(aws_cloud: Cloud, tmp_path: Path) -> None:
    local = World(tmp_path / "local")
    remote = CloudWorld(tmp_path / "remote", aws_cloud.new_bucket("shop", versioned=True))
    here, there = publish(local), publish(remote)
    assert files_of(local, here) == files_of(remote, there)
    assert not (remote.home / "lake").exists()
    assert not (remote.home / "landing").exists()

    local_answer, answer = (answer_of(world, one) for world, one in ((local, here), (remote, there)))
    assert answer["vintage"] == there.id
    assert answer["forecasts"] == local_answer["forecasts"]
    assert [one["lead"] for one in answer["forecasts"]] == [1, 2, 3, 4, 5, 6, 7]
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
