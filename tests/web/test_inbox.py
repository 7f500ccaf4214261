"""The inbox and the overview."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from models.staff import Role
from models.tasks import Task, TaskKind
from tests.modules.applications import DAY
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words
from web.inbox import PAGE, TaskRow


def row(days_left: int) -> TaskRow:
    """A row of a task with these days left."""
    task = Task(kind=TaskKind.APPROVAL, role=Role.MANAGER, due_on=DAY, opened_at=datetime.now(UTC))
    return TaskRow(task, None, "", "", is_mine=False, days_left=days_left)


@pytest.mark.parametrize(("days_left", "urgency"), [(-1, "late"), (0, "today"), (1, "later")])
def test_a_task_is_late_the_day_after_its_deadline(days_left: int, urgency: str) -> None:
    assert row(days_left).urgency == urgency


def test_the_inbox_shows_what_waits_with_borrower_amount_and_deadline(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()

    text = words(come("manager-zhao").get("/inbox").text)

    assert f"Approval 欧阳测试 {loan} · Microloan ¥12,000.00 A 2 days left" in text
    assert (DAY + timedelta(days=2)).isoformat() in text


def test_a_role_finds_only_its_own_tasks(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()

    assert loan not in come("finance-sun").get("/inbox?show=all").text
    assert loan not in come("risk-qian").get("/inbox").text
    assert loan in come("risk-qian").get("/inbox?show=all").text


def test_the_inbox_can_be_filtered_by_kind(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come("manager-zhao")

    assert loan in visitor.get("/inbox?kind=approval").text
    assert loan not in visitor.get("/inbox?kind=overdue").text
    assert loan in visitor.get("/inbox?kind=no-such-kind").text


def test_pages_follow_each_other_without_gap(come: Come, procedure: Procedure) -> None:
    loans = {procedure.graded() for _ in range(PAGE + 3)}
    visitor = come("manager-zhao")

    first = visitor.get("/inbox")
    following = re.search(r'id="inbox-next"[^>]* href="([^"]+)"', first.text)
    assert following is not None
    second = visitor.get(following.group(1).replace("&amp;", "&"))

    seen = [re.findall(r"/loans/(L\d+)", page.text) for page in (first, second)]
    assert [len(page) for page in seen] == [PAGE, 3]
    assert set(seen[0] + seen[1]) == loans
    assert "Next page" not in second.text


@pytest.mark.parametrize("after", ["rubbish", "2026-13-01_x", "2026-01-01"])
def test_a_place_that_no_page_named_begins_at_the_beginning(come: Come, procedure: Procedure, after: str) -> None:
    loan = procedure.graded()

    assert loan in come("manager-zhao").get(f"/inbox?after={after}").text


def test_the_live_refresh_sends_rows_only_when_something_changed(come: Come, procedure: Procedure) -> None:
    procedure.graded()
    visitor = come("manager-zhao")
    address = re.search(r'hx-get="(/inbox/rows[^"]+)"', visitor.get("/inbox").text)
    assert address is not None

    assert visitor.get(address.group(1)).status_code == 204
    loan = procedure.graded()
    changed = visitor.get(address.group(1))
    assert changed.status_code == 200
    assert loan in changed.text
    assert "<html" not in changed.text


def test_the_overview_counts_loans_by_stage_and_lists_what_waits(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.offered()

    text = words(come("manager-zhao").get("/").text)

    assert loan in text
    assert "1 Approval" in text
    assert "1 Contract" in text
    assert "Settled 0" in text


def test_an_empty_inbox_says_so(come: Come) -> None:
    assert "Nothing waits here" in come("finance-sun").get("/inbox").text
