"""Somebody who asks the API without a pause."""

from __future__ import annotations

import threading

import httpx


class Asker:
    """Asks for one forecast over and over, and notes which vintages answered and what failed.

    keep_alive: on one connection, which stays with the cluster that it was made to; otherwise on a new one each time.
    """

    def __init__(self, url: str, *, keep_alive: bool = True) -> None:
        self.url, self.vintages, self.failures = f"{url}/v1/forecasts/S1/milk", list[str](), list[str]()
        self._headers = {} if keep_alive else {"Connection": "close"}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=30, headers=self._headers) as client:
            while not self._done.is_set():
                try:
                    answer = client.get(self.url)
                    answer.raise_for_status()
                    self.vintages.append(answer.json()["vintage"])
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
