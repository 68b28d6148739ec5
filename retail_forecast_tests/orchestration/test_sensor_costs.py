"""What a look of each sensor costs the process that makes it, with every port on AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast_tests.orchestration.world import World
from retail_forecast_tests.training.sagemaker.jobs_of import IMAGE, ROLE

CODE = """
import json, sys, time
import dagster as dg
from retail_forecast.definitions import build_defs
from retail_forecast.settings import Settings

defs, seconds = build_defs(Settings(**json.loads(sys.argv[1]))), {}
looks = [one for one in defs.sensors if type(one) is dg.SensorDefinition]
with dg.DagsterInstance.ephemeral() as instance:
    for sensor in looks * 5:
        mine = {key: defs.resources[key] for key in sensor.required_resource_keys}
        begun = time.process_time()
        sensor.evaluate_tick(dg.build_sensor_context(instance=instance, resources=mine))
        seconds.setdefault(sensor.name, []).append(time.process_time() - begun)
loaded = [name for name in ("boto3", "sagemaker", "ray", "mlflow", "lightgbm") if name in sys.modules]
print(json.dumps({"loaded": loaded, "seconds": {name: min(found) for name, found in seconds.items()}}))
"""


@pytest.fixture
def on_aws(aws_cloud: Cloud, world: World) -> dict[str, Any]:
    """Settings that put every port on the emulated cloud."""
    world.write_dataset()
    bucket, queue = aws_cloud.new_bucket(), aws_cloud.client("sqs").create_queue(QueueName="looks")["QueueUrl"]
    places = {name: f"s3://{bucket}/{name}" for name in ("landing_url", "lake_url", "training_url")}
    ports = {"trainer": "sagemaker", "registry": "sagemaker", "metrics": "cloudwatch", "notifier": "sns"}
    topic = aws_cloud.client("sns").create_topic(Name="looks")["TopicArn"]
    named = {"training_image": IMAGE, "training_role_arn": ROLE, "notification_topic_arn": topic}
    return {"home": str(world.home), "arrivals_queue_url": queue, **places, **ports, **named}


def test_no_look_loads_the_sagemaker_sdk_or_takes_200_ms(on_aws: dict[str, Any]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(on_aws)], capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["loaded"] == ["boto3"]
    assert found["seconds"].keys() == {"arrivals", "approvals", "catch_up", "measurements"}
    # of this process alone, so that how busy the machine is does not count
    assert {name: seconds for name, seconds in found["seconds"].items() if seconds >= 0.2} == {}
