"""Arrivals, by every implementation of the port: each change of the landing is a fact once, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retail_forecast.aws import aws_client
from retail_forecast.emulator import Cloud
from retail_forecast.errors import BadDropError
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.lake.arrivals import Poll, poll_arrivals
from retail_forecast.lake.ledger import read_ledger
from retail_forecast.lake.sightings import Arrivals, EventArrivals, ListingArrivals
from retail_forecast.lake.sqs import SqsQueue
from retail_forecast_tests.lake.buckets import CloudLanding, event

LATER = datetime.now(UTC) + timedelta(hours=1)


def inspect(data: bytes, path: str, table: str) -> Mapping[str, int]:
    """The test's files hold lines "day units"."""
    days = [line.split()[0] for line in data.decode().splitlines()]
    if "bad" in days:
        raise BadDropError(object=path, reason="It is bad.", fix="Deliver it again.")
    return {day: days.count(day) for day in days}


class Shop:
    def __init__(self, landing: Store, lake: Lake, arrivals: Arrivals) -> None:
        self.landing, self.lake, self.arrivals = landing, lake, arrivals

    def poll(
        self, *, keep_deleted: bool = True, limit: int | None = None, now: datetime = LATER, rules: str = "1"
    ) -> Poll:
        return poll_arrivals(
            self.landing,
            self.lake,
            tables=["sales"],
            inspect=inspect,
            rules=rules,
            now=now,
            settle_seconds=2,
            arrivals=self.arrivals,
            keep_deleted=keep_deleted,
            limit=limit,
        )

    def facts(self, *, keep_deleted: bool = True) -> dict[str, tuple[str, ...]]:
        poll = self.poll(keep_deleted=keep_deleted)
        return {fact.partition: fact.objects for fact in poll.ledger.facts_since(poll.before)}


@pytest.fixture(params=["listing of a folder", "listing of S3", "events of S3", "events through EventBridge"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    lake = open_lake((tmp_path / "lake").as_uri())
    if request.param == "listing of a folder":
        return folder_shop(tmp_path)
    cloud: Cloud = request.getfixturevalue("aws_cloud")
    made = CloudLanding.make(cloud, "event bridge" if "EventBridge" in request.param else "bucket")
    if request.param == "listing of S3":
        return Shop(made.store, lake, ListingArrivals(made.store))
    return Shop(made.store, lake, EventArrivals(made.store, made.queue))


def folder_shop(folder: Path) -> Shop:
    landing = open_store((folder / "landing").as_uri())
    return Shop(landing, open_lake((folder / "lake").as_uri()), ListingArrivals(landing))


def delete(shop: Shop, path: str) -> None:
    """moto says nothing of delete markers, as S3 does; so the event is sent from here, in S3's words."""
    shop.landing.delete(path)
    if isinstance(shop.arrivals, EventArrivals):
        assert isinstance(shop.arrivals.queue, SqsQueue)
        body = json.dumps(event(shop.landing.url.split("/")[2], f"landing/{path}"))
        aws_client("sqs", region="ap-southeast-1").send_message(QueueUrl=shop.arrivals.queue.url, MessageBody=body)


def test_a_new_file_is_a_fact_once(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    assert shop.facts() == {"2024-01-01": ("sales/a.csv",)}
    assert shop.facts() == {}


def test_two_files_in_the_same_second_are_both_seen(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts()
    shop.landing.write("sales/b.csv", b"2024-01-02 5")
    shop.landing.write("sales/c.csv", b"2024-01-03 5")
    assert list(shop.facts()) == ["2024-01-02", "2024-01-03"]


def test_a_corrected_file_is_a_fact_of_its_days_only(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.landing.write("sales/b.csv", b"2024-01-02 5")
    shop.facts()
    shop.landing.write("sales/a.csv", b"2024-01-01 6")
    assert list(shop.facts()) == ["2024-01-01"]


@pytest.mark.parametrize("name", ["sales/a.csv", "sales/copy.csv"])
def test_an_identical_redelivery_is_no_fact(shop: Shop, name: str) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts()
    shop.landing.write(name, b"2024-01-01 5")
    assert shop.facts() == {}


def test_going_back_to_the_first_content_is_a_fact(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts()
    shop.landing.write("sales/b.csv", b"2024-01-01 6")
    shop.facts()
    shop.landing.write("sales/c.csv", b"2024-01-01 5")
    assert shop.facts() == {"2024-01-01": ("sales/a.csv", "sales/b.csv", "sales/c.csv")}


def test_a_deleted_file_is_no_fact_when_the_policy_keeps_its_rows(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts()
    delete(shop, "sales/a.csv")
    poll = shop.poll()
    assert poll.ledger.facts_since(poll.before) == []
    assert [entry.object for entry in poll.ledger.news_since(poll.before, "deleted")] == ["sales/a.csv"]


def test_a_deleted_file_is_a_fact_when_the_policy_removes_its_rows(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts(keep_deleted=False)
    delete(shop, "sales/a.csv")
    assert shop.facts(keep_deleted=False) == {"2024-01-01": ()}


def test_a_file_that_is_still_being_written_waits(tmp_path: Path) -> None:
    shop = folder_shop(tmp_path)
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    poll = shop.poll(now=datetime.now(UTC))
    assert (poll.waiting, poll.ledger.entries) == (("sales/a.csv",), {})
    assert list(shop.facts()) == ["2024-01-01"]


def test_a_bad_file_is_named_and_the_others_go_on(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"bad 5")
    shop.landing.write("sales/b.csv", b"2024-01-02 5")
    shop.landing.write("stray.csv", b"2024-01-02 5")
    poll = shop.poll()
    assert [fact.partition for fact in poll.ledger.facts_since(poll.before)] == ["2024-01-02"]
    reasons = {entry.object: entry.reason for entry in poll.ledger.rejected()}
    assert reasons == {"sales/a.csv": "It is bad.", "stray.csv": "It lies in no table's folder."}


def test_a_file_that_turned_bad_leaves_what_was_good(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    shop.facts()
    shop.landing.write("sales/a.csv", b"bad 5")
    assert shop.facts() == {}
    assert [entry.object for entry in read_ledger(shop.lake, keep_deleted=True).rejected()] == ["sales/a.csv"]


def test_a_limited_look_says_what_is_left(tmp_path: Path) -> None:
    shop = folder_shop(tmp_path)
    for day in range(1, 6):
        shop.landing.write(f"sales/{day}.csv", f"2024-01-0{day} 5".encode())
    assert shop.poll(limit=2).remaining == 3
    assert shop.poll().remaining == 0


def test_facts_can_be_told_again_after_a_crash(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"2024-01-01 5")
    reported_through = shop.poll().before
    shop.landing.write("sales/b.csv", b"2024-01-02 5")
    now = shop.poll().ledger
    assert [fact.partition for fact in now.facts_since(reported_through)] == ["2024-01-01", "2024-01-02"]


def test_a_rejected_file_is_looked_at_again_when_the_rules_have_changed(shop: Shop) -> None:
    shop.landing.write("sales/a.csv", b"bad 5")
    first = shop.poll()
    assert shop.poll().ledger.version == first.ledger.version
    again = shop.poll(rules="2").ledger
    assert again.version == first.ledger.version + 1
    assert [entry.rules for entry in again.rejected()] == ["2"]


def test_many_files_are_all_found_however_few_a_look_takes(shop: Shop) -> None:
    for day in range(1, 10):
        shop.landing.write(f"sales/{day}.csv", f"2024-01-0{day} 5".encode())
    for _ in range(12):
        shop.poll(limit=2)  # moto tells some objects twice
    assert len(read_ledger(shop.lake, keep_deleted=True).by_partition) == 9


def test_names_with_every_kind_of_character_are_found(shop: Shop) -> None:
    path = "sales/a b+c#ü%~&=100%25.csv"
    shop.landing.write(path, b"2024-01-01 5")
    assert shop.facts() == {"2024-01-01": (path,)}
