"""The archive of the engine's histories, what replays came to, and all that the books hold about one loan's life."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Text, inspect, literal
from sqlalchemy import cast as cast_column
from sqlmodel import Session, col, select

from books.errors import UnknownLoan
from books.portions import in_portions
from books.readable import Readable, UnreadableRow
from books.rows import write
from books.stored import spelled_as_stored, stored
from models.audit import AuditEntry
from models.documents import Document
from models.histories import ArchiveLook, ReplayVerdict, RunContent, RunHistory
from models.keys import workflow_id
from models.ledger import Posting
from models.loans import Loan, LoanEvent, LoanTerms
from models.outbox import Effect
from models.payments import BankEntry, Payment
from models.periods import LoanMonthEnd
from models.staff import Role
from models.tasks import Decision, Outcome, Task
from models.verification import Verdict, Verification

RUN_ARCHIVED = "run_archived"
"""The act by which the audit log names what was archived."""


@dataclass(frozen=True)
class BankLine:
    """A movement as the bank reports it, without whose money it was."""

    reference: str
    direction: str
    amount_fen: int
    booked_on: dt.date
    end_to_end_id: str | None
    loan: str | None
    matched: bool
    received_at: datetime


@dataclass(frozen=True)
class Archiving:
    """What an entry of the audit log says of a run that was archived, as it is stored: the run is its subject."""

    id: str
    at: Any
    loan: Any
    subject: Any
    after: Any

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.subject)

    @property
    def sha256(self) -> str | None:
        """The digest of the history that was archived; None if the entry names none."""
        try:
            return str(json.loads(self.after)["sha256"])
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True)
class AnswerLine:
    """That a register was asked and what it came to, without its answer."""

    id: str
    check_name: str
    round: int
    miss: int
    verdict: Verdict
    reference: str | None
    answered_at: datetime
    recorded_at: datetime | None


@dataclass(frozen=True)
class DecisionLine:
    """What a person decided, without the facts that the policy was asked with."""

    id: str
    task_id: str
    outcome: Outcome
    amount_fen: int | None
    reason: str
    decided_by: str
    decided_as: Role
    decided_on: dt.date
    decided_at: datetime
    policy_id: str | None
    fired_row: int | None
    people: int
    stands_in_for: str | None


@dataclass(frozen=True)
class DocumentLine:
    """What a document is and the digest of its content, without the content."""

    id: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    language: str | None
    terms_version: int | None
    uploaded_by: str
    uploaded_at: datetime


@dataclass(frozen=True)
class LoanFacts:
    """Everything that the books wrote down in the life of one loan, each kind in its order. Nothing personal.

    `unreadable` are the rows of it that nobody can read; `loan` is None if its own is among them.
    """

    loan: Loan | None
    effects: Sequence[Effect]
    entries: Sequence[AuditEntry]
    postings: Sequence[Posting]
    events: Sequence[LoanEvent]
    terms: Sequence[LoanTerms]
    payments: Sequence[Payment]
    bank: Sequence[BankLine]
    decisions: Sequence[DecisionLine]
    tasks: Sequence[Task]
    answers: Sequence[AnswerLine]
    month_ends: Sequence[LoanMonthEnd]
    documents: Sequence[DocumentLine]
    unreadable: Sequence[UnreadableRow]


class HistoryBook:
    """Archived runs, verdicts on them, and the facts that a loan's story is told from."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # -- the archive ------------------------------------------------------------------------------------------------

    def archived(self, run_ids: Iterable[str]) -> set[str]:
        """Those of the runs that are in the archive."""
        found = set[str]()
        for some in in_portions(run_ids):
            found |= set(self.session.exec(select(RunHistory.run_id).where(col(RunHistory.run_id).in_(some))))
        return found

    def add(self, run: RunHistory, content: RunContent) -> None:
        """Puts a closed run into the archive."""
        write(self.session, run)
        write(self.session, content)

    def get(self, run_id: str) -> RunHistory | None:
        """One archived run."""
        return self.session.get(RunHistory, run_id)

    def of_loan(self, loan: str) -> list[RunHistory]:
        """The archived runs of a loan, the first one first."""
        query = select(RunHistory).where(RunHistory.loan == loan)
        return list(self.session.exec(query.order_by(col(RunHistory.started_at), col(RunHistory.run_id))))

    def page_as_stored(self, after: str | bytes = "", limit: int = 200) -> list[dict[str, Any]]:
        """Rows of archived runs by their ids, a page at a time, each as it is stored: `after` too may be no text."""
        table = inspect(RunHistory).local_table
        beyond = after if isinstance(after, str) else cast_column(literal(after, LargeBinary), Text)
        rows = stored(self.session, table.columns, table.c.run_id > beyond, order=[table.c.run_id], limit=limit)
        return [dict(zip(table.columns.keys(), row, strict=True)) for row in rows]

    def spelled(self, run: RunHistory) -> dict[str, Any]:
        """The row of a run as `page_as_stored` gives it where nobody has changed anything."""
        return spelled_as_stored(run, self.session.get_bind().dialect)

    def content(self, run_id: str) -> RunContent | None:
        """The sealed content of an archived run."""
        return self.session.get(RunContent, run_id)

    def runs_named(self, loan: str) -> list[str]:
        """The runs of a loan that its audit entries name, however old they are; not those of jobs for many loans."""
        named = col(AuditEntry.run_id)
        of_loan = (AuditEntry.loan == loan, AuditEntry.workflow_id == workflow_id(loan), named.is_not(None))
        query = select(named).where(*of_loan).distinct()
        return sorted(run for run in self.session.exec(query) if run is not None)

    def archivings(self, run_ids: Sequence[Any]) -> dict[str, Archiving]:
        """What the audit log says of the archiving of these runs, by run."""
        return {one.run_id: one for one in self._archivings(col(AuditEntry.subject).in_(run_ids))}

    def archivings_after(self, entry_id: str, limit: int) -> list[Archiving]:
        """What it says of any, in the order of the entries: those after an id."""
        return self._archivings(col(AuditEntry.id) > entry_id, limit)

    def _archivings(self, which: ColumnElement[bool], limit: int | None = None) -> list[Archiving]:
        columns = inspect(AuditEntry).local_table.c
        wanted = (columns[one.name] for one in fields(Archiving))
        rows = stored(self.session, wanted, columns.act == RUN_ARCHIVED, which, order=[columns.id], limit=limit)
        return [Archiving(*row) for row in rows]

    def look(self) -> ArchiveLook | None:
        """What the archivist found when it last looked."""
        return self.session.get(ArchiveLook, 1)

    def note_look(self, look: ArchiveLook) -> None:
        """Keeps what the archivist found in place of what it found before."""
        self.session.merge(look)

    # -- replays ----------------------------------------------------------------------------------------------------

    def add_verdict(self, verdict: ReplayVerdict) -> None:
        """Keeps what became of a replay."""
        write(self.session, verdict)

    def verdicts(self, loan: str, limit: int = 1000) -> list[ReplayVerdict]:
        """What became of a loan's replays, the newest first."""
        query = select(ReplayVerdict).where(ReplayVerdict.loan == loan).order_by(col(ReplayVerdict.id).desc())
        return list(self.session.exec(query.limit(limit)))

    # -- the facts of a loan ----------------------------------------------------------------------------------------

    def facts(self, loan: str) -> LoanFacts:
        """All that the books wrote down in a loan's life; of a loan of decades some thousand rows. UnknownLoan if there
        is none.
        """
        books = Readable(self.session)
        own = books.rows(Loan, col(Loan.number) == loan)
        if not own and not books.unreadable:
            raise UnknownLoan(loan)
        payments = books.rows(Payment, col(Payment.loan) == loan, "ordered_at", "key")
        facts = LoanFacts(
            loan=own[0] if own else None,
            effects=books.rows(Effect, col(Effect.loan) == loan, "n", "key"),
            entries=books.rows(AuditEntry, col(AuditEntry.loan) == loan, "id"),
            postings=books.rows(Posting, col(Posting.loan) == loan, "id"),
            events=books.rows(LoanEvent, col(LoanEvent.loan) == loan, "position"),
            terms=books.rows(LoanTerms, col(LoanTerms.loan) == loan, "version"),
            payments=payments,
            bank=_bank(books, loan, {one.bank_reference for one in payments if one.bank_reference}),
            decisions=books.lines(DecisionLine, Decision, col(Decision.loan) == loan, "decided_at", "id"),
            tasks=books.rows(Task, col(Task.loan) == loan, "opened_at", "id"),
            answers=books.lines(AnswerLine, Verification, col(Verification.loan) == loan, "id"),
            month_ends=books.rows(LoanMonthEnd, col(LoanMonthEnd.loan) == loan, "month"),
            documents=books.lines(DocumentLine, Document, col(Document.loan) == loan, "id"),
            unreadable=(),
        )
        return replace(facts, unreadable=sorted(set(books.unreadable)))


def _bank(books: Readable, loan: str, references: set[str]) -> list[BankLine]:
    found = {one.reference: one for one in books.lines(BankLine, BankEntry, col(BankEntry.loan) == loan)}
    for some in in_portions(references - found.keys()):
        elsewhere = col(BankEntry.reference).in_(some)
        found |= {one.reference: one for one in books.lines(BankLine, BankEntry, elsewhere)}
    return sorted(found.values(), key=lambda one: (one.received_at, one.reference))
