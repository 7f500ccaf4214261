"""A decision keeps every policy that was asked; a case may have a challenger for each table."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_change_proposal_proposed_on", "change_proposal", ["proposed_on"])
    op.add_column("grading", sa.Column("steps", sa.JSON(), nullable=False, server_default="[]"))
    _rebuild_shadows(
        "loan, round, policy_id",
        [sa.Column("challenger_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True)],
        # The challenger is the one of the two that the grading does not name as champion.
        "CASE WHEN g.by_challenger THEN g.policy_id ELSE s.policy_id END",
    )


def _rebuild_shadows(key: str, more: list[sa.Column[str]], challenger: str | None) -> None:
    """The table anew, with another key and with or without the challenger; neither database can alter that in place."""
    op.execute("DROP INDEX ix_shadow_grading_policy_id")
    op.rename_table("shadow_grading", "shadow_grading_before")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE shadow_grading_before RENAME CONSTRAINT shadow_grading_pkey TO shadow_before_pkey")
    op.create_table(
        "shadow_grading",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        *more,
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=2), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("annual_rate_percent", sa.String(length=12), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("fired_row", sa.Integer(), nullable=False),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*key.split(", "), name="shadow_grading_pkey"),
    )
    kept = "loan, round, policy_id, outcome, grade, limit_fen, annual_rate_percent, reasons, fired_row, graded_at"
    named = ", ".join(f"s.{column}" for column in kept.split(", "))
    op.execute(
        f"INSERT INTO shadow_grading ({kept}{', challenger_id' if challenger else ''})"
        f" SELECT {named}{f', {challenger}' if challenger else ''} FROM shadow_grading_before s"
        " JOIN grading g ON g.loan = s.loan AND g.round = s.round"
    )
    op.drop_table("shadow_grading_before")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER shadow_grading_no_{verb.lower()} BEFORE {verb} ON shadow_grading "
                "BEGIN SELECT RAISE(ABORT, 'shadow_grading is insert-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER shadow_grading_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shadow_grading "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Where a case had a challenger for more than one table, there is no place for the second; this then fails."""
    _rebuild_shadows("loan, round", [], None)
    op.drop_index("ix_change_proposal_proposed_on", "change_proposal")
    op.execute("ALTER TABLE grading DROP COLUMN steps")
