"""Quotes for prepayments, the fee within one, and which quote a payment took."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepayment_quote",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("effect", sa.String(length=24), nullable=False),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("quoted_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("quoted_by", sa.String(length=64), nullable=False),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("payment", sa.Column("fee_fen", sa.BigInteger(), nullable=False, server_default="0"))
    # No foreign key: SQLite would copy the whole table for it, and a quote is never removed.
    op.add_column("payment", sa.Column("quote_id", sa.String(length=32), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER prepayment_quote_no_{verb.lower()} BEFORE {verb} ON prepayment_quote "
                "BEGIN SELECT RAISE(ABORT, 'prepayment_quote is insert-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER prepayment_quote_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prepayment_quote "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for column in ("quote_id", "fee_fen"):
        op.execute(f"ALTER TABLE payment DROP COLUMN {column}")
    op.drop_table("prepayment_quote")
