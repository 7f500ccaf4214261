"""What is known of a customer is what the identity register confirmed; before that an application speaks for itself."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from books.errors import UnknownLoan
from lending.duedates import Period, PeriodUnit, shift
from models.customers import Customer
from models.loans import Loan, Stage
from models.sign_in import SignInCode, SignInMethod, WebSession
from models.staff import Actor
from models.verification import Verdict
from services.applications import Receipt, submit
from services.customers import NotConfirmed
from services.erasure import NotErasable, erase
from services.paper_contents import signers
from services.reveals import Revealed, reveal
from services.search import search
from services.sign_in import Origin, enter_borrower
from services.sign_in_codes import ask_for_code, enter_code
from services.signing import request_code
from services.verification import look_up, store_answer
from tests.modules.applications import id_number
from tests.services.procedure import ADMIN, AGENT, INTEGRATOR, OTHER_AGENT, RISK, Procedure
from tests.services.signatures import make_contract

HERE = Origin("203.0.113.7")
TRUE: dict[str, Any] = {"name": "王小明", "mobile": "19900000111"}
FALSE: dict[str, Any] = {"name": "张假名", "mobile": "19900000666"}
NEW_MOBILE = "19900000222"


@pytest.fixture
def number() -> str:
    """The ID number of whom all this is about."""
    return id_number(date(1990, 5, 17), 77)


def customer_of(procedure: Procedure, loan: str) -> Customer:
    with procedure.books.read() as work:
        return work.customers.of_loan(loan)


def sees(procedure: Procedure, actor: Actor, loan: str) -> bool:
    with procedure.books.read() as work:
        try:
            return bool(work.loans.seen_by(actor, loan))
        except UnknownLoan:
            return False


def signs_in(procedure: Procedure, mobile: str) -> str | None:
    """The customer whom a code sent to a mobile lets in; None where no code is sent."""
    visitor = mobile.rjust(43, "v")
    with procedure.books.begin() as work:
        ask_for_code(work, visitor, mobile, HERE)
    with procedure.books.begin() as work:
        query = select(SignInCode).where(SignInCode.visitor_digest == visitor).order_by(SignInCode.id)
        code = list(work.session.exec(query))[-1]
        if code.customer_id is None:
            return None
        assert isinstance(enter_code(work, visitor, code.code or "", "", HERE), str)
        return code.customer_id


def found_by(procedure: Procedure, actor: Actor, text: str) -> list[str]:
    with procedure.books.begin() as work:
        return [loan.number for loan in search(work, actor, text).loans]


def code_goes_to(procedure: Procedure, loan: str) -> str:
    """The mobile to which the borrower's code for his contract goes."""
    make_contract(procedure.books, loan, procedure.books.clock.opens_at(procedure.day), blank=True)
    with procedure.at() as work:
        borrower = work.customers.borrower(loan)
        code = request_code(work, INTEGRATOR, work.loans.get(loan), borrower.id)
        work.session.flush()
        return work.signatures.unsent([code.id])[code.id].mobile or ""


def mismatched(procedure: Procedure, loan: str) -> None:
    procedure.verify(loan, identity={"result": "mismatch"})
    procedure.grade(loan)


def test_whoever_enters_an_id_number_first_gets_nothing_of_what_its_owner_brings_later(
    procedure: Procedure, number: str
) -> None:
    first = procedure.apply(actor=OTHER_AGENT, id_number=number, **FALSE)
    loan = procedure.offered(id_number=number, **TRUE)
    owner = customer_of(procedure, loan)
    assert (owner.name, owner.mobile, owner.owner_id) == (TRUE["name"], TRUE["mobile"], None)
    assert (sees(procedure, OTHER_AGENT, first), sees(procedure, OTHER_AGENT, loan)) == (True, False)
    assert code_goes_to(procedure, loan) == TRUE["mobile"]
    assert signs_in(procedure, TRUE["mobile"]) == owner.id
    assert signs_in(procedure, FALSE["mobile"]) is None
    with procedure.books.read() as work:
        assert [one.mobile for one in signers(work, work.loans.get(loan))] == [TRUE["mobile"]]


def test_a_first_entry_with_the_true_data_owns_nothing_before_the_register_confirmed_it(
    procedure: Procedure, number: str
) -> None:
    procedure.apply(actor=OTHER_AGENT, id_number=number, amount="13000", **TRUE)
    loan = procedure.offered(id_number=number, **TRUE)
    assert customer_of(procedure, loan).owner_id is None
    assert not sees(procedure, OTHER_AGENT, loan)


def test_an_application_with_a_known_id_number_and_another_name_shows_only_what_it_brought(
    procedure: Procedure, number: str
) -> None:
    known = procedure.running(id_number=number, **TRUE)
    loan = procedure.apply(actor=OTHER_AGENT, id_number=number, **FALSE)
    mismatched(procedure, loan)
    stated = customer_of(procedure, loan)
    assert stated.id != procedure.loan(known).customer_id
    assert (stated.name, stated.mobile, stated.confirmed_at) == (FALSE["name"], FALSE["mobile"], None)
    with procedure.books.begin() as work:
        shown = reveal(work, OTHER_AGENT, work.loans.seen_by(OTHER_AGENT, loan), Revealed.MOBILE, "to call him")
    assert shown == FALSE["mobile"]
    assert found_by(procedure, OTHER_AGENT, TRUE["mobile"]) == []
    assert found_by(procedure, OTHER_AGENT, FALSE["mobile"]) == [loan]
    assert customer_of(procedure, known).mobile == TRUE["mobile"]


def test_the_answer_does_not_tell_whether_an_id_number_is_known(procedure: Procedure, number: str) -> None:
    procedure.apply(id_number=number, **TRUE)
    procedure.running(id_number=id_number(date(1990, 5, 17), 78), **TRUE)
    of_both = [
        procedure.submission(actor=OTHER_AGENT, id_number=id_number(date(1990, 5, 17), 77 + n), **FALSE)
        for n in range(3)
    ]
    with procedure.at() as work:
        answers = submit(work, of_both)
    assert [type(one) for one in answers] == [Receipt] * 3
    for one in answers:
        assert isinstance(one, Receipt)
        stated = customer_of(procedure, one.loan)
        assert (stated.name, stated.mobile, stated.owner_id) == (*FALSE.values(), OTHER_AGENT.id)
        assert procedure.messages(one.loan) == ["application_received"]
        assert procedure.loan(one.loan).stage is Stage.APPLICATION


def test_the_agent_whose_application_was_confirmed_first_looks_after_the_customer(
    procedure: Procedure, number: str
) -> None:
    procedure.graded(actor=AGENT, id_number=number, **TRUE)
    later = procedure.apply(id_number=number, amount="15000", **TRUE)
    assert customer_of(procedure, later).owner_id == AGENT.id
    assert sees(procedure, AGENT, later)


def test_two_loans_that_wait_for_the_register_become_those_of_one_customer(procedure: Procedure, number: str) -> None:
    first = procedure.apply(actor=AGENT, id_number=number, **TRUE)
    second = procedure.apply(id_number=number, amount="15000", **TRUE)
    assert procedure.loan(first).customer_id != procedure.loan(second).customer_id
    procedure.verify(second)
    procedure.verify(first)
    customer = customer_of(procedure, first)
    assert customer.id == procedure.loan(second).customer_id
    # The first that was confirmed was nobody's.
    assert customer.owner_id is None
    assert signs_in(procedure, TRUE["mobile"]) == customer.id
    third = procedure.apply(actor=AGENT, id_number=number, amount="16000", **TRUE)
    assert procedure.loan(third).customer_id == customer.id


def test_a_confirmed_application_with_another_mobile_replaces_it(procedure: Procedure, number: str) -> None:
    old = procedure.running(actor=AGENT, id_number=number, **TRUE)
    customer = customer_of(procedure, old)
    loan = procedure.apply(id_number=number, **TRUE | {"mobile": NEW_MOBILE}, amount="15000", occupation="会计")
    stated = customer_of(procedure, loan)
    assert (customer_of(procedure, old).mobile, customer_of(procedure, loan).owner_id) == (TRUE["mobile"], None)
    procedure.verify(loan)
    known = customer_of(procedure, loan)
    assert (known.id, known.mobile, known.owner_id) == (customer.id, NEW_MOBILE, AGENT.id)
    assert known.details == {"occupation": "会计"}
    assert signs_in(procedure, NEW_MOBILE) == customer.id
    assert signs_in(procedure, TRUE["mobile"]) is None
    assert found_by(procedure, RISK, NEW_MOBILE) == [loan, old]
    assert found_by(procedure, RISK, TRUE["mobile"]) == []
    with procedure.books.read() as work:
        assert work.customers.borrower(loan).customer_id == customer.id
        assert work.customers.get(stated.id).known_as == customer.id  # type: ignore[union-attr]
        entry = next(one for one in work.audit.of_loan(loan) if one.subject == "identity")
        told = {"confirmed_customer": customer.id, "stated_as": stated.id, "new": False, "changed": ["mobile"]}
        assert (entry.act, entry.after) == ("register_answered", told)
        assert NEW_MOBILE not in entry.model_dump_json()
    procedure.grade(loan)
    procedure.decide(loan)
    assert code_goes_to(procedure, loan) == NEW_MOBILE


def test_an_answer_that_is_taken_over_confirms_as_well(procedure: Procedure, number: str) -> None:
    first = procedure.apply(id_number=number, **TRUE)
    second = procedure.apply(actor=AGENT, id_number=number, amount="15000", **TRUE)
    with procedure.at() as work:
        known, question = look_up(work, first, "identity", 1, procedure.day)
        assert known is None
        store_answer(work, first, "identity", 1, Verdict.PASSED, "r", {"result": "match"}, question.index)
    with procedure.at() as work:
        known, _ = look_up(work, second, "identity", 1, procedure.day)
        assert known is not None
    assert procedure.loan(first).customer_id == procedure.loan(second).customer_id


@pytest.mark.parametrize("identity", [None, {"result": "mismatch"}])
def test_no_code_goes_to_a_mobile_that_nobody_confirmed(
    procedure: Procedure, number: str, identity: dict[str, Any] | None
) -> None:
    loan = procedure.apply(id_number=number, **TRUE)
    procedure.verify(loan, identity=identity)
    procedure.grade(loan)
    procedure.decide(loan)
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE
    with pytest.raises(NotConfirmed):
        code_goes_to(procedure, loan)
    assert signs_in(procedure, TRUE["mobile"]) is None


def test_a_borrower_applies_under_his_own_name_alone(procedure: Procedure, number: str) -> None:
    loan = procedure.running(id_number=number, **TRUE)
    himself = procedure.borrower_of(loan)
    other = procedure.submission(actor=himself, id_number=number, **TRUE | {"name": FALSE["name"]})
    own = procedure.submission(actor=himself, id_number=number, amount="15000", **TRUE)
    with procedure.at() as work:
        refused, taken = submit(work, [other, own])
    assert not isinstance(refused, Receipt)
    assert refused.code == "not_allowed"
    assert isinstance(taken, Receipt)
    assert procedure.loan(taken.loan).customer_id == himself.customer_id


def test_what_was_stated_of_a_customer_is_erased_with_him(procedure: Procedure, number: str) -> None:
    old = procedure.apply(id_number=number, **TRUE)
    procedure.verify(old)
    loan = procedure.apply(id_number=number, **TRUE | {"mobile": NEW_MOBILE}, amount="15000")
    stated = procedure.loan(loan).customer_id
    procedure.verify(loan)
    customer = procedure.loan(loan).customer_id
    with procedure.at() as work:
        for one in work.session.exec(select(Loan)):
            one.stage, one.closed_on = Stage.WITHDRAWN, procedure.day
            work.session.add(one)
    far = shift(procedure.day, Period(PeriodUnit.YEAR), 11, 5)

    def end(customer_id: str) -> None:
        with procedure.at(far) as work:
            erase(work, ADMIN, RISK, customer_id, "kept long enough by now", retention_years=10)

    with pytest.raises(NotErasable, match=customer):
        end(stated)
    end(customer)
    with procedure.books.read() as work:
        for customer_id in (customer, stated):
            erased = work.customers.get(customer_id)
            assert erased is not None
            assert NEW_MOBILE not in str(erased)
            assert number not in str(erased)
        assert number not in str(work.loans.application(loan).form)
        key = work.data_keys.held(stated)
        assert key is not None
        assert key.wrapped is None


def test_sessions_under_a_statement_end_when_it_turns_out_who_is_meant(procedure: Procedure, number: str) -> None:
    procedure.graded(id_number=number, **TRUE)
    loan = procedure.apply(actor=AGENT, id_number=number, **TRUE | {"mobile": NEW_MOBILE}, amount="15000")
    stated = procedure.loan(loan).customer_id
    with procedure.books.begin() as work:
        enter_borrower(work, stated, SignInMethod.DEMO, HERE)
    procedure.verify(loan)
    with procedure.books.read() as work:
        (session,) = [one for one in work.session.exec(select(WebSession)) if one.customer_id == stated]
        assert session.ended_at is not None
