"""Accounts as acts of a test need them: checked, and with a mandate that the bank knows."""

from dataclasses import replace

from books.session import UnitOfWork
from models.accounts import CardResult, DebitMandate, MandateStatus
from models.keys import new_id
from services import mandates
from services.accounts import keep_answer


def check_account(work: UnitOfWork, loan: str, result: CardResult = CardResult.MATCH) -> None:
    """The service answers about the borrower's account."""
    party = work.customers.borrower(loan)
    question = work.accounts.questions([party.id])[party.id]
    keep_answer(work, f"card_check:{loan}:{new_id()}", question, result, f"CC-{loan}")


def enter_mandates(work: UnitOfWork, loan: str) -> list[DebitMandate]:
    """The bank takes every mandate of the loan that it was told of; returns those that are active."""
    for mandate in work.accounts.mandates(loan):
        if mandate.status is MandateStatus.ORDERED:
            mandates.activate(work, mandate.id, f"MD-{mandate.key}"[:35])
    return [one for one in work.accounts.mandates(loan) if one.status is MandateStatus.ACTIVE]


def answer_change(work: UnitOfWork, loan: str, result: CardResult = CardResult.MATCH) -> None:
    """The service answers about the account that is proposed for the borrower."""
    change = work.accounts.changes(loan)[-1][0]
    question = work.accounts.questions([change.party_id])[change.party_id]
    keep_answer(work, f"card_check:{loan}:{new_id()}", replace(question, account=change.account), result, f"CC-{loan}")
