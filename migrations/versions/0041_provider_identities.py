"""Whom the identity provider means by a member of staff is kept from the first sign-in there on."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_identity",
        sa.Column("staff_id", sa.String(length=64), sa.ForeignKey("staff.id"), primary_key=True),
        sa.Column("identity_digest", sa.String(length=64), nullable=False, unique=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("provider_identity")
