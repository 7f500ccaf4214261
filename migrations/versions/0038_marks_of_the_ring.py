"""Books remember the keys of the ring by marks, so that a name never stands for two keys.

Nothing is written here: a migration may run without the keys. The next start writes the marks of the keys that it has,
once each has opened what lies under its name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ring_key",
        sa.Column("name", sa.String(length=16), primary_key=True),
        sa.Column("mark", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("ring_key")
