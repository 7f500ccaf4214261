"""Another account: proposed by one, vouched for, decided by another; and a mandate of its own before it is debited."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.accounts import AccountChange, CardResult, MandateSource, MandateStatus
from models.customers import Party
from models.loans import Stage
from models.messages import BooksOrder, StepKind
from models.signatures import Signature
from models.staff import Actor, Role
from models.tasks import TaskKind
from services import absences, acceptance, account_changes, disbursement, mandate_papers, tasks
from services.account_changes import (
    AccountChangePending,
    AccountInUse,
    InvalidAccount,
    UnknownAccountParty,
)
from services.accounts import AccountNotVerified, AccountRefused
from services.bank import record_movement
from services.errors import NotAllowed, OwnProposal, TaskClosed, WrongStage
from services.mandate_papers import NoMandatePaper
from services.signing import WrongCode
from tests.services.accounts import answer_change, enter_mandates
from tests.services.portfolios import running_loan, taken
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure, movement

OLD = "6222020000000000001"
NEW = "6230000000000000011"
WHY = "the bank replaced his card"
DEPUTY = Actor("manager-feng", Role.MANAGER)


def party_of(procedure: Procedure, loan: str, role: str = "borrower") -> Party:
    with procedure.books.read() as work:
        return next(one for one in work.customers.parties(loan) if one.role == role)


def propose(
    procedure: Procedure, loan: str, *, actor: Actor = AGENT, role: str = "borrower", account: str = NEW, **more: str
) -> AccountChange:
    given = more or ({"consent": "2026-01"} if role == "borrower" else {"confirmation": "letter 2026-17"})
    with procedure.at() as work:
        party = party_of(procedure, loan, role)
        return account_changes.propose(work, actor, work.loans.get(loan), party.id, account, WHY, **given)


def decide(procedure: Procedure, loan: str, *, actor: Actor = MANAGER, confirmed: bool = True) -> AccountChange:
    with procedure.at() as work:
        (change, _) = work.accounts.changes(loan)[-1]
        task = work.tasks.get(change.task_id)
        return account_changes.decide(work, actor, task, confirmed=confirmed, reason="spoke to him on the phone")


def answered(procedure: Procedure, loan: str, result: CardResult = CardResult.MATCH) -> None:
    with procedure.at() as work:
        answer_change(work, loan, result)


def changed(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan)
    answered(procedure, loan)
    decide(procedure, loan)


def accounts_of(procedure: Procedure, loan: str) -> set[str | None]:
    with procedure.books.read() as work:
        return {one.account for one in work.customers.parties(loan)}


@pytest.mark.parametrize("actor", [FINANCE, RISK, ADMIN, AUDITOR, INTEGRATOR], ids=lambda actor: actor.role)
def test_only_who_knows_the_customer_proposes_another_account(procedure: Procedure, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        propose(procedure, procedure.offered(), actor=actor)


def test_a_proposal_alone_changes_nothing_and_waits_for_one_decision(procedure: Procedure) -> None:
    loan = procedure.offered()
    before = accounts_of(procedure, loan)
    first = propose(procedure, loan)
    assert propose(procedure, loan).id == first.id
    with pytest.raises(AccountChangePending):
        propose(procedure, loan, account="6230000000000000029")
    assert accounts_of(procedure, loan) == before
    assert procedure.task(loan, TaskKind.ACCOUNT_CHANGE).role is Role.MANAGER


@pytest.mark.parametrize(
    ("role", "account", "consent", "confirmation", "field"),
    [
        ("borrower", "123", "2026-01", "", "account"),
        ("borrower", OLD, "2026-01", "", "account"),
        ("borrower", NEW, "1999", "", "consent"),
        ("payee", "12", "", "letter", "account"),
        ("payee", NEW, "", "", "confirmation"),
    ],
)
def test_an_account_that_cannot_be_taken_is_refused_at_its_field(
    procedure: Procedure, role: str, account: str, consent: str, confirmation: str, field: str
) -> None:
    loan = procedure.offered("auto", bank_card=OLD)
    with pytest.raises(InvalidAccount) as refusal:
        propose(procedure, loan, role=role, account=account, consent=consent, confirmation=confirmation)
    assert set(refusal.value.fields) == {field}


@pytest.mark.parametrize("first", ["dealer", "borrower"])
def test_what_a_dealer_is_to_receive_never_goes_to_the_borrowers_card(procedure: Procedure, first: str) -> None:
    """Neither at once nor by two changes, each of which looks harmless."""
    loan = procedure.offered("auto", bank_card=OLD)
    if first == "dealer":
        propose(procedure, loan, role="payee")
    else:
        propose(procedure, loan)
        answered(procedure, loan)
    decide(procedure, loan)
    with pytest.raises(InvalidAccount, match="each field") as refusal:
        propose(procedure, loan, role="borrower" if first == "dealer" else "payee")
    assert refusal.value.fields == {"account": "is that of another party of this loan"}


def test_whoever_proposed_it_does_not_decide_it_nor_does_finance(procedure: Procedure) -> None:
    loan = procedure.offered()
    propose(procedure, loan, actor=MANAGER)
    answered(procedure, loan)
    with pytest.raises(OwnProposal):
        decide(procedure, loan, actor=MANAGER)
    for actor in (FINANCE, AGENT, ADMIN):
        with pytest.raises(NotAllowed):
            decide(procedure, loan, actor=actor)
    assert NEW not in accounts_of(procedure, loan)
    decide(procedure, loan, actor=RISK)
    assert NEW in accounts_of(procedure, loan)


def test_the_deputy_of_whoever_proposed_an_account_does_not_confirm_it_for_him(procedure: Procedure) -> None:
    loan = procedure.offered()
    change = propose(procedure, loan, actor=MANAGER)
    answered(procedure, loan)
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.get(change.task_id))
        absences.enter(work, MANAGER, MANAGER.id, DEPUTY.id, procedure.day, procedure.day, "ill")
    with pytest.raises(OwnProposal):
        decide(procedure, loan, actor=DEPUTY)
    assert decide(procedure, loan, actor=DEPUTY, confirmed=False).id == change.id


def test_an_account_that_is_not_known_to_be_his_is_not_taken_but_can_be_refused(procedure: Procedure) -> None:
    loan = procedure.offered()
    propose(procedure, loan)
    with pytest.raises(AccountNotVerified):
        decide(procedure, loan)
    answered(procedure, loan, CardResult.MISMATCH)
    with pytest.raises(AccountRefused):
        decide(procedure, loan)
    decide(procedure, loan, confirmed=False)
    assert decide(procedure, loan, confirmed=False).account == NEW
    with pytest.raises(TaskClosed):
        decide(procedure, loan)
    assert NEW not in accounts_of(procedure, loan)


def test_before_the_payout_the_money_goes_to_the_new_account(procedure: Procedure) -> None:
    loan = procedure.offered(bank_card=OLD)
    changed(procedure, loan)
    assert accounts_of(procedure, loan) == {NEW}
    assert procedure.messages(loan)[-1] == "account_changed"
    with procedure.books.read() as work:
        (kept,) = account_changes.proposals(work, work.loans.get(loan))
    assert (kept.change.account_before, kept.change.account) == (OLD, NEW)
    procedure.day += timedelta(days=1)
    procedure.pay_out(loan)
    with procedure.books.read() as work:
        (mandate,) = work.accounts.mandates(loan)
    # The contract was made after the change, so it names the new account and holds its mandate.
    assert (mandate.source, mandate.status) == (MandateSource.CONTRACT, MandateStatus.ACTIVE)


def test_a_dealers_account_changes_by_what_the_dealer_confirmed_and_not_once_he_may_be_paid(
    procedure: Procedure,
) -> None:
    loan = procedure.offered("auto")
    propose(procedure, loan, role="payee", account="6990000000000123")
    decide(procedure, loan)
    assert party_of(procedure, loan, "payee").account == "6990000000000123"
    (key,) = procedure.accept(loan).payouts
    with pytest.raises(WrongStage):
        propose(procedure, loan, role="payee")
    procedure.decline(key, "account_closed")
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    propose(procedure, loan, role="payee")
    decide(procedure, loan)
    (again,) = procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).payouts
    procedure.settle(again)
    procedure.book_payout(loan)
    with pytest.raises(AccountInUse):
        propose(procedure, loan, role="payee", account="6990000000000123")


def test_a_payout_without_an_outcome_keeps_its_account(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        payment = work.payments.get(key)
        assert payment is not None
        payment.status = type(payment.status).SENT
        work.session.add(payment)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    with pytest.raises(AccountInUse):
        propose(procedure, loan)


def test_no_account_changes_while_it_is_being_debited(procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan)
    answered(procedure, loan)
    procedure.prepayment(loan, 10_000)
    with pytest.raises(AccountInUse):
        decide(procedure, loan)


def test_nobody_else_has_an_account(procedure: Procedure) -> None:
    loan = procedure.offered("student", bank_card=OLD)
    with procedure.at() as work, pytest.raises(UnknownAccountParty):
        account_changes.propose(work, AGENT, work.loans.get(loan), "0" * 32, NEW, WHY, consent="2026-01")


def test_an_account_is_not_changed_before_approval_nor_after_the_end(procedure: Procedure) -> None:
    with pytest.raises(WrongStage):
        propose(procedure, procedure.graded())


def sign_mandate(procedure: Procedure, loan: str, *, wrong: bool = False) -> Signature | WrongCode:
    with procedure.at() as work:
        row = work.loans.get(loan)
        paper = mandate_papers.waiting_paper(work, row)
        assert paper is not None
        digits = mandate_papers.request_code(work, INTEGRATOR, row).code or ""
        given = f"{(int(digits) + 1) % 10**6:06d}" if wrong else digits
        return mandate_papers.sign(work, INTEGRATOR, row, given, document_sha256=paper.sha256)


def test_after_the_payout_the_new_account_is_debited_once_its_mandate_is_signed(procedure: Procedure) -> None:
    loan = procedure.running(bank_card=OLD)
    changed(procedure, loan)
    assert {party_of(procedure, loan).account, party_of(procedure, loan, "payee").account} == {NEW, OLD}
    assert procedure.open_tasks(loan) == [TaskKind.ACCOUNT]
    procedure.day = date(2026, 2, 5)
    assert procedure.collection(loan) is None
    signature = sign_mandate(procedure, loan)
    assert isinstance(signature, Signature)
    with procedure.at() as work:
        (mandate,) = enter_mandates(work, loan)
        document = work.documents.get(signature.document_id)
    assert (mandate.source, mandate.document_sha256) == (MandateSource.PAPER, signature.document_sha256)
    assert document is not None
    text_of = document.content.decode()
    assert NEW[-4:] in text_of
    assert NEW not in text_of
    assert procedure.open_tasks(loan) == []
    procedure.day += timedelta(days=1)
    assert procedure.collection(loan) is not None
    procedure.advance(loan, StepKind.OVERDUE)
    with procedure.books.read() as work, pytest.raises(NoMandatePaper):
        mandate_papers.sign(work, INTEGRATOR, work.loans.get(loan), "000000", document_sha256="a" * 64)


def test_a_wrong_code_signs_no_mandate(procedure: Procedure) -> None:
    loan = procedure.running()
    changed(procedure, loan)
    procedure.day += timedelta(days=1)
    assert isinstance(sign_mandate(procedure, loan, wrong=True), WrongCode)
    with procedure.books.read() as work:
        assert [one.status for one in work.accounts.mandates(loan)] == [MandateStatus.ENDED]


def test_a_loan_taken_over_without_a_mandate_gets_one_for_the_account_that_it_has(procedure: Procedure) -> None:
    body = running_loan()
    (loan,) = taken(procedure.books, body)
    assert procedure.task(loan, TaskKind.ACCOUNT).about == "there is no mandate to debit the account"
    propose(procedure, loan, account=body["customer"]["bank_card"])
    answered(procedure, loan)
    decide(procedure, loan)
    assert isinstance(sign_mandate(procedure, loan), Signature)
    with procedure.at() as work:
        enter_mandates(work, loan)
    assert procedure.open_tasks(loan) == []
    procedure.day = date(2026, 2, 5)
    assert procedure.collection(loan) is not None


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE party SET account = '1'", "only by a confirmed change"),
        ("UPDATE party SET account = '1', account_change_id = '{change}'", "only by a confirmed change"),
        (
            "INSERT INTO account_verdict VALUES ('{change}', {yes}, '', 'agent-lin', 'agent', '2026-01-05')",
            "two people",
        ),
        ("INSERT INTO account_verdict VALUES ('{change}', {yes}, '', 'x', 'finance', '2026-01-05')", "two people"),
        ("INSERT INTO account_verdict VALUES ('{change}', {yes}, '', 'x', 'risk', '2026-01-05')", "vouches"),
        ("UPDATE account_change SET account = '1'", "insert-only"),
        ("DELETE FROM account_change", "insert-only"),
    ],
)
def test_the_database_refuses_an_account_that_two_people_and_a_check_do_not_stand_behind(
    procedure: Procedure, statement: str, sentence: str
) -> None:
    change = propose(procedure, procedure.offered())
    with pytest.raises(DBAPIError, match=sentence), procedure.books.begin() as work:
        work.session.connection().execute(text(statement.format(change=change.id, yes="true")))


def test_a_confirmed_change_gives_an_account_once(procedure: Procedure) -> None:
    loan = procedure.offered()
    changed(procedure, loan)
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE
    with pytest.raises(DBAPIError, match="only by a confirmed change"), procedure.books.begin() as work:
        work.session.connection().execute(text("UPDATE party SET account = '1'"))


def test_neither_account_stands_in_the_audit_log_or_the_outbox(procedure: Procedure) -> None:
    loan = procedure.offered(bank_card=OLD)
    changed(procedure, loan)
    written = str([entry.model_dump() for entry in procedure.entries(loan)])
    with procedure.at(procedure.day + timedelta(days=1)) as work:
        written += str([row.model_dump() for row in work.outbox.claim(work.now, 200, timedelta(seconds=1))])
        written += str([contact.text for contact in work.customers.contacts(loan)])
    assert NEW not in written
    assert OLD not in written


def test_a_debit_of_the_account_before_that_comes_back_leaves_the_new_mandate_alone(procedure: Procedure) -> None:
    loan = procedure.running(bank_card=OLD)
    procedure.day = date(2026, 2, 5)
    procedure.collect(loan)
    procedure.advance(loan)
    debit = procedure.payments(loan)[-1]
    procedure.day += timedelta(days=3)
    changed(procedure, loan)
    sign_mandate(procedure, loan)
    with procedure.at() as work:
        (mandate,) = enter_mandates(work, loan)
        returned = movement(
            "back-1", debit.settled_fen, procedure.day, direction="out", end_to_end_id=debit.key, is_recall=True
        )
        assert record_movement(work, replace(returned, return_reason="account_closed")).matched
    with procedure.books.read() as work:
        assert [one.id for one in work.accounts.mandates(loan) if one.status is MandateStatus.ACTIVE] == [mandate.id]


def test_the_mandate_of_a_loan_that_was_closed_is_not_signed_any_more(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    changed(procedure, loan)
    procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR))
    procedure.day += timedelta(days=1)
    with procedure.at() as work, pytest.raises(NoMandatePaper):
        mandate_papers.request_code(work, INTEGRATOR, work.loans.get(loan))


def test_who_decided_on_the_account_does_not_sign_its_mandate(procedure: Procedure) -> None:
    loan = procedure.running()
    changed(procedure, loan)
    with procedure.at() as work, pytest.raises(NotAllowed, match="decided on an account"):
        mandate_papers.request_code(work, MANAGER, work.loans.get(loan))
