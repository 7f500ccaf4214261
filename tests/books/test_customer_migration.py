"""Customers from before it was asked whether the identity register had confirmed them."""

from alembic import command
from sqlalchemy import create_engine, text

from books.schema import alembic_config, migrate
from tests.books.migrated import opened_anew
from tests.services.portfolios import running_loan, taken
from tests.services.procedure import AGENT, OTHER_AGENT, Procedure


def test_customers_of_before_are_believed_where_something_speaks_for_them(procedure: Procedure) -> None:
    confirmed, stated, shared = (procedure.apply(actor=AGENT) for _ in range(3))
    procedure.verify(confirmed)
    offered = procedure.apply(actor=AGENT)
    procedure.verify(offered, identity=None)
    procedure.grade(offered)
    procedure.decide(offered)
    (over,) = taken(procedure.books, running_loan())
    command.downgrade(alembic_config(procedure.books.url), "0036")
    engine = create_engine(procedure.books.url)
    with engine.begin() as connection:
        # As where one agent entered somebody first, and another's application was put beside it.
        owner = text("UPDATE customer SET owner_id = :owner WHERE id = :id")
        connection.execute(owner, {"owner": OTHER_AGENT.id, "id": procedure_customer(procedure, shared)})
    engine.dispose()
    migrate(procedure.books.url)
    with opened_anew(procedure.books) as books, books.read() as work:
        of_loan = {number: work.customers.of_loan(number) for number in (confirmed, stated, shared, offered, over)}
        known = {number for number, one in of_loan.items() if one.confirmed_at is not None}
        assert known == {confirmed, offered, over}
        assert of_loan[confirmed].confirmed_at == of_loan[confirmed].created_at
        assert (of_loan[stated].owner_id, of_loan[shared].owner_id) == (AGENT.id, None)


def procedure_customer(procedure: Procedure, loan: str) -> str:
    """The customer of a loan, asked for without the columns that were taken away."""
    engine = create_engine(procedure.books.url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT customer_id FROM loan WHERE number = :loan"), {"loan": loan})
        customer: str = found.scalar_one()
    engine.dispose()
    return customer
