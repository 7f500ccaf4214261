"""Prime rates, cost caps and own-card limits as rows, which one person proposes and another puts in force."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("limit_proposal", "limit_decision")
SAME_PERSON = "whoever proposed a limit does not decide on it"


def upgrade() -> None:
    op.create_table(
        "limit_proposal",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "limit_decision",
        sa.Column("proposal_id", sa.String(length=32), sa.ForeignKey("limit_proposal.id"), primary_key=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    )
    same = "EXISTS (SELECT 1 FROM limit_proposal p WHERE p.id = NEW.proposal_id AND p.proposed_by = NEW.decided_by)"
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        op.execute(
            f"CREATE TRIGGER limit_decision_four_eyes BEFORE INSERT ON limit_decision WHEN {same} "
            f"BEGIN SELECT RAISE(ABORT, '{SAME_PERSON}'); END"
        )
        return
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION limit_decision_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {same} THEN RAISE EXCEPTION '{SAME_PERSON}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER limit_decision_four_eyes BEFORE INSERT ON limit_decision "
        "FOR EACH ROW EXECUTE FUNCTION limit_decision_four_eyes()"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION limit_decision_four_eyes()")
