"""Tokens of people for the API lie beside their sessions, with the role that they were given to."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_session", sa.Column("token_role", sa.String(length=32), nullable=True))


def downgrade() -> None:
    # Without the column each would read as a browser's session.
    op.execute("DELETE FROM web_session WHERE token_role IS NOT NULL")
    op.drop_column("web_session", "token_role")
