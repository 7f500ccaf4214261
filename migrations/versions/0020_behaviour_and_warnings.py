"""How borrowers behave, month by month, and early warnings."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSERT_ONLY = ("behaviour_score", "early_warning", "behaviour_month")


def upgrade() -> None:
    op.create_table(
        "behaviour_score",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), primary_key=True),
        sa.Column("month", sa.String(length=7), primary_key=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("band", sa.String(length=2), nullable=False),
        sa.Column("signs", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("worst_dpd", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_behaviour_score_month", "behaviour_score", ["month", "worst_dpd", "loan"])
    op.create_table(
        "early_warning",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), primary_key=True),
        sa.Column("month", sa.String(length=7), primary_key=True),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("points_before", sa.Integer(), nullable=True),
        sa.Column("band", sa.String(length=2), nullable=False),
        sa.Column("band_before", sa.String(length=2), nullable=True),
        sa.Column("causes", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("task_id", sa.String(length=32), sa.ForeignKey("task.id"), nullable=True, index=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_early_warning_list", "early_warning", ["month", "urgency", "points", "loan"])
    op.create_table(
        "behaviour_month",
        sa.Column("month", sa.String(length=7), primary_key=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in INSERT_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        return
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in INSERT_ONLY:
        op.drop_table(table)
