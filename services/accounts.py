"""Whose account it is: the borrower's card is checked by four elements before money goes to it or is drawn from it.

Accounts of dealers and schools are not checked this way: they have no ID number and no mobile. They come from the
vehicle and the enrolment register, which vouch for them, and the bank compares the holder's name with every transfer.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from books.accounts import CHECK_REQUESTED, CardQuestion
from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.accounts import AccountCheck, CardResult, DebitMandate, MandateStatus
from models.customers import Party
from models.keys import new_id
from models.loans import CLOSED, Loan
from models.outbox import Topic
from models.staff import Actor, Role
from models.tasks import TaskKind
from services import audit
from services.permissions import check_may_speak_for
from services.tasks import close_all, open_task

CHECK_TRIES = 12
"""How often a service that is away is asked, with growing pauses: for half an hour. Then a person hears of it."""
MOST_ASKED_A_DAY = 5
"""How often somebody may have an account checked anew, besides the check that the application brings."""


class AccountNotVerified(LendingError):
    """The check of the borrower's account has no answer yet."""

    code = "account_not_verified"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"the borrower's account of loan {loan} is not checked yet; try again in a moment, or have it checked again"
        )


class AccountRefused(LendingError):
    """The check says that the account is not the borrower's, or cannot be used."""

    code = "account_refused"
    http_status = 409

    def __init__(self, loan: str, result: CardResult) -> None:
        self.result = result
        super().__init__(
            f"the check of the borrower's account of loan {loan} came to {result}; another account of his is needed"
        )


class TooManyChecks(LendingError):
    """The account was checked too often."""

    code = "too_many_checks"
    http_status = 429

    def __init__(self, loan: str) -> None:
        super().__init__(f"accounts of loan {loan} were checked {MOST_ASKED_A_DAY} times within a day; ask tomorrow")


@dataclass(frozen=True)
class AccountState:
    """What is known of the account that a loan is drawn from: the last check, and the last mandate."""

    party: Party
    check: AccountCheck | None
    mandate: DebitMandate | None

    @property
    def is_match(self) -> bool:
        """Whether the account is known to be the borrower's."""
        return self.check is not None and self.check.result is CardResult.MATCH


def first_check(loan: str, party_id: str) -> tuple[Topic, str, dict[str, Any]]:
    """The message that has the account of an application checked, to be written with it."""
    return Topic.CARD_CHECK, f"card_check:{loan}", {"party": party_id}


def ask_again(work: UnitOfWork, actor: Actor, loan: Loan) -> None:
    """Has the borrower's account checked anew. Refused: who does not speak for him, and more than a few a day."""
    check_may_speak_for(actor, loan)
    # Held until the end, and questions count as well as answers: many asked at once would all be without an answer.
    loan = work.loans.get(loan.number)
    since = work.now - timedelta(days=1)
    answered = sum(one.checked_at > since for one in work.accounts.checks(loan.number))
    if answered > MOST_ASKED_A_DAY or work.accounts.asked_since(loan.number, since) >= MOST_ASKED_A_DAY:
        raise TooManyChecks(loan.number)
    party = work.customers.borrower(loan.number)
    order_check(work, loan.number, {"party": party.id})
    audit.record(work, actor, CHECK_REQUESTED, loan=loan.number, subject=party.id)


def order_check(work: UnitOfWork, loan: str, payload: dict[str, Any]) -> None:
    """Puts the question about an account on its way."""
    work.outbox.put(Topic.CARD_CHECK, f"card_check:{loan}:{new_id()}", payload, work.now, loan)


def keep_answer(work: UnitOfWork, key: str, question: CardQuestion, result: CardResult, reference: str) -> None:
    """Keeps what the service said about an account; one that is not the borrower's gives his agent a task."""
    work.write(
        AccountCheck(
            key=key,
            loan=question.loan,
            party_id=question.party_id,
            account_index=blind_index(question.account),
            result=result,
            reference=reference,
            checked_at=work.now,
        )
    )
    audit.record(
        work,
        audit.SYSTEM,
        "account_checked",
        loan=question.loan,
        subject=question.party_id,
        after={"result": result, "reference": reference},
    )
    if result is not CardResult.MATCH:
        ask_person(work, question.loan, f"the account was checked: {result}")
    else:
        conclude(work, question.loan)


def give_up(work: UnitOfWork, loan: str, *, of_change: bool = False) -> None:
    """After many tries without an answer: a person has to see to the check, unless another question was answered
    meanwhile. One about an account that is to take the place of today's (`of_change`) has no other.
    """
    work.loans.get(loan)
    if not of_change and state_of(work, loan).is_match:
        return
    ask_person(work, loan, "the account could not be checked")
    audit.record(work, audit.SYSTEM, "account_check_failed", loan=loan, reason="no answer", refused=True)


def ask_person(work: UnitOfWork, number: str, about: str) -> None:
    """Gives the agent the one task about the account of an open loan; it closes when the account can be used."""
    loan = work.loans.get(number)
    if loan.stage not in CLOSED:
        open_task(work, loan, TaskKind.ACCOUNT, Role.AGENT, work.today + timedelta(days=1), about)


def conclude(work: UnitOfWork, loan: str) -> None:
    """Closes the task about an account that can be used: one that is checked and, once money is out, has a mandate."""
    # Somebody may be opening it just now, holding the loan.
    work.loans.get(loan)
    if not work.tasks.open_of(loan, TaskKind.ACCOUNT):
        return
    state = state_of(work, loan)
    is_mandated = state.mandate is not None and state.mandate.status is MandateStatus.ACTIVE
    if is_mandated or (work.loans.get(loan).disbursed_on is None and state.is_match):
        close_all(work, loan, TaskKind.ACCOUNT)


def require_verified(work: UnitOfWork, loan: str) -> None:
    """Refuses (AccountNotVerified, AccountRefused) unless the borrower's account is checked and his.

    Asked before any payout, whoever receives it: what is not paid to this account is drawn from it.
    """
    party = work.customers.borrower(loan)
    check = work.accounts.newest_check(loan, blind_index(party.account or ""))
    if check is None:
        raise AccountNotVerified(loan)
    if check.result is not CardResult.MATCH:
        raise AccountRefused(loan, check.result)


def state_of(work: UnitOfWork, loan: str) -> AccountState:
    """What is known today of the account that the borrower pays from."""
    party = work.customers.borrower(loan)
    index = blind_index(party.account or "")
    mandates = [one for one in work.accounts.mandates(loan) if one.account_index == index]
    return AccountState(party, work.accounts.newest_check(loan, index), mandates[-1] if mandates else None)
