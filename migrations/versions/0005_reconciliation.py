"""Statements of the bank and what they were compared with; proposals on unmatched money under four eyes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSERT_ONLY = (
    "suspense_proposal",
    "suspense_verdict",
    "bank_statement",
    "statement_line",
    "reconciliation",
    "bank_difference",
)
OTHER_EYES = "money is confirmed by another person than the one who proposed"
POSITIVE = sa.CheckConstraint("amount_fen > 0", name="ck_payment_amount_positive")


def upgrade() -> None:
    # SQLite knows no ALTER COLUMN: the table is copied, and what reflection does not see is named again.
    with op.batch_alter_table("payment", table_args=(POSITIVE,)) as payment:
        payment.alter_column("loan", existing_type=sa.String(length=16), nullable=True)
        payment.add_column(sa.Column("moved_on", sa.Date(), nullable=True))
        payment.create_index("ix_payment_moved_on", ["moved_on"])
    with op.batch_alter_table("bank_entry") as entry:
        entry.add_column(sa.Column("counterparty_account", sa.Text(), nullable=True))
        entry.add_column(sa.Column("account_index", sa.String(length=64), nullable=True))
        entry.add_column(sa.Column("told_by", sa.String(length=32), nullable=False, server_default="notice"))
        entry.add_column(sa.Column("task_id", sa.String(length=32), nullable=True))
        entry.create_foreign_key("fk_bank_entry_task_id_task", "task", ["task_id"], ["id"])
        entry.create_index("ix_bank_entry_account_index", ["account_index"])
        entry.create_index("ix_bank_entry_task_id", ["task_id"])
    _create_proposals()
    _create_statements()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _create_proposals() -> None:
    op.create_table(
        "suspense_proposal",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("task_id", sa.String(length=32), sa.ForeignKey("task.id"), nullable=False, index=True),
        sa.Column("reference", sa.String(length=64), sa.ForeignKey("bank_entry.reference"), nullable=False, index=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=True, index=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "suspense_verdict",
        sa.Column("proposal_id", sa.String(length=32), sa.ForeignKey("suspense_proposal.id"), primary_key=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_statements() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("business_date", "version"),
    )
    op.create_table(
        "statement_line",
        sa.Column("statement_id", sa.String(length=32), sa.ForeignKey("bank_statement.id"), primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=32), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("end_to_end_id", sa.String(length=96), nullable=True),
        sa.Column("counterparty", sa.Text(), nullable=True),
        sa.Column("counterparty_account", sa.Text(), nullable=True),
        sa.Column("remittance", sa.Text(), nullable=True),
        sa.Column("is_reversal", sa.Boolean(), nullable=False),
        sa.Column("matched_by", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
    )
    op.create_index("ix_statement_line_reference", "statement_line", ["reference"])
    op.create_index("ix_statement_line_entry", "statement_line", ["entry", "statement_id"])
    op.create_table(
        "reconciliation",
        sa.Column("statement_id", sa.String(length=32), sa.ForeignKey("bank_statement.id"), primary_key=True),
        sa.Column("business_date", sa.Date(), nullable=False, index=True),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "bank_difference",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=96), nullable=False),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=True, index=True),
        sa.Column("bank_fen", sa.BigInteger(), nullable=True),
        sa.Column("books_fen", sa.BigInteger(), nullable=True),
        sa.Column("bank_date", sa.Date(), nullable=True),
        sa.Column("books_date", sa.Date(), nullable=True),
        sa.Column("task_id", sa.String(length=32), sa.ForeignKey("task.id"), nullable=False, index=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("business_date", "kind", "subject"),
    )


def _guard_sqlite() -> None:
    for table in INSERT_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    op.execute(
        f"""
        CREATE TRIGGER suspense_verdict_other_eyes BEFORE INSERT ON suspense_verdict
        WHEN NEW.confirmed AND EXISTS (
            SELECT 1 FROM suspense_proposal WHERE id = NEW.proposal_id AND proposed_by = NEW.given_by
        )
        BEGIN SELECT RAISE(ABORT, '{OTHER_EYES}'); END
        """
    )


def _guard_postgresql() -> None:
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION suspense_verdict_other_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.confirmed AND EXISTS (
                SELECT 1 FROM suspense_proposal WHERE id = NEW.proposal_id AND proposed_by = NEW.given_by
            ) THEN RAISE EXCEPTION '{OTHER_EYES}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER suspense_verdict_other_eyes BEFORE INSERT ON suspense_verdict "
        "FOR EACH ROW EXECUTE FUNCTION suspense_verdict_other_eyes()"
    )


def downgrade() -> None:
    for table in ("bank_difference", "reconciliation", "statement_line", "bank_statement"):
        op.drop_table(table)
    op.drop_table("suspense_verdict")
    op.drop_table("suspense_proposal")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION suspense_verdict_other_eyes()")
    # Refunds have no loan, which the older table cannot hold; a downgrade is for books without any.
    with op.batch_alter_table("bank_entry") as entry:
        entry.drop_index("ix_bank_entry_task_id")
        entry.drop_index("ix_bank_entry_account_index")
        entry.drop_constraint("fk_bank_entry_task_id_task", type_="foreignkey")
        for column in ("task_id", "told_by", "account_index", "counterparty_account"):
            entry.drop_column(column)
    with op.batch_alter_table("payment", table_args=(POSITIVE,)) as payment:
        payment.drop_index("ix_payment_moved_on")
        payment.drop_column("moved_on")
        payment.alter_column("loan", existing_type=sa.String(length=16), nullable=False)
