"""Which version, and which row of it, priced what people may grant where the rules refused."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("second_look", sa.Column("policy_id", sa.String(length=32), nullable=True))
    op.add_column("second_look", sa.Column("fired_row", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("second_look", "fired_row")
    op.drop_column("second_look", "policy_id")
