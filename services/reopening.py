"""A settled loan whose last money was undone: it stands in repayment again, and its workflow is started anew."""

from books.session import UnitOfWork
from lending.events import EventType
from models.loans import Loan, Stage
from models.outbox import Topic
from models.papers import PaperKind
from models.tasks import TaskKind
from services import audit
from services.collateral import after_reopening
from services.notices import send_sms
from services.tasks import close_all


def take_up(work: UnitOfWork, loan: Loan, why: str) -> None:
    """Puts a settled loan back into repayment, before its account is computed anew; `why` is what undid its end.

    What was too much at its end is kept for its next due date, so nobody is to refund it any more.
    """
    before = {"stage": loan.stage, "closed_on": loan.closed_on.isoformat() if loan.closed_on else None}
    loan.stage = Stage.REPAYMENT
    loan.closed_on = None
    work.session.add(loan)
    close_all(work, loan.number, TaskKind.UNMATCHED_MONEY)
    after_reopening(work, loan)
    audit.record(
        work, audit.SYSTEM, "loan_reopened", loan=loan.number, subject=why, before=before, after={"stage": loan.stage}
    )


def start_again(work: UnitOfWork, loan: Loan, key: str) -> None:
    """Has the workflow of a loan that was taken up started, once for what `key` names; tells the borrower.

    Nothing, if what is left of its money settles it all the same.
    """
    if loan.stage is not Stage.REPAYMENT:
        return
    work.outbox.put(Topic.REOPEN_LOAN, f"reopen:{key}", {}, work.now, loan.number)
    send_sms(work, loan, "reopened", f"{key}:reopened")


def certificate_is_void(work: UnitOfWork, loan: Loan) -> bool:
    """Whether the newest settlement certificate of a loan says what is not true any more.

    A certificate names how many events the account had: a reversal after them undid what it certifies.
    """
    if loan.stage not in (Stage.REPAYMENT, Stage.SETTLED):
        return False
    issued = [one for one in work.papers.of_loan(loan.number) if one.kind is PaperKind.CERTIFICATE]
    if not issued:
        return False
    known = max(one.events for one in issued)
    return any(event.type == EventType.REVERSAL and event.position > known for event in work.loans.events(loan.number))
