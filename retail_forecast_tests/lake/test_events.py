"""Arrivals by events of S3: late, doubled, reordered, foreign and broken ones do no harm, and none is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import BadEventError, PublishConflictError
from retail_forecast.lake import Lake, arrivals, open_lake
from retail_forecast.lake.arrivals import Poll, poll_arrivals
from retail_forecast.lake.events import is_later, read_s3_events
from retail_forecast.lake.ledger import Entry, Ledger
from retail_forecast.lake.sightings import Arrivals, EventArrivals, ListingArrivals
from retail_forecast_tests.lake.buckets import CloudLanding, client, event


@pytest.fixture
def landing(aws_cloud: Cloud) -> CloudLanding:
    return CloudLanding.make(aws_cloud, "none")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path.as_uri())


def poll(landing: CloudLanding, lake: Lake, way: Arrivals | None = None) -> Poll:
    def inspect(data: bytes, path: str, table: str) -> Mapping[str, int]:
        return {data.decode(): 1}

    return poll_arrivals(
        landing.store,
        lake,
        tables=["sales"],
        inspect=inspect,
        rules="1",
        now=datetime.now(UTC),
        settle_seconds=2,
        arrivals=way or EventArrivals(landing.store, landing.queue),
    )


def heads(cloud: Cloud, bucket: str) -> int:
    calls = (call for call in cloud.calls() if call["action"] == "HeadObject")
    return sum(str(call["resource"]).startswith(bucket) for call in calls)


def test_an_event_that_comes_twice_is_one_fact(landing: CloudLanding, lake: Lake) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    for _ in range(3):
        landing.tell("sales/a.csv", sequencer="0A")
    assert poll(landing, lake).ledger.version == 1
    landing.tell("sales/a.csv", sequencer="0A")
    assert poll(landing, lake).ledger.version == 1
    assert landing.left() == (0, 0)


def test_an_object_whose_key_has_an_empty_part_arrives_by_events_and_by_the_listing(
    landing: CloudLanding, lake: Lake
) -> None:
    key = "landing/sales//a.csv"
    client(landing.cloud, "s3").put_object(Bucket=landing.bucket, Key=key, Body=b"2024-01-01")
    landing.tell("sales//a.csv", sequencer="0A")
    told = poll(landing, lake)
    assert [fact.objects for fact in told.ledger.facts_since(told.before)] == [("sales//a.csv",)]
    listed = poll(landing, lake, ListingArrivals(landing.store)).ledger
    assert (listed.version, landing.left()) == (1, (0, 0))


def test_an_older_event_that_comes_late_asks_for_nothing(landing: CloudLanding, lake: Lake) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    landing.tell("sales/a.csv", sequencer="0B")
    poll(landing, lake)
    asked = heads(landing.cloud, landing.bucket)
    landing.tell("sales/a.csv", sequencer="0A99")
    assert poll(landing, lake).ledger.version == 1
    assert heads(landing.cloud, landing.bucket) == asked


def test_an_event_of_what_was_deleted_since_is_no_fact(landing: CloudLanding, lake: Lake) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    landing.store.delete("sales/a.csv")
    landing.tell("sales/a.csv", sequencer="0A")
    assert poll(landing, lake).ledger.entries == {}
    assert landing.left() == (0, 0)


def test_the_version_and_the_sequencer_are_in_the_ledger(landing: CloudLanding, lake: Lake) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    head = client(landing.cloud, "s3").head_object(Bucket=landing.bucket, Key="landing/sales/a.csv")
    landing.tell("sales/a.csv", sequencer="0A")
    entry = poll(landing, lake).ledger.entries["sales/a.csv"]
    assert (entry.version_id, entry.sequencer) == (head["VersionId"], "0A")


def test_a_restored_version_is_taken_up_again(landing: CloudLanding, lake: Lake) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    landing.tell("sales/a.csv", sequencer="0A")
    poll(landing, lake)
    s3, key = client(landing.cloud, "s3"), "landing/sales/a.csv"
    marker = s3.delete_object(Bucket=landing.bucket, Key=key)["VersionId"]
    landing.tell("sales/a.csv", sequencer="0B")
    assert poll(landing, lake).ledger.entries["sales/a.csv"].state == "deleted"
    s3.delete_object(Bucket=landing.bucket, Key=key, VersionId=marker)
    landing.tell("sales/a.csv", sequencer="0C")
    assert poll(landing, lake).ledger.entries["sales/a.csv"].state == "accepted"


def test_a_message_is_kept_until_the_ledger_says_it(
    landing: CloudLanding, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(lake: Lake, before: Ledger, entries: Mapping[str, Entry]) -> Ledger:
        raise PublishConflictError("arrivals/1")

    landing.store.write("sales/a.csv", b"2024-01-01")
    landing.tell("sales/a.csv")
    monkeypatch.setattr(arrivals, "write_ledger", refuse)
    assert poll(landing, lake).ledger.entries == {}
    assert landing.left() == (0, 1)


def test_a_multipart_upload_is_one_fact(aws_cloud: Cloud, lake: Lake) -> None:
    landing = CloudLanding.make(aws_cloud)
    s3, place = client(aws_cloud, "s3"), {"Bucket": landing.bucket, "Key": "landing/sales/a.csv"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    sizes = {1: b" " * 5 * 1024**2, 2: b"2024-01-01"}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**place, UploadId=upload, PartNumber=n, Body=body)["ETag"]}
        for n, body in sizes.items()
    ]
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    found = poll(landing, lake)
    assert (len(found.ledger.facts_since(found.before)), found.ledger.version, landing.left()) == (1, 1, (0, 0))


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"},
        event("another-bucket", "landing/sales/a.csv"),
        event("BUCKET", "elsewhere/sales/a.csv"),
        event("BUCKET", "landing/.doctor"),
        event("BUCKET", "landing/sales/"),
    ],
)
def test_what_is_not_about_the_landing_is_deleted_unheeded(landing: CloudLanding, lake: Lake, body: object) -> None:
    landing.send(json.dumps(body).replace("BUCKET", landing.bucket))
    found = poll(landing, lake)
    assert (found.ledger.version, found.look.discarded, landing.left()) == (0, (), (0, 0))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "JSON list"),
        ('{"hello": 1}', "no event of S3; it has hello"),
        ('{"Records": [{"s3": {}}]}', "lacks what names an object"),
    ],
)
def test_a_message_that_cannot_be_used_is_a_dead_letter_with_its_reason(
    landing: CloudLanding, lake: Lake, body: str, reason: str
) -> None:
    landing.store.write("sales/a.csv", b"2024-01-01")
    landing.send(body)
    landing.tell("sales/a.csv")
    found = poll(landing, lake)
    assert set(found.ledger.entries) == {"sales/a.csv"}
    ((dead_body, dead_reason),) = landing.dead_letters()
    assert dead_body == body
    assert reason in dead_reason
    assert reason in found.look.discarded[0].reason
    assert landing.left() == (0, 0)


def test_an_object_that_s3_refuses_to_give_is_named_and_taken_once_it_gives_it(
    landing: CloudLanding, lake: Lake
) -> None:
    for name in ("a", "b"):
        landing.store.write(f"sales/{name}.csv", f"2024-01-0{'ab'.index(name) + 1}".encode())
        landing.tell(f"sales/{name}.csv")
    resource = f"{landing.bucket}/landing/sales/a.csv"
    landing.cloud.plan_fault("s3", "GetObject", "AccessDenied", resource=resource)
    found = poll(landing, lake)
    assert found.ledger.entries["sales/b.csv"].state == "accepted"
    (refused,) = found.ledger.rejected()
    assert "AccessDenied" in str(refused.reason)
    assert landing.left() == (0, 0)
    landing.tell("sales/a.csv")
    assert poll(landing, lake).ledger.rejected() == []


def test_events_from_every_sender_name_the_same_object() -> None:
    direct = event("b", "a b+c#ü.csv", sequencer="0A", e_tag="x")
    object_ = {"key": "a b+c#ü.csv", "size": 1, "etag": "x", "version-id": "1", "sequencer": "0A"}
    bridge = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": object_},
    }
    wrapped = {"Type": "Notification", "Message": json.dumps(direct)}
    assert read_s3_events(json.dumps(direct)) == read_s3_events(json.dumps(bridge))
    assert read_s3_events(json.dumps(direct)) == read_s3_events(json.dumps(wrapped))


def test_a_shorter_sequencer_is_padded_at_its_right() -> None:
    assert is_later("0B", "0A99")
    assert not is_later("0A", "0A00")
    assert not is_later("0a", "0A")


def test_an_empty_body_says_what_is_wrong() -> None:
    with pytest.raises(BadEventError, match="it has nothing"):
        read_s3_events("{}")
