"""Queries on loans, applications, terms and the events of the account."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from books.errors import UnknownLoan
from books.rows import WRITTEN_AT_ONCE, write
from books.scope import loans_seen_by, scope_of
from models.customers import Party, PartyRole
from models.loans import CLOSED, Application, Loan, LoanEvent, LoanTerms, Stage
from models.papers import PaperKind, PaperLanguage, PaperOrder
from models.staff import Actor, Role

PAGE = 50

# Statements that every act asks are built once: building one costs more than the database takes to answer it.
_LOAN = select(Loan).where(col(Loan.number) == bindparam("number"))
_LOAN_HELD = _LOAN.with_for_update(of=Loan).execution_options(populate_existing=True)
_APPLICATION = (
    select(Application).where(col(Application.loan) == bindparam("loan")).execution_options(**WRITTEN_AT_ONCE)
)
_BY_KEY = (
    select(Application)
    .where(col(Application.idempotency_key).in_(bindparam("keys", expanding=True)))
    .execution_options(**WRITTEN_AT_ONCE)
)
_RUNNING_WITH_CONTENT = (
    select(Application.content_index, Application.loan)
    .join(Loan, col(Loan.number) == col(Application.loan))
    .where(
        col(Application.content_index).in_(bindparam("indexes", expanding=True)),
        col(Loan.stage).in_([stage for stage in Stage if stage not in CLOSED and stage is not Stage.REPAYMENT]),
    )
)
_TERMS = (
    select(LoanTerms)
    .where(col(LoanTerms.loan) == bindparam("loan"))
    .order_by(col(LoanTerms.version).desc())
    .limit(1)
    .execution_options(**WRITTEN_AT_ONCE)
)
_EVENTS = (
    select(LoanEvent)
    .where(col(LoanEvent.loan) == bindparam("loan"))
    .order_by(col(LoanEvent.position))
    .execution_options(**WRITTEN_AT_ONCE)
)
_LAST_POSITION = (
    select(func.coalesce(func.max(LoanEvent.position), 0))
    .where(col(LoanEvent.loan) == bindparam("loan"))
    .execution_options(**WRITTEN_AT_ONCE)
)
_OF_PERSON = (
    select_columns(
        col(Loan.number),
        col(Loan.product),
        col(Loan.stage),
        col(Party.role),
        func.coalesce(col(Loan.approved_fen), col(Loan.applied_fen)),
        col(Loan.applied_on),
        col(Loan.disbursed_on),
    )
    .join(Party, col(Party.loan) == col(Loan.number))
    .where(
        col(Party.id_number_index) == bindparam("person"),
        col(Loan.number) != bindparam("without"),
        or_(
            col(Loan.stage).not_in(list(CLOSED)),
            and_(col(Loan.stage) == Stage.SETTLED, col(Loan.closed_on) >= bindparam("since")),
        ),
    )
    .order_by(col(Loan.number))
    .execution_options(**WRITTEN_AT_ONCE)
)
_VERIFIED = (
    update(Loan)
    .where(col(Loan.number) == bindparam("loan"), col(Loan.stage) == Stage.APPLICATION)
    .values(stage=Stage.VERIFICATION, updated_at=bindparam("now"))
)


@dataclass(frozen=True)
class LoanOfPerson:
    """A loan that a person owes or stands for; `amount_fen` is what was approved, or else asked for."""

    number: str
    product: str
    stage: Stage
    role: PartyRole
    amount_fen: int
    applied_on: date
    disbursed_on: date | None


class LoanBook:
    """Loans and what makes up their account."""

    def __init__(self, session: Session, *, holds: bool = False) -> None:
        self.session = session
        self._holds = holds
        # Kept for the length of the unit of work, which the session alone does not do.
        self._loans: dict[str, Loan] = {}
        self._applications: dict[str, Application] = {}
        self._terms: dict[str, LoanTerms | None] = {}
        self._added: list[LoanEvent] = []

    def get(self, number: str) -> Loan:
        """The loan; UnknownLoan if there is none. A writing unit of work keeps it from other writers until it ends."""
        if number not in self._loans:
            loan = self.session.exec(_LOAN_HELD if self._holds else _LOAN, params={"number": number}).first()
            if loan is None:
                raise UnknownLoan(number)
            self._loans[number] = loan
        return self._loans[number]

    def by_number(self, numbers: Iterable[str]) -> dict[str, Loan]:
        """The loans that rows already given to a person refer to, in one query."""
        return {loan.number: loan for loan in self.session.exec(select(Loan).where(col(Loan.number).in_(set(numbers))))}

    def seen_by(self, actor: Actor, number: str) -> Loan:
        """The loan if this person may see it; UnknownLoan otherwise, as if it did not exist. Kept as by `get`."""
        query = _held_if_seen_by(actor.role) if self._holds else _seen_by(actor.role)
        loan = self.session.exec(query, params=scope_of(actor) | {"number": number}).first()
        if loan is None:
            raise UnknownLoan(number)
        self._loans[number] = loan
        return loan

    def require_seen_by(self, actor: Actor, number: str) -> None:
        """UnknownLoan unless this person may see the loan. Its row is not read, whatever stands in it."""
        query = select(Loan.number).where(Loan.number == number, loans_seen_by(actor.role))
        if self.session.exec(query, params=scope_of(actor)).first() is None:
            raise UnknownLoan(number)

    def page(
        self,
        actor: Actor,
        *,
        stage: Stage | None = None,
        product: str | None = None,
        overdue: bool = False,
        contract_ready: bool = False,
        after: str | None = None,
        limit: int = PAGE,
    ) -> list[Loan]:
        """Loans this person may see, newest number first, at most `limit`, those below the number `after`.

        `contract_ready`: those with an open offer whose contract can be signed or is.
        """
        query = select(Loan).where(loans_seen_by(actor.role))
        if stage is not None:
            query = query.where(Loan.stage == stage)
        if product is not None:
            query = query.where(Loan.product == product)
        if overdue:
            query = query.where(Loan.dpd > 0)
        if contract_ready:
            query = query.where(Loan.stage == Stage.ACCEPTANCE, _has_contract())
        if after is not None:
            query = query.where(Loan.number < after)
        query = query.order_by(col(Loan.number).desc()).limit(min(limit, 200))
        return list(self.session.exec(query, params=scope_of(actor)))

    def begin_verification(self, number: str, now: datetime) -> None:
        """Moves a loan that still stands at its application on to verification."""
        self.session.connection().execute(_VERIFIED, {"loan": number, "now": now})

    def give_to(self, number: str, customer_id: str) -> None:
        """Makes a loan that of the customer whom its borrower turned out to be.

        Without holding the loan, as answers of its other registers are written at the same moment: each would wait for
        the other.
        """
        self.session.exec(update(Loan).where(col(Loan.number) == number).values(customer_id=customer_id))

    def application(self, number: str) -> Application:
        """What the borrower asked for."""
        if number not in self._applications:
            application = self.session.exec(_APPLICATION, params={"loan": number}).first()
            if application is None:
                raise UnknownLoan(number)
            self._applications[number] = application
        return self._applications[number]

    def application_by_key(self, keys: list[str]) -> dict[str, Application]:
        """Applications by the idempotency keys they came with."""
        found = self.session.exec(_BY_KEY, params={"keys": keys})
        return {one.idempotency_key: one for one in found}

    def running_with_content(self, indexes: list[str]) -> dict[str, str]:
        """Loans not yet closed or paid out that ask for the same: content digest → loan number."""
        return dict(self.session.exec(_RUNNING_WITH_CONTENT, params={"indexes": indexes}).all())

    def terms(self, number: str) -> LoanTerms | None:
        """The newest version of the terms, None before approval."""
        if number not in self._terms:
            self._terms[number] = self.session.exec(_TERMS, params={"loan": number}).first()
        return self._terms[number]

    def add_terms(self, terms: LoanTerms) -> None:
        """Records a new version of the terms."""
        write(self.session, terms)
        self._terms[terms.loan] = terms

    def events(self, number: str) -> list[LoanEvent]:
        """All events of the account in their order of arrival."""
        return list(self.session.exec(_EVENTS, params={"loan": number}))

    def event(self, key: str) -> LoanEvent | None:
        """One event by its key."""
        return self.session.get(LoanEvent, key)

    def next_position(self, number: str) -> int:
        """The place of the loan's next event."""
        return self.session.exec(_LAST_POSITION, params={"loan": number}).one() + 1

    def add_event(self, event: LoanEvent) -> None:
        """Records an event."""
        write(self.session, event)
        self._added.append(event)

    def added_events(self, number: str) -> list[LoanEvent]:
        """Events of a loan that this unit of work recorded and that were not asked for before: each once."""
        found = [one for one in self._added if one.loan == number]
        self._added = [one for one in self._added if one.loan != number]
        return found

    def by_stage(self, actor: Actor) -> dict[Stage, int]:
        """How many loans this person may see stand at each stage."""
        query = select(col(Loan.stage), func.count()).where(loans_seen_by(actor.role)).group_by(col(Loan.stage))
        return dict(self.session.exec(query, params=scope_of(actor)).all())

    def overdue_count(self) -> int:
        """How many loans are past due."""
        return self.session.exec(select(func.count()).select_from(Loan).where(Loan.dpd > 0)).one()

    def running(self, after: str = "", limit: int = 500) -> list[Loan]:
        """Loans that still need a workflow, by number, a page at a time."""
        query = select(Loan).where(col(Loan.stage).not_in(list(CLOSED)), Loan.number > after)
        return list(self.session.exec(query.order_by(col(Loan.number)).limit(limit)))

    def all_numbers(self, after: str = "", limit: int = 500) -> list[str]:
        """All loan numbers, a page at a time."""
        return list(
            self.session.exec(select(Loan.number).where(Loan.number > after).order_by(col(Loan.number)).limit(limit))
        )

    def of_person(self, id_number_index: str, without: str, since: date) -> list[LoanOfPerson]:
        """The loans of whoever has the ID number of this digest, as borrower or beside one, without one of them.

        Those that are refused, withdrawn or expired are left out, and those settled before `since`.
        """
        asked = {"person": id_number_index, "without": without, "since": since}
        return [LoanOfPerson(*row) for row in self.session.connection().execute(_OF_PERSON, asked)]

    def of_customer(self, customer_id: str) -> list[Loan]:
        """A customer's loans, newest first."""
        query = select(Loan).where(Loan.customer_id == customer_id).order_by(col(Loan.number).desc())
        return list(self.session.exec(query.limit(PAGE)))


def _has_contract() -> ColumnElement[bool]:
    """A contract that is made, and none that is still being made."""
    of_loan = exists().where(
        col(PaperOrder.loan) == col(Loan.number),
        col(PaperOrder.kind) == PaperKind.CONTRACT,
        col(PaperOrder.language) == PaperLanguage.CHINESE,
    )
    return of_loan.where(col(PaperOrder.done_at).is_not(None)) & ~of_loan.where(col(PaperOrder.done_at).is_(None))


@cache
def _seen_by(role: Role) -> SelectOfScalar[Loan]:
    return _LOAN.where(loans_seen_by(role))


@cache
def _held_if_seen_by(role: Role) -> SelectOfScalar[Loan]:
    return _LOAN_HELD.where(loans_seen_by(role))
