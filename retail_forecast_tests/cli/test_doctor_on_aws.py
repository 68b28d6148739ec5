"""What `doctor` says of buckets and queues that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retail_forecast.cli.doctor import Finding, examine
from retail_forecast.emulator import Cloud
from retail_forecast.settings import Settings
from retail_forecast_tests.lake.buckets import CloudLanding


@pytest.fixture
def landing(aws_cloud: Cloud) -> CloudLanding:
    return CloudLanding.make(aws_cloud, "none")


def findings(landing: CloudLanding, home: Path, **more: Any) -> dict[str, Finding]:
    chosen = {
        "home": home,
        "landing_url": f"s3://{landing.bucket}/landing",
        "lake_url": f"s3://{landing.bucket}/lake",
        "arrivals_queue_url": landing.queue.url,
        "arrivals_dead_letter_url": landing.queue.dead_letter_url,
    }
    return {finding.check: finding for finding in examine(Settings(**{**chosen, **more}))}


def test_buckets_and_queues_in_order_need_no_mending(landing: CloudLanding, tmp_path: Path) -> None:
    found = findings(landing, tmp_path)
    names = ("landing", "lake", "arrivals queue", "dead letters")
    assert [found[name].state for name in names] == ["ok"] * 4
    assert landing.left() == (0, 0)


@pytest.mark.parametrize(
    ("code", "mend"), [("AccessDenied", "Grant this action"), ("ExpiredToken", "aws sso login"), ("SlowDown", "later")]
)
def test_a_refused_lake_is_named_in_plain_words(landing: CloudLanding, tmp_path: Path, code: str, mend: str) -> None:
    landing.cloud.plan_fault("s3", "PutObject", code, times=9, resource=f"{landing.bucket}/lake/*")
    try:
        found = findings(landing, tmp_path)["lake"]
    finally:
        landing.cloud.clear_faults()
    assert found.state == "fail"
    assert found.found.startswith(f"s3://{landing.bucket}/lake/.doctor: ")
    assert code in found.found
    assert mend in found.mend


def test_missing_credentials_are_named_in_plain_words(
    landing: CloudLanding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    found = findings(landing, tmp_path)
    assert [found[name].state for name in ("landing", "lake", "arrivals queue")] == ["fail"] * 3
    assert [found[name].mend[:26] for name in ("landing", "lake", "arrivals queue")] == [
        "Sign in (`aws sso login`),"
    ] * 3


def test_a_place_for_outputs_that_cannot_be_used_is_named(landing: CloudLanding, tmp_path: Path) -> None:
    found = findings(landing, tmp_path, compute_logs_url="s3://no-such-bucket/logs")["compute_logs"]
    assert (found.state, "NoSuchBucket" in found.found, "Create the bucket" in found.mend) == ("fail", True, True)
    assert findings(landing, tmp_path, compute_logs_url=f"s3://{landing.bucket}/logs")["compute_logs"].state == "ok"
    assert "compute_logs" not in findings(landing, tmp_path)


def test_a_landing_may_be_read_only(landing: CloudLanding, tmp_path: Path) -> None:
    landing.cloud.plan_fault("s3", "PutObject", "AccessDenied", resource=f"{landing.bucket}/landing/*")
    try:
        assert findings(landing, tmp_path)["landing"].state == "ok"
    finally:
        landing.cloud.clear_faults()


def test_a_bucket_that_is_not_there_is_named(landing: CloudLanding, tmp_path: Path) -> None:
    found = findings(landing, tmp_path, landing_url="s3://no-such-bucket/landing")["landing"]
    assert (found.state, "NoSuchBucket" in found.found, "Create the bucket" in found.mend) == ("fail", True, True)


def test_a_queue_that_is_not_there_is_named(landing: CloudLanding, tmp_path: Path) -> None:
    url = landing.queue.url.replace("landing", "nothing")
    found = findings(landing, tmp_path, arrivals_queue_url=url)["arrivals queue"]
    assert (found.state, "Create the queue" in found.mend) == ("fail", True)


def test_dead_letters_are_counted(landing: CloudLanding, tmp_path: Path) -> None:
    landing.send("{")
    (message,) = landing.queue.receive(1)
    landing.queue.set_aside(message, "It is no JSON.")
    found = findings(landing, tmp_path)["dead letters"]
    assert (found.state, found.found) == ("warn", "about 1 events could not be used")
