"""Customers are known once the identity register confirmed them; until then they are what an application states.

What the books know of a customer is what his first application said, or the line he was taken over with. It was always
believed, and is from now on if the identity register matched that application, if terms were agreed on by it, or if he
came with a portfolio. A loan goes over from whom its application stated to whom the register found him to be; else its
customer stays as it was written. Whoever stated anybody else owns him no more where others brought him as well.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

FIRST = "(SELECT min(l.number) FROM loan l WHERE l.customer_id = customer.id)"
BELIEVED = f"""
    EXISTS (
        SELECT 1 FROM verification v
        WHERE v.loan = {FIRST} AND v.check_name = 'identity' AND v.verdict = 'passed'
    )
    OR EXISTS (SELECT 1 FROM terms t WHERE t.loan = {FIRST})
"""
FIXED = ("number", "product", "applied_fen", "applied_on")
WORDS = "number, product, customer_id, applied_fen, applied_on of loan stay as they were written"
CONFIRMED = """
    EXISTS (
        SELECT 1 FROM customer stated, customer known
        WHERE stated.id = OLD.customer_id AND stated.confirmed_at IS NULL
          AND known.id = NEW.customer_id AND known.confirmed_at IS NOT NULL
    )
"""


def upgrade() -> None:
    op.add_column("customer", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customer", sa.Column("known_as", sa.String(length=32), nullable=True))
    op.create_index("ix_customer_known_as", "customer", ["known_as"])
    op.execute(f"UPDATE customer SET confirmed_at = created_at WHERE {BELIEVED}")
    op.execute("""
        UPDATE customer SET owner_id = NULL
        WHERE confirmed_at IS NULL AND owner_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM loan l JOIN application a ON a.loan = l.number
            WHERE l.customer_id = customer.id AND a.entered_by <> customer.owner_id
        )
    """)
    _guard(f"({_differs('customer_id')} AND NOT {CONFIRMED})")


def _guard(of_customer: str) -> None:
    """Replaces the guard of what a loan is about."""
    refused = " OR ".join((*map(_differs, FIXED), of_customer))
    if not _is_sqlite():
        op.execute(
            f"""
            CREATE OR REPLACE FUNCTION loan_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {refused} THEN RAISE EXCEPTION '{WORDS}'; END IF;
                RETURN NEW;
            END $$
            """
        )
        return
    op.execute("DROP TRIGGER loan_as_written")
    op.execute(
        f"CREATE TRIGGER loan_as_written BEFORE UPDATE OF {', '.join((*FIXED, 'customer_id'))} ON loan "
        f"WHEN {refused} BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
    )


def _differs(column: str) -> str:
    return f"NEW.{column} {'IS NOT' if _is_sqlite() else 'IS DISTINCT FROM'} OLD.{column}"


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def downgrade() -> None:
    _guard(_differs("customer_id"))
    op.drop_index("ix_customer_known_as", "customer")
    op.drop_column("customer", "known_as")
    op.drop_column("customer", "confirmed_at")
