"""Postings are sealed into the chain of the audit log: those that are there already by the first sealing after this."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLE = "posting_sealed"
SAME = ("posting_id = NEW.posting_id", "seal_no = NEW.seal_no AND position = NEW.position")


def upgrade() -> None:
    # A seal over the audit log has no book, so that the hashes of those that are there stay what they are.
    op.execute(
        "ALTER TABLE audit_seal ADD COLUMN book VARCHAR(16) CONSTRAINT ck_audit_seal_book CHECK (book = 'ledger')"
    )
    op.create_table(
        TABLE,
        sa.Column("posting_id", sa.String(length=32), primary_key=True),
        sa.Column("seal_no", sa.Integer(), sa.ForeignKey("audit_seal.no"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(length=64), nullable=False),
        sa.CheckConstraint("seal_no >= 1", name="ck_posting_sealed_seal_no"),
        sa.CheckConstraint("position >= 0", name="ck_posting_sealed_position"),
    )
    op.create_index("ix_posting_sealed_place", TABLE, ["seal_no", "position"], unique=True)
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            f"CREATE TRIGGER {TABLE}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is insert-only'); END"
        )
    # A connection that is not ours may have recursive triggers off, and then REPLACE removes rows unseen.
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {TABLE} WHERE {same})" for same in SAME)
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} BEGIN "
        f"SELECT RAISE(ABORT, 'UNIQUE constraint failed: {TABLE} is insert-only') WHERE {there}; "
        f"SELECT RAISE(ABORT, '{TABLE} is insert-only') FROM {TABLE} WHERE rowid = NEW.rowid; END"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
    op.drop_column("audit_seal", "book")
