"""Finding one's way: search, links, the back button, and what is shown when something is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retail_forecast.serving.app import build_app
from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.keys import add_key, make_key
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.page.browser import opened, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
BREAD = "?store=S1&item=bread"


def heading(page: Page, text: str) -> None:
    page.locator("h1", has_text=text).wait_for()


def test_typing_a_part_of_a_name_leads_to_its_forecast(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        heading(page, "corner-shops")
        page.keyboard.press("/")
        page.keyboard.type("read")
        page.get_by_role("option", name=re.compile("S2.*bread")).wait_for()
        while "S2" not in page.locator('[role="option"][aria-selected="true"]').inner_text():
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        heading(page, "bread")
        assert page.url == f"{address}?store=S2&item=bread"


def test_the_back_button_leads_through_the_views(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.get_by_role("link", name="Store 2", exact=True).click()
        page.get_by_role("link", name="S2", exact=True).click()
        heading(page, "S2")
        page.get_by_role("link", name="eggs/6").click()
        heading(page, "eggs/6")
        page.go_back()
        heading(page, "S2")
        page.go_back()
        page.go_back()
        heading(page, "corner-shops")


def test_a_tab_has_an_address_of_its_own(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_role("tab", name="Numbers").click()
        page.get_by_role("table").first.wait_for()
        link = page.url
    with opened(browser, link) as page:
        assert page.get_by_role("tab", selected=True).inner_text() == "Numbers"
        assert page.get_by_role("row").count() >= 8  # a head and seven days


def test_the_chart_is_read_by_the_arrow_keys(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_role("img", name=re.compile("^Chart of bread, S1")).focus()
        page.keyboard.press("End")
        assert page.locator(".told-at").inner_text().startswith("Mon 7 Oct")
        page.keyboard.press("ArrowLeft")
        assert "forecast" in page.locator(".told-at").inner_text()


def test_stores_are_compared(browser: Browser, address: str) -> None:
    with opened(browser, address, f"{BREAD}&tab=stores") as page:
        rows = page.locator(".bars tbody tr")
        rows.first.wait_for()
        assert sorted(row.split()[0] for row in rows.all_inner_texts()) == ["S1", "S2"]


def test_drivers_add_up_to_the_forecast(browser: Browser, address: str) -> None:
    with opened(browser, address, f"{BREAD}&tab=drivers") as page:
        page.get_by_label("Period", exact=True).select_option("3")
        start, *drivers, forecast = [float(text) for text in page.locator(".bars td.number").all_inner_texts()]
        assert start + sum(drivers) == pytest.approx(forecast, abs=0.005 * (len(drivers) + 2))  # two decimals each


def test_a_group_leads_down_to_its_items(browser: Browser, address: str) -> None:
    with opened(browser, address, "?level=store_id&group=S1") as page:
        page.get_by_role("link", name="S1 · eggs/6").click()
        heading(page, "eggs/6")
        assert page.get_by_text("New: the forecast rests on").is_visible()


def test_every_input_file_is_one_click_away(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_role("link", name=re.compile("Vintage 2024-09-30")).click()
        page.locator("summary", has_text="Sales").click()
        row = page.get_by_role("row", name=re.compile("sales_2024-09-30.parquet"))
        assert "ab" * 32 in row.inner_text()


def test_a_file_is_saved_under_its_name(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page, page.expect_download() as waiting:
        page.get_by_role("button", name="Excel").click()
    assert re.fullmatch(r"forecasts-S1-bread-.*\.xlsx", waiting.value.suggested_filename)


def test_an_unknown_item_is_said_in_words(browser: Browser, address: str) -> None:
    with opened(browser, address, "?store=S1&item=tea", may_fail=True) as page:
        heading(page, "There is no such item here")
        assert (
            "Did you mean" in page.get_by_role("alert").inner_text() or "tea" in page.get_by_role("alert").inner_text()
        )


def test_before_the_first_forecast_the_page_says_so(browser: Browser) -> None:
    with served(build_app(ServingState())) as address, opened(browser, address, may_fail=True) as page:
        heading(page, "No forecasts yet")


def test_a_key_is_asked_for_and_kept_for_this_tab(browser: Browser, serving: ServingState, tmp_path: Path) -> None:
    key, record = make_key("planner", ["forecasts:read"])
    add_key(tmp_path / "keys.json", record)
    guarded = build_app(serving, security=Security(Authenticator(KeyRing(tmp_path / "keys.json"), None)))
    with served(guarded) as address, opened(browser, address, BREAD, may_fail=True) as page:
        page.get_by_label("API key").fill("wrong")
        page.keyboard.press("Enter")
        heading(page, "The key was not accepted")
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        heading(page, "bread")
        assert page.evaluate("localStorage.length") == 0
        page.reload()
        heading(page, "bread")
        page.goto(f"{address}?page=origin")
        heading(page, "Your key does not allow this")
