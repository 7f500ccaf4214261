"""Changes to running loans under four eyes, and what the database itself refuses about terms and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSERT_ONLY = ("change_proposal", "change_task", "change_end")

OWN_DECISION = "terms of a loan that is paid out need a decision of their own"
TERMS_AGAIN = """
    EXISTS (SELECT 1 FROM loan_event WHERE loan = NEW.loan AND type = 'disbursement')
    AND EXISTS (SELECT 1 FROM terms WHERE decision_id = NEW.decision_id)
"""

DECIDED = "what changes a loan needs a decided proposal"
BY_DECISION = "('fee', 'waiver', 'deferral', 'reschedule', 'rate_change', 'reversal', 'write_off')"
MONEY = "('repayment', 'prepayment')"


def _not_decided(reversed_event: str) -> str:
    """Whether the new event has no proposal to which as many people agreed as had to, none of them the proposer.

    Finance agrees to corrections of money alone: to reversals of money that was posted. A loan that is taken over
    brings its past along under the decision to take it over, until its workflow has done a first act.
    """
    return f"""
    NOT EXISTS (
        SELECT 1 FROM change_proposal p
        WHERE p.loan = NEW.loan AND NEW.key = p.loan || ':change:' || p.id
          AND (p.kind <> 'correction' OR NEW.type = 'reversal')
          AND p.people <= (
            SELECT count(DISTINCT d.decided_by)
            FROM change_task t JOIN decision d ON d.task_id = t.task_id
            WHERE t.proposal_id = p.id AND d.loan = NEW.loan AND d.outcome = 'approve'
              AND d.decided_by <> p.proposed_by
              AND (d.decided_as <> 'finance' OR (NEW.type = 'reversal' AND EXISTS (
                SELECT 1 FROM loan_event e
                WHERE e.loan = NEW.loan AND e.key = {reversed_event} AND e.type IN {MONEY}
              )))
          )
    )
    AND NOT EXISTS (
        SELECT 1 FROM decision d JOIN task t ON t.id = d.task_id
        WHERE d.loan = NEW.loan AND t.kind = 'takeover' AND d.outcome = 'approve' AND d.decided_as <> 'finance'
          AND NEW.key LIKE NEW.loan || ':takeover:%'
          AND NOT EXISTS (SELECT 1 FROM effect f WHERE f.loan = NEW.loan)
    )
    """


def upgrade() -> None:
    op.add_column("loan", sa.Column("written_off_on", sa.Date(), nullable=True))
    op.add_column("terms", sa.Column("amendments", sa.JSON(), nullable=True))
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _create_tables() -> None:
    op.create_table(
        "change_proposal",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("fallen_due", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_as", sa.String(length=32), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.CheckConstraint("people > 0", name="ck_change_proposal_people"),
    )
    op.create_index("ix_change_proposal_loan", "change_proposal", ["loan", "id"])
    op.create_table(
        "change_task",
        sa.Column("task_id", sa.String(length=32), sa.ForeignKey("task.id"), primary_key=True),
        sa.Column("proposal_id", sa.String(length=32), sa.ForeignKey("change_proposal.id"), nullable=False, index=True),
    )
    op.create_table(
        "change_end",
        sa.Column("proposal_id", sa.String(length=32), sa.ForeignKey("change_proposal.id"), primary_key=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def _guard_sqlite() -> None:
    for table in INSERT_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    op.execute(
        f"CREATE TRIGGER terms_own_decision BEFORE INSERT ON terms WHEN {TERMS_AGAIN} "
        f"BEGIN SELECT RAISE(ABORT, '{OWN_DECISION}'); END"
    )
    not_decided = _not_decided("json_extract(NEW.body, '$.of')")
    op.execute(
        "CREATE TRIGGER loan_event_decided BEFORE INSERT ON loan_event "
        f"WHEN NEW.type IN {BY_DECISION} AND {not_decided} "
        f"BEGIN SELECT RAISE(ABORT, '{DECIDED}'); END"
    )


def _guard_postgresql() -> None:
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION terms_own_decision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {TERMS_AGAIN} THEN RAISE EXCEPTION '{OWN_DECISION}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER terms_own_decision BEFORE INSERT ON terms FOR EACH ROW EXECUTE FUNCTION terms_own_decision()"
    )
    not_decided = _not_decided("NEW.body ->> 'of'")
    op.execute(
        f"""
        CREATE FUNCTION loan_event_decided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {not_decided} THEN RAISE EXCEPTION '{DECIDED}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER loan_event_decided BEFORE INSERT ON loan_event FOR EACH ROW "
        f"WHEN (NEW.type IN {BY_DECISION}) EXECUTE FUNCTION loan_event_decided()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER loan_event_decided")
        op.execute("DROP TRIGGER terms_own_decision")
    else:
        op.execute("DROP TRIGGER loan_event_decided ON loan_event")
        op.execute("DROP FUNCTION loan_event_decided()")
        op.execute("DROP TRIGGER terms_own_decision ON terms")
        op.execute("DROP FUNCTION terms_own_decision()")
    for table in ("change_end", "change_task", "change_proposal"):
        op.drop_table(table)
    # SQLite drops a column only from a copy of the table: the guards of the older migrations stand on the original.
    op.execute("ALTER TABLE terms DROP COLUMN amendments")
    op.execute("ALTER TABLE loan DROP COLUMN written_off_on")
