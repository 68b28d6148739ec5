"""A drill of events: objects land on S3, their events are lost, doubled, shuffled and late, the sensor is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.lake.ledger import Ledger
from retail_forecast.orchestration.arrivals import DATA_VERSION, raw_key
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.settings import Settings
from retail_forecast_tests.lake.buckets import CloudLanding, client, event
from retail_forecast_tests.orchestration.sensor_process import write_cursor

START = date(2010, 1, 1)
MOST_WAITING = 500
MOST_RECORDS = 10_000  # Dagster gives no more at once


@dataclass
class Drill:
    """One landing of `objects` files of a day each, and what shall happen to their events."""

    landing: CloudLanding
    home: Path
    objects: int
    seed: int = 1
    lost_share: float = 0.015
    doubled_share: float = 0.2
    late_share: float = 0.05
    corrected_share: float = 0.04
    visibility_seconds: int = 20
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> list[str]:
        return [(START + timedelta(days=number)).isoformat() for number in range(self.objects)]

    @property
    def dataset(self) -> Dataset:
        end = START + timedelta(days=self.objects + 30)
        raw = {"name": "drill", "frequency": "1d", "start_date": START, "end_date": end, "horizon": 7}
        return parse_dataset({**raw, "tables": {"sales": {}}})

    def settings(self, reconcile_seconds: int) -> Settings:
        bucket, queue = self.landing.bucket, self.landing.queue
        return Settings(
            home=self.home,
            landing_url=f"s3://{bucket}/landing",
            arrivals_queue_url=queue.url,
            arrivals_dead_letter_url=queue.dead_letter_url,
            arrivals_visibility_seconds=self.visibility_seconds,
            arrivals_reconcile_seconds=reconcile_seconds,
            workers=4,
        )

    def prepare(self) -> None:
        """Puts the objects, a share of them twice; the events come later."""
        self.home.mkdir(parents=True)
        (self.home / "dataset.yaml").write_text(self.dataset.to_yaml())
        write_cursor(self.home, f"0 {time.time():.0f}")
        draw = random.Random(self.seed)
        self.corrected = set(draw.sample(self.days, int(self.corrected_share * self.objects)))
        self.lost = set(draw.sample(self.days, int(self.lost_share * self.objects)))
        store = self.landing.store

        def put(day: str) -> None:
            for units in (5, 6) if day in self.corrected else (5,):
                store.write(f"sales/{day}.csv", f"store_id,item_id,date,units_sold\ns,i,{day},{units}\n".encode())

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, self.days))

    @contextmanager
    def events(self) -> Iterator[Thread]:
        """Sends all events, in any order, without the lost ones, some twice and some late, as the sensor gets on."""
        draw = random.Random(self.seed + 1)
        told: list[tuple[str, int]] = []
        for number, day in enumerate(self.days):
            if day not in self.lost:
                writes = 2 if day in self.corrected else 1
                copies = 2 if draw.random() < self.doubled_share else 1
                told += [(day, 16 * number + write) for write in range(writes) for _ in range(copies)]
        draw.shuffle(told)
        entries = [self._entry(day, sequencer, draw) for day, sequencer in told]
        self.figures |= {"objects": self.objects, "corrected": len(self.corrected), "events lost": len(self.lost)}
        self.figures |= {"events sent": len(entries), "late": sum(entry["DelaySeconds"] > 0 for entry in entries)}
        sender = Thread(target=self._send, args=(entries,), daemon=True)
        sender.start()
        yield sender
        sender.join()

    def _send(self, entries: list[dict[str, Any]]) -> None:
        """Keeps the queue short: moto goes through all of it for each message."""
        for start in range(0, len(entries), 10):
            while start % 100 == 0 and sum(self.landing.left()) > MOST_WAITING:
                time.sleep(0.5)
            batch = [{"Id": str(n), **one} for n, one in enumerate(entries[start : start + 10])]
            client(self.landing.cloud, "sqs").send_message_batch(QueueUrl=self.landing.queue.url, Entries=batch)

    def _entry(self, day: str, sequencer: int, draw: random.Random) -> dict[str, Any]:
        body = event(self.landing.bucket, f"landing/sales/{day}.csv", sequencer=f"{sequencer:016X}")
        delay = draw.randint(1, 15) if draw.random() < self.late_share else 0
        return {"MessageBody": json.dumps(body), "DelaySeconds": delay}

    @contextmanager
    def sensor(self, reconcile_seconds: int) -> Iterator[SensorProcess]:
        """The sensor's process; it is killed at the end in any case."""
        settings = self.settings(reconcile_seconds)
        chosen = {f"RETAIL_FORECAST_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set}
        command = [sys.executable, "-m", "retail_forecast_tests.orchestration.sensor_process"]
        log = (self.home / "sensor.log").open("ab")
        with (
            log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **chosen}
            ) as child,
        ):
            process = SensorProcess(child)
            try:
                yield process
            finally:
                child.kill()
                process.reader.join()  # it must be done before the pipe it reads is closed

    def kill_mid_tick(self, times: int) -> None:
        """Starts the sensor and kills it with SIGKILL, again and again, some moments after a tick has begun."""
        draw, mid_tick = random.Random(self.seed + 2), 0
        for _ in range(times):
            with self.sensor(reconcile_seconds=36_000) as process:
                process.await_line(lambda lines: lines.count("tick") >= 1)
                time.sleep(draw.uniform(0.05, 1.0))  # where in the tick it is killed is left to chance
            mid_tick += process.lines[-1] == "tick"
        self.figures |= {"kills": times, "of them mid-tick": mid_tick}

    def run_until(self, reconcile_seconds: int, done: Callable[[], bool], seconds: float) -> None:
        """The sensor ticks until something holds."""
        with self.sensor(reconcile_seconds) as process:
            end = time.monotonic() + seconds
            while not done():
                assert time.monotonic() < end, f"not done after {seconds} s; last lines {process.lines[-4:]}"
                assert process.child.poll() is None, (self.home / "sensor.log").read_text()[-2000:]
                time.sleep(0.2)

    def queue_is_empty(self) -> bool:
        return self.landing.left() == (0, 0) and self._late() == 0

    def _late(self) -> int:
        name = "ApproximateNumberOfMessagesDelayed"
        sqs, url = client(self.landing.cloud, "sqs"), self.landing.queue.url
        return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def ledger(self) -> Ledger:
        return current_ledger(self.platform().lake, self.dataset)

    def platform(self) -> Platform:
        return Platform(self.settings(36_000), self.dataset)

    def told(self) -> Counter[tuple[str, str]]:
        """How often Dagster was told each (day, data version)."""
        with open_instance(self.settings(36_000)) as instance:
            records = instance.fetch_materializations(raw_key("sales"), limit=MOST_RECORDS).records
        assert len(records) < MOST_RECORDS
        found = [record.asset_materialization for record in records]
        return Counter((str(one.partition), (one.tags or {})[DATA_VERSION]) for one in found if one is not None)

    def reported(self) -> dict[str, str]:
        """The data version by day as Dagster knows it last."""
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        with open_instance(self.settings(36_000)) as instance:
            tags = instance.event_log_storage.get_latest_tags_by_partition(raw_key("sales"), kind, [DATA_VERSION])
        return {day: found[DATA_VERSION] for day, found in tags.items()}


@dataclass
class SensorProcess:
    """A running sensor and what it has said."""

    child: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = Thread(target=self._listen, daemon=True)
        self.reader.start()

    def _listen(self) -> None:
        for line in self.child.stdout or ():
            self.lines.append(line.strip())

    def await_line(self, found: Callable[[list[str]], bool], seconds: float = 120) -> None:
        """Waits until its lines say something."""
        end = time.monotonic() + seconds
        while not found(self.lines):
            assert time.monotonic() < end, f"it says {self.lines[-3:]}"
            assert self.child.poll() is None, "it ended"
            time.sleep(0.02)
