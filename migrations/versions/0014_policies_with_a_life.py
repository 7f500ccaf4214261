"""Versions of rules are drafted, checked, back-tested, published by a second person and retired; challengers."""

from datetime import date
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FIRST_DAY = date(2000, 1, 1)
"""From when the first version of a policy is in force: before every case."""
INSERT_ONLY = ("policy", "policy_step", "backtest", "backtest_page", "grading", "shadow_grading")
SAME_PERSON = "whoever drafted a policy does not publish it"
NOT_CHECKED = "only a checked version is published"


def upgrade() -> None:
    op.execute("ALTER TABLE policy RENAME COLUMN published_by TO drafted_by")
    op.execute("ALTER TABLE policy RENAME COLUMN published_at TO drafted_at")
    op.add_column("policy", sa.Column("reason", sa.String(length=500), nullable=False, server_default=""))
    op.add_column("grading", sa.Column("graded_on", sa.Date(), nullable=True))
    op.add_column("grading", sa.Column("fired_row", sa.Integer(), nullable=True))
    op.add_column("grading", sa.Column("by_challenger", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "backtest",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("against_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("applied_from", sa.Date(), nullable=False),
        sa.Column("applied_to", sa.Date(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("run_by", sa.String(length=64), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "backtest_page",
        sa.Column("backtest_id", sa.String(length=32), sa.ForeignKey("backtest.id"), primary_key=True),
        sa.Column("page", sa.Integer(), primary_key=True),
        sa.Column("cases", sa.JSON(), nullable=False),
    )
    op.create_table(
        "policy_step",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=32), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("share_percent", sa.Integer(), nullable=False),
        sa.Column("backtest_id", sa.String(length=32), sa.ForeignKey("backtest.id"), nullable=True, index=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("done_by", sa.String(length=64), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_policy_step_name", "policy_step", ["name", "id"])
    op.create_table(
        "shadow_grading",
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), primary_key=True),
        sa.Column("round", sa.Integer(), primary_key=True),
        sa.Column("policy_id", sa.String(length=32), sa.ForeignKey("policy.id"), nullable=False, index=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=2), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("annual_rate_percent", sa.String(length=12), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("fired_row", sa.Integer(), nullable=False),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=False),
    )
    _take_over_versions()
    _guard()


def _take_over_versions() -> None:
    """Every version so far was in force from its publication until the next; the first one from the beginning."""
    instant = sa.DateTime(timezone=True)
    versions = sa.table(
        "policy",
        *(sa.column(name) for name in ("id", "name", "version", "drafted_by")),
        sa.column("drafted_at", instant),
    )
    texts = ("id", "policy_id", "name", "kind", "part", "reason", "done_by")
    steps = sa.table(
        "policy_step",
        *(sa.column(name) for name in texts),
        sa.column("starts_on", sa.Date()),
        sa.column("share_percent", sa.Integer()),
        sa.column("done_at", instant),
    )
    found = op.get_bind().execute(sa.select(versions).order_by(versions.c.name, versions.c.version)).all()
    for row in found:
        for kind in ("checked", "published"):
            op.get_bind().execute(
                steps.insert().values(
                    # As old as the version: ids tell what was published before a case was graded.
                    id=row.id[:12] + uuid4().hex[12:],
                    policy_id=row.id,
                    name=row.name,
                    kind=kind,
                    part="champion" if kind == "published" else None,
                    starts_on=(FIRST_DAY if row.version == 1 else row.drafted_at.date())
                    if kind == "published"
                    else None,
                    share_percent=0,
                    reason="",
                    done_by=row.drafted_by,
                    done_at=row.drafted_at,
                )
            )


def _guard() -> None:
    same = (
        "NEW.kind = 'published' AND NEW.done_by <> 'shipped' AND "
        "EXISTS (SELECT 1 FROM policy p WHERE p.id = NEW.policy_id AND p.drafted_by = NEW.done_by)"
    )
    unchecked = (
        "NEW.kind = 'published' AND "
        "NOT EXISTS (SELECT 1 FROM policy_step s WHERE s.policy_id = NEW.policy_id AND s.kind = 'checked')"
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in INSERT_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        for name, condition, sentence in (
            ("policy_step_four_eyes", same, SAME_PERSON),
            ("policy_step_checked", unchecked, NOT_CHECKED),
        ):
            op.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON policy_step WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            )
        return
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION policy_step_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {same} THEN RAISE EXCEPTION '{SAME_PERSON}'; END IF;
            IF {unchecked} THEN RAISE EXCEPTION '{NOT_CHECKED}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER policy_step_four_eyes BEFORE INSERT ON policy_step "
        "FOR EACH ROW EXECUTE FUNCTION policy_step_four_eyes()"
    )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("policy", "grading"):
        if sqlite:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        else:
            op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
    for table in ("shadow_grading", "policy_step", "backtest_page", "backtest"):
        op.drop_table(table)
    if not sqlite:
        op.execute("DROP FUNCTION policy_step_four_eyes()")
    for column in ("by_challenger", "fired_row", "graded_on"):
        op.execute(f"ALTER TABLE grading DROP COLUMN {column}")
    op.execute("ALTER TABLE policy DROP COLUMN reason")
    op.execute("ALTER TABLE policy RENAME COLUMN drafted_by TO published_by")
    op.execute("ALTER TABLE policy RENAME COLUMN drafted_at TO published_at")
