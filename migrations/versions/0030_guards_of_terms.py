"""What a loan is about stays as it was decided: amount, terms and orders to the bank, whoever writes to the tables."""

from collections.abc import Mapping

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

UNIQUE: Mapping[str, tuple[str, ...]] = {
    "terms": ("id = NEW.id", "loan = NEW.loan AND version = NEW.version"),
    "decision": ("id = NEW.id", "task_id = NEW.task_id"),
    "application": ("loan = NEW.loan", "idempotency_key = NEW.idempotency_key"),
    "loan_event": ("key = NEW.key", "loan = NEW.loan AND position = NEW.position"),
    "posting": ("id = NEW.id", "key = NEW.key"),
    "loan": ("number = NEW.number",),
    "payment": ("key = NEW.key",),
}
"""By which a row is the same as another one. Where a connection does not let triggers start triggers, SQLite's INSERT
OR REPLACE takes the older row away without asking the guards of DELETE."""

FIXED: Mapping[str, tuple[str, ...]] = {
    "loan": ("number", "product", "customer_id", "applied_fen", "applied_on"),
    "payment": ("key", "loan", "kind", "party_id", "amount_fen"),
}
"""Columns that are written once, in tables that change otherwise."""

OF_FINANCE = "finance decides as finance"
NOT_DECIDED = "terms are those that were decided"
NOT_APPROVED = "what is approved is what was decided"
TOO_MUCH = "no more is paid out than was approved"
NOT_PAID = "a payout is what the bank was ordered to pay"


def _changed(table: str) -> str:
    differs = "IS NOT" if _is_sqlite() else "IS DISTINCT FROM"
    return " OR ".join(f"NEW.{column} {differs} OLD.{column}" for column in FIXED[table])


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _fen(text: str) -> str:
    """A sum in yuan, as it stands in a body, in fen."""
    if _is_sqlite():
        return f"CAST(round(CAST({text} AS REAL) * 100) AS INTEGER)"
    return f"round(({text})::numeric * 100)::bigint"


def _field(body: str, name: str) -> str:
    return f"json_extract({body}, '$.{name}')" if _is_sqlite() else f"{body} ->> '{name}'"


def _has(body: str, name: str) -> str:
    return f"{_field(body, name)} IS NOT NULL"


def _fees(body: str) -> str:
    """The sum of all fees of a contract."""
    if _is_sqlite():
        of_each = _fen("json_extract(value, '$.amount')")
        return f"(SELECT coalesce(sum({of_each}), 0) FROM json_each({body}, '$.fees'))"
    of_each = _fen("f ->> 'amount'")
    return f"(SELECT coalesce(sum({of_each}), 0) FROM json_array_elements(coalesce({body} -> 'fees', '[]'::json)) f)"


def _terms_differ() -> str:
    """Whether new terms lend another sum than was decided or, where the loan has terms, are another contract.

    A contract is dated anew at its payout and keeps its decision; a change keeps the contract and adds amendments. What
    the guards of older migrations refuse is left to them.
    """
    differs = "IS NOT" if _is_sqlite() else "IS DISTINCT FROM"
    same = ("principal", "method", "n_periods", "daily_rate_percent", "late")
    other = " OR ".join(f"{_field('NEW.body', name)} {differs} {_field('b.body', name)}" for name in same)
    principal = _fen(_field("NEW.body", "principal"))
    most = f"{'min' if _is_sqlite() else 'least'}(coalesce(d.amount_fen, l.applied_fen), l.applied_fen)"
    return f"""
    EXISTS (
        SELECT 1 FROM decision d JOIN loan l ON l.number = d.loan
        WHERE d.id = NEW.decision_id AND d.loan = NEW.loan AND d.outcome = 'approve' AND d.decided_as <> 'finance'
          AND NOT EXISTS (SELECT 1 FROM terms WHERE loan = NEW.loan)
          AND coalesce({principal}, 0) NOT BETWEEN 1 AND {most}
    )
    OR EXISTS (
        SELECT 1 FROM decision d JOIN terms b ON b.loan = d.loan
        WHERE d.id = NEW.decision_id AND d.loan = NEW.loan AND d.outcome = 'approve' AND d.decided_as <> 'finance'
          AND b.version = (SELECT max(version) FROM terms WHERE loan = NEW.loan)
          AND ({other} OR {_fees("NEW.body")} <> {_fees("b.body")}
            OR ({_field("NEW.body", "annual_rate_percent")} {differs} {_field("b.body", "annual_rate_percent")}
                AND NOT ({_has("b.body", "floating")} AND {_has("NEW.body", "floating")})))
          AND NOT (
            EXISTS (SELECT 1 FROM loan_event WHERE loan = NEW.loan AND type = 'disbursement')
            AND EXISTS (SELECT 1 FROM terms WHERE decision_id = NEW.decision_id)
          )
    )
    """


APPROVED_OTHERWISE = """
    NEW.approved_fen IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM decision d
        WHERE d.loan = NEW.number AND d.outcome = 'approve' AND d.decided_as <> 'finance'
          AND NEW.approved_fen <= coalesce(d.amount_fen, NEW.applied_fen) AND NEW.approved_fen <= NEW.applied_fen
    )
"""
MORE_THAN_APPROVED = """
    NEW.kind = 'disbursement' AND NEW.amount_fen + (
        SELECT coalesce(sum(p.amount_fen), 0) FROM payment p
        WHERE p.loan = NEW.loan AND p.kind = 'disbursement' AND p.status NOT IN ('declined', 'returned')
    ) > coalesce((SELECT l.approved_fen FROM loan l WHERE l.number = NEW.loan), 0)
"""
IN_ANOTHER_ROLE = """
    NEW.decided_as <> 'finance' AND EXISTS (SELECT 1 FROM staff s WHERE s.id = NEW.decided_by AND s.role = 'finance')
"""


def _not_paid() -> str:
    """Whether a payout of the account is not the first, or not what the bank was ordered to pay for it.

    A loan that was taken over was paid out by somebody else.
    """
    return f"""
    NEW.type = 'disbursement' AND NEW.key NOT LIKE '%:takeover:%' AND (
        EXISTS (SELECT 1 FROM loan_event e WHERE e.loan = NEW.loan AND e.type = 'disbursement')
        OR coalesce({_fen(_field("NEW.body", "amount"))}, 0) <> (
            SELECT coalesce(sum(p.settled_fen), 0) FROM payment p
            WHERE p.loan = NEW.loan AND p.kind = 'disbursement' AND p.status = 'settled'
        )
    )
    """


def _guards() -> list[tuple[str, str, str, str, str]]:
    """Name, table, when, what is refused, and with which words."""
    return [
        ("decision_of_finance", "decision", "INSERT", IN_ANOTHER_ROLE, OF_FINANCE),
        ("terms_same_contract", "terms", "INSERT", _terms_differ(), NOT_DECIDED),
        ("loan_approved_as_decided", "loan", "UPDATE OF approved_fen", APPROVED_OTHERWISE, NOT_APPROVED),
        ("payment_within_approval", "payment", "INSERT", MORE_THAN_APPROVED, TOO_MUCH),
        ("loan_event_paid_out", "loan_event", "INSERT", _not_paid(), NOT_PAID),
        *(
            (f"{table}_as_written", table, f"UPDATE OF {', '.join(columns)}", _changed(table), _stays(table))
            for table, columns in FIXED.items()
        ),
    ]


def _stays(table: str) -> str:
    return f"{', '.join(FIXED[table])} of {table} stay as they were written"


def upgrade() -> None:
    for name, table, when, refused, words in _guards():
        if _is_sqlite():
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {when} ON {table} WHEN {refused} "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
            continue
        op.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {refused} THEN RAISE EXCEPTION '{words}'; END IF;
                RETURN NEW;
            END $$
            """
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    for table in FIXED:
        words = f"rows of {table} are insert-only: none is removed"
        if _is_sqlite():
            op.execute(
                f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
        else:
            op.execute(
                f"CREATE FUNCTION {table}_kept() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_kept()"
            )
    if _is_sqlite():
        for table, keys in UNIQUE.items():
            there = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)
            # In the words of the database itself: for whoever inserts, a row that is there already is what it was.
            op.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} "
                f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table} is insert-only'); END"
            )


def downgrade() -> None:
    for name, table, *_ in _guards():
        if _is_sqlite():
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
    for table in FIXED:
        if _is_sqlite():
            op.execute(f"DROP TRIGGER {table}_no_delete")
        else:
            op.execute(f"DROP TRIGGER {table}_kept ON {table}")
            op.execute(f"DROP FUNCTION {table}_kept()")
    if _is_sqlite():
        for table in UNIQUE:
            op.execute(f"DROP TRIGGER {table}_no_replace")
