"""Where bank and books differ on a business date, told to finance once: a row and a task for each difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from books.rows import write_many
from books.session import UnitOfWork
from models.keys import new_id
from models.payments import OURS, BankEntry, Payment
from models.reconciliation import BankDifference, BankStatement, DifferenceKind, MatchedBy, StatementLine
from models.staff import Role
from models.tasks import Task, TaskKind, TaskStatus

MOST_TASKS_A_KIND = 50
"""Above so many differences of one kind on a day, one task tells of all of them: a wrong statement floods no inbox."""


@dataclass(frozen=True)
class Found:
    """A difference as it was found; `task_id` if somebody looks after the money already."""

    kind: DifferenceKind
    subject: str
    loan: str | None = None
    bank_fen: int | None = None
    books_fen: int | None = None
    bank_date: date | None = None
    books_date: date | None = None
    task_id: str | None = None


def differences_of(work: UnitOfWork, statement: BankStatement, lines: Sequence[StatementLine]) -> list[Found]:
    """Everything in which a statement differs from the books, whose missing lines are booked by now."""
    entries = work.payments.entries_of(line.entry for line in lines)
    unheard = [line.end_to_end_id for line in lines if line.matched_by is MatchedBy.NOTHING and line.end_to_end_id]
    orders = work.payments.orders(key for name in unheard for key in (name, f"{name}:recall"))
    found = [one for line in lines if (one := _of_line(line, entries.get(line.entry), orders)) is not None]
    return [*found, *_missing_at_bank(work, statement, lines), *_of_balances(work, statement)]


def _of_line(line: StatementLine, entry: BankEntry | None, orders: dict[str, Payment]) -> Found | None:
    if entry is None:
        # It could not be booked, for what it says of the payer cannot be opened.
        return Found(DifferenceKind.MISSING_IN_BOOKS, line.reference, bank_fen=_signed(line), bank_date=line.booked_on)
    kind = _kind(line, entry, orders)
    if kind is None:
        return None
    was_new = kind is DifferenceKind.MISSING_IN_BOOKS
    return Found(
        kind,
        line.reference,
        loan=entry.loan,
        bank_fen=_signed(line),
        books_fen=None if was_new else _signed(entry),
        bank_date=line.booked_on,
        books_date=None if was_new else entry.booked_on,
        # Somebody looks after the first of two bookings perhaps, but not after the second.
        task_id=None if line.matched_by is MatchedBy.REPEATED else entry.task_id,
    )


def _kind(line: StatementLine, entry: BankEntry, orders: dict[str, Payment]) -> DifferenceKind | None:
    if line.matched_by is MatchedBy.REPEATED:
        return DifferenceKind.TWICE
    if line.is_reversal and not entry.matched:
        return DifferenceKind.REVERSED
    if line.matched_by is MatchedBy.NOTHING:
        order = orders.get(f"{line.end_to_end_id}:recall" if line.is_reversal else f"{line.end_to_end_id}")
        if order is None or order.kind not in OURS:
            return DifferenceKind.MISSING_IN_BOOKS
        # An order of ours that this line confirmed is no difference; one that it moved once more is.
        return None if entry.matched else DifferenceKind.TWICE
    if _signed(line) != _signed(entry):
        return DifferenceKind.AMOUNT_DIFFERS
    return None if line.booked_on == entry.booked_on else DifferenceKind.DATE_DIFFERS


def _missing_at_bank(work: UnitOfWork, statement: BankStatement, lines: Sequence[StatementLine]) -> list[Found]:
    """Movements that a notice or the bank's own answer told of for that day, and that no statement shows."""
    shown = {line.reference for line in lines}
    day = statement.business_date
    entries = [one for one in work.reconciliation.entries_not_on(statement.id, day) if one.reference not in shown]
    orders = [one for one in work.reconciliation.orders_not_on(statement.id, day) if one.bank_reference not in shown]
    references = {entry.reference for entry in entries} | {order.bank_reference or "" for order in orders}
    told = references & work.payments.entries_of(references).keys()
    elsewhere = work.reconciliation.shown_elsewhere(references, day)
    ids = {line.end_to_end_id for line in lines}
    found = [
        Found(
            DifferenceKind.MISSING_AT_BANK,
            entry.reference,
            loan=entry.loan,
            books_fen=_signed(entry),
            books_date=entry.booked_on,
            task_id=entry.task_id,
        )
        for entry in entries
        if entry.reference not in elsewhere
    ]
    return found + [
        Found(
            DifferenceKind.MISSING_AT_BANK,
            order.key,
            loan=order.loan,
            books_fen=order.settled_fen,
            books_date=order.moved_on,
        )
        for order in orders
        if order.bank_reference not in told | elsewhere.keys() and order.key not in ids
    ]


def _of_balances(work: UnitOfWork, statement: BankStatement) -> list[Found]:
    found = []
    before, after = work.reconciliation.neighbours(statement.business_date)
    if before is not None and before.closing_fen != statement.opening_fen:
        found.append(
            Found(
                DifferenceKind.OPENING_BREAKS,
                f"version {statement.version}",
                bank_fen=statement.opening_fen,
                books_fen=before.closing_fen,
                books_date=before.business_date,
            )
        )
    if after is not None and after.opening_fen != statement.closing_fen:
        found.append(
            Found(
                DifferenceKind.CLOSING_BREAKS,
                f"version {statement.version}",
                bank_fen=statement.closing_fen,
                books_fen=after.opening_fen,
                books_date=after.business_date,
            )
        )
    if statement.version > 1:
        found.append(Found(DifferenceKind.STATEMENT_CORRECTED, f"version {statement.version}"))
    return found


def _signed(moved: StatementLine | BankEntry) -> int:
    return moved.amount_fen if moved.direction == "in" else -moved.amount_fen


def tell(work: UnitOfWork, day: date, found: Sequence[Found]) -> None:
    """Keeps the differences of a day that nobody knows yet, each with a task of finance."""
    known = work.reconciliation.told(day)
    fresh = {(one.kind, one.subject): one for one in found if (one.kind, one.subject) not in known}
    tasks: list[Task] = []
    rows = []
    for kind in DifferenceKind:
        of_kind = [one for one in fresh.values() if one.kind is kind]
        shared = None
        if len(of_kind) > MOST_TASKS_A_KIND:
            shared = _task(work, day, f"{kind}, {len(of_kind)} times")
            tasks.append(shared)
        for one in of_kind:
            task_id = one.task_id or (shared.id if shared else None)
            if task_id is None:
                task = _task(work, day, f"{kind}, {one.subject}")
                tasks.append(task)
                task_id = task.id
            rows.append(
                BankDifference(
                    business_date=day,
                    kind=kind,
                    subject=one.subject,
                    loan=one.loan,
                    bank_fen=one.bank_fen,
                    books_fen=one.books_fen,
                    bank_date=one.bank_date,
                    books_date=one.books_date,
                    task_id=task_id,
                    found_at=work.now,
                )
            )
    write_many(work.session, Task, [task.model_dump() for task in tasks])
    write_many(work.session, BankDifference, [row.model_dump() for row in rows])


def _task(work: UnitOfWork, day: date, what: str) -> Task:
    return Task(
        id=new_id(),
        kind=TaskKind.TROUBLE,
        role=Role.FINANCE,
        status=TaskStatus.OPEN,
        due_on=work.today + timedelta(days=1),
        opened_at=work.now,
        about=f"statement of {day}: {what}",
    )
