"""What fits on a screen of 1280 pixels, and on a phone, in the browser."""

import json
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.modules.applications import DAY
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import Visitor
from tests.web.test_explanations import browser as browser
from tests.web.test_policies import AT, LOWER, prices

WIDTH = 1280


def page_of(browser: Browser, visitor: Visitor, locale: str = "en-GB") -> Page:
    """The browser of somebody who is signed in already."""
    context = browser.new_context(locale=locale, base_url=visitor.url, viewport={"width": WIDTH, "height": 900})
    context.add_cookies(
        [{"name": one.name, "value": one.value or "", "url": visitor.url} for one in visitor.client.cookies.jar]
    )
    return context.new_page()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_sees_everything_has_the_head_of_the_page_in_one_line(come: Come, browser: Browser, language: str) -> None:
    for who in ("risk-qian", "auditor-wei"):
        page = page_of(browser, come(who, language=language), {"en": "en-GB", "zh": "zh-CN"}[language])
        page.goto("/")
        links = page.locator("header a, header button").all()
        middles = [box["y"] + box["height"] / 2 for one in links if (box := one.bounding_box())]
        assert max(middles) - min(middles) < 12, who
        page.context.close()


def test_a_report_fits_and_a_draft_that_is_no_json_is_told_above_its_numbered_lines(
    come: Come, browser: Browser, procedure: Procedure
) -> None:
    procedure.graded()
    author = come("risk-shen")
    text = json.dumps(prices(LOWER), ensure_ascii=False)
    author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="losses went up")
    days = {"since": str(DAY - timedelta(days=9)), "until": str(DAY)}
    report = author.post(f"{AT}/2/backtests", seen_at=f"{AT}/2", **days)
    page = page_of(browser, author)
    page.goto(report.url.path)
    wide = "[...document.querySelectorAll('.table-responsive')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(wide) == 0

    page.goto(f"{AT}/2")
    box = page.get_by_label("The rules as JSON")
    lines = box.input_value().split("\n")
    lines[4] += ",,"
    box.fill("\n".join(lines))
    page.get_by_role("textbox", name="Reason").last.fill("a typo")
    page.get_by_role("button", name="Keep and check").click()
    expect(page.get_by_text("Line 5, column")).to_be_in_viewport()
    expect(box).to_be_focused()
    expect(box).to_have_value("\n".join(lines))
    page.context.close()
