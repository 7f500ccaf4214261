"""What became of past applications that came in with their outcome."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loan_performance",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), primary_key=True),
        sa.Column("worst_dpd", sa.Integer(), nullable=False),
        sa.Column("defaulted_on", sa.Date(), nullable=True),
        sa.Column("written_off_on", sa.Date(), nullable=True),
        sa.Column("observed_to", sa.Date(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER loan_performance_no_{verb.lower()} BEFORE {verb} ON loan_performance "
                "BEGIN SELECT RAISE(ABORT, 'loan_performance is insert-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER loan_performance_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loan_performance "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("loan_performance")
