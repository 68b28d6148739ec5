"""Whom to tell when something went wrong. On a laptop: the log."""

from __future__ import annotations

import logging
from typing import Protocol

logger = logging.getLogger("retail_forecast.notifications")


class Notifier(Protocol):
    """Somebody who wants to know."""

    def notify(self, title: str, text: str) -> None:
        """Tells one piece of bad news; `title` is a sentence, `text` says what to do."""
        ...


class LogNotifier:
    """Writes to the log of the process."""

    def notify(self, title: str, text: str) -> None:
        """See Notifier."""
        logger.error("%s %s", title, text)
