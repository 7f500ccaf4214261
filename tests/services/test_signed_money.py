"""Money goes out under a contract that all have signed: every way around that is closed, whoever asks."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.papers import PaperPress
from models.loans import Stage
from models.messages import BooksOrder
from models.papers import PaperKind
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services import acceptance, disbursement, tasks
from services.disbursement import PayeesChanged
from services.errors import NotAllowed, WrongStage
from services.papers import order_contract
from services.signing import NotSigned, all_signed, contract_to_sign, request_code, sign
from tests.modules.applications import DAY
from tests.services.papers import JOINT, offer_anew
from tests.services.procedure import FINANCE, INTEGRATOR, MANAGER, Procedure
from tests.services.signatures import all_sign, make_contract


def accept(procedure: Procedure, loan: str) -> None:
    """Only the acceptance, whoever has signed."""
    procedure.act(acceptance.accept, procedure.command(loan, INTEGRATOR))


def signs_first(procedure: Procedure, loan: str) -> None:
    """The borrower signs, and nobody else."""
    with procedure.at() as work:
        row = work.loans.get(loan)
        (borrower,) = [one for one in work.customers.parties(loan) if one.role.value == "borrower"]
        document = contract_to_sign(work, row)
        assert document is not None
        code = request_code(work, INTEGRATOR, row, borrower.id).code
        assert code is not None
        sign(work, INTEGRATOR, row, borrower.id, code, document_sha256=document.sha256)


def test_without_contract_or_signature_nobody_is_paid(procedure: Procedure) -> None:
    loan = procedure.offered()
    with pytest.raises(NotSigned, match=r"1 signature is missing .*: borrower"):
        accept(procedure, loan)
    make_contract(procedure.books, loan, procedure.books.clock.opens_at(procedure.day), blank=True)
    with pytest.raises(NotSigned):
        accept(procedure, loan)
    assert (procedure.loan(loan).stage, procedure.payments(loan)) == (Stage.ACCEPTANCE, [])


def test_one_of_two_signatures_is_not_enough(procedure: Procedure) -> None:
    loan = procedure.offered("student", **JOINT)
    make_contract(procedure.books, loan, procedure.books.clock.opens_at(procedure.day), blank=True)
    signs_first(procedure, loan)
    with pytest.raises(NotSigned) as refused:
        accept(procedure, loan)
    assert str(refused.value) == f"1 signature is missing under the contract of loan {loan}: joint borrower"
    assert JOINT["joint_borrower_name"] not in str(refused.value)
    assert procedure.payments(loan) == []


def test_a_contract_that_was_changed_after_it_was_signed_pays_nobody(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    with procedure.at() as work:
        document = contract_to_sign(work, work.loans.get(loan))
        assert document is not None
        document.content += b" and a clause more"
        work.session.add(document)
    with pytest.raises(NotSigned):
        accept(procedure, loan)


def test_what_goes_out_is_what_was_signed(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    with procedure.at() as work:
        work.session.connection().execute(text("UPDATE party SET amount_fen = amount_fen + 1 WHERE role = 'payee'"))
    with pytest.raises(PayeesChanged, match=r"over 12000\.00 and its payees would receive 12000\.01"):
        accept(procedure, loan)
    assert procedure.payments(loan) == []


def test_a_signature_that_is_taken_off_in_the_database_stays(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    for statement in (
        "UPDATE signature SET document_sha256 = 'x'",
        "DELETE FROM signature",
    ):
        with pytest.raises(DBAPIError, match="insert-only"), procedure.books.engine.begin() as connection:
            connection.execute(text(statement))
    accept(procedure, loan)


def test_terms_of_a_new_decision_ask_for_new_signatures(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    with procedure.books.read() as work:
        first = work.loans.terms(loan)
    assert first is not None
    offer_anew(procedure, loan, {**first.body, "principal": "9000.00"})
    with pytest.raises(NotSigned):
        accept(procedure, loan)


def test_who_decided_does_not_accept_what_all_have_signed(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER)
    procedure.sign(loan)
    with pytest.raises(NotAllowed, match="whoever decided"):
        procedure.act(acceptance.accept, procedure.command(loan, MANAGER))
    accept(procedure, loan)


def test_a_payout_is_not_tried_again_under_a_contract_that_was_touched(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    accept(procedure, loan)
    (order,) = procedure.payments(loan)
    procedure.decline(order.key, "account_closed")
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    with procedure.at() as work:
        document = contract_to_sign(work, work.loans.get(loan))
        assert document is not None
        content = document.content
        document.content = content + b"!"
        work.session.add(document)
    with pytest.raises(NotSigned):
        procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    with procedure.at() as work:
        kept = work.session.merge(document)
        kept.content = content
        work.session.add(kept)
    procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    assert len(procedure.payments(loan)) == 2


def test_money_that_goes_out_on_another_day_is_under_the_same_contract(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    with procedure.books.read() as work:
        signed = contract_to_sign(work, work.loans.get(loan))
    procedure.day = DAY + timedelta(days=3)
    procedure.pay_out(loan)
    with procedure.at() as work:
        row = work.loans.get(loan)
        terms = work.loans.terms(loan)
        assert terms is not None
        assert (terms.version, row.disbursed_on) == (2, procedure.day)
        now = contract_to_sign(work, row)
        assert signed is not None
        assert now is not None
        assert (now.id, all_signed(work, row)) == (signed.id, True)
        assert order_contract(work, row, procedure.day).id == signed.id


def test_an_offer_after_the_case_came_back_has_one_version_and_one_contract(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN)
    procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR))
    procedure.grade(loan, round=2)
    procedure.decide(loan, amount_fen=700_000)
    procedure.pay_out(loan)
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        papers = work.papers.of_loan(loan)
    assert terms is not None
    assert (terms.version, [one.kind for one in papers]) == (1, [PaperKind.CONTRACT])


def test_an_offer_that_lapsed_while_it_was_signed_pays_nobody(procedure: Procedure) -> None:
    loan = procedure.offered("student", **JOINT)
    make_contract(procedure.books, loan, procedure.books.clock.opens_at(procedure.day), blank=True)
    signs_first(procedure, loan)
    procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan)))
    with pytest.raises(WrongStage):
        all_sign(procedure.books, loan, INTEGRATOR, procedure.books.clock.opens_at(procedure.day))
    with pytest.raises(WrongStage):
        accept(procedure, loan)


def test_who_settles_gets_his_certificate_without_asking_and_once(procedure: Procedure) -> None:
    loan = procedure.running()
    order = procedure.prepayment(loan)
    assert order.payment_key is not None
    procedure.settle(order.payment_key)
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    procedure.advance(loan)
    with procedure.books.read() as work:
        (paper,) = [one for one in work.papers.of_loan(loan) if one.kind is PaperKind.CERTIFICATE]
    assert (paper.asked_by, paper.issued_on) == ("system", procedure.loan(loan).closed_on)
    PaperPress(procedure.books, clock=lambda: paper.asked_at).make_all()
    with procedure.books.read() as work:
        document = work.documents.get(paper.id)
    assert document is not None
    assert document.content.startswith(b"%PDF")


def test_a_contract_that_cannot_be_printed_is_a_task_for_the_agent_once(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.at() as work:
        party = work.session.merge(work.customers.borrower(loan))
        party.name = "𠮷某"
        work.session.add(party)
        order = work.papers.contract_order(loan)
    assert order is not None
    now = order.asked_at
    press = PaperPress(procedure.books, clock=lambda: now)
    press.make_all()
    with procedure.books.read() as work:
        (task,) = work.tasks.open_of(loan, TaskKind.TROUBLE)
    assert (task.role, task.about) == (Role.AGENT, "the contract cannot be printed")
    with procedure.at() as work:
        tasks.finish(work, MANAGER, work.tasks.get(task.id), "made by hand")
    now += timedelta(hours=1)
    assert press.make_all() == 1
    assert procedure.open_tasks(loan) == []
