"""A document belongs to one person of its loan; what was read on it is kept to be compared again."""

import sqlalchemy as sa
from alembic import op

from books.guards import guards_aside

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

PEOPLE = "party.loan = document.loan AND party.role IN ('borrower', 'joint_borrower', 'guarantor')"
UNDECIDED = ("application", "verification", "grading", "approval", "returned")
"""Stages of a case that nobody has decided yet."""


def upgrade() -> None:
    # By hand: SQLite takes a reference with a new column, of which Alembic does not know.
    op.execute("ALTER TABLE document ADD COLUMN party_id VARCHAR(32) REFERENCES party (id)")
    op.create_index("ix_document_party_id", "document", ["party_id"])
    op.add_column("document_reading", sa.Column("lines", sa.Text(), nullable=True))
    op.execute(
        f"UPDATE document SET party_id = (SELECT party.id FROM party WHERE {PEOPLE}) "
        f"WHERE language IS NULL AND (SELECT count(*) FROM party WHERE {PEOPLE}) = 1"
    )
    # Of several persons nobody knows whose it is. Where the case is undecided it is read anew, and whoever looks at it
    # then says so; where a person has decided, on it or on the case, it counts as it did.
    stages = ", ".join(f"'{stage}'" for stage in UNDECIDED)
    op.execute(
        "UPDATE document_reading SET done_at = NULL, verdict = NULL, attempts = 0 "
        "WHERE done_at IS NOT NULL AND NOT doubtful AND outcome IS NULL "
        "AND document_id IN (SELECT id FROM document WHERE language IS NULL AND party_id IS NULL) "
        f"AND loan IN (SELECT number FROM loan WHERE stage IN ({stages}))"
    )


def downgrade() -> None:
    op.drop_column("document_reading", "lines")
    op.drop_index("ix_document_party_id", "document")
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_column("document", "party_id")
        return
    # SQLite makes the table anew. The guard of signatures names it, and must not look for it meanwhile.
    with guards_aside(connection, ["signature"]), op.batch_alter_table("document") as document:
        document.drop_column("party_id")
