"""The bank's statement against the books: taken in once, matched line by line, every difference given to finance."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from books.customers import blind_index
from books.rows import write_many
from books.session import UnitOfWork
from models.payments import MONEY_MOVED, OURS, BankEntry, Payment, ToldBy
from models.reconciliation import BankStatement, DaysDue, DifferenceKind, MatchedBy, Reconciliation, StatementLine
from models.sealing import NOT_OPENED
from models.statements import CURRENCY, Statement, StatementEntry
from services import audit
from services.bank import BankMovement, record_movement
from services.differences import Found, differences_of, tell
from services.errors import StatementRejected

MOST_ENTRIES = 100_000
"""Movements of one day that are compared: far more than a bank books on one account of a lender."""
LOOK_BACK_DAYS = 366
"""How far back days without a statement are asked for again."""
FIRST_LOOK_BACK_DAYS = 31
"""How far back the very first reconciliation begins."""
DAYS_A_RUN = 31
RECHECK_DAYS = 7
LONGEST_REFERENCE = 64
LONGEST_END_TO_END_ID = 96


def days_due(work: UnitOfWork, last: date) -> DaysDue:
    """Business dates up to `last` that are not reconciled, oldest first, at most DAYS_A_RUN: missed days are caught up.

    A day that is reconciled comes again for RECHECK_DAYS while a movement of it stands on no statement: the notice came
    late, or the bank has to correct what it sent.
    """
    begun = work.reconciliation.first_day_done()
    opened = begun or work.reconciliation.first_application()
    if opened is None:
        return DaysDue()
    first = max(opened, last - timedelta(days=LOOK_BACK_DAYS if begun else FIRST_LOOK_BACK_DAYS))
    done = work.reconciliation.days_done(first, last)
    done -= work.reconciliation.days_with_open_entries(max(first, last - timedelta(days=RECHECK_DAYS)), last)
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    return DaysDue(days=tuple([day for day in days if day not in done][:DAYS_A_RUN]))


def check_statement(statement: Statement, account: str, day: date) -> None:
    """Refuses (StatementRejected, with a sentence for each wrong line) what cannot be a statement of ours.

    Checked whatever gateway it came through and before anything is kept, so that nothing is half posted.
    """
    wrong: dict[str, str] = {}
    if statement.account != account:
        wrong["account"] = "is not the lender's"
    if statement.currency != CURRENCY:
        wrong["currency"] = f"is not {CURRENCY}"
    if statement.business_date != day:
        wrong["business_date"] = f"is not {day}"
    for n, line in enumerate(statement.entries, 1):
        problem = _problem_of(line, day)
        if problem is not None:
            wrong[f"line {n}"] = problem
    moved = sum(line.signed_fen for line in statement.entries)
    if statement.opening_fen + moved != statement.closing_fen:
        wrong["closing"] = (
            f"opening {statement.opening_fen} fen and lines of {moved} fen do not give {statement.closing_fen} fen"
        )
    if wrong:
        raise StatementRejected(day, wrong)


def _problem_of(line: StatementEntry, day: date) -> str | None:
    if line.amount_fen <= 0:
        return "the amount is not above zero"
    if not 0 < len(line.reference) <= LONGEST_REFERENCE:
        return f"the reference is missing or has more than {LONGEST_REFERENCE} characters"
    if line.end_to_end_id is not None and len(line.end_to_end_id) > LONGEST_END_TO_END_ID:
        return f"the end-to-end id has more than {LONGEST_END_TO_END_ID} characters"
    return None if line.booked_on == day else f"it is booked on {line.booked_on}"


def take_in(work: UnitOfWork, statement: Statement) -> BankStatement:
    """Keeps a statement with what each line was matched with. One that came before, unchanged, is returned as it is.

    Other content for the same date is a correction: it is kept as the next version, and `compare` tells of it.
    """
    versions = work.reconciliation.versions(statement.business_date)
    for before in versions:
        if before.digest == statement.content_digest:
            return before
    kept = BankStatement(
        business_date=statement.business_date,
        version=len(versions) + 1,
        bank_id=statement.statement_id[:64],
        digest=statement.content_digest,
        opening_fen=statement.opening_fen,
        closing_fen=statement.closing_fen,
        line_count=len(statement.entries),
        received_at=work.now,
    )
    work.session.add(kept)
    work.session.flush()
    matches = _Matching(work, statement).match()
    write_many(
        work.session,
        StatementLine,
        [
            _row(kept.id, n, line, *match)
            for n, (line, match) in enumerate(zip(statement.entries, matches, strict=True), 1)
        ],
    )
    return kept


def _row(statement_id: str, n: int, line: StatementEntry, matched_by: MatchedBy, entry: str) -> dict[str, Any]:
    return {
        "statement_id": statement_id,
        "n": n,
        "reference": line.reference,
        "direction": line.direction,
        "amount_fen": line.amount_fen,
        "booked_on": line.booked_on,
        "value_date": line.value_date,
        "end_to_end_id": line.end_to_end_id,
        "counterparty": line.counterparty_name,
        "counterparty_account": line.counterparty_account,
        "remittance": line.remittance,
        "is_reversal": line.is_reversal,
        "return_reason": line.return_reason,
        "matched_by": matched_by,
        "entry": entry,
    }


class _Matching:
    """Finds for each line the bank entry that it is: by end-to-end id, then by reference, then by amount and date.

    Every entry is found once. Only an end-to-end id of our own and the bank's reference hold whatever the amount: what
    differs then is told. Payers' end-to-end ids repeat, so with these, amount and direction must agree.
    """

    def __init__(self, work: UnitOfWork, statement: Statement) -> None:
        self.work = work
        self.day = statement.business_date
        self.lines = statement.entries
        self.references = {line.reference for line in self.lines}
        self.by_reference = work.payments.entries_of(self.references)
        self.shown = work.reconciliation.shown_elsewhere(self.references, self.day)
        self.found: dict[int, tuple[MatchedBy, str]] = {}
        self.taken: set[str] = set()
        self.ours: set[str] = set()
        self.named: dict[tuple[str, str], list[BankEntry]] = {}

    def match(self) -> list[tuple[MatchedBy, str]]:
        """How each line was found, and the reference of its entry in the books."""
        first: dict[str, int] = {}
        repeated = {n for n, line in enumerate(self.lines) if first.setdefault(line.reference, n) != n}
        for n, line in enumerate(self.lines):
            if n in repeated or line.reference in self.shown:
                self.found[n] = (MatchedBy.REPEATED, self.shown.get(line.reference, line.reference))
        self._each(self._by_all, MatchedBy.END_TO_END_ID)
        if len(self.found) < len(self.lines):
            self._match_the_rest()
        for n in repeated:
            original = self.found.get(first[self.lines[n].reference])
            if original is not None:
                self.found[n] = (MatchedBy.REPEATED, original[1])
        return [self.found.get(n, (MatchedBy.NOTHING, line.reference)) for n, line in enumerate(self.lines)]

    def _match_the_rest(self) -> None:
        """Lines whose id and reference do not both agree with one entry: few, so only these are looked up further."""
        rest = [line for n, line in enumerate(self.lines) if n not in self.found]
        ids = {line.end_to_end_id for line in rest if line.end_to_end_id}
        self.ours = {key for key, order in self.work.payments.orders(ids).items() if order.kind in OURS}
        for entry in self.work.payments.entries_named(ids):
            self.named.setdefault((entry.end_to_end_id or "", entry.direction), []).append(entry)
        self.shown |= self.work.reconciliation.shown_elsewhere(
            {entry.reference for entries in self.named.values() for entry in entries}, self.day
        )
        self._each(self._by_our_id, MatchedBy.END_TO_END_ID)
        self._each(self._by_reference, MatchedBy.REFERENCE)
        self._each(self._by_payers_id, MatchedBy.END_TO_END_ID)
        if len(self.found) < len(self.lines):
            self._by_amount_and_date()

    def _each(self, find: Callable[[StatementEntry], BankEntry | None], matched_by: MatchedBy) -> None:
        for n, line in enumerate(self.lines):
            entry = None if n in self.found else find(line)
            if entry is not None:
                self._take(n, matched_by, entry)

    def _take(self, n: int, matched_by: MatchedBy, entry: BankEntry) -> None:
        self.found[n] = (matched_by, entry.reference)
        self.taken.add(entry.reference)

    def _by_all(self, line: StatementEntry) -> BankEntry | None:
        entry = self._by_reference(line)
        return entry if entry is not None and entry.end_to_end_id == line.end_to_end_id is not None else None

    def _by_our_id(self, line: StatementEntry) -> BankEntry | None:
        if line.end_to_end_id not in self.ours:
            return None
        same = self._free(self.named.get((line.end_to_end_id or "", line.direction), []))
        return next((entry for entry in same if self._is_nowhere(entry)), None)

    def _by_reference(self, line: StatementEntry) -> BankEntry | None:
        entry = self.by_reference.get(line.reference)
        return entry if entry is not None and entry.reference not in self.taken else None

    def _by_payers_id(self, line: StatementEntry) -> BankEntry | None:
        same = self._free(self.named.get((line.end_to_end_id or "", line.direction), []))
        fitting = [entry for entry in same if entry.amount_fen == line.amount_fen and self._is_nowhere(entry)]
        return fitting[0] if len(fitting) == 1 and line.end_to_end_id not in self.ours else None

    def _by_amount_and_date(self) -> None:
        """Only where exactly one line and one entry of the day are of a kind: anything else would be a guess."""
        open_lines: dict[tuple[str, int], list[int]] = {}
        for n, line in enumerate(self.lines):
            if n not in self.found and line.end_to_end_id not in self.ours:
                open_lines.setdefault((line.direction, line.amount_fen), []).append(n)
        open_entries: dict[tuple[str, int], list[BankEntry]] = {}
        of_day = self._free(self.work.payments.entries_on(self.day, MOST_ENTRIES))
        self.shown |= self.work.reconciliation.shown_elsewhere({entry.reference for entry in of_day}, self.day)
        for entry in filter(self._is_nowhere, of_day):
            open_entries.setdefault((entry.direction, entry.amount_fen), []).append(entry)
        for kind, numbers in open_lines.items():
            entries = open_entries.get(kind, [])
            if len(numbers) == len(entries) == 1:
                line, entry = self.lines[numbers[0]], entries[0]
                if line.end_to_end_id is None or entry.end_to_end_id in (None, line.end_to_end_id):
                    self._take(numbers[0], MatchedBy.AMOUNT_AND_DATE, entry)

    def _is_nowhere(self, entry: BankEntry) -> bool:
        """Whether no statement shows an entry under its own reference."""
        return entry.reference not in self.references and entry.reference not in self.shown

    def _free(self, entries: Sequence[BankEntry]) -> list[BankEntry]:
        return [entry for entry in entries if entry.reference not in self.taken]


def book_known(work: UnitOfWork, statement_id: str) -> list[int]:
    """Gives the lines of orders that are booked already their bank entries, all together.

    Returns the numbers of the lines that the books still lack. Book each by `book_line` in a unit of work of its own:
    two that book many in another order would wait for each other.
    """
    lines = work.reconciliation.unbooked(statement_id)
    orders = work.payments.orders(_order_key(line) for line in lines if line.end_to_end_id)
    known = {line.n: orders[_order_key(line)] for line in lines if _is_known(line, orders.get(_order_key(line)))}
    entries: dict[int, dict[str, Any]] = {}
    for line in lines:
        # What cannot be opened of one line is met again where it is booked by itself.
        with suppress(*NOT_OPENED):
            if line.n in known:
                entries[line.n] = _entry(work, line, known[line.n])
    write_many(work.session, BankEntry, list(entries.values()))
    return [line.n for line in lines if line.n not in entries]


def book_line(work: UnitOfWork, statement_id: str, n: int) -> None:
    """Books a line that no notice told of, by the same path as a notice; again, it changes nothing."""
    line = work.reconciliation.line(statement_id, n)
    if work.payments.entry(line.entry) is None:
        record_movement(work, _movement(line), ToldBy.STATEMENT)


def _order_key(line: StatementLine) -> str:
    return f"{line.end_to_end_id}:recall" if line.is_reversal else f"{line.end_to_end_id}"


def _is_known(line: StatementLine, order: Payment | None) -> bool:
    """Whether a line is the movement of an order that settled and is booked."""
    return (
        order is not None
        and order.booked
        and order.status in MONEY_MOVED
        and order.bank_reference == line.reference
        and order.settled_fen == line.amount_fen
    )


def _entry(work: UnitOfWork, line: StatementLine, order: Payment) -> dict[str, Any]:
    return {
        "reference": line.reference,
        "direction": line.direction,
        "amount_fen": line.amount_fen,
        "booked_on": line.booked_on,
        "end_to_end_id": line.end_to_end_id,
        "counterparty": line.counterparty,
        "counterparty_account": line.counterparty_account,
        "account_index": blind_index(line.counterparty_account) if line.counterparty_account else None,
        "remittance": line.remittance,
        "loan": order.loan,
        "matched": True,
        "told_by": ToldBy.STATEMENT,
        "task_id": None,
        "received_at": work.now,
    }


def _movement(line: StatementLine) -> BankMovement:
    return BankMovement(
        reference=line.reference,
        direction=line.direction,
        amount_fen=line.amount_fen,
        booked_on=line.booked_on,
        end_to_end_id=line.end_to_end_id,
        counterparty=line.counterparty,
        remittance=line.remittance,
        is_recall=line.is_reversal,
        counterparty_account=line.counterparty_account,
        return_reason=line.return_reason,
    )


def compare(work: UnitOfWork, statement_id: str) -> Reconciliation:
    """Compares a statement with the books and opens a task of finance for every difference that is new.

    Call it when every line is booked. Again, it tells only of what was not known the first time.
    """
    statement = work.reconciliation.statement(statement_id)
    if statement is None:
        raise LookupError(f"there is no statement {statement_id}")
    lines = work.reconciliation.lines(statement_id)
    found = differences_of(work, statement, lines)
    tell(work, statement.business_date, found)
    return work.reconciliation.done(statement_id) or _conclude(work, statement, lines, len(found))


def _conclude(
    work: UnitOfWork, statement: BankStatement, lines: Sequence[StatementLine], differences: int
) -> Reconciliation:
    by = Counter(line.matched_by for line in lines)
    outcome = Reconciliation(
        statement_id=statement.id,
        business_date=statement.business_date,
        matched=len(lines) - by[MatchedBy.NOTHING] - by[MatchedBy.REPEATED],
        booked=by[MatchedBy.NOTHING],
        differences=differences,
        at=work.now,
    )
    work.session.add(outcome)
    figures = {"matched": outcome.matched, "booked": outcome.booked, "differences": differences}
    audit.record(
        work,
        audit.SYSTEM,
        "day_reconciled",
        subject=statement.business_date.isoformat(),
        after={"version": statement.version, "lines": len(lines)} | figures,
    )
    return outcome


def note_missing_statement(work: UnitOfWork, day: date) -> None:
    """Gives finance a task about a day whose statement did not come, once."""
    tell(work, day, [Found(DifferenceKind.STATEMENT_GAP, day.isoformat())])


def note_refused_statement(work: UnitOfWork, day: date, why: str) -> None:
    """Gives finance a task about a day whose statement cannot be believed, once; the audit log has what is wrong."""
    found = Found(DifferenceKind.STATEMENT_REFUSED, day.isoformat())
    if (found.kind, found.subject) not in work.reconciliation.told(day):
        audit.record(work, audit.SYSTEM, "statement_refused", subject=day.isoformat(), reason=why, refused=True)
    tell(work, day, [found])
