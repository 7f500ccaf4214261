"""Who has events of his loans sent to him, and what was sent."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("owner_id", sa.String(length=64), sa.ForeignKey("staff.id"), nullable=False, index=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        _instant("old_secret_ends", nullable=True),
        _instant("created_at"),
        sa.Column("read_to", sa.String(length=32), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        _instant("failing_since", nullable=True),
        _instant("disabled_at", nullable=True),
        _instant("removed_at", nullable=True),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("webhook_id", sa.String(length=32), sa.ForeignKey("webhook.id"), nullable=False),
        sa.Column("entry_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("body", sa.String(length=4000), nullable=False),
        _instant("created_at"),
        _instant("not_before", nullable=True),
        _instant("first_tried_at", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _instant("delivered_at", nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.UniqueConstraint("webhook_id", "entry_id", name="uq_webhook_delivery_entry"),
    )
    op.create_index("ix_webhook_delivery_list", "webhook_delivery", ["webhook_id", "number"])
    op.create_index(
        "ix_webhook_delivery_waiting",
        "webhook_delivery",
        ["webhook_id", "not_before"],
        sqlite_where=sa.text("not_before IS NOT NULL"),
        postgresql_where=sa.text("not_before IS NOT NULL"),
    )


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def downgrade() -> None:
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
