"""Orders to the bank: transfers, debits, deposits and recalls, each carried out once however often it comes."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from simulators.bank.mandates import MandateDesk
from simulators.bank.store import LENDER_NAME, OTHER_BANKS, BankStore, Entry
from simulators.faults import Fault
from simulators.refusals import ContentDiffers, MessageIdTaken, OrderUnknown


class OrderKind(StrEnum):
    """What is ordered, seen from the lender's account; a return is ordered by the payer's bank, of a debit."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    DEPOSIT = "deposit"
    RECALL = "recall"
    RETURN = "return"


class OrderStatus(StrEnum):
    """Where an order stands; settled and declined are final."""

    PENDING = "pending"
    SETTLED = "settled"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Order:
    """What the customer asked for; `account` and `name` are the other side's.

    The mandate of a debit is looked at once, when the order comes, and is no part of what it orders.
    """

    kind: OrderKind
    end_to_end_id: str
    account: str = field(repr=False)
    name: str = field(repr=False)
    amount_fen: int
    value_date: date
    purpose: str = field(repr=False)
    partial: bool = False
    mandate_id: str | None = field(default=None, compare=False)
    mandate_signed_on: date | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an order. `amount_fen` is the money that moved, 0 unless settled."""

    end_to_end_id: str
    kind: OrderKind
    status: OrderStatus
    amount_fen: int
    bank_reference: str
    booked_on: date | None
    reason_code: str | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """What the lender is told: a booking on his account, or the decline of an order that was pending."""

    reference: str
    kind: OrderKind
    status: OrderStatus
    end_to_end_id: str
    direction: str
    amount_fen: int
    booked_on: date
    counterparty_account: str = field(repr=False)
    counterparty_name: str = field(repr=False)
    text: str = field(repr=False)
    reason_code: str | None


class OrderDesk:
    """Takes orders and settles them; every booking leaves a notice for the lender in the same transaction."""

    def __init__(self, store: BankStore, mandates: MandateDesk, notice_form: Callable[[Notice], str]) -> None:
        self._store = store
        self._mandates = mandates
        self._notice_form = notice_form

    def submit(self, order: Order, fault: Fault | None = None, message_id: str | None = None) -> Receipt:
        """The result of the order; the first one again if the same order came before.

        Refused: an end-to-end id that came before with other content, and a message id that came with another order.
        """
        with self._store.transaction():
            if message_id is not None:
                self._take_message(message_id, order.end_to_end_id)
            known = self._find(order.end_to_end_id)
            if known is not None:
                if _order_of(known) != order:
                    raise ContentDiffers(f"order {order.end_to_end_id} came before with other content")
                return _receipt(known, duplicate=True)
            order_id = self._record(order)
            objection = self._objection_to_mandate(order)
            if objection is not None:
                self._decline(order_id, objection)
            else:
                self._answer(order_id, order, fault)
            return _receipt(self._get(order_id), duplicate=fault is Fault.DUPLICATE)

    def recall(self, end_to_end_id: str, reason: str, value_date: date, fault: Fault | None = None) -> Receipt:
        """Takes a settled transfer back from the payee, whole. Once; the same result again on repetition.

        Declined, and free to be tried again: what never settled, and money that the payee has spent.
        """
        with self._store.transaction():
            known = self._find(end_to_end_id, recall=True)
            if known is not None and known["status"] != OrderStatus.DECLINED:
                return _receipt(known, duplicate=True)
            original = self._find(end_to_end_id)
            if original is None or original["kind"] != OrderKind.TRANSFER:
                raise OrderUnknown(f"there is no transfer {end_to_end_id}")
            order = Order(
                OrderKind.RECALL,
                end_to_end_id,
                original["account"],
                original["name"],
                original["amount_fen"],
                value_date,
                reason,
            )
            if known is not None:
                self._store.connection.execute("DELETE FROM orders WHERE id = ?", (known["id"],))
            order_id = self._record(order)
            if original["status"] == OrderStatus.SETTLED:
                self._answer(order_id, order, fault)
            else:
                self._decline(order_id, "not_settled")
            return _receipt(self._get(order_id), duplicate=fault is Fault.DUPLICATE)

    def status(self, end_to_end_id: str) -> Receipt:
        """What became of a transfer, debit or deposit. Refused: an id that never arrived."""
        known = self._find(end_to_end_id)
        if known is None:
            raise OrderUnknown(f"no order {end_to_end_id} has arrived")
        return _receipt(known, duplicate=False)

    def settle_pending(self, end_to_end_id: str | None, *, decline: bool, value_date: date | None) -> list[Receipt]:
        """Ends one pending order, or all: settles or declines them, on the day given or on their own."""
        with self._store.transaction():
            rows = self._store.connection.execute(
                "SELECT * FROM orders WHERE status = 'pending' AND (? IS NULL OR end_to_end_id = ?) ORDER BY id",
                (end_to_end_id, end_to_end_id),
            ).fetchall()
            for row in rows:
                order = _order_of(row)
                if decline:
                    self._decline(row["id"], "declined_by_bank")
                else:
                    self._carry_out(row["id"], order, value_date or order.value_date, copies=1)
                if self._get(row["id"])["status"] == OrderStatus.DECLINED:
                    self._notify(row["id"], order, value_date or order.value_date, copies=1)
            return [_receipt(self._get(row["id"]), duplicate=False) for row in rows]

    def return_debit(self, end_to_end_id: str, reason_code: str, on: date, amount_fen: int | None = None) -> str:
        """Gives the payer of a settled debit his money back, as his bank asks for; the booking's reference.

        Once for each debit, whole unless an amount is given. Refused: an id of no settled debit.
        """
        with self._store.transaction():
            debit = self._find(end_to_end_id)
            if debit is None or debit["kind"] != OrderKind.DEBIT or debit["status"] != OrderStatus.SETTLED:
                raise OrderUnknown(f"there is no settled debit {end_to_end_id}")
            reference = f"BR{debit['id']:012d}"
            lender = self._store.lender_account
            known = self._store.connection.execute(
                "SELECT 1 FROM entries WHERE account = ? AND reference = ?", (lender, reference)
            )
            if known.fetchone() is not None:
                return reference
            moved_fen = amount_fen or debit["moved_fen"]
            self._store.book(
                from_account=lender,
                to_account=debit["account"],
                entry=Entry(
                    reference=reference,
                    end_to_end_id=end_to_end_id,
                    kind=OrderKind.RETURN,
                    amount_fen=moved_fen,
                    booked_on=on,
                    counterparty_account=lender,
                    counterparty_name=LENDER_NAME,
                    text=reason_code,
                ),
            )
            self._tell(
                Notice(
                    reference=reference,
                    kind=OrderKind.RETURN,
                    status=OrderStatus.SETTLED,
                    end_to_end_id=end_to_end_id,
                    direction="out",
                    amount_fen=moved_fen,
                    booked_on=on,
                    counterparty_account=debit["account"],
                    counterparty_name=debit["name"],
                    text="",
                    reason_code=reason_code,
                )
            )
            return reference

    def _take_message(self, message_id: str, end_to_end_id: str) -> None:
        self._store.connection.execute("INSERT OR IGNORE INTO messages VALUES (?, ?)", (message_id, end_to_end_id))
        row = self._store.connection.execute(
            "SELECT end_to_end_id FROM messages WHERE message_id = ?", (message_id,)
        ).fetchone()
        if row["end_to_end_id"] != end_to_end_id:
            raise MessageIdTaken("this message id came before with another order")

    def _objection_to_mandate(self, order: Order) -> str | None:
        if order.kind is not OrderKind.DEBIT:
            return None
        return self._mandates.objection(
            order.account, order.name, order.mandate_id, order.mandate_signed_on, order.amount_fen
        )

    def _find(self, end_to_end_id: str, *, recall: bool = False) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._store.connection.execute(
            "SELECT * FROM orders WHERE end_to_end_id = ? AND (kind = 'recall') = ?", (end_to_end_id, recall)
        ).fetchone()
        return row

    def _get(self, order_id: int) -> sqlite3.Row:
        row: sqlite3.Row = self._store.connection.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
        return row

    def _record(self, order: Order) -> int:
        cursor = self._store.connection.execute(
            "INSERT INTO orders (end_to_end_id, kind, account, name, amount_fen, value_date, purpose, partial, status)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending') RETURNING id",
            (
                *(order.end_to_end_id, order.kind, order.account, order.name, order.amount_fen),
                *(order.value_date.isoformat(), order.purpose, order.partial),
            ),
        )
        order_id: int = cursor.fetchone()["id"]
        return order_id

    def _decline(self, order_id: int, reason_code: str) -> None:
        self._store.connection.execute(
            "UPDATE orders SET status = 'declined', reason_code = ? WHERE id = ?", (reason_code, order_id)
        )

    def _answer(self, order_id: int, order: Order, fault: Fault | None) -> None:
        if fault is Fault.DECLINE:
            self._decline(order_id, "declined_by_bank")
        elif fault is not Fault.PENDING:
            self._carry_out(order_id, order, order.value_date, copies=2 if fault is Fault.DUPLICATE else 1)

    def _carry_out(self, order_id: int, order: Order, on: date, *, copies: int) -> None:
        amount_fen, reason_code = self._assess(order, on)
        if reason_code is not None:
            self._decline(order_id, reason_code)
            return
        self._store.connection.execute(
            "UPDATE orders SET status = 'settled', moved_fen = ?, booked_on = ? WHERE id = ?",
            (amount_fen, on.isoformat(), order_id),
        )
        self._book(order_id, order, amount_fen, on)
        self._notify(order_id, order, on, copies=copies)

    def _assess(self, order: Order, on: date) -> tuple[int, str | None]:
        """The money that can move, or the reason why none can."""
        if order.kind is OrderKind.DEPOSIT:
            return order.amount_fen, None
        other = self._store.account(order.account, on)
        if other is None:
            return 0, "account_unknown"
        if other.closed:
            return 0, "account_closed"
        if other.name != order.name:
            return 0, "name_mismatch"
        payer = self._store.account(self._store.lender_account, on) if order.kind is OrderKind.TRANSFER else other
        available_fen = payer.balance_fen if payer is not None else 0
        if available_fen >= order.amount_fen:
            return order.amount_fen, None
        if order.partial and available_fen > 0:
            return available_fen, None
        return 0, "insufficient_funds"

    def _book(self, order_id: int, order: Order, amount_fen: int, on: date) -> None:
        lender_account = self._store.lender_account
        goes_out = order.kind is OrderKind.TRANSFER
        # A deposit is a transfer from another bank: its sender's account is only named, not booked.
        sender = OTHER_BANKS if order.kind is OrderKind.DEPOSIT else order.account
        self._store.book(
            from_account=lender_account if goes_out else sender,
            to_account=order.account if goes_out else lender_account,
            entry=Entry(
                reference=_bank_reference(order_id),
                end_to_end_id=order.end_to_end_id,
                kind=order.kind,
                amount_fen=amount_fen,
                booked_on=on,
                counterparty_account=lender_account if goes_out else order.account,
                counterparty_name=LENDER_NAME if goes_out else order.name,
                text=order.purpose,
            ),
        )

    def _notify(self, order_id: int, order: Order, on: date, *, copies: int) -> None:
        row = self._get(order_id)
        reference = _bank_reference(order_id)
        notice = Notice(
            reference=reference,
            kind=order.kind,
            status=OrderStatus(row["status"]),
            end_to_end_id=order.end_to_end_id,
            direction="out" if order.kind is OrderKind.TRANSFER else "in",
            amount_fen=row["moved_fen"],
            booked_on=on,
            counterparty_account=order.account,
            counterparty_name=order.name,
            text=order.purpose,
            reason_code=row["reason_code"],
        )
        self._tell(notice, copies)

    def _tell(self, notice: Notice, copies: int = 1) -> None:
        self._store.connection.execute(
            "INSERT INTO notices (reference, body, copies) VALUES (?, ?, ?)",
            (notice.reference, self._notice_form(notice), copies),
        )


def _bank_reference(order_id: int) -> str:
    return f"BK{order_id:012d}"


def _order_of(row: sqlite3.Row) -> Order:
    return Order(
        kind=OrderKind(row["kind"]),
        end_to_end_id=row["end_to_end_id"],
        account=row["account"],
        name=row["name"],
        amount_fen=row["amount_fen"],
        value_date=date.fromisoformat(row["value_date"]),
        purpose=row["purpose"],
        partial=bool(row["partial"]),
    )


def _receipt(row: sqlite3.Row, *, duplicate: bool) -> Receipt:
    return Receipt(
        end_to_end_id=row["end_to_end_id"],
        kind=OrderKind(row["kind"]),
        status=OrderStatus(row["status"]),
        amount_fen=row["moved_fen"],
        bank_reference=_bank_reference(row["id"]),
        booked_on=date.fromisoformat(row["booked_on"]) if row["booked_on"] else None,
        reason_code=row["reason_code"],
        duplicate=duplicate,
    )
