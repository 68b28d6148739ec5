"""`demo-aws`: the demo with every port on AWS, in a cloud that is emulated on this machine."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_forecast.cli.console import console, progress
from retail_forecast.cli.live import (
    api,
    check_one_answer,
    keep_up,
    say_how_to_stop,
    say_what_to_open,
    stock_shop,
    yesterday,
)
from retail_forecast.errors import RetailForecastError
from retail_forecast.patience import Patience

if TYPE_CHECKING:
    from datetime import date

    from retail_forecast.settings import Settings

_NOWHERE = "http://127.0.0.1:9"
_ANSWER_SECONDS = 600
_ORCHESTRATOR, _SERVING = "orchestrator", "serving"
ROLES = {
    _ORCHESTRATOR: "orchestrator",
    _SERVING: "endpoint",
    r"arn:aws:iam::\d+:role/retail-forecast-training": "training job",
}
"""Who is who among the callers of the demo."""


def demo_aws(
    exit_: Annotated[
        bool, typer.Option("--exit", help="Check one answer and its lineage over HTTP, stop everything, end.")
    ] = False,
) -> None:
    """The demo on AWS, emulated on this machine: S3, SQS, SageMaker, its model registry, CloudWatch.

    A day that lands in S3 after the first run goes the whole way by itself: event, sensor, sales, forecasts, answer.
    """
    from retail_forecast.cli.dagster_services import dagster_services
    from retail_forecast.orchestration.run import run_pipeline

    with emulated_settings() as settings, api(settings) as endpoint:
        newest = yesterday()
        with progress() as show:
            stock_shop(settings, newest - timedelta(days=1), partial(show, "Made-up days of sales, to S3"))
            run_pipeline(settings, on_progress=show)
        endpoint.start()
        with dagster_services(settings) as services:
            console().print(f"Sales of {newest} land in S3 now; nobody starts anything.")
            stock_shop(settings, newest, lambda *_: None)
            vintage = _await_vintage(settings, newest, services.check)
            url = check_one_answer(settings)
            say_where_it_comes_from(settings, vintage)
            say_what_to_open(settings, url)
            if not exit_:
                say_how_to_stop()
                keep_up(services, endpoint)
    console().print("The answer equals the published forecast. Everything is stopped.")


@contextmanager
def emulated_settings() -> Iterator[Settings]:
    """Settings of a fresh home in a fresh cloud, both below the home of the environment, which then names them.

    The cloud forgets everything when it ends, so what an earlier demo left in the home is removed first. Whatever
    would leave this machine meets a closed port.
    """
    from retail_forecast.cli.aws_account import build_account
    from retail_forecast.cli.aws_permissions import permissions_markdown, permissions_of
    from retail_forecast.emulator import run_cloud
    from retail_forecast.settings import ENVIRONMENT_PREFIX, load_settings

    home = load_settings().home.resolve() / "demo-aws"
    shutil.rmtree(home, ignore_errors=True)
    record = ["--record", str(home / "cloud" / "calls.jsonl")]
    with run_cloud(home / "cloud", options=record) as cloud:
        proxies = {"HTTP_PROXY": _NOWHERE, "HTTPS_PROXY": _NOWHERE}
        os.environ |= {**cloud.environment(_ORCHESTRATOR), **proxies, f"{ENVIRONMENT_PREFIX}HOME": str(home)}
        os.environ |= {**build_account(cloud).settings(), **_profile_of_api(home)}
        console().print(f"AWS, emulated, is at {cloud.endpoint_url}; its state is gone when this command ends.")
        yield load_settings()
        permissions = home / "permissions.md"
        permissions.write_text(permissions_markdown(permissions_of(cloud.calls(), ROLES)), encoding="utf-8")
        console().print(f"The IAM actions that each role used are in {permissions}.", soft_wrap=True)


def _profile_of_api(home: Path) -> dict[str, str]:
    """Credentials of the API's own, as its pods have their own role; the variables that lead to them."""
    from retail_forecast.settings import ENVIRONMENT_PREFIX

    file = home / "aws-credentials"
    file.write_text(f"[{_SERVING}]\naws_access_key_id = {_SERVING}\naws_secret_access_key = test\n", encoding="utf-8")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(file), f"{ENVIRONMENT_PREFIX}SERVING_AWS_PROFILE": _SERVING}


def say_where_it_comes_from(settings: Settings, vintage: str) -> None:
    """Prints the lineage of a vintage: an object version in S3, the training job and the model package.

    Raises RetailForecastError if the answer does not name them.
    """
    from retail_forecast.cli.http import get_json
    from retail_forecast.serving.security.own_key import own_headers

    lineage = get_json(f"{settings.api_url}/v1/lineage/{vintage}", headers=own_headers(settings))
    newest = max(lineage["inputs"]["sales"], key=lambda one: str(one["partition"]))
    named = {
        "sales": newest["object"],
        "S3 version": newest.get("version_id"),
        "training job": lineage["model"].get("training_job"),
        "model package": lineage["model"].get("model_package"),
    }
    if missing := [name for name, value in named.items() if not value]:
        raise RetailForecastError(f"The lineage of {vintage} names no {missing[0]}: {str(lineage)[:500]}")
    out = console()
    out.print(f"\nVintage {vintage} is made of")
    for name, value in named.items():
        out.print(f"  {name:13} {value}", soft_wrap=True)


def _await_vintage(settings: Settings, cutoff: date, check: Callable[[], Any]) -> str:
    """The vintage with that cutoff, once the API answers from it. Raises RetailForecastError if that takes too long."""
    from retail_forecast.cli.http import get_json
    from retail_forecast.serving.security.own_key import own_headers

    patience = Patience(_ANSWER_SECONDS)
    while not patience.is_over():
        check()
        answer = get_json(f"{settings.api_url}/v1/model", headers=own_headers(settings))
        if answer["cutoff"] == cutoff.isoformat():
            return str(answer["vintage"])
        time.sleep(1)
    raise RetailForecastError(
        f"The sales of {cutoff} did not reach the API within {patience.waited:.0f} s. See {settings.ui_url}/runs."
    )
