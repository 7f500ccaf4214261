"""Which refusals the audit log keeps, and how many of them: a flood fills no disk and hides nobody else's."""

from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from books.session import Books
from lending.errors import LendingError
from models.audit import AuditEntry
from models.origin import Whence, coming_from
from models.staff import Actor, Role
from services.audit import STRANGER
from services.refusals import (
    COUNTED,
    FIRST_ALONE,
    KEPT_CODES,
    LEFT_OUT,
    MOST_EACH,
    MOST_OF_ALL,
    MOST_STRANGERS,
    Refusal,
    RefusalLog,
    is_kept,
)
from tests.services.procedure import RISK

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("lending", "models", "books", "services", "engine", "gateways", "activities", "api", "web")
FORGED = Refusal("token_refused", "not_signed_in: this token is not known")
FORBIDDEN = Refusal("decide_task", "not_allowed: the role risk may not")


def kept(books: Books) -> list[AuditEntry]:
    """All refusals on record."""
    with books.read() as work:
        entries: list[AuditEntry] = []
        while page := work.audit.page(entries[-1].id if entries else "", 1000):
            entries += page
    return [one for one in entries if one.refused]


def stranger(n: int) -> Actor:
    """A stranger at the n-th of many addresses."""
    return Actor(STRANGER.id, STRANGER.role, address=f"10.{n // 65536}.{n // 256 % 256}.{n % 256}")


def known_codes() -> dict[str, list[type[LendingError]]]:
    """Every refusal of the program by its code."""
    for room in ROOMS:
        for file in (ROOT / room).glob("*.py"):
            import_module(f"{room}.{file.stem}")
    found: dict[str, list[type[LendingError]]] = {}
    waiting = [LendingError]
    while waiting:
        one = waiting.pop()
        found.setdefault(one.code, []).append(one)
        waiting += one.__subclasses__()
    return found


def test_what_is_kept_whatever_its_status_is_a_refusal_that_there_is() -> None:
    assert known_codes().keys() >= KEPT_CODES | LEFT_OUT


def test_whatever_is_too_much_forbidden_or_tampered_with_is_kept() -> None:
    """A refusal that is added later is kept by its status, unless somebody says that it is nobody's attempt."""
    left_out = {
        one.code
        for of_code in known_codes().values()
        for one in of_code
        if one.http_status in (403, 404, 413, 429) and not is_kept(_made(one), "GET")
    }
    assert left_out == LEFT_OUT


def _made(kind: type[LendingError]) -> LendingError:
    made = kind.__new__(kind)
    LendingError.__init__(made, "a sentence")
    return made


def test_a_conflict_is_a_refusal_of_a_command_and_not_of_a_look() -> None:
    kind = type("Conflict", (LendingError,), {"code": "conflict", "http_status": 409})
    assert (is_kept(kind("no"), "GET"), is_kept(kind("no"), "POST")) == (False, True)


def test_a_slip_in_a_form_is_not_kept() -> None:
    kind = type("Slip", (LendingError,), {"code": "invalid_decision", "http_status": 422})
    assert not is_kept(kind("no"), "POST")


def test_one_person_has_his_share_from_wherever_he_comes(books: Books) -> None:
    log = RefusalLog(books)
    for n in range(60):
        log.keep(Actor(RISK.id, RISK.role, address=f"10.0.0.{n}"), FORBIDDEN)
    log.flush()
    entries = kept(books)
    assert Counter(one.act for one in entries) == {FORBIDDEN.act: MOST_EACH, COUNTED: 1}
    assert entries[-1].after == {"count": 40, "last": FORBIDDEN.act}


def test_a_flood_of_strangers_does_not_hide_what_a_person_was_refused(books: Books) -> None:
    log = RefusalLog(books)
    for n in range(MOST_OF_ALL + 100):
        log.keep(stranger(n), FORGED)
    log.keep(RISK, FORBIDDEN)
    entries = kept(books)
    assert len(entries) == MOST_OF_ALL + 1
    assert (entries[-1].act, entries[-1].actor_id) == (FORBIDDEN.act, RISK.id)


def test_a_flood_from_some_addresses_does_not_hide_a_stranger_at_another(books: Books) -> None:
    log = RefusalLog(books)
    for n in range(FIRST_ALONE // MOST_EACH + 5):
        for _ in range(2 * MOST_EACH):
            log.keep(stranger(n), FORGED)
    log.keep(stranger(9_999), FORGED)
    log.keep(stranger(9_999), FORGED)
    of_other = [one for one in kept(books) if one.address == stranger(9_999).address]
    assert len(of_other) == 1


def test_an_ipv6_subscriber_is_one_stranger_however_many_addresses_he_has(books: Books) -> None:
    log = RefusalLog(books)
    for n in range(MOST_EACH + 10):
        log.keep(Actor(STRANGER.id, STRANGER.role, address=f"2001:db8:0:{n:x}::1"), FORGED)
    log.flush()
    assert Counter(one.act for one in kept(books)) == {FORGED.act: MOST_EACH, COUNTED: 1}


def test_strangers_at_any_number_of_addresses_write_a_bounded_number_of_entries(books: Books) -> None:
    log = RefusalLog(books, lambda: 0.0)
    for n in range(MOST_STRANGERS + 500):
        for _ in range(2):
            log.keep(stranger(n), FORGED)
    log.flush()
    found = Counter(one.act for one in kept(books))
    assert found[FORGED.act] <= MOST_OF_ALL
    assert found[COUNTED] <= MOST_STRANGERS + 1
    counted = sum((one.after or {})["count"] for one in kept(books) if one.act == COUNTED)
    assert found[FORGED.act] + counted == 2 * (MOST_STRANGERS + 500)


def test_after_a_minute_everybody_is_listed_again(books: Books) -> None:
    now = [0.0]
    log = RefusalLog(books, lambda: now[0])
    for _ in range(2 * MOST_EACH):
        log.keep(RISK, FORBIDDEN)
    now[0] = 61.0
    log.keep(RISK, FORBIDDEN)
    assert Counter(one.act for one in kept(books)) == {FORBIDDEN.act: MOST_EACH + 1, COUNTED: 1}


def test_counts_of_a_minute_that_is_over_are_written_though_nobody_is_refused_any_more(books: Books) -> None:
    now = [0.0]
    log = RefusalLog(books, lambda: now[0])
    for _ in range(MOST_EACH + 5):
        log.keep(RISK, FORBIDDEN)
    log.catch_up()
    assert Counter(one.act for one in kept(books)) == {FORBIDDEN.act: MOST_EACH}
    now[0] = 61.0
    for _ in range(2):
        log.catch_up()
    assert Counter(one.act for one in kept(books)) == {FORBIDDEN.act: MOST_EACH, COUNTED: 1}
    assert kept(books)[-1].after == {"count": 5, "last": FORBIDDEN.act}


def test_what_the_books_do_not_take_is_counted_on(books: Books) -> None:
    now = [0.0]
    log = RefusalLog(books, lambda: now[0])
    for _ in range(MOST_EACH + 5):
        log.keep(RISK, FORBIDDEN)
    now[0] = 61.0
    with books.begin() as work:
        work.session.connection().execute(text("ALTER TABLE audit_entry RENAME TO mislaid"))
    with pytest.raises(SQLAlchemyError):
        log.catch_up()
    with pytest.raises(SQLAlchemyError):
        log.flush()
    with books.begin() as work:
        work.session.connection().execute(text("ALTER TABLE mislaid RENAME TO audit_entry"))
    log.flush()
    counted = [one.after for one in kept(books) if one.act == COUNTED]
    assert counted == [{"count": 5, "last": FORBIDDEN.act}]


def test_a_refusal_says_from_where_it_came_and_a_count_where_its_own_came_from(books: Books) -> None:
    now = [0.0]
    log = RefusalLog(books, lambda: now[0])
    with coming_from(Whence("192.0.2.1", "first")):
        for _ in range(MOST_EACH + 1):
            log.keep(STRANGER, FORGED)
    now[0] = 61.0
    with coming_from(Whence("192.0.2.2", "second")):
        log.keep(STRANGER, FORGED)
    found = [(one.act, one.actor_id, one.role, one.address, one.request_id) for one in kept(books)]
    assert set(found[:MOST_EACH]) == {(FORGED.act, "unknown", Role.STRANGER, "192.0.2.1", "first")}
    assert found[MOST_EACH:] == [
        (COUNTED, "unknown", Role.STRANGER, "192.0.2.1", "first"),
        (FORGED.act, "unknown", Role.STRANGER, "192.0.2.2", "second"),
    ]


@pytest.mark.parametrize("named", ["L26000001", "L99999999"])
def test_a_loan_that_a_stranger_names_is_no_part_of_its_story(books: Books, named: str) -> None:
    RefusalLog(books).keep(STRANGER, Refusal("request_refused", "body_too_large", loan=named))
    (entry,) = kept(books)
    assert (entry.loan, entry.subject) == (None, named)
