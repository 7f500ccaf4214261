"""Absences written or changed by plain statements: the database lets them pass, and the proof names them."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from books.session import Books
from services import absences
from services.audit_findings import FindingKind
from services.audit_proof import verify
from tests.services.procedure import ADMIN, AGENT, MANAGER, OTHER_AGENT, Procedure

ADDED, CHANGED, MISSING = FindingKind.ABSENCE_ADDED, FindingKind.ABSENCE_CHANGED, FindingKind.ABSENCE_MISSING
NOW = "2026-01-01 00:00:00.000000"
BY_HAND = {
    "planted": (
        "INSERT INTO absence (id, staff_id, deputy_id, from_on, to_on, reason, entered_by, entered_at) "
        f"VALUES ('f', 'agent-tang', 'agent-he', '2020-01-01', '2099-01-01', '?', 'agent-tang', '{NOW}')",
        [(ADDED, "agent-tang")],
    ),
    "another person": (
        "UPDATE absence SET staff_id = 'agent-tang' WHERE called_off_at IS NULL",
        [(CHANGED, "agent-tang")],
    ),
    "another deputy": (
        "UPDATE absence SET deputy_id = 'agent-tang' WHERE called_off_at IS NULL",
        [(CHANGED, AGENT.id)],
    ),
    "from earlier": ("UPDATE absence SET from_on = '2020-01-01' WHERE called_off_at IS NULL", [(CHANGED, AGENT.id)]),
    "for longer": ("UPDATE absence SET to_on = '2099-01-01' WHERE called_off_at IS NULL", [(CHANGED, AGENT.id)]),
    "called off": (f"UPDATE absence SET called_off_at = '{NOW}' WHERE called_off_at IS NULL", [(CHANGED, AGENT.id)]),
    "taken up again": (
        "UPDATE absence SET called_off_at = NULL WHERE staff_id = 'manager-zhao'",
        [(CHANGED, MANAGER.id)],
    ),
    "removed": ("DELETE FROM absence WHERE called_off_at IS NULL", [(MISSING, None)]),
}


@pytest.fixture
def away(procedure: Procedure) -> Books:
    """One absence that counts, and one that was called off."""
    begins = procedure.day
    ends = begins + timedelta(days=6)
    with procedure.at() as work:
        absences.enter(work, ADMIN, AGENT.id, OTHER_AGENT.id, begins, ends, "annual leave")
        off = absences.enter(work, ADMIN, MANAGER.id, "manager-feng", begins, ends, "annual leave")
        absences.call_off(work, ADMIN, off.id)
    return procedure.books


def found(books: Books) -> list[tuple[FindingKind, str | None]]:
    with books.read() as work:
        return [(one.kind, one.staff) for one in verify(work).findings]


def test_no_act_leaves_an_absence_that_the_proof_would_name(away: Books) -> None:
    assert found(away) == []


@pytest.mark.parametrize("what", BY_HAND)
def test_an_absence_that_no_act_left_so_is_named(away: Books, what: str) -> None:
    statement, expected = BY_HAND[what]
    with away.engine.begin() as connection:
        connection.execute(text(statement))
    assert found(away) == expected


def test_what_nobody_can_read_is_named(away: Books) -> None:
    if not away.is_sqlite:
        # PostgreSQL keeps a day for a day.
        return
    with away.engine.begin() as connection:
        connection.execute(text("UPDATE absence SET to_on = 'soon' WHERE called_off_at IS NULL"))
    assert found(away) == [(CHANGED, AGENT.id)]
