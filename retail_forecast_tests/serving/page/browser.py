"""A real browser on a real server: what the tests of the page look through."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn

from retail_forecast_tests.serving.world import free_port, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Chromium's path, if there is one."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application that answers until the block ends."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def opened(
    browser: Browser, address: str, query: str = "", *, may_fail: bool = False, **context: Any
) -> Iterator[Page]:
    """The page in a window of its own; afterwards it must have asked no other host, and have said no error.

    may_fail: answers of 4xx and 5xx are part of what is tested.
    """
    window = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1200, "height": 900}, **context})
    page, asked, said = window.new_page(), set[str](), list[str]()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: said.append(str(error)))

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (may_fail and "Failed to load resource" in message.text):
            said.append(message.text)

    page.on("console", hear)
    page.goto(address + query)
    try:
        yield page
        assert asked - {""} == {urlsplit(address).netloc}, asked
        assert said == [], said
    finally:
        window.close()
