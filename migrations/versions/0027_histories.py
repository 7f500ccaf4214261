"""The archive of the engine's histories, and verdicts of their replay."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

INSERT_ONLY = ("run_history", "replay_verdict")
"""`run_content` is none of them: it is sealed anew when keys are rotated, but it keeps its run and stays."""


def upgrade() -> None:
    op.create_table(
        "run_history",
        sa.Column("run_id", sa.String(length=64), primary_key=True),
        sa.Column("workflow_id", sa.String(length=64), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("previous_run_id", sa.String(length=64), nullable=True),
        sa.Column("next_run_id", sa.String(length=64), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("code_versions", sa.JSON(), nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_run_history_loan", "run_history", ["loan", "started_at"])
    op.create_table(
        "run_content",
        sa.Column("run_id", sa.String(length=64), sa.ForeignKey("run_history.run_id"), primary_key=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "replay_verdict",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("history_sha256", sa.String(length=64), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("code_version", sa.String(length=96), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("sentence", sa.String(length=500), nullable=True),
        sa.Column("replayed_by", sa.String(length=64), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_replay_verdict_loan", "replay_verdict", ["loan", "id"])
    op.create_table(
        "archive_look",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("oldest_closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retention_seconds", sa.Integer(), nullable=True),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table in INSERT_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    op.execute(
        "CREATE TRIGGER run_content_no_delete BEFORE DELETE ON run_content "
        "BEGIN SELECT RAISE(ABORT, 'run_content may only be sealed anew'); END"
    )
    op.execute(
        "CREATE TRIGGER run_content_keeps_its_run BEFORE UPDATE OF run_id ON run_content "
        "BEGIN SELECT RAISE(ABORT, 'run_content may only be sealed anew'); END"
    )


def _guard_postgresql() -> None:
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        """
        CREATE FUNCTION keep_run_content() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'run_content may only be sealed anew'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER run_content_sealed_anew BEFORE UPDATE OF run_id OR DELETE OR TRUNCATE ON run_content "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_run_content()"
    )


def downgrade() -> None:
    for table in ("archive_look", "replay_verdict", "run_content", "run_history"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION keep_run_content()")
