"""What `helm test` runs in the cluster, against a server that answers here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

SMOKE = Path(__file__).parents[2] / "helm" / "retail-forecast" / "files" / "smoke.py"


class Answer(BaseHTTPRequestHandler):
    """200 for /livez, 503 for everything else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """A server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def smoke(*urls: str, seconds: float = 0.5) -> tuple[int, str]:
    """(exit status, what it said)."""
    command = [sys.executable, "-I", str(SMOKE), str(seconds), *urls]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def test_it_passes_when_every_url_answers(url: str) -> None:
    assert smoke(f"{url}/livez", f"{url}/livez") == (0, f"ok    {url}/livez\nok    {url}/livez\n")


def test_it_fails_and_says_what_was_answered(url: str) -> None:
    status, said = smoke(f"{url}/livez", f"{url}/readyz")
    assert status == 1
    assert said.startswith(f"ok    {url}/livez\nfail  {url}/readyz: HTTP Error 503")


def test_it_fails_when_nobody_answers_and_when_nothing_is_asked() -> None:
    assert smoke("http://127.0.0.1:9/livez")[0] == 1
    assert smoke()[0] == 1
