"""What is shown of a loan at each stage: where it stands, who must act, what this person can do."""

from datetime import timedelta

import pytest

from models.loans import Stage
from models.messages import BooksOrder, StepKind
from models.staff import Actor
from models.status import LoanStatus
from models.tasks import Outcome, TaskKind
from services import acceptance, disbursement
from services.status import schedule_of, status_of
from tests.services.procedure import AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure


def look(procedure: Procedure, loan: str, actor: Actor = RISK) -> LoanStatus:
    with procedure.at() as work:
        return status_of(work, actor, loan)


def returned(procedure: Procedure) -> str:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN)
    return loan


def accepted(procedure: Procedure) -> str:
    loan = procedure.offered()
    procedure.accept(loan)
    return loan


def failed(procedure: Procedure) -> str:
    loan = accepted(procedure)
    procedure.decline(procedure.payments(loan)[0].key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    return loan


def verifying(procedure: Procedure) -> str:
    loan = procedure.apply()
    procedure.verify(loan)
    return loan


def withdrawn(procedure: Procedure) -> str:
    loan = procedure.graded()
    procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR))
    return loan


def settled(procedure: Procedure) -> str:
    loan = procedure.running()
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    return loan


STAGES = [
    (Procedure.apply, Stage.APPLICATION, "registers", ["withdraw"]),
    (verifying, Stage.VERIFICATION, "registers", ["withdraw"]),
    (Procedure.graded, Stage.APPROVAL, "manager", ["withdraw"]),
    (returned, Stage.RETURNED, "borrower", ["complete", "withdraw"]),
    (Procedure.offered, Stage.ACCEPTANCE, "borrower", ["accept", "withdraw"]),
    (accepted, Stage.DISBURSEMENT, "bank", []),
    (failed, Stage.PAYOUT_FAILED, "finance", ["withdraw"]),
    (Procedure.running, Stage.REPAYMENT, "borrower", ["prepay"]),
    (settled, Stage.SETTLED, None, []),
    (withdrawn, Stage.WITHDRAWN, None, []),
]


@pytest.mark.parametrize(("bring", "stage", "who", "actions"), STAGES, ids=[stage for _, stage, _, _ in STAGES])
def test_each_stage_says_who_must_act_and_what_the_borrower_can_do(
    procedure: Procedure, bring: object, stage: Stage, who: str | None, actions: list[str]
) -> None:
    assert callable(bring)
    loan = bring(procedure)
    status = look(procedure, loan)
    assert (status.stage, status.waits_for.who if status.waits_for else None) == (stage, who)
    for actor in (procedure.borrower_of(loan), INTEGRATOR, MANAGER):
        assert look(procedure, loan, actor).actions == actions, actor.role
    for actor in (RISK, FINANCE, AUDITOR):
        assert look(procedure, loan, actor).actions == [], actor.role


def test_a_task_that_is_waited_for_is_named_with_its_deadline(procedure: Procedure) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL)
    waits = look(procedure, loan).waits_for
    assert waits is not None
    assert (waits.task_id, waits.task_kind, waits.due_on) == (task.id, TaskKind.APPROVAL, task.due_on)


def test_before_the_payout_the_schedule_is_the_one_promised(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.at() as work:
        rows = schedule_of(work, RISK, loan)
    assert len(rows) == 12
    assert sum(row.principal_fen for row in rows) == 1_200_000
    assert {(row.paid_fen, row.dpd) for row in rows} == {(0, 0)}
    assert all(row.outstanding_fen == row.total_fen for row in rows)


def test_before_approval_there_is_no_schedule(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        assert schedule_of(work, RISK, loan) == []
    status = look(procedure, loan)
    assert (status.terms, status.terms_version, status.grade, status.grading_outcome) == (None, None, "A", "refer")
    assert "no_arrears" in status.reasons


def test_a_running_loan_shows_its_figures_as_of_today(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=36)
    procedure.advance(loan, StepKind.OVERDUE)
    status = look(procedure, loan)
    account = procedure.account(loan)
    assert (status.as_of, status.dpd, status.bucket) == (procedure.day, 5, "M1")
    assert (status.overdue_fen, status.settlement_fen) == (account.overdue_fen, account.settlement_fen)
    assert status.principal_outstanding_fen == 1_200_000
    assert status.disbursed_on == procedure.day - timedelta(days=36)
    with procedure.at() as work:
        rows = schedule_of(work, RISK, loan)
    assert [row.dpd for row in rows][:2] == [5, 0]
    assert rows[0].penalty_fen > 0


def test_the_timeline_tells_the_life_of_the_loan_without_personal_data(procedure: Procedure) -> None:
    loan = settled(procedure)
    status = look(procedure, loan, MANAGER)
    acts = [entry.act for entry in status.timeline]
    life = (
        "application_submitted",
        "account_checked",
        "case_graded",
        "approval_decided",
        "contract_signed",
        "mandate_ordered",
        "contract_accepted",
        "payment_settled",
    )
    assert sorted(life, key=acts.index) == list(life)
    assert acts[-1] == "account_advanced"
    assert [entry.at for entry in status.timeline] == sorted(entry.at for entry in status.timeline)
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    shown = status.model_dump_json()
    assert not any(form[name] in shown for name in ("name", "id_number", "mobile", "bank_card"))
