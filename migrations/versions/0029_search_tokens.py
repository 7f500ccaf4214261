"""Digests of parts of names and numbers, by which customers are found. Those of earlier customers a worker adds."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_token",
        sa.Column("token", sa.String(length=64), primary_key=True),
        sa.Column("customer_id", sa.String(length=32), sa.ForeignKey("customer.id"), primary_key=True, index=True),
    )


def downgrade() -> None:
    op.drop_table("search_token")
