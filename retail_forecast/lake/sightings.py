"""The port of arrivals: what may have changed in the landing? A listing knows all of it, events know it soon.

A new cloud's events need a queue (`queues.EventQueue`) and a function that reads its messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from urllib.parse import urlparse

from retail_forecast.errors import AwsError, BadEventError
from retail_forecast.lake.events import ObjectEvent, is_later, read_s3_events
from retail_forecast.lake.ledger import Entry
from retail_forecast.lake.queues import EventQueue, Message
from retail_forecast.lake.stores import ObjectInfo, Store, is_hidden

REFUSED_OBJECT = ("AccessDenied", "InvalidObjectState", "KMS")
"""Beginnings of the codes by which S3 refuses one object, whatever it does with the others."""


@dataclass(frozen=True)
class Sighting:
    """One object as it is now. `info` is None where it is gone, or where the store refuses to say (`refusal`)."""

    info: ObjectInfo | None
    sequencer: str | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Discarded:
    """A message that names no object, and why. kept: it stays in the queue, as there is none for dead letters."""

    message: Message
    reason: str
    kept: bool


@dataclass(frozen=True)
class Look:
    """Outcome of one look: objects by path. `foreign` counts events about other buckets, folders and hidden files."""

    sightings: Mapping[str, Sighting]
    discarded: tuple[Discarded, ...] = ()
    foreign: int = 0


class Arrivals(Protocol):
    """What may have changed in the landing since `known` was written."""

    def look(self, known: Mapping[str, Entry], *, limit: int | None) -> Look:
        """Objects that may be news, with what they are now. A limit bounds how many messages are taken."""
        ...

    def settle(self, paths: Collection[str]) -> None:
        """The last look's findings about these objects are durable: they need not be found again."""
        ...


@dataclass(frozen=True)
class ListingArrivals:
    """Every object below the landing, and every known one that is gone: nothing is missed, and all is looked at."""

    landing: Store

    def look(self, known: Mapping[str, Entry], *, limit: int | None) -> Look:  # noqa: ARG002 - the port's
        """The whole landing."""
        listed = {info.path: Sighting(info) for info in self.landing.list()}
        return Look({**listed, **{path: Sighting(None) for path in known.keys() - listed.keys()}})

    def settle(self, paths: Collection[str]) -> None:
        """Nothing: the next listing shows it all again."""


@dataclass
class EventArrivals:
    """The objects that events name. A message is deleted when every object that it names is settled."""

    landing: Store
    queue: EventQueue
    read: Callable[[str], list[ObjectEvent]] = read_s3_events
    workers: int = 8
    _open: dict[str, tuple[Message, set[str]]] = field(default_factory=dict)

    def look(self, known: Mapping[str, Entry], *, limit: int | None) -> Look:
        """Takes messages and asks the store what their objects are now; what is known to be old is not asked for."""
        self._open = {}
        latest: dict[str, str | None] = {}
        discarded, foreign, finished = [], 0, []
        for message in self.queue.receive(limit or 1000):
            try:
                events = self.read(message.body)
            except BadEventError as error:
                kept = not self.queue.set_aside(message, error.reason)
                discarded.append(Discarded(message, error.reason, kept))
                continue
            named = [(path, event) for event in events if (path := self._path_of(event)) is not None]
            foreign += len(events) - len(named)
            fresh = [(path, event) for path, event in named if not _is_old(event, known.get(path))]
            for path, event in fresh:
                latest[path] = _later(latest.get(path), event.sequencer)
            if fresh:
                self._open[message.receipt] = (message, {path for path, _ in fresh})
            else:
                finished.append(message)
        self.queue.delete(finished)
        return Look(self._sight(latest), tuple(discarded), foreign)

    def settle(self, paths: Collection[str]) -> None:
        """Deletes the messages of which every object is among `paths`."""
        settled = set(paths)
        done = [message for message, named in self._open.values() if named <= settled]
        self.queue.delete(done)
        for message in done:
            self._open.pop(message.receipt)

    def _path_of(self, event: ObjectEvent) -> str | None:
        """The object's path in the landing; None for what a listing of the landing would not show either."""
        place = urlparse(self.landing.url)
        prefix = f"{place.path.strip('/')}/".removeprefix("/")
        if event.bucket != place.netloc or not event.key.startswith(prefix) or event.key.endswith("/"):
            return None
        path = event.key.removeprefix(prefix)
        return None if is_hidden(path) else path

    def _sight(self, latest: Mapping[str, str | None]) -> dict[str, Sighting]:
        with ThreadPoolExecutor(self.workers) as pool:
            found = pool.map(partial(see, self.landing), latest, latest.values())
            return dict(zip(latest, found, strict=True))


def see(landing: Store, path: str, sequencer: str | None = None) -> Sighting:
    """The object as it is now."""
    try:
        return Sighting(landing.head(path), sequencer)
    except AwsError as error:
        if not error.code.startswith(REFUSED_OBJECT):
            raise
        return Sighting(None, sequencer, str(error))


def _is_old(event: ObjectEvent, entry: Entry | None) -> bool:
    """Whether the ledger's entry rests on this event or on a later one: then there is nothing to ask for.

    Events of equal sequencers are the same event only if they tell of the same content.
    """
    if entry is None or entry.sequencer is None or event.sequencer is None:
        return False
    if is_later(event.sequencer, entry.sequencer):
        return False
    if is_later(entry.sequencer, event.sequencer):
        return True
    same_content = event.e_tag is not None and event.e_tag.strip('"') == entry.e_tag.strip('"')
    return same_content and entry.state != "deleted" and event.version_id in (None, entry.version_id)


def _later(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return one or other
    return one if is_later(one, other) else other
