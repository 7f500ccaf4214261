"""Audit entries name the step of a workflow; they are sealed into a chain, whose daily roots are deposited."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

INSERT_ONLY = ("audit_deposit", "audit_sealed", "audit_seal")
"""Those that refer to others first."""
STEP = ("workflow_id", "run_id", "activity_id", "event_id")
KEYS = {
    "audit_entry": "id = NEW.id",
    "audit_seal": "no = NEW.no",
    "audit_sealed": "entry_id = NEW.entry_id",
    "audit_deposit": "depository = NEW.depository AND day = NEW.day",
}
REFUSED = sa.text("refused")


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("workflow_id", sa.String(length=64), nullable=True))
    op.add_column("audit_entry", sa.Column("run_id", sa.String(length=36), nullable=True))
    op.add_column("audit_entry", sa.Column("activity_id", sa.String(length=32), nullable=True))
    op.add_column("audit_entry", sa.Column("event_id", sa.Integer(), nullable=True))
    op.create_index("ix_audit_act", "audit_entry", ["act", "id"])
    op.create_index("ix_audit_refused", "audit_entry", ["id"], sqlite_where=REFUSED, postgresql_where=REFUSED)
    op.create_table(
        "audit_seal",
        sa.Column("no", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("first_id", sa.String(length=32), nullable=False),
        sa.Column("last_id", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.CheckConstraint("no >= 1", name="ck_audit_seal_no"),
        sa.CheckConstraint("count >= 1", name="ck_audit_seal_count"),
    )
    op.create_table(
        "audit_sealed",
        sa.Column("entry_id", sa.String(length=32), primary_key=True),
        sa.Column("seal_no", sa.Integer(), sa.ForeignKey("audit_seal.no"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(length=64), nullable=False),
        sa.CheckConstraint("seal_no >= 1", name="ck_audit_sealed_seal_no"),
        sa.CheckConstraint("position >= 0", name="ck_audit_sealed_position"),
    )
    op.create_index("ix_audit_sealed_place", "audit_sealed", ["seal_no", "position"], unique=True)
    op.create_table(
        "audit_deposit",
        sa.Column("depository", sa.String(length=64), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("seal_no", sa.Integer(), sa.ForeignKey("audit_seal.no"), nullable=False, index=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.String(length=300), nullable=False),
        sa.Column("deposited_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seal_no >= 1", name="ck_audit_deposit_seal_no"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in INSERT_ONLY:
        if sqlite:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    if sqlite:
        # A connection that is not ours may have recursive triggers off, and then REPLACE removes rows unseen.
        for table, same in KEYS.items():
            op.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entry_no_replace")
    for table in INSERT_ONLY:
        op.drop_table(table)
    for index in ("ix_audit_refused", "ix_audit_act"):
        op.drop_index(index, "audit_entry")
    for column in reversed(STEP):
        op.drop_column("audit_entry", column)
