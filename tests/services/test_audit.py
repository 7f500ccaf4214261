"""One act, one entry: who did what, from where, before and after, and why."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from books.session import Books
from models.messages import BooksOrder, StepKind
from models.origin import Whence, coming_from
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import acceptance, audit, disbursement, tasks
from services.documents import hand_in
from services.errors import PersonalReason
from tests.servers.recorded import every_act_recorded
from tests.services.document_files import taken
from tests.services.procedure import AGENT, FINANCE, INTEGRATOR, RISK, Procedure, sender


def test_every_act_of_a_life_leaves_one_entry(procedure: Procedure) -> None:
    loan = procedure.apply()
    lived = ["application_submitted"]

    def then(act: str, *further: str) -> None:
        lived.extend([act, *further])
        assert procedure.acts(loan) == lived

    procedure.verify(loan)
    procedure.grade(loan)
    then(*["register_answered"] * 4, "account_checked", "case_graded")
    with procedure.at() as work:
        hand_in(work, AGENT, work.loans.get(loan), "id_card", "x.pdf", taken(b"%PDF-1"))
    then("document_handed_in")
    procedure.decide(loan, Outcome.RETURN)
    then("approval_decided")
    procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR))
    then("case_completed")
    with procedure.at() as work:
        task = tasks.open_task(work, work.loans.get(loan), TaskKind.APPROVAL, Role.MANAGER, procedure.day, "")
    with procedure.at() as work:
        tasks.claim(work, RISK, work.tasks.get(task.id))
    then("task_claimed")
    procedure.decide(loan)
    then("paper_ordered", "approval_decided")
    procedure.sign(loan)
    then("paper_issued", "signing_code_requested", "contract_signed")
    (first,) = procedure.accept(loan).payouts
    then("mandate_ordered", "contract_accepted", "mandate_active")
    procedure.decline(first)
    then("payment_declined")
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    then("payout_failed")
    (second,) = procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).payouts
    then("payout_problem_decided")
    procedure.settle(second)
    then("payment_settled")
    procedure.book_payout(loan)
    then("loan_paid_out", "account_advanced")
    procedure.advance(loan, StepKind.REMINDER)
    then("account_advanced")
    procedure.deposit(loan, 100)
    then("deposit_matched")
    asked = procedure.prepayment(loan)
    then("prepayment_ordered")
    procedure.settle(asked.payment_key or "")
    then("payment_settled")
    procedure.advance(loan)
    then("account_advanced")


def test_an_entry_says_who_from_where_before_after_and_why(procedure: Procedure) -> None:
    loan = procedure.graded()
    from_here = Actor(RISK.id, Role.RISK, address="192.0.2.7", request_id="req-1")
    procedure.decide(loan, Outcome.REFUSE, actor=from_here, reason="cannot be repaid")
    entry = procedure.entries(loan)[-1]
    assert (entry.actor_id, entry.role, entry.address, entry.request_id) == (RISK.id, "risk", "192.0.2.7", "req-1")
    assert (entry.act, entry.reason, entry.refused) == ("approval_decided", "cannot be repaid", False)
    assert entry.before == {"stage": "approval"}
    assert entry.after == {"outcome": "refuse", "amount_fen": None, "stage": "refused"}
    assert entry.at == procedure.books.clock.opens_at(procedure.day)


def test_a_refused_act_can_be_recorded_too_and_a_long_reason_is_cut(books: Books) -> None:
    with books.begin() as work:
        audit.record(work, AGENT, "decide", subject="t", reason="x" * 900, refused=True)
    with books.read() as work:
        (entry,) = (one for one in work.audit.page() if one.refused)
    assert (entry.loan, entry.subject, len(entry.reason or "")) == (None, "t", 500)


def test_a_person_is_carried_through_a_command_and_back() -> None:
    staff = Actor(RISK.id, Role.RISK, address="192.0.2.7", request_id="req-1")
    borrower = Actor("customer-1", Role.BORROWER, customer_id="customer-1")
    assert audit.actor_of(sender(staff)) == staff
    assert audit.actor_of(sender(borrower)) == borrower


def test_the_log_can_be_read_from_where_one_left_off(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.books.read() as work:
        everything = work.audit.page()
        assert [entry.id for entry in work.audit.page(after=everything[0].id)] == [entry.id for entry in everything[1:]]
    kept: list[dict[str, Any]] = [entry.after or {} for entry in procedure.entries(loan)]
    assert kept[0] == {"product": "micro", "amount_fen": 1_200_000, "term": 12}


def test_an_act_without_an_entry_would_be_noticed(books: Books) -> None:
    silent: list[str] = []

    def act() -> None:
        with books.begin() as work:
            work.outbox.next_numbers("loan", 1)
        with coming_from(Whence("192.0.2.7", "req-1")), books.begin() as work:
            audit.record(work, AGENT, "looked_around")
        with books.begin() as work:
            audit.record(work, AGENT, "looked_from_nowhere")
        with books.begin() as work:
            work.session.execute(text("UPDATE loan SET dpd = 1"))

    with every_act_recorded(silent):
        act()
        assert silent == []
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
    from_nowhere, found = silent
    assert from_nowhere == f"looked_from_nowhere of {AGENT.id} has no address"
    assert "test_audit.py:act" in found
    assert found.endswith(" wrote loan")


def test_a_reason_with_a_persons_number_is_refused_with_all_of_its_act(procedure: Procedure) -> None:
    loan = procedure.graded()
    before = procedure.entries(loan)

    def decided(reason: str) -> None:
        with procedure.at() as work:
            work.loans.get(loan).grade = "none"
            audit.record(work, RISK, "approval_decided", loan=loan, reason=reason)

    with pytest.raises(PersonalReason) as refusal:
        decided("他说号码是13800138000")
    assert refusal.value.fields.keys() == {"reason"}
    assert procedure.entries(loan) == before
    assert procedure.loan(loan).grade != "none"


def test_what_is_refused_or_said_by_the_system_is_kept_without_the_number(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        audit.record(work, RISK, "a_refusal", loan=loan, reason="no 13800138000 here", refused=True)
        audit.record(work, audit.SYSTEM, "a_fact", loan=loan, reason="returned: 6222021234567890 is closed")
    kept = [one.reason for one in procedure.entries(loan)[-2:]]
    assert kept == ["no 〔…〕 here", "returned: 〔…〕 is closed"]
