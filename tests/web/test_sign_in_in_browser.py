"""A new colleague's first sign-in and a borrower's, by keyboard, in a real browser under the strict content policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlmodel import select

from books.session import Books
from models.sign_in import SignInCode
from tests.services.procedure import Procedure
from tests.web.sign_in import PASSWORD, Authenticator, employed
from tests.web.test_at_work import CHROMIUM, watch

STAFF = {
    "en": ("en-GB", "Your id", "Password", "New password", "The same again", "Code", "Your recovery codes", "Sessions"),
    "zh": ("zh-CN", "员工号", "密码", "新密码", "再次输入", "验证码", "您的恢复码", "登录情况"),
}
BORROWER = {"en": ("en-GB", "Mobile number", "Code", "My loan"), "zh": ("zh-CN", "手机号", "验证码", "我的贷款")}
PICTURE_LOADED = "image => image.complete && image.naturalWidth > 100"


@pytest.fixture
def browser(pages: str) -> Iterator[Browser]:  # noqa: ARG001 Playwright holds the thread's event loop, so it comes last
    """Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_new_colleague_finds_the_way_in_by_keyboard(
    browser: Browser, pages: str, books: Books, language: str
) -> None:
    locale, staff_id, password, new, again, code, recovery, sessions = STAFF[language]
    first = employed(books)
    problems: list[str] = []
    page = browser.new_context(locale=locale, base_url=pages).new_page()
    watch(page, problems)

    page.goto("/sign-in?next=/loans")
    page.get_by_label(staff_id, exact=True).fill("agent-neu")
    page.get_by_label(password, exact=True).fill(first)
    page.get_by_label(password, exact=True).press("Enter")
    page.get_by_label(new, exact=True).fill(PASSWORD)
    page.get_by_label(again, exact=True).fill(PASSWORD)
    page.get_by_label(again, exact=True).press("Enter")
    expect(page.get_by_role("img").last).to_be_visible()
    assert page.get_by_role("img").last.evaluate(PICTURE_LOADED)
    phone = Authenticator((page.locator("#secret").text_content() or "").replace(" ", ""))
    expect(page.get_by_label(code, exact=True)).to_be_focused()
    page.keyboard.type(phone.code())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=recovery)).to_be_visible()
    expect(page.get_by_role("list", name=recovery).get_by_role("listitem")).to_have_count(10)
    page.locator("main").get_by_role("link").press("Enter")
    page.wait_for_url("**/loans")
    page.get_by_role("link", name=sessions, exact=True).press("Enter")
    expect(page.get_by_role("table")).to_contain_text("Chrome")

    assert problems == []
    page.context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_borrower_finds_his_loan_with_his_mobile(
    browser: Browser, pages: str, books: Books, procedure: Procedure, language: str
) -> None:
    locale, mobile, code, mine = BORROWER[language]
    loan = procedure.graded(mobile="19911110001")
    problems: list[str] = []
    page = browser.new_context(locale=locale, base_url=pages, viewport={"width": 390, "height": 844}).new_page()
    watch(page, problems)

    page.goto("/sign-in")
    page.get_by_label(mobile, exact=True).fill("19911110001")
    page.get_by_label(mobile, exact=True).press("Enter")
    expect(page.get_by_label(code, exact=True)).to_be_focused()
    with books.read() as work:
        digits = work.session.exec(select(SignInCode)).one().code
    page.keyboard.type(digits or "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(loan)
    expect(page.get_by_role("heading", level=1)).to_contain_text(mine)

    assert problems == []
    page.context.close()
