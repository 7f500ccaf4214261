"""A file that is too large, handed in with a browser: its sender reads why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.services.procedure import Procedure
from tests.web.test_at_work import CHROMIUM
from web.documents import LARGEST_FORM


@pytest.fixture
def browser(pages: str) -> Iterator[Browser]:  # noqa: ARG001 Playwright holds the thread's event loop, so it comes last
    """Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(("language", "sentence"), [("en-GB", "larger than 5 MiB"), ("zh-CN", "超过5 MiB")])
@pytest.mark.parametrize("times", [2, 5])
def test_whoever_hands_in_too_large_a_file_reads_why(
    browser: Browser, pages: str, procedure: Procedure, tmp_path: Path, times: int, language: str, sentence: str
) -> None:
    loan = procedure.graded()
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-1.7\n" + b"x" * LARGEST_FORM * times)
    with browser.new_context(locale=language) as context:
        page = context.new_page()
        page.goto(f"{pages}/sign-in")
        page.locator("button[value=manager-zhao]").click()
        page.goto(f"{pages}/loans/{loan}/documents")
        page.set_input_files("#file", large)
        page.locator("form:has(#file) button[type=submit]").click()

        expect(page.locator("main")).to_contain_text(sentence)
