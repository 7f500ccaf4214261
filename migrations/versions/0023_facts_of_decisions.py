"""A decision keeps the facts by which its policy was asked, so that it can be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decision", sa.Column("facts", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("decision", "facts")
