"""The page reaches everybody: by keyboard, on a phone, in the dark, in Vietnamese, to a screen reader; and at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from retail_forecast.lake import open_lake
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.page.browser import opened, served
from retail_forecast_tests.serving.world import CUTOFF, publish

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
BREAD = "?store=S1&item=bread"
VIEWS = {
    "overview": "",
    "level": "?level=store_id",
    "group": "?level=store_id&group=S1",
    "store": "?store=S1",
    "what-if": f"{BREAD}&set.promotion=true",
    "drivers": f"{BREAD}&tab=drivers",
    "stores": f"{BREAD}&tab=stores",
    "accuracy": f"{BREAD}&tab=accuracy",
    "numbers": f"{BREAD}&tab=data",
    "scores": "?page=accuracy",
    "origin": "?page=origin",
    "error": "?store=S9&item=bread",
}
SERIES = 30_490
SENT_BYTES = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)"
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def settled(page: Page) -> None:
    page.locator("h1").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('.skeleton')")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(browser: Browser, address: str, view: str, theme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make install EXTRAS=browser brings axe")
    with opened(browser, address, VIEWS[view], may_fail=True, color_scheme=theme, bypass_csp=True) as page:
        settled(page)
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_off_at_320_pixels(browser: Browser, address: str, view: str) -> None:
    phone = {"width": 320, "height": 640}
    with opened(browser, address, VIEWS[view], may_fail=True, viewport=phone, has_touch=True, locale="vi-VN") as page:
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


def test_the_whole_way_is_walked_by_keyboard(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        settled(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        seen = []
        for _ in range(40):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("[document.activeElement.tagName, document.activeElement.textContent.trim()].join(' ')")
            )
            outline = page.evaluate(
                "getComputedStyle(document.activeElement.closest('label') ?? document.activeElement)"
            )
            assert outline is not None
        wanted = ["BUTTON CSV", "BUTTON Excel", "BUTTON What if", "BUTTON Back to the plan"]
        places = [next((at for at, one in enumerate(seen) if one == name), -1) for name in wanted]
        assert -1 not in places
        assert places == sorted(places)


def test_whatever_has_the_focus_shows_it(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        settled(page)
        for _ in range(12):
            page.keyboard.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_arrows_move_between_tabs(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_role("tab", name="What if").focus()
        page.keyboard.press("End")
        assert page.get_by_role("tab", selected=True).inner_text() == "Numbers"
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("tab", selected=True).inner_text() == "What if"


def test_the_page_follows_the_theme_of_the_system_and_the_switch(browser: Browser, address: str) -> None:
    with opened(browser, address, color_scheme="dark") as page:
        settled(page)
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(ground)
        page.get_by_role("button", name="Light colours").click()
        assert page.evaluate(ground) != dark
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_the_page_speaks_vietnamese_to_who_asks_for_it(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD, locale="vi-VN") as page:
        settled(page)
        assert page.evaluate("document.documentElement.lang") == "vi"
        assert page.get_by_role("tab", name="Độ chính xác").is_visible()
        assert re.search(r"Dự báo 7 ngày tới\n[\d.]+(,\d+)?", page.locator("dl.figures").first.inner_text())
        page.get_by_role("button", name="English").click()
        page.get_by_role("tab", name="Accuracy").wait_for()
        page.reload()
        page.get_by_role("tab", name="Accuracy").wait_for()


@pytest.fixture(scope="module")
def large(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where as many series are served as M5 has."""
    ahead = world.rows.filter(pl.col("date") > CUTOFF)
    many = [
        ahead.filter(item_id="bread", store_id=store).drop("item_id").join(names, how="cross").select(ahead.columns)
        for store in ("S1", "S2")
        for names in [pl.DataFrame({"item_id": [f"item-{number:05}" for number in range(SERIES // 2)]})]
    ]
    lake_url = (tmp_path_factory.mktemp("large") / "lake").as_uri()
    vintage = publish(open_lake(lake_url), world.bundle, pl.concat(many), version="1")
    state = ServingState()
    state.switch({"vintage": vintage.id, "lake_url": lake_url})
    assert state.active is not None, state.error
    with served(build_app(state)) as url:
        yield url


def test_the_first_paint_takes_less_than_a_second_with_30490_series(browser: Browser, large: str) -> None:
    paints, sent = [], []
    for item in ("item-00007", "item-00008", "item-15244"):  # the best of three: other tests may be running
        with opened(browser, large, f"?store=S1&item={item}") as page:
            settled(page)
            paints.append(page.evaluate(FIRST_PAINT))
            sent.append(page.evaluate(SENT_BYTES))
    assert min(paints) < 1000
    assert max(sent) < 400_000  # and so never all series


def test_pictures_of_the_page_are_small() -> None:
    images = sorted((Path(__file__).parents[3] / "docs" / "images").glob("page-*.png"))
    assert images
    assert [image.name for image in images if image.stat().st_size >= 200_000] == []
