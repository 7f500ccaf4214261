"""Resets of floating rates: an event that the contract itself brings, and that no proposal stands behind."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AGREED = "only a contract with a floating rate brings a reset, on its own day"
BY_DECISION = "('fee', 'waiver', 'deferral', 'reschedule', 'rate_change', 'reversal', 'write_off')"
RESET = "NEW.type = 'rate_change' AND NEW.key LIKE '%:reset:%'"


def _not_agreed(day: str, event_day: str, clause: str) -> str:
    """Whether the event is not that of its key's loan and day, or the contract in force has no such clause."""
    return f"""
    NEW.key <> NEW.loan || ':reset:' || {day} OR {event_day} <> {day}
    OR NOT EXISTS (
        SELECT 1 FROM terms t
        WHERE t.loan = NEW.loan AND {clause}
          AND t.version = (SELECT max(version) FROM terms WHERE loan = NEW.loan)
    )
    """


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _put_sqlite("WHEN NEW.type IN", f"WHEN NOT ({RESET}) AND NEW.type IN")
        clause = "json_extract(t.body, '$.floating') IS NOT NULL"
        not_agreed = _not_agreed("NEW.date", "json_extract(NEW.body, '$.date')", clause)
        op.execute(
            f"CREATE TRIGGER loan_event_reset BEFORE INSERT ON loan_event WHEN {RESET} AND ({not_agreed}) "
            f"BEGIN SELECT RAISE(ABORT, '{AGREED}'); END"
        )
        return
    not_agreed = _not_agreed(
        "to_char(NEW.date, 'YYYY-MM-DD')", "NEW.body ->> 'date'", "t.body ->> 'floating' IS NOT NULL"
    )
    op.execute(
        f"""
        CREATE FUNCTION loan_event_reset() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {not_agreed} THEN RAISE EXCEPTION '{AGREED}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER loan_event_reset BEFORE INSERT ON loan_event FOR EACH ROW "
        f"WHEN ({RESET}) EXECUTE FUNCTION loan_event_reset()"
    )
    _put_postgresql(f"NOT ({RESET}) AND NEW.type IN {BY_DECISION}")


def _put_sqlite(before: str, after: str) -> None:
    """Puts the guard of decided events anew, for other events than before; what it refuses of them stays."""
    trigger = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'loan_event_decided'").scalar()
    op.execute("DROP TRIGGER loan_event_decided")
    op.get_bind().exec_driver_sql(str(trigger).replace(before, after, 1))


def _put_postgresql(when: str) -> None:
    op.execute("DROP TRIGGER loan_event_decided ON loan_event")
    op.execute(
        "CREATE TRIGGER loan_event_decided BEFORE INSERT ON loan_event FOR EACH ROW "
        f"WHEN ({when}) EXECUTE FUNCTION loan_event_decided()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER loan_event_reset")
        _put_sqlite(f"WHEN NOT ({RESET}) AND NEW.type IN", "WHEN NEW.type IN")
        return
    op.execute("DROP TRIGGER loan_event_reset ON loan_event")
    op.execute("DROP FUNCTION loan_event_reset()")
    _put_postgresql(f"NEW.type IN {BY_DECISION}")
