"""What-if on the page: the answer follows the slider, and says what the interface says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from retail_forecast_tests.serving.page.browser import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
BREAD = "?store=S1&item=bread"


def on_chosen_days(page: Page) -> str:
    """The figures of the chosen days, once they are there."""
    figure = page.locator("dl.figures div", has_text="On the chosen days")
    figure.wait_for()
    found: str = figure.inner_text()
    return found


def test_the_answer_is_what_the_interface_says(browser: Browser, address: str, client: TestClient) -> None:
    change = {"dates": ["2024-10-03"], "values": {"promotion": True}}
    body = {"store_id": "S1", "item_id": "bread", "changes": [change]}
    (day,) = [one for one in client.post("/v1/what-if", json=body).json()["periods"] if one["changed"]]
    with opened(browser, address, f"{BREAD}&days=2024-10-03..2024-10-03&set.promotion=true") as page:
        shown = on_chosen_days(page)
    for which in ("baseline", "scenario"):
        mean = day[which]["mean"]
        assert f"{mean:.2f}".rstrip("0").rstrip(".") in shown or f"{mean:.1f}" in shown


def test_choosing_days_and_a_promotion_changes_the_address_and_the_figures(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_label("To", exact=True).select_option("2024-10-02")
        page.get_by_role("group", name="Promotion").get_by_label("Yes").check()
        assert "(2)" in on_chosen_days(page)
        assert "days=2024-10-01..2024-10-02" in page.url
        assert "set.promotion=true" in page.url
        page.get_by_role("button", name="Back to the plan").click()
        page.get_by_text(re.compile("^Move a slider")).wait_for()
        assert "set." not in page.url


def test_while_one_drags_the_last_question_wins(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(str(request.post_data)) if "what-if" in request.url else None)
        field = page.get_by_role("spinbutton").first
        for price in ("1.9", "1.8", "1.7", "1.1"):
            field.fill(price)
        on_chosen_days(page)
        page.wait_for_load_state("networkidle")
        assert len(asked) < 4
        assert '"sell_price":1.1' in asked[-1]
        assert "set.sell_price=1.1" in page.url


def test_what_the_model_has_not_seen_is_said(browser: Browser, address: str) -> None:
    with opened(browser, address, f"{BREAD}&set.sell_price=99") as page:
        notice = page.get_by_role("note")
        assert "Price 99.00 on 7 days" in notice.inner_text()


def test_dragging_over_the_chart_chooses_days(browser: Browser, address: str) -> None:
    with opened(browser, address, BREAD) as page:
        page.get_by_text(re.compile("^Move a slider")).wait_for()
        box = page.locator(".u-over").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
        page.mouse.up()
        assert page.get_by_label("To", exact=True).input_value() == "2024-10-07"
        assert "days=" not in page.url  # nothing is another than planned yet
