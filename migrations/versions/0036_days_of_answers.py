"""The business date that a register was asked for. Of answers from before, it is the day of their instant."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("verification", sa.Column("asked_on", sa.Date(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("verification", "asked_on")
