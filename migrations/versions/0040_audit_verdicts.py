"""What every proof of the sealed books came to is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TABLE = "audit_verdict"
SAME = ("id = NEW.id", "run_id = NEW.run_id")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("run_id", sa.String(length=64), nullable=False, unique=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("code_version", sa.String(length=96), nullable=False),
        sa.Column("seals", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("postings", sa.Integer(), nullable=False),
        sa.Column("roots", sa.Integer(), nullable=True),
        sa.Column("unsealed", sa.Integer(), nullable=False),
        sa.Column("unsealed_postings", sa.Integer(), nullable=False),
        sa.Column("head_no", sa.Integer(), nullable=True),
        sa.Column("head_hash", sa.String(length=64), nullable=True),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("entry_id", sa.String(length=32), nullable=False),
        sa.Column("task_id", sa.String(length=32), nullable=True),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            f"CREATE TRIGGER {TABLE}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is insert-only'); END"
        )
    # A connection that is not ours may have recursive triggers off, and then REPLACE removes rows unseen.
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {TABLE} WHERE {same})" for same in SAME)
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} BEGIN "
        f"SELECT RAISE(ABORT, 'UNIQUE constraint failed: {TABLE} is insert-only') WHERE {there}; "
        f"SELECT RAISE(ABORT, '{TABLE} is insert-only') FROM {TABLE} WHERE rowid = NEW.rowid; END"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
