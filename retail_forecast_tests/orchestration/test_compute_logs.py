"""What runs print lands in S3, with the settings of a home and with the instance of deploy/."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import dagster as dg
import pytest

import retail_forecast
from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError
from retail_forecast.orchestration.instance import open_instance, prepare_dagster_home
from retail_forecast_tests.orchestration.world import World

DEPLOYED = Path(retail_forecast.__file__).parents[1] / "deploy" / "dagster" / "dagster.yaml"
KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/1b1f1d1e-0000-4000-8000-000000000001"


@dg.op
def speak() -> None:
    print("forty-two units")  # noqa: T201 - it is what is looked for


@dg.job
def talk() -> None:
    speak()


def printed(cloud: Cloud, bucket: str, instance: dg.DagsterInstance) -> dict[str, str]:
    """Key → encryption of the objects that hold what the job prints when it runs."""
    assert talk.execute_in_process(instance=instance).success
    s3, found = cloud.client("s3"), {}
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        answer = s3.get_object(Bucket=bucket, Key=one["Key"])
        if b"forty-two units" in answer["Body"].read():
            found[one["Key"]] = answer.get("ServerSideEncryption", "")
    return found


def test_a_home_keeps_what_runs_print_where_its_setting_says(aws_cloud: Cloud, world: World) -> None:
    bucket = aws_cloud.new_bucket("logs")
    chosen = {"compute_logs_url": f"s3://{bucket}/some/logs", "lake_kms_key": KEY}
    with open_instance(world.settings.model_copy(update=chosen)) as instance:
        ((key, encryption),) = printed(aws_cloud, bucket, instance).items()
    assert key.startswith("some/logs/storage/")
    assert encryption == "aws:kms"


def test_the_deployed_instance_keeps_what_runs_print_where_its_environment_says(
    aws_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = aws_cloud.new_bucket("logs")
    monkeypatch.setenv("COMPUTE_LOGS_BUCKET", bucket)
    monkeypatch.setenv("COMPUTE_LOGS_PREFIX", "dagster")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a folder for each run stays behind
    shutil.copy(DEPLOYED, tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        (key,) = printed(aws_cloud, bucket, instance)
    assert key.startswith("dagster/storage/")


def test_outputs_go_to_s3_or_stay(world: World) -> None:
    wrong = world.settings.model_copy(update={"compute_logs_url": "/var/log"})
    with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_COMPUTE_LOGS_URL: found '/var/log'"):
        prepare_dagster_home(wrong)
