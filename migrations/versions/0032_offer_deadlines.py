"""The last day of an offer. Of offers that were made before, only their workflows know it."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("loan", sa.Column("offer_until", sa.Date(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("loan", "offer_until")
