"""Debits that the bank takes back: why, on a statement's line, and a reversal that its entry proves."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

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


def _not_taken_back(reversed_event: str) -> str:
    """Whether no entry of the bank says that it took the reversed debit back, whole."""
    return f"""
    NOT EXISTS (
        SELECT 1 FROM payment back
        JOIN payment debit ON debit.key || '\\:recall' = back.key
        JOIN bank_entry b ON b.reference = back.bank_reference
        WHERE NEW.type = 'reversal' AND back.key = NEW.key AND back.kind = 'chargeback' AND back.loan = NEW.loan
          AND debit.key = {reversed_event} AND debit.loan = NEW.loan AND debit.kind IN ('installment', 'prepayment')
          AND b.direction = 'out' AND b.amount_fen = debit.settled_fen
    )
    """


def upgrade() -> None:
    op.add_column("statement_line", sa.Column("return_reason", sa.String(length=35), nullable=True))
    _guard(lambda reversed_event: f"{_not_decided(reversed_event)} AND {_not_taken_back(reversed_event)}")


def _guard(refused: Callable[[str], str]) -> None:
    """Puts the guard of events anew, with what it refuses."""
    if op.get_bind().dialect.name == "sqlite":
        found = refused("json_extract(NEW.body, '$.of')")
        op.execute("DROP TRIGGER loan_event_decided")
        op.execute(
            "CREATE TRIGGER loan_event_decided BEFORE INSERT ON loan_event "
            f"WHEN NEW.type IN {BY_DECISION} AND {found} "
            f"BEGIN SELECT RAISE(ABORT, '{DECIDED}'); END"
        )
        return
    found = refused("NEW.body ->> 'of'")
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION loan_event_decided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {found} THEN RAISE EXCEPTION '{DECIDED}'; END IF;
            RETURN NEW;
        END $$
        """
    )


def downgrade() -> None:
    _guard(_not_decided)
    op.execute("ALTER TABLE statement_line DROP COLUMN return_reason")
