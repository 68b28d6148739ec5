from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.page.browser import find_browser, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="make install EXTRAS=browser brings Playwright")
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium on PATH (Debian, Ubuntu: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(serving: ServingState) -> Iterator[str]:
    """Where the small chain is served."""
    with served(build_app(serving)) as url:
        yield url
