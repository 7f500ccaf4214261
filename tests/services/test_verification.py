"""Questions to registers: never twice within an answer's time, by one loan at a time, and what no answer is."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.customers import PartyRole
from models.messages import DownRule, VerificationOrder
from models.products import Product, party_names
from models.tasks import TaskKind
from models.verification import AuthorisationKind, CheckName, RegisterRule, Verdict, WhenDown, apart, together
from services import grading, verification
from services.authorisations import take_back
from services.errors import NotAuthorised
from services.loans import case_of, order_for, order_from_books
from services.products import catalogue
from services.verification import AskedElsewhere, checks_view, look_up, store_answer, store_miss
from simulators.numbers import vin
from tests.modules.applications import ANSWERS, CATALOGUE, id_number
from tests.services.procedure import AGENT, Procedure

PERSON = id_number(sequence=821)
BORN_IN_2004 = id_number(date(2004, 3, 2), 821)
VIN = vin(821, "TESTA", 2026)


def asked(procedure: Procedure, loan: str, check: str = "bureau", round_: int = 1, *, after: int = 0) -> str:
    """How a check goes so many days later: `asked` and answered now, or taken over from an earlier answer."""
    day = procedure.day + timedelta(days=after)
    with procedure.at(day) as work:
        known, question = look_up(work, loan, check, round_, day)
        if known is not None:
            return f"round {known.round}" if known.source_id is None else "taken over"
        answer = dict(ANSWERS["auto"].get(check, {"enrolled": False}))
        store_answer(work, loan, check, round_, Verdict.PASSED, f"ref-{loan}-{round_}", answer, question.index)
    return "asked"


def two_loans(procedure: Procedure, **changes: Any) -> tuple[str, str]:
    """Two applications of the same person."""
    return procedure.apply(id_number=PERSON), procedure.apply(id_number=PERSON, amount="13000", **changes)


def test_an_answer_serves_a_second_loan_of_the_same_person(procedure: Procedure) -> None:
    first, second = two_loans(procedure)
    assert [asked(procedure, first), asked(procedure, second)] == ["asked", "taken over"]
    with procedure.books.read() as work:
        (source,), (taken,) = work.documents.answers(first), work.documents.answers(second)
        assert (taken.source_id, taken.reference) == (source.id, source.reference)
        assert (taken.answered_at, taken.round) == (source.answered_at, 1)
        assert (taken.verdict, taken.answer) == (source.verdict, source.answer)
        assert case_of(work, work.loans.get(second), procedure.day).answers["bureau"] == source.answer


@pytest.mark.parametrize(
    ("code", "check", "days"),
    [
        *(("micro", "identity", 365), ("micro", "bureau", 30), ("micro", "enrolment", 30), ("micro", "screening", 1)),
        *(("auto", "vehicle", 7), ("auto", "bureau", 30), ("auto", "identity", 365), ("auto", "screening", 1)),
        *(("student", "enrolment", 30), ("student", "identity", 365), ("student", "screening", 1)),
    ],
)
def test_an_answer_is_good_for_the_days_of_its_register_and_not_a_day_longer(
    procedure: Procedure, code: str, check: str, days: int
) -> None:
    same: dict[str, Any] = {
        "id_number": BORN_IN_2004 if code == "student" else PERSON,
        "vin": VIN if code == "auto" else None,
    }
    terms = ("60", "72") if code == "student" else ("24", "30")
    loan, other = (procedure.apply(code, term=term, **same) for term in terms)
    assert asked(procedure, loan, check) == "asked"
    assert asked(procedure, other, check, after=days - 1) == "taken over"
    assert asked(procedure, other, check, 2, after=days) == "asked"


def test_what_was_taken_over_does_not_make_the_first_answer_younger(procedure: Procedure) -> None:
    loan, other = two_loans(procedure)
    asked(procedure, loan)
    assert asked(procedure, other, after=20) == "taken over"
    assert asked(procedure, loan, round_=2, after=29) == "taken over"
    assert asked(procedure, loan, round_=3, after=30) == "asked"
    with procedure.books.read() as work:
        sources = {one.source_id for one in work.documents.answers(loan) + work.documents.answers(other)}
    assert len(sources) == 2


def test_a_repeat_and_a_second_round_do_not_ask_again(procedure: Procedure) -> None:
    loan = procedure.apply()
    assert [asked(procedure, loan), asked(procedure, loan), asked(procedure, loan, round_=2)] == [
        "asked",
        "round 1",
        "taken over",
    ]


def test_another_question_is_another_question(procedure: Procedure) -> None:
    """The same person with another mobile is the same to the bureau and not to the register of identities."""
    first, second = two_loans(procedure, mobile="19900000003")
    stranger = procedure.apply(id_number=id_number(sequence=822))
    for loan, bureau, identity in (
        (first, "asked", "asked"),
        (second, "taken over", "asked"),
        (stranger, "asked", "asked"),
    ):
        assert (asked(procedure, loan), asked(procedure, loan, "identity")) == (bureau, identity)


def test_nobody_is_looked_up_by_another_persons_consent(procedure: Procedure) -> None:
    """An answer that is there already is taken over only for who agrees to it in this loan too."""
    first, second = two_loans(procedure)
    asked(procedure, first)
    with procedure.at() as work:
        take_back(work, AGENT, work.loans.get(second), work.customers.borrower(second).id, AuthorisationKind.REGISTERS)
    with pytest.raises(NotAuthorised):
        asked(procedure, second)
    with procedure.books.read() as work:
        assert work.documents.answers(second) == []


def test_no_answer_is_nothing_to_take_over(procedure: Procedure) -> None:
    first, second = two_loans(procedure)
    with procedure.at() as work:
        store_miss(work, first, "bureau", 1, Verdict.MALFORMED)
    assert asked(procedure, second) == "asked"
    assert asked(procedure, first) == "taken over"


# -- two at once -------------------------------------------------------------------------------------------------------


def test_one_loan_asks_at_a_time_and_the_other_takes_its_answer_over(procedure: Procedure) -> None:
    first, second = two_loans(procedure)
    with procedure.at() as work:
        known, question = look_up(work, first, "bureau", 1, procedure.day)
        assert known is None
    with pytest.raises(AskedElsewhere) as waits:
        asked(procedure, second)
    assert waits.value.retryable
    with procedure.at() as work:
        # The same loan may try again: its first try may have died.
        assert look_up(work, first, "bureau", 1, procedure.day)[0] is None
        store_answer(work, first, "bureau", 1, Verdict.PASSED, "r", dict(ANSWERS["micro"]["bureau"]), question.index)
    assert asked(procedure, second) == "taken over"


def test_who_dies_while_he_asks_does_not_block_the_others_for_ever(procedure: Procedure) -> None:
    first, second = two_loans(procedure)
    now = procedure.books.clock.opens_at(procedure.day)
    with procedure.books.begin(now) as work:
        look_up(work, first, "bureau", 1, procedure.day)
    over = now + verification.HELD_FOR
    with pytest.raises(AskedElsewhere), procedure.books.begin(over - timedelta(seconds=1)) as work:
        look_up(work, second, "bureau", 1, procedure.day)
    with procedure.books.begin(over) as work:
        assert look_up(work, second, "bureau", 1, procedure.day)[0] is None


def test_of_two_processes_at_the_same_moment_one_asks(procedure: Procedure) -> None:
    loans = two_loans(procedure)
    houses = [procedure.books, Books(procedure.books.url)]
    start = Barrier(2)

    def ask(books: Books, loan: str) -> str:
        start.wait(timeout=10)
        try:
            with books.begin() as work:
                known, _ = look_up(work, loan, "bureau", 1, procedure.day)
        except AskedElsewhere:
            return "waits"
        return "asks" if known is None else "has it"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(ask, houses, loans))
    houses[1].close()
    assert answers == ["asks", "waits"]


def test_a_check_costs_few_statements(procedure: Procedure) -> None:
    loan = procedure.apply()
    seen: list[str] = []
    event.listen(procedure.books.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    with procedure.at() as work:
        look_up(work, loan, "bureau", 1, procedure.day)
    assert len([one for one in seen if not one.startswith("PRAGMA")]) == 3


# -- without an answer -------------------------------------------------------------------------------------------------


def test_each_reason_for_no_answer_is_kept_once_a_round(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        for verdict in (Verdict.NOT_AUTHORISED, Verdict.NOT_AUTHORISED, Verdict.MALFORMED):
            store_miss(work, loan, "bureau", 1, verdict)
    assert asked(procedure, loan) == "asked"
    with procedure.books.read() as work:
        assert [(one.verdict, one.miss) for one in work.documents.answers(loan)] == [
            (Verdict.NOT_AUTHORISED, 1),
            (Verdict.MALFORMED, 2),
            (Verdict.PASSED, 0),
        ]
        assert case_of(work, work.loans.get(loan), procedure.day).answers.keys() == {"bureau"}
    assert procedure.acts(loan).count("register_without_answer") == 2


def test_a_round_without_an_answer_does_not_pass_the_older_one_off_as_new(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan)
    again = VerificationOrder(**procedure.order(loan, round=2), unanswered=("bureau",))
    with procedure.at() as work:
        for _ in range(2):
            verification.conclude_round(work, work.loans.get(loan), again)
        known = case_of(work, work.loans.get(loan), procedure.day).answers
    assert "bureau" not in known
    assert "identity" in known
    assert procedure.acts(loan).count("register_without_answer") == 1


def test_of_two_that_were_asked_together_the_one_that_answered_is_not_missing(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, screening=None)
    reported = VerificationOrder(**procedure.order(loan), unanswered=("identity", "screening"))
    with procedure.at() as work:
        assert verification.conclude_round(work, work.loans.get(loan), reported).unanswered == ("screening",)
    procedure.act(grading.grade, reported)
    with procedure.books.read() as work:
        (task,) = work.tasks.open_of(loan, TaskKind.APPROVAL)
    assert "not answered: screening" in task.about


def test_answers_are_kept_as_they_came(procedure: Procedure) -> None:
    asked(procedure, procedure.apply())
    for verb in ("UPDATE verification SET verdict = 'failed'", "DELETE FROM verification"):
        with pytest.raises(DBAPIError, match="insert-only"), procedure.at() as work:
            work.session.connection().execute(text(verb))


# -- which checks, by which rule ---------------------------------------------------------------------------------------


def test_a_case_has_the_checks_of_those_who_sign_it(procedure: Procedure) -> None:
    auto = catalogue().product("auto")
    clock = procedure.books.clock
    alone, with_guarantor = (order_for("L1", auto, clock, roles) for roles in ((), (PartyRole.GUARANTOR,)))
    assert not any("@" in check for check in alone.checks)
    assert {"identity@guarantor+screening@guarantor", "bureau@guarantor"} <= set(with_guarantor.checks)
    assert alone.down == {"vehicle": DownRule(when_down=WhenDown.PERSON)}
    guarantor: dict[str, Any] = {
        "guarantor_name": "李保证",
        "guarantor_id_number": id_number(sequence=823),
        "guarantor_mobile": "19900000004",
    }
    loan = procedure.apply("auto", **guarantor)
    with procedure.books.read() as work:
        assert order_from_books(work, work.loans.get(loan)).checks == with_guarantor.checks


def test_two_of_a_role_are_told_apart() -> None:
    names = party_names([PartyRole.GUARANTOR, PartyRole.JOINT_BORROWER, PartyRole.GUARANTOR])
    assert names == ["guarantor", "joint_borrower", "guarantor-2"]
    for spelling in ("bureau", "bureau@guarantor-2"):
        assert str(CheckName.parse(spelling)) == spelling


def test_a_rule_of_the_check_goes_before_that_of_its_register() -> None:
    found = {"bureau": RegisterRule(5), "bureau@guarantor": RegisterRule(6)}
    product = _with_rules(found)
    assert [product.rule_for(check).valid_days for check in ("bureau", "bureau@guarantor", "identity", "made_up")] == [
        5,
        6,
        365,
        0,
    ]


def _with_rules(rules: dict[str, RegisterRule]) -> Product:
    return replace(CATALOGUE.product("micro"), register_rules=rules)


def test_a_person_sees_each_check_with_its_rule_and_where_its_answer_came_from(procedure: Procedure) -> None:
    first, second = two_loans(procedure)
    asked(procedure, first)
    asked(procedure, second)
    with procedure.books.read() as work:
        checks = {one.name: one for one in checks_view(work, second, "micro")}
    bureau = checks["bureau"]
    assert bureau.row is not None
    assert (bureau.is_reused, bureau.row.reference, bureau.valid_until) == (True, f"ref-{first}-1", date(2026, 2, 3))
    assert (checks["identity"].row, checks["identity"].valid_until) == (None, None)
    assert (checks["enrolment"].rule.when_down, checks["enrolment"].rule.wait_days) == (WhenDown.WAIT, 1)


MARK, WAIT = RegisterRule(valid_days=9), RegisterRule(valid_days=9, when_down=WhenDown.WAIT, wait_days=2)
OTHER_DAYS = RegisterRule(valid_days=1)


@pytest.mark.parametrize(
    ("checks", "rules", "asked_as"),
    [
        ("identity bureau screening", {}, "identity+screening bureau"),
        ("screening identity", {"screening": OTHER_DAYS}, "identity+screening"),
        ("identity screening", {"screening": WAIT}, "identity screening"),
        ("bureau screening", {}, "bureau screening"),
        ("identity screening@guarantor", {}, "identity screening@guarantor"),
        (
            "identity screening identity@guarantor screening@guarantor",
            {},
            "identity+screening identity@guarantor+screening@guarantor",
        ),
    ],
)
def test_screening_is_asked_with_the_identity_of_the_same_person(
    checks: str, rules: dict[str, RegisterRule], asked_as: str
) -> None:
    joined = together(checks.split(), {check: rules.get(check, MARK) for check in checks.split()})
    assert list(joined) == asked_as.split()
    assert sorted(part for one in joined for part in apart(one)) == sorted(checks.split())
