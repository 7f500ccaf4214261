"""What is taken out of the tables when a customer's data is erased; the rest goes with his key."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlmodel import Session, col

from books.guards import guards_aside
from books.sealing import SEALED, SealedTable, row_id, vault_of
from models.columns import Sealed
from models.customers import Customer, Party
from models.loans import CLOSED, Application, Loan
from models.payments import BankEntry
from models.reconciliation import StatementLine
from models.sealing import VERSION, DataCipher, PersonErased
from models.sign_in import SignInCode, WebSession
from models.verification import RegisterClaim

ERASED_DIGEST = "erased-"
"""Stands, with the row's owner, where a digest cannot be empty; no digest looks like this."""


class ErasureBook:
    """A customer's loans and what hangs on them, as an erasure needs to see it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def loans(self, customer_id: str) -> list[Loan]:
        """All loans of a customer, kept from other writers."""
        query = select(Loan).where(col(Loan.customer_id) == customer_id).order_by(col(Loan.number)).with_for_update()
        return list(self.session.scalars(query))

    def stated_as(self, customer_id: str) -> list[Customer]:
        """The statements of applications that turned out to be about a customer, kept from other writers."""
        query = select(Customer).where(col(Customer.known_as) == customer_id).order_by(col(Customer.id))
        return list(self.session.scalars(query.with_for_update()))

    def co_signed(self, customer: Customer) -> str | None:
        """A loan of somebody else that is not closed and that the customer has signed too."""
        query = (
            select(col(Party.loan))
            .join(Loan, col(Loan.number) == col(Party.loan))
            .where(
                or_(col(Party.customer_id) == customer.id, col(Party.id_number_index) == customer.id_number_index),
                col(Loan.stage).not_in(CLOSED),
            )
        )
        return self.session.scalars(query.limit(1)).first()

    def last_booking(self, loans: Sequence[str]) -> date | None:
        """The day of the last money that came or went for these loans."""
        query = select(func.max(col(BankEntry.booked_on))).where(col(BankEntry.loan).in_(loans))
        return self.session.scalars(query).one()

    def erase(self, customer: Customer, loans: Sequence[str], digests: Sequence[tuple[Table, str]]) -> None:
        """Takes out digests, search tokens and sessions, and what of the customer lies under another key than his.

        Tables that take new rows only are reached into as well, with their guards set aside for this transaction.
        """
        connection, customer_id = self.session.connection(), customer.id
        if connection.dialect.name == "sqlite":
            # Otherwise what is overwritten stays in the free pages of the file.
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        cipher = vault_of(self.session).cipher(lambda: connection, customer_id)
        if cipher is None:
            raise PersonErased(customer_id)
        touched = {table.name for table, _ in digests} | {one.table.name for one in SEALED.values()}
        with guards_aside(connection, sorted(touched)):
            # In the closed loans of others that he signed as well.
            signed = col(Party.id_number_index) == customer.id_number_index
            connection.execute(update(Party).where(signed).values(id_number_index=None))
            for row_class in (SignInCode, WebSession):
                connection.execute(delete(row_class).where(col(row_class.customer_id) == customer_id))
            # Its sender chose it, and may have chosen something about the person.
            named = col(Application.loan).in_(loans)
            connection.execute(
                update(Application).where(named).values(idempotency_key=ERASED_DIGEST + Application.loan)
            )
            connection.execute(delete(RegisterClaim).where(col(RegisterClaim.loan).in_(loans)))
            for table, column in digests:
                _clear_digest(connection, table, column, customer_id, loans)
            for sealed in SEALED.values():
                condition = _of_customer(sealed.table, customer_id, loans)
                if sealed.table.name == StatementLine.__tablename__:
                    condition = _lines_of(loans)
                if condition is not None:
                    _seal_nothing(connection, sealed, condition, cipher)


def _of_customer(table: Table, customer_id: str, loans: Sequence[str]) -> ColumnElement[bool] | None:
    """Which rows of a table are about the customer; None where no row is about one."""
    if table.name == Customer.__tablename__:
        return table.c.id == customer_id
    conditions = []
    if "customer_id" in table.c and table.name != Party.__tablename__:
        conditions.append(table.c.customer_id == customer_id)
    if "loan" in table.c:
        conditions.append(table.c.loan.in_(loans))
    return or_(*conditions) if conditions else None


def _lines_of(loans: Sequence[str]) -> ColumnElement[bool]:
    """The bank's lines that are bookings of these loans."""
    return col(StatementLine.entry).in_(select(col(BankEntry.reference)).where(col(BankEntry.loan).in_(loans)))


def _clear_digest(connection: Connection, table: Table, name: str, customer_id: str, loans: Sequence[str]) -> None:
    condition = _of_customer(table, customer_id, loans)
    if condition is None:
        return
    column = table.c[name]
    if column.primary_key:
        connection.execute(delete(table).where(condition))
        return
    connection.execute(
        update(table).where(condition).values({name: None if column.nullable else ERASED_DIGEST + customer_id})
    )


def _seal_nothing(
    connection: Connection, sealed: SealedTable, condition: ColumnElement[bool], cipher: DataCipher
) -> None:
    """Overwrites what lies under another key, of the house or of the ring, with nothing under the customer's own.

    His key is destroyed next, so that it reads like all the rest.
    """
    key = [sealed.table.c[name] for name in sealed.key]
    for name, kind in sealed.columns.items():
        column, head = sealed.table.c[name], f"{VERSION}.{cipher.name}."
        if kind.is_file:
            raw = type_coerce(column, LargeBinary)
            other = func.substr(raw, 1, len(head), type_=LargeBinary) != head.encode()
        else:
            other = func.substr(type_coerce(column, Text), 1, len(head)) != head
        for row in connection.execute(select(*key).where(condition, column.is_not(None), other)).all():
            bound_to = sealed.bound_to(name, row_id(row))
            nothing = cipher.seal_file(b"", bound_to) if kind.is_file else cipher.seal(b"", bound_to)
            values: dict[str, Any] = {name: Sealed(nothing)}
            if kind.is_file:
                values[RING_KEY_OF[name]] = ""
            at = and_(*(one == value for one, value in zip(key, row, strict=True)))
            connection.execute(update(sealed.table).where(at).values(values))


RING_KEY_OF = {"sealed": "key_id", "picture": "picture_key_id"}
"""Beside each file, the column with the key of the ring under which it may still lie."""
