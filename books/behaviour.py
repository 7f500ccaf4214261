"""Queries on behaviour: what scores of many loans are made of, the scores themselves and the early warnings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from books.portions import in_portions
from books.rows import write, write_many
from books.scope import loans_seen_by, scope_of
from books.sealing import opened_or_why
from models.accounts import AccountChange, AccountVerdict
from models.audit import AuditEntry
from models.behaviour import BehaviourMonth, BehaviourScore, EarlyWarning
from models.changes import ChangeEnd, ChangeProposal
from models.customers import Party, PartyRole
from models.loans import Application, Loan, LoanEvent
from models.months import Month
from models.notices import Contact
from models.payments import Payment, PaymentKind, PaymentStatus
from models.portfolio import TakenOverLoan
from models.staff import Actor
from models.verification import ANSWERED, Verification

NOT_SCORED = "behaviour_not_scored"
"""What the audit log calls a loan that the loan mathematics refuses, with the month as its subject."""
Place = tuple[int, int, str]
"""Where a page of warnings ends: urgency, points and loan."""


@dataclass(frozen=True)
class WarningFilter:
    """Which warnings to list; None is all."""

    month: str
    product: str | None = None
    urgency: int | None = None
    band: str | None = None


class BehaviourBook:
    """Scores of running loans by month, and what they are made of."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def _rows(self, query: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.connection().execute(query)]

    # -- months and loans --------------------------------------------------------------------------------------------

    def last_month(self) -> str | None:
        """The newest month that is complete: every running loan is scored or was refused; as YYYY-MM."""
        return self.session.exec(select(func.max(BehaviourMonth.month))).one()

    def complete(self, month: BehaviourMonth) -> None:
        """Records that every running loan is scored for a month, or was refused."""
        write(self.session, month)

    def loans_to_score(self, month: Month, *, after: str, limit: int, ready_only: bool) -> list[Loan]:
        """Loans that ran on a month's last day and have no score of that month yet, by number.

        A loan that came over later was somebody else's then, and one without an account was served elsewhere. With
        `ready_only`, not those that still have to live through a day of the month.
        """
        conditions = _unscored(month, after)
        if ready_only:
            conditions.append(or_(col(Loan.next_date).is_(None), col(Loan.next_date) > month.last))
        return list(self.session.exec(select(Loan).where(*conditions).order_by(col(Loan.number)).limit(limit)))

    def is_any_left(self, month: Month) -> bool:
        """Whether a loan that ran on a month's last day has neither been scored for it nor been refused."""
        refused = _refused(str(month)).where(AuditEntry.loan == Loan.number).exists()
        left = select(Loan.number).where(*_unscored(month, ""), ~refused).limit(1)
        return self.session.exec(left).first() is not None

    def is_refused(self, loan: str, month: str) -> bool:
        """Whether it is in the audit log already that a loan cannot be scored for a month."""
        return self.session.exec(_refused(month).where(AuditEntry.loan == loan).limit(1)).first() is not None

    # -- what scores are made of, for many loans at once ---------------------------------------------------------------

    def loans_of(self, customer_ids: Iterable[str]) -> list[tuple[Any, ...]]:
        """All loans of these customers: number, customer, first and last day."""
        return self._rows(
            sa_select(
                col(Loan.number),
                col(Loan.customer_id),
                col(Loan.disbursed_on),
                col(Loan.closed_on),
                col(Loan.written_off_on),
            )
            .where(col(Loan.customer_id).in_(set(customer_ids)))
            .order_by(col(Loan.number))
        )

    def declined_debits(self, loans: Collection[str], since: date) -> list[tuple[Any, ...]]:
        """Debits of installments that brought nothing: loan, day and the bank's reason."""
        return self._rows(
            sa_select(col(Payment.loan), col(Payment.value_date), col(Payment.reason_code)).where(
                col(Payment.loan).in_(loans),
                col(Payment.kind) == PaymentKind.INSTALLMENT,
                col(Payment.status) == PaymentStatus.DECLINED,
                col(Payment.value_date) > since,
            )
        )

    def contacts_since(self, customer_ids: Iterable[str], instant: datetime) -> list[tuple[Any, ...]]:
        """Messages to and from these customers without their text: customer, loan, direction, template, instant."""
        return self._rows(
            sa_select(
                col(Contact.customer_id),
                col(Contact.loan),
                col(Contact.direction),
                col(Contact.template),
                col(Contact.at),
            ).where(col(Contact.customer_id).in_(set(customer_ids)), col(Contact.at) > instant)
        )

    def account_changes(self, loans: Collection[str]) -> list[tuple[Any, ...]]:
        """When the accounts of borrowers were changed: loan and instant."""
        return self._rows(
            sa_select(col(AccountChange.loan), col(AccountVerdict.given_at))
            .join(AccountVerdict, col(AccountVerdict.change_id) == col(AccountChange.id))
            .join(Party, col(Party.id) == col(AccountChange.party_id))
            .where(
                col(AccountChange.loan).in_(loans),
                col(AccountVerdict.confirmed),
                col(Party.role) == PartyRole.BORROWER,
            )
        )

    def applications_of(self, loans: Collection[str]) -> list[tuple[Any, ...]]:
        """What was asked for under these numbers, oldest first: loan, instant, form, or why it cannot be opened."""
        found = self._rows(
            sa_select(col(Application.loan), col(Application.submitted_at), col(Application.form))
            .where(col(Application.loan).in_(loans))
            .order_by(col(Application.submitted_at), col(Application.loan))
        )
        return [(loan, at, opened_or_why(self.session, Application.form, loan, form)) for loan, at, form in found]

    def changes_of(self, loans: Collection[str]) -> list[tuple[Any, ...]]:
        """Changes that were proposed: loan, kind, day of the proposal, and outcome and day of its end."""
        return self._rows(
            sa_select(
                col(ChangeProposal.loan),
                col(ChangeProposal.kind),
                col(ChangeProposal.proposed_on),
                col(ChangeEnd.outcome),
                col(ChangeEnd.on),
            )
            .join(ChangeEnd, col(ChangeEnd.proposal_id) == col(ChangeProposal.id), isouter=True)
            .where(col(ChangeProposal.loan).in_(loans))
        )

    def bureau_answers(self, loans: Collection[str], until: datetime) -> list[tuple[Any, ...]]:
        """What the credit bureau answered about the borrowers of these loans, oldest first: loan, instant, answer, or
        why it cannot be opened.

        A try that brought no answer, or nonsense, is a miss of the bureau and says nothing of the borrower.
        """
        found = self._rows(
            sa_select(
                col(Verification.id), col(Verification.loan), col(Verification.answered_at), col(Verification.answer)
            )
            .where(
                col(Verification.loan).in_(loans),
                col(Verification.check_name) == "bureau",
                col(Verification.verdict).in_(ANSWERED),
                col(Verification.answered_at) < until,
            )
            .order_by(col(Verification.answered_at), col(Verification.id))
        )
        return [
            (loan, at, opened_or_why(self.session, Verification.answer, id_, answer)) for id_, loan, at, answer in found
        ]

    # -- scores ------------------------------------------------------------------------------------------------------

    def standings(self, month: str, loans: Collection[str]) -> list[tuple[Any, ...]]:
        """How loans stood in a month: loan, points, band, signs, version of the card."""
        row = BehaviourScore
        return self._rows(
            sa_select(col(row.loan), col(row.points), col(row.band), col(row.signs), col(row.policy_id)).where(
                col(row.month) == month, col(row.loan).in_(loans)
            )
        )

    def newest_score(self, loan: str) -> BehaviourScore | None:
        """The score of a loan's newest month."""
        query = select(BehaviourScore).where(BehaviourScore.loan == loan).order_by(col(BehaviourScore.month).desc())
        return self.session.exec(query.limit(1)).first()

    def warning(self, loan: str, month: str) -> EarlyWarning | None:
        """The warning of a loan in a month."""
        return self.session.get(EarlyWarning, (loan, month))

    def add(self, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
        """Records scores or warnings of many loans."""
        write_many(self.session, table, rows)

    # -- warnings ----------------------------------------------------------------------------------------------------

    def warnings(
        self, actor: Actor, wanted: WarningFilter, after: Place | None, limit: int
    ) -> list[tuple[EarlyWarning, Loan]]:
        """Warnings of a month of loans that this person may see, with their loans: the most urgent and weakest first.

        `after` is the place of the last one seen.
        """
        query = (
            select(EarlyWarning, Loan)
            .join(Loan, col(Loan.number) == col(EarlyWarning.loan))
            .where(EarlyWarning.month == wanted.month, loans_seen_by(actor.role))
        )
        if wanted.product is not None:
            query = query.where(Loan.product == wanted.product)
        if wanted.urgency is not None:
            query = query.where(EarlyWarning.urgency == wanted.urgency)
        if wanted.band is not None:
            query = query.where(EarlyWarning.band == wanted.band)
        place = (col(EarlyWarning.urgency), col(EarlyWarning.points), col(EarlyWarning.loan))
        if after is not None:
            query = query.where(tuple_(*place) > tuple_(*after))
        found = self.session.exec(query.order_by(*place).limit(limit), params=scope_of(actor))
        return [(warning, loan) for warning, loan in found]

    def warned_since(self, month: str) -> list[tuple[str, str]]:
        """Month and loan of every warning from a month on."""
        query = select(EarlyWarning.month, EarlyWarning.loan).where(EarlyWarning.month >= month)
        return list(self.session.exec(query))

    def late_since(self, month: str, dpd: int) -> list[tuple[str, str]]:
        """Month and loan of every score from a month on within which the loan was so many days past due."""
        row = BehaviourScore
        return list(self.session.exec(select(row.month, row.loan).where(row.month >= month, row.worst_dpd >= dpd)))

    def months_scored(self, loans: Iterable[str], since: str) -> list[tuple[str, str]]:
        """Month and loan of every score of these loans from a month on."""
        row = BehaviourScore
        found: list[tuple[str, str]] = []
        for some in in_portions(loans):
            query = select(row.month, row.loan).where(col(row.loan).in_(some), row.month >= since)
            found += self.session.exec(query)
        return found


def _unscored(month: Month, after: str) -> list[ColumnElement[bool]]:
    scored = select(BehaviourScore.loan).where(BehaviourScore.month == str(month), BehaviourScore.loan == Loan.number)
    taken_over = select(TakenOverLoan.loan).where(TakenOverLoan.loan == Loan.number, TakenOverLoan.cut_off > month.last)
    return [
        col(Loan.number) > after,
        col(Loan.disbursed_on) <= month.last,
        or_(col(Loan.closed_on).is_(None), col(Loan.closed_on) > month.last),
        or_(col(Loan.written_off_on).is_(None), col(Loan.written_off_on) > month.last),
        ~scored.exists(),
        select(LoanEvent.key).where(LoanEvent.loan == Loan.number, LoanEvent.date <= month.last).exists(),
        ~taken_over.exists(),
    ]


def _refused(month: str) -> SelectOfScalar[str]:
    return select(AuditEntry.id).where(AuditEntry.act == NOT_SCORED, AuditEntry.subject == month)
