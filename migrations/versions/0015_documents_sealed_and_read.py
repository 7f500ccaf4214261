"""Documents lie sealed, and wait to be read by machine."""

import sqlalchemy as sa
from alembic import op

from models.sealing import KeyRing
from settings import settings

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BATCH = 50
"""Contents held in memory at a time, of at most 5 MiB each."""
NEXT = sa.text("SELECT id, sha256, sealed, key_id FROM document WHERE id > :after ORDER BY id LIMIT :most")
KEEP = sa.text("UPDATE document SET sealed = :content, key_id = :key WHERE id = :id").bindparams(
    sa.bindparam("content", type_=sa.LargeBinary)
)
WAITING = "done_at IS NULL"


def upgrade() -> None:
    op.alter_column("document", "content", new_column_name="sealed")
    op.add_column("document", sa.Column("key_id", sa.String(length=16), nullable=False, server_default=""))
    op.create_index("ix_document_sha256", "document", ["sha256"])
    op.create_table(
        "document_reading",
        sa.Column("document_id", sa.String(length=32), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(length=32), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("method", sa.String(length=16), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("picture_key_id", sa.String(length=16), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("duplicated", sa.Boolean(), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_document_reading_waiting",
        "document_reading",
        ["not_before", "document_id"],
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )
    _rewrite(seal=True)


def _rewrite(*, seal: bool) -> None:
    """Seals every content, or opens it again. What was handed in before is not read by machine."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # Otherwise the old contents would lie in the free pages of the file.
        op.execute("PRAGMA secure_delete = ON")
    after = ""
    while rows := connection.execute(NEXT, {"after": after, "most": BATCH}).all():
        ring = KeyRing.parse(settings().keys.get_secret_value())
        for id_, digest, content, key_id in rows:
            bound_to = f"document {id_} {digest}"
            key, kept = ring.seal(content, bound_to) if seal else ("", ring.open(key_id, content, bound_to))
            connection.execute(KEEP, {"id": id_, "content": kept, "key": key})
        after = rows[-1][0]


def downgrade() -> None:
    _rewrite(seal=False)
    op.drop_table("document_reading")
    op.drop_index("ix_document_sha256", "document")
    op.drop_column("document", "key_id")
    op.alter_column("document", "sealed", new_column_name="content")
