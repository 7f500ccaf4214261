"""Two people decide where the rules ask for it, somebody stands in for who is away, and refusals are looked at anew."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ONE_APPROVAL = """
    SELECT 1 FROM decision
    WHERE id = NEW.decision_id AND loan = NEW.loan AND outcome = 'approve' AND decided_as <> 'finance'
"""
AS_MANY_AS_ASKED = """
    SELECT 1 FROM decision d JOIN task t ON t.id = d.task_id
    WHERE d.id = NEW.decision_id AND d.loan = NEW.loan AND d.outcome = 'approve' AND d.decided_as <> 'finance'
    AND (d.people = 1 OR EXISTS (
        SELECT 1 FROM decision f
        WHERE f.id = t.confirms AND f.loan = d.loan AND f.outcome = 'approve' AND f.decided_by <> d.decided_by
    ))
"""
"""What stands behind terms: an approval, and where two people were asked for another person's before it."""


def upgrade() -> None:
    op.add_column("task", sa.Column("policy_id", sa.String(length=32), nullable=True))
    op.add_column("task", sa.Column("fired_row", sa.Integer(), nullable=True))
    op.add_column("task", sa.Column("people", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("task", sa.Column("confirms", sa.String(length=32), nullable=True))
    op.add_column("task", sa.Column("reminded_for", sa.Date(), nullable=True))
    op.add_column("decision", sa.Column("policy_id", sa.String(length=32), nullable=True))
    op.add_column("decision", sa.Column("fired_row", sa.Integer(), nullable=True))
    op.add_column("decision", sa.Column("people", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("decision", sa.Column("stands_in_for", sa.String(length=64), nullable=True))
    op.create_table(
        "absence",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("staff_id", sa.String(length=64), sa.ForeignKey("staff.id"), nullable=False, index=True),
        sa.Column("deputy_id", sa.String(length=64), sa.ForeignKey("staff.id"), nullable=False, index=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False, index=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_off_by", sa.String(length=64), nullable=True),
        sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("staff_id <> deputy_id", name="ck_absence_deputy"),
        sa.CheckConstraint("from_on <= to_on", name="ck_absence_days"),
    )
    op.create_table(
        "second_look",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), primary_key=True),
        sa.Column("round", sa.Integer(), primary_key=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("grade", sa.String(length=2), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("annual_rate_percent", sa.String(length=12), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_as", sa.String(length=32), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER second_look_no_{verb.lower()} BEFORE {verb} ON second_look "
                "BEGIN SELECT RAISE(ABORT, 'second_look is insert-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER second_look_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON second_look "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    _guard_terms(AS_MANY_AS_ASKED)


def _guard_terms(approval: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER terms_need_approval")
        op.execute(
            f"CREATE TRIGGER terms_need_approval BEFORE INSERT ON terms WHEN NOT EXISTS ({approval}) "
            "BEGIN SELECT RAISE(ABORT, 'terms need an approving decision'); END"
        )
        return
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION terms_need_approval() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS ({approval}) THEN RAISE EXCEPTION 'terms need an approving decision'; END IF;
            RETURN NEW;
        END $$
        """
    )


def downgrade() -> None:
    _guard_terms(ONE_APPROVAL)
    for table in ("second_look", "absence"):
        op.drop_table(table)
    for table, columns in (
        ("decision", ("stands_in_for", "people", "fired_row", "policy_id")),
        ("task", ("reminded_for", "confirms", "people", "fired_row", "policy_id")),
    ):
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
