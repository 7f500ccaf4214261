"""Several cases approved at once and a deputy named, in the browser, with the engine at work."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from models.loans import Stage
from tests.web.test_at_work import PATIENCE_SECONDS, Lender, watch
from tests.web.test_at_work import browser as browser
from tests.web.test_at_work import lender as lender
from tests.workflows.people import earner

WORDS = {
    "en": ("en-GB", "Inbox", "Mark ", "Approve the marked ones together", "Reason", "Approve these", "2 of 2 approved"),
    "zh": ("zh-CN", "待办", "勾选", "批量审批所勾选的申请", "理由", "批准这些申请", "共2笔，已批准2笔"),
}
AWAY = {
    "en": ("Absences", "Deputy", "First day away", "Last day away", "Reason", "Enter it"),
    "zh": ("离岗与代理", "代理人", "离岗首日", "离岗末日", "理由", "登记"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_manager_approves_two_together_and_names_a_deputy(lender: Lender, browser: Browser, language: str) -> None:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    locale, inbox, mark, together, reason, approve, done = WORDS[language]
    problems: list[str] = []
    page = browser.new_context(locale=locale, base_url=lender.url).new_page()
    watch(page, problems)
    page.goto("/sign-in")
    page.get_by_role("button", name=re.compile("赵明远")).click()
    page.get_by_role("link", name=inbox, exact=True).click()
    loans = [lender.apply(earner()) for _ in range(2)]
    for loan in loans:
        box = page.get_by_role("checkbox", name=f"{mark}{loan}")
        expect(box).to_be_visible()
        lender.complete(loan)
        box.press("Space")
    # The list brings itself up to date; what is marked stays so.
    third = lender.apply(earner())
    expect(page.get_by_role("checkbox", name=f"{mark}{third}")).to_be_visible()
    for loan in loans:
        expect(page.get_by_role("checkbox", name=f"{mark}{loan}")).to_be_checked()
    page.get_by_role("button", name=together).click()
    page.get_by_role("textbox", name=reason).fill("income and record are in order / 收入稳定")
    page.get_by_role("button", name=approve).press("Enter")
    expect(page.get_by_role("status").filter(has_text=done)).to_be_visible()
    for loan in loans:
        with lender.books.read() as work:
            assert work.loans.get(loan).stage is Stage.ACCEPTANCE
            assert [one.decided_by for one in work.tasks.decisions(loan)] == ["manager-zhao"]

    link, deputy, first, last, why, enter = AWAY[language]
    page.goto("/inbox")
    page.get_by_role("link", name=link).click()
    with lender.books.read() as work:
        day = work.today
    page.get_by_label(deputy).select_option("manager-feng")
    page.get_by_label(first).fill(day.isoformat())
    page.get_by_label(last).fill((day + timedelta(days=2)).isoformat())
    page.get_by_role("textbox", name=why).fill("annual leave")
    page.get_by_role("button", name=enter, exact=True).press("Enter")
    expect(page.get_by_role("row").filter(has_text="冯守正")).to_contain_text("annual leave")
    assert problems == []
    page.context.close()
