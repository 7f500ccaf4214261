"""The view of a loan: where it stands, what it waits for and for whom, its figures and its story."""

from datetime import date
from decimal import Decimal

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.cost import cost_of_account, cost_of_terms
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms
from models.loans import WITHDRAWABLE, Loan, LoanTerms, Stage
from models.staff import Actor, Role
from models.status import HardshipStep, LoanStatus, Remedies, ScheduleRow, WaitsFor
from models.tasks import TaskKind
from services.collateral import missing_before_payout
from services.facts import hardship_steps
from services.loan_history import history_of
from services.loans import account_day, account_of
from services.policies import sentences_of
from services.previews import rows_of
from services.remedies import remedies
from services.reopening import certificate_is_void
from services.signing import all_signed

WAITING = {
    Stage.APPLICATION: "registers",
    Stage.VERIFICATION: "registers",
    Stage.GRADING: "registers",
    Stage.RETURNED: Role.BORROWER.value,
    Stage.ACCEPTANCE: Role.BORROWER.value,
    Stage.DISBURSEMENT: "bank",
    Stage.REPAYMENT: Role.BORROWER.value,
}
"""Who a loan waits for at a stage; with an open approval or payout task it is the task's role."""


def status_of(work: UnitOfWork, actor: Actor, number: str) -> LoanStatus:
    """The loan as this person may see it; UnknownLoan if he may not."""
    loan = work.loans.seen_by(actor, number)
    day = account_day(work, loan)
    account = account_of(work, number, day)
    terms = work.loans.terms(number)
    grading = work.policies.grading(number)
    helping = remedies(work, loan)
    return LoanStatus(
        loan=loan.number,
        product=loan.product,
        customer_id=loan.customer_id,
        stage=loan.stage,
        waits_for=_waits_for(work, loan),
        applied_fen=loan.applied_fen,
        applied_on=loan.applied_on,
        approved_fen=loan.approved_fen,
        grade=loan.grade,
        grading_outcome=grading.outcome if grading else None,
        reasons=grading.reasons if grading else [],
        reason_sentences=sentences_of(work, grading) if grading else {},
        hardship_steps=[HardshipStep(**step.as_json()) for step in hardship_steps(grading.facts)] if grading else [],
        terms=terms.body if terms else None,
        terms_version=terms.version if terms else None,
        amendments=(terms.amendments or []) if terms else [],
        cost_percent=_cost(work, number, terms, account) if terms else None,
        disbursed_on=loan.disbursed_on,
        closed_on=loan.closed_on,
        certificate_void=certificate_is_void(work, loan),
        written_off_on=loan.written_off_on,
        written_off_fen=account.written_off.borrower_total if account else 0,
        recovered_fen=account.recovered_fen if account else 0,
        as_of=day,
        principal_outstanding_fen=account.principal_outstanding_fen if account else 0,
        outstanding_fen=loan.outstanding_fen,
        overdue_fen=account.overdue_fen if account else 0,
        credit_fen=account.credit_fen if account else 0,
        settlement_fen=account.settlement_fen if account else 0,
        dpd=account.dpd if account else 0,
        bucket=account.bucket if account else "M0",
        high_risk=loan.high_risk,
        next_due=loan.next_due,
        next_due_fen=loan.next_due_fen,
        remedies=helping,
        offer_until=loan.offer_until if loan.stage is Stage.ACCEPTANCE else None,
        decided_automatically=loan.stage is Stage.ACCEPTANCE and _is_automatic(work, number),
        actions=_actions(actor, loan, helping),
        timeline=list(history_of(work, actor, number).entries),
    )


def _cost(work: UnitOfWork, number: str, written: LoanTerms, account: LoanAccount | None) -> Decimal | None:
    terms = Terms.parse(written.body)
    if account is None:
        return cost_of_terms(terms)
    return cost_of_account(terms, [Event.parse(one.body) for one in work.loans.events(number)], account)


def schedule_of(work: UnitOfWork, actor: Actor, number: str, day: date | None = None) -> list[ScheduleRow]:
    """The schedule: as promised before the payout, as serviced after it; empty before approval."""
    loan = work.loans.seen_by(actor, number)
    seen_on = day or account_day(work, loan)
    account = account_of(work, number, seen_on)
    if account is None:
        terms = work.loans.terms(number)
        if terms is None:
            return []
        account = service(Terms.parse(terms.body), [], seen_on)
    return rows_of(account)


_KEEP_BACK = (
    TaskKind.EVIDENCE,
    TaskKind.REGISTRATION,
    TaskKind.INSURANCE,
    TaskKind.DOCUMENT,
    TaskKind.DOCUMENT_AGAIN,
)
"""The tasks on which the money of a signed offer may wait."""


def _waits_for(work: UnitOfWork, loan: Loan) -> WaitsFor | None:
    kinds = {
        Stage.APPROVAL: TaskKind.APPROVAL,
        Stage.RETURNED: TaskKind.COMPLETION,
        Stage.PAYOUT_FAILED: TaskKind.PAYOUT_PROBLEM,
    }
    if loan.stage in kinds:
        for task in work.tasks.open_of(loan.number, kinds[loan.stage]):
            who = WAITING.get(loan.stage, task.role.value)
            return WaitsFor(who=who, task_id=task.id, task_kind=task.kind, due_on=task.due_on)
    if loan.stage is Stage.ACCEPTANCE and missing_before_payout(work, loan, work.today) and all_signed(work, loan):
        for kind in _KEEP_BACK:
            for task in work.tasks.open_of(loan.number, kind):
                return WaitsFor(who=task.role.value, task_id=task.id, task_kind=task.kind, due_on=task.due_on)
    waited_for = WAITING.get(loan.stage)
    due_on = loan.offer_until if loan.stage is Stage.ACCEPTANCE else loan.next_due
    return WaitsFor(who=waited_for, due_on=due_on) if waited_for else None


def _is_automatic(work: UnitOfWork, number: str) -> bool:
    """Whether the offer was decided without a person."""
    decisions = work.tasks.decisions(number)
    return bool(decisions) and decisions[-1].decided_as is Role.SYSTEM


def _actions(actor: Actor, loan: Loan, helping: Remedies | None) -> list[str]:
    """What this person can do with the loan now, beside its tasks."""
    speaks = actor.role in (Role.BORROWER, Role.AGENT, Role.MANAGER, Role.INTEGRATOR)
    if not speaks:
        return []
    actions = []
    if loan.stage is Stage.ACCEPTANCE:
        actions.append("accept")
    if loan.stage is Stage.RETURNED:
        actions.append("complete")
    if helping is not None and helping.look_until is not None:
        actions.append("ask_for_a_person")
    if loan.stage in WITHDRAWABLE:
        actions.append("withdraw")
    if loan.stage is Stage.REPAYMENT and loan.written_off_on is None:
        actions.append("prepay")
    return actions
