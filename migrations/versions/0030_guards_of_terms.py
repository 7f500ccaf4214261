"""What a loan is about stays as it was decided: amount, terms and orders to the bank, whoever writes to the tables."""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

OF_THE_AUDIT_LOG = frozenset({"audit_deposit", "audit_entry", "audit_seal", "audit_sealed"})
"""Tables that migration 0026 keeps from being replaced, by one key each, and whose guards it takes down itself."""

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
        _refuse_replacing()


def _refuse_replacing() -> None:
    """No row that may not be removed gives way to another one with its number or one of its unique keys.

    Where a connection does not let triggers start triggers, SQLite's INSERT OR REPLACE and UPDATE OR REPLACE take the
    older row away without asking the guards of DELETE.
    """
    for table in _named("no_delete"):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_replace")
        _refuse_second(f"{table}_no_replace", table, "INSERT", "")
    for table in sorted(set(_named("no_delete")) - set(_named("no_update"))):
        _refuse_second(f"{table}_no_replace_by_update", table, "UPDATE", " AND rowid <> OLD.rowid")


def _refuse_second(name: str, table: str, verb: str, but: str) -> None:
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {same}{but})" for same in _same(table))
    # The first in the words of the database itself: for whoever inserts, a row that is there already is what it was.
    # Nobody gives a row its number, so that the second is never a repeat.
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table} is insert-only') WHERE {there}; "
        f"SELECT RAISE(ABORT, '{table} is insert-only') FROM {table} WHERE rowid = NEW.rowid{but}; END"
    )


def _same(table: str) -> list[str]:
    """For each unique key of a table: whether a row of it has that of the new one."""
    columns = _asked("SELECT name FROM pragma_table_info(:of)", table)
    keys = [(_asked("SELECT name FROM pragma_table_info(:of) WHERE pk ORDER BY pk", table), "")]
    for index in _asked("SELECT name FROM pragma_index_list(:of) WHERE \"unique\" AND origin <> 'pk'", table):
        made = "".join(_asked("SELECT sql FROM sqlite_master WHERE name = :of AND sql IS NOT NULL", index))
        keys.append((_asked("SELECT name FROM pragma_index_info(:of) ORDER BY seqno", index), made))
    new_row = ", ".join(f'NEW."{column}" AS "{column}"' for column in columns)
    same = []
    for key, made in keys:
        conditions = [f'"{column}" = NEW."{column}"' for column in key]
        _, partial, where = made.partition(" WHERE ")
        if partial:
            conditions += [f"({where})", f"EXISTS (SELECT 1 FROM (SELECT {new_row}) WHERE {where})"]
        same.append(" AND ".join(conditions))
    return same


def _named(guard: str) -> list[str]:
    """The tables that have a guard of that name."""
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB '*_' || :of ORDER BY name"
    names = _asked(triggers, guard)
    return [name.removesuffix(f"_{guard}") for name in names]


def _asked(question: str, of: str) -> list[str]:
    return list(op.get_bind().execute(sa.text(question), {"of": of}).scalars())


def downgrade() -> None:
    if _is_sqlite():
        for table in set(_named("no_replace")) - OF_THE_AUDIT_LOG:
            op.execute(f"DROP TRIGGER {table}_no_replace")
        for table in _named("no_replace_by_update"):
            op.execute(f"DROP TRIGGER {table}_no_replace_by_update")
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
