"""Callers that never come to an end, on a real server: they are answered, and their connection is closed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from retail_forecast.serving import middleware
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.page.browser import served


@pytest.fixture
def connection(serving: ServingState, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """To an API that waits a fifth of a second for a body of 1,000 bytes at most."""
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(middleware, "MAX_BODY_BYTES", 1000)
    with served(build_app(serving)) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as found:
            yield found


def send_on(connection: socket.socket, length: int, each: bytes) -> bytes:
    """All that is answered to a body of that length that arrives piece by piece, until the connection is closed."""
    head = f"POST /v1/what-if HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    connection.setblocking(False)
    found, ends = b"", time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            connection.send(each)
            if not (piece := connection.recv(65_536)):
                return found
            found += piece
        except BlockingIOError:
            time.sleep(0.01)
        except ConnectionError:
            return found
    pytest.fail("the connection is still open")


def test_a_body_that_never_comes_to_an_end_is_answered_and_hung_up_on(connection: socket.socket) -> None:
    answer = send_on(connection, 900, b"[")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_a_body_that_is_too_large_is_not_read_to_its_end(connection: socket.socket) -> None:
    assert send_on(connection, 10**12, b"[" * 600).startswith(b"HTTP/1.1 413 ")
