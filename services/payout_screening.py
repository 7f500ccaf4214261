"""Screening once more before money leaves the house: lists change between the approval and the payout."""

from dataclasses import dataclass

from books.session import UnitOfWork
from lending.errors import LendingError
from models.loans import Loan
from models.messages import CheckOrder, PaymentResult
from models.payments import PaymentStatus
from models.screening import Finding
from models.staff import Role
from models.tasks import Outcome
from models.verification import ANSWERED, CheckName
from services import payments
from services.collateral import is_from_blocked_dealer
from services.loans import case_of
from services.products import catalogue
from services.screening import CHECK, Screened, findings_in, screen
from services.verification import answers_past, newest_answers

HELD = "closer_look"
"""Why an order was not sent: risk has to look. It says nothing of lists, since more people read it than may know."""


class ListNotAsked(LendingError):
    """A list could not be asked about the people of a loan, so nothing is paid out yet."""

    code = "list_not_asked"
    http_status = 503
    retryable = True

    def __init__(self, loan: str) -> None:
        super().__init__(f"a list could not be asked about the people of loan {loan}; its payout waits for that")


def findings_today(work: UnitOfWork, loan: Loan) -> list[Finding]:
    """Who of a loan stands on which list by now."""
    return list(_screened(work, loan).findings)


@dataclass(frozen=True)
class Look:
    """What there is to do before an order to a payee is sent: whom the provider has to be asked about first, or whether
    the order is held for risk to look.
    """

    ask: tuple[CheckOrder, ...] = ()
    is_held: bool = False


def look(work: UnitOfWork, key: str) -> Look:
    """Whether an order that was not sent yet may be sent.

    The provider is asked where it has not answered, or past the days of its answer. Held is what goes to buy from a
    dealer who is blocked by now, and what somebody stands on a list for, or may, of whom nobody of risk knew who let
    the loan pass. ListNotAsked while a list of our own or of a module cannot be asked.
    """
    payment = work.payments.get(key)
    if payment is None or payment.status is not PaymentStatus.ORDERED or payment.loan is None:
        return Look()
    loan = work.loans.get(payment.loan)
    if is_from_blocked_dealer(work, loan):
        # Blocked after the acceptance, while the order waited for a list or for the bank.
        return Look(is_held=True)
    if to_ask := _checks_to_ask(work, loan):
        round_ = max((one.round for one in work.documents.answers(loan.number)), default=0) + 1
        orders = (CheckOrder(loan=loan.number, check=check, day=work.today, round=round_) for check in to_ask)
        return Look(ask=tuple(orders))
    screened = _screened(work, loan)
    if not screened.known and all(one.certain for one in screened.findings):
        raise ListNotAsked(loan.number)
    return Look(is_held=bool(screened.findings and set(screened.findings) - _known_to_risk(work, loan)))


def hold(work: UnitOfWork, key: str) -> PaymentResult | None:
    """Gives an order up; a task of risk follows (`record_payout_failure`). None for one that was sent meanwhile."""
    payment = work.payments.held(key)
    if payment is None or payment.status is not PaymentStatus.ORDERED:
        return None
    return payments.record_outcome(work, key, PaymentStatus.DECLINED, 0, None, HELD)


def _checks_to_ask(work: UnitOfWork, loan: Loan) -> list[str]:
    product = catalogue().product(loan.product)
    newest, past = newest_answers(work, loan.number), answers_past(work, loan, work.today)
    roles = [one.role for one in product.parties(work.loans.application(loan.number).form)]
    return [
        check
        for check in product.checks_for(roles)
        if CheckName.parse(check).register == CHECK
        and (check in past or check not in newest or newest[check].verdict not in ANSWERED)
    ]


def _screened(work: UnitOfWork, loan: Loan) -> Screened:
    return screen(work, catalogue().product(loan.product), case_of(work, loan, work.today), work.today)


def _known_to_risk(work: UnitOfWork, loan: Loan) -> set[Finding]:
    """What stood in the facts of whoever of risk approved the loan, or had its payout tried again."""
    grading = work.policies.grading(loan.number)
    # Decisions of earlier days have no facts of their own: they went by the grading's.
    graded_by = grading.facts if grading else {}
    return {
        finding
        for decision in work.tasks.decisions(loan.number)
        if decision.decided_as is Role.RISK and decision.outcome is Outcome.APPROVE
        for finding in findings_in(graded_by if decision.facts is None else decision.facts)
    }
