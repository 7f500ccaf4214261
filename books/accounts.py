"""Queries on accounts outside: their checks, mandates and changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from books.authorisations import borrower_agreed
from books.rows import WRITTEN_AT_ONCE
from models.accounts import AccountChange, AccountCheck, AccountVerdict, DebitMandate, MandateStatus
from models.audit import AuditEntry
from models.customers import Party
from models.loans import Application

CHECK_REQUESTED = "account_check_requested"
"""What the audit log calls the wish to have an account checked anew."""
CARD = "card"
"""What a scope calls the check of an account, which takes the separate consent to sensitive data."""

_QUESTIONS = (
    select(Party, Application)
    .join(Application, col(Application.loan) == col(Party.loan))
    .where(
        col(Party.id).in_(bindparam("ids", expanding=True)),
        borrower_agreed(CARD).is_(True),
    )
    .execution_options(**WRITTEN_AT_ONCE)
)
_CHECKS = (
    select(AccountCheck)
    .where(col(AccountCheck.loan) == bindparam("loan"))
    .order_by(col(AccountCheck.checked_at), col(AccountCheck.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_MANDATE = select(DebitMandate).where(col(DebitMandate.id) == bindparam("id")).with_for_update()
_MANDATES = (
    select(DebitMandate)
    .where(col(DebitMandate.loan) == bindparam("loan"))
    .order_by(col(DebitMandate.ordered_at), col(DebitMandate.id))
)


@dataclass(frozen=True, slots=True)
class CardQuestion:
    """The four elements of a check, and which party of which loan they are about."""

    loan: str
    party_id: str
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    mobile: str = field(repr=False)
    account: str = field(repr=False)


class AccountBook:
    """What is known of the accounts that a loan's money goes to and comes from."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # -- checks ------------------------------------------------------------------------------------------------------

    def questions(self, party_ids: Iterable[str]) -> dict[str, CardQuestion]:
        """What to ask about the accounts of these borrowers, by party; none for who does not agree to it."""
        return {
            party.id: CardQuestion(
                party.loan,
                party.id,
                party.name,
                application.form["id_number"],
                application.form["mobile"],
                party.account or "",
            )
            for party, application in self.session.exec(_QUESTIONS, params={"ids": list(party_ids)})
        }

    def checks(self, loan: str) -> list[AccountCheck]:
        """All answers on accounts of a loan, oldest first."""
        return list(self.session.exec(_CHECKS, params={"loan": loan}))

    def asked_since(self, loan: str, instant: datetime) -> int:
        """How often somebody had an account of a loan checked anew since an instant."""
        query = select(func.count()).where(
            AuditEntry.loan == loan, AuditEntry.act == CHECK_REQUESTED, AuditEntry.at > instant
        )
        return self.session.exec(query).one()

    def newest_check(self, loan: str, account_index: str) -> AccountCheck | None:
        """The last answer on one account of a loan."""
        return next((one for one in reversed(self.checks(loan)) if one.account_index == account_index), None)

    # -- mandates ----------------------------------------------------------------------------------------------------

    def mandate(self, mandate_id: str) -> DebitMandate | None:
        """A mandate by its id in the books, kept from other writers until the unit of work ends."""
        return self.session.exec(_MANDATE, params={"id": mandate_id}).first()

    def mandates(self, loan: str) -> list[DebitMandate]:
        """All mandates of a loan, oldest first."""
        return list(self.session.exec(_MANDATES, params={"loan": loan}))

    def active_mandate(self, loan: str, account_index: str) -> DebitMandate | None:
        """The mandate under which an account may be debited for a loan today."""
        found = [one for one in self.mandates(loan) if one.account_index == account_index]
        return next((one for one in reversed(found) if one.status is MandateStatus.ACTIVE), None)

    # -- changes -----------------------------------------------------------------------------------------------------

    def change(self, change_id: str) -> AccountChange | None:
        """A proposed change by its id."""
        return self.session.get(AccountChange, change_id)

    def change_of_task(self, task_id: str) -> AccountChange | None:
        """The change that a task is about."""
        return self.session.exec(select(AccountChange).where(AccountChange.task_id == task_id)).first()

    def changes(self, loan: str) -> list[tuple[AccountChange, AccountVerdict | None]]:
        """All changes of a loan's accounts with what a second person said, oldest first."""
        query = (
            select(AccountChange, AccountVerdict)
            .join(AccountVerdict, col(AccountVerdict.change_id) == col(AccountChange.id), isouter=True)
            .where(AccountChange.loan == loan)
            .order_by(col(AccountChange.proposed_at), col(AccountChange.id))
        )
        return [(change, verdict) for change, verdict in self.session.exec(query)]
