"""Checks of accounts, debit mandates, and the change of an account by two people."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSERT_ONLY = ("account_check", "account_change", "account_verdict")

TWO_PEOPLE = "another account needs two people, none of them finance"
ONE_PERSON = """
    NEW.confirmed AND (NEW.given_as = 'finance' OR NOT EXISTS (
        SELECT 1 FROM account_change c
        WHERE c.id = NEW.change_id AND c.proposed_by <> NEW.given_by AND c.proposed_as <> 'finance'
    ))
"""

UNVOUCHED = "nobody vouches for this account"
NOT_VOUCHED = """
    NEW.confirmed AND NOT EXISTS (
        SELECT 1 FROM account_change c
        WHERE c.id = NEW.change_id AND (c.confirmation IS NOT NULL OR EXISTS (
            SELECT 1 FROM account_check k
            WHERE k.loan = c.loan AND k.account_index = c.account_index AND k.result = 'match'
        ))
    )
"""

BY_CHANGE = "an account changes only by a confirmed change"
UNCONFIRMED = """
    NOT EXISTS (
        SELECT 1 FROM account_change c JOIN account_verdict v ON v.change_id = c.id
        WHERE c.id = NEW.account_change_id AND c.loan = NEW.loan AND v.confirmed
    ) OR (OLD.account_change_id IS NOT NULL AND OLD.account_change_id = NEW.account_change_id)
"""


def upgrade() -> None:
    # No foreign key: changes point at parties already, and two tables that point at each other have no order.
    op.add_column("party", sa.Column("account_change_id", sa.String(length=32), nullable=True))
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _create_tables() -> None:
    op.create_table(
        "account_check",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("key", sa.String(length=96), nullable=False, unique=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False, index=True),
        sa.Column("account_index", sa.String(length=64), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "debit_mandate",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("key", sa.String(length=64), nullable=False, unique=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False, index=True),
        sa.Column("account_index", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("bank_id", sa.String(length=35), nullable=True),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "account_change",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False, index=True),
        sa.Column("task_id", sa.String(length=32), sa.ForeignKey("task.id"), nullable=False, unique=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("account_index", sa.String(length=64), nullable=False),
        sa.Column("account_before", sa.Text(), nullable=False),
        sa.Column("confirmation", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_as", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "account_verdict",
        sa.Column("change_id", sa.String(length=32), sa.ForeignKey("account_change.id"), primary_key=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_as", sa.String(length=32), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
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
        CREATE TRIGGER account_verdict_two_people BEFORE INSERT ON account_verdict BEGIN
            SELECT RAISE(ABORT, '{TWO_PEOPLE}') WHERE {ONE_PERSON};
            SELECT RAISE(ABORT, '{UNVOUCHED}') WHERE {NOT_VOUCHED};
        END
        """
    )
    op.execute(
        "CREATE TRIGGER party_account_by_change BEFORE UPDATE OF account ON party "
        f"WHEN NEW.account IS NOT OLD.account AND ({UNCONFIRMED}) BEGIN SELECT RAISE(ABORT, '{BY_CHANGE}'); END"
    )


def _guard_postgresql() -> None:
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    _function(
        "account_verdict_two_people",
        f"IF {ONE_PERSON} THEN RAISE EXCEPTION '{TWO_PEOPLE}'; END IF; "
        f"IF {NOT_VOUCHED} THEN RAISE EXCEPTION '{UNVOUCHED}'; END IF;",
    )
    op.execute(
        "CREATE TRIGGER account_verdict_two_people BEFORE INSERT ON account_verdict "
        "FOR EACH ROW EXECUTE FUNCTION account_verdict_two_people()"
    )
    _function("party_account_by_change", f"IF {UNCONFIRMED} THEN RAISE EXCEPTION '{BY_CHANGE}'; END IF;")
    op.execute(
        "CREATE TRIGGER party_account_by_change BEFORE UPDATE OF account ON party FOR EACH ROW "
        "WHEN (NEW.account IS DISTINCT FROM OLD.account) EXECUTE FUNCTION party_account_by_change()"
    )


def _function(name: str, checks: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {checks} RETURN NEW; END $$")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER party_account_by_change")
    else:
        op.execute("DROP TRIGGER party_account_by_change ON party")
        op.execute("DROP FUNCTION party_account_by_change()")
    for table in ("account_verdict", "account_change", "debit_mandate", "account_check"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION account_verdict_two_people()")
    op.execute("ALTER TABLE party DROP COLUMN account_change_id")
