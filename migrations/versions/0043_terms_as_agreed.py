"""A loan has the terms that were signed: another version of them dates them anew once, or is a change that was decided.

The guards of older migrations stay; what they refuse is left to them.
"""

from collections.abc import Sequence

from alembic import op

revision = "0043"
down_revision = "0041"
branch_labels = None
depends_on = None

NAME = "terms_as_agreed"
NOT_DECIDED = "terms are those that were decided"
CHANGES_TERMS = "('deferral', 'restructuring', 'rate_change')"
DAYS = ("disbursement_date", "first_due_date", "due_dates")
"""Days that move with that of the payout; so do those of fees and `prepayment_fee.until`."""
MAY_BE_MISSING = (("first_due_date",), ("due_dates",), ("prepayment_fee", "until"), ("annual_rate_percent",))
"""What moves and stands in some contracts: where the contract has it, its new dates have it too."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.get_bind().exec_driver_sql(
            f"CREATE TRIGGER {NAME} BEFORE INSERT ON terms WHEN {_refused(_Sqlite())} "
            f"BEGIN SELECT RAISE(ABORT, '{NOT_DECIDED}'); END"
        )
        return
    op.get_bind().exec_driver_sql(
        f"""
        CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {_refused(_Postgresql())} THEN RAISE EXCEPTION '{NOT_DECIDED}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(f"CREATE TRIGGER {NAME} BEFORE INSERT ON terms FOR EACH ROW EXECUTE FUNCTION {NAME}()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {NAME}")
        return
    op.execute(f"DROP TRIGGER {NAME} ON terms")
    op.execute(f"DROP FUNCTION {NAME}()")


class _Sqlite:
    """How SQLite reads contracts."""

    differs = "IS NOT"

    def is_json(self, column: str) -> str:
        # Whoever reads them reads text: SQLite has a binary form of JSON, too.
        return f"typeof({column}) = 'text' AND json_valid({column})"

    def field(self, body: str, *path: str) -> str:
        return f"json_extract({body}, '$.{'.'.join(path)}')"

    def without(self, body: str, paths: Sequence[Sequence[str]]) -> str:
        return f"json_remove({body}, {', '.join(_quoted('$.' + '.'.join(path)) for path in paths)})"

    def same(self, left: str, right: str) -> str:
        """Whether two documents say the same, whatever the order of their fields."""
        leaves = "SELECT fullkey, type, atom FROM json_tree({})"
        one, other = leaves.format(left), leaves.format(right)
        return f"NOT EXISTS ({one} EXCEPT {other}) AND NOT EXISTS ({other} EXCEPT {one})"

    def fees(self, body: str) -> str:
        """The fees, of each but whether it has a day in place of the day."""
        fee = f"CASE WHEN {self.field('value', 'due')} IS NULL THEN value ELSE json_set(value, '$.due', 'a day') END"
        return f"(SELECT json_group_array(json({fee})) FROM json_each({body}, '$.fees'))"

    def months_of_subsidy(self, body: str) -> str:
        paid_out, until = self.field(body, "disbursement_date"), self.field(body, "subsidised_until")
        part = "CAST(strftime('%{}', {}) AS INTEGER)".format
        is_short = f"{part('d', paid_out)} > {part('d', until)} AND strftime('%d', {until}, '+1 day') <> '01'"
        months = f"({part('Y', until)} - {part('Y', paid_out)}) * 12 + {part('m', until)} - {part('m', paid_out)}"
        return f"max(0, {months} - ({is_short}))"

    def number(self, body: str, *path: str) -> str:
        return self.field(body, *path)

    def with_event(self, amendments: str, event: str) -> str:
        return f"json_insert(coalesce({amendments}, '[]'), '$[#]', json({event}))"

    def day(self, column: str) -> str:
        return column


class _Postgresql:
    """How PostgreSQL reads them."""

    differs = "IS DISTINCT FROM"

    def is_json(self, column: str) -> str:
        return f"{column} IS NOT NULL"

    def field(self, body: str, *path: str) -> str:
        return f"({body}::jsonb #>> {self._path(path)})"

    def without(self, body: str, paths: Sequence[Sequence[str]]) -> str:
        return f"({body}::jsonb {' '.join(f'#- {self._path(path)}' for path in paths)})"

    def same(self, left: str, right: str) -> str:
        return f"({left})::jsonb IS NOT DISTINCT FROM ({right})::jsonb"

    def fees(self, body: str) -> str:
        fee = "CASE WHEN f ->> 'due' IS NULL THEN f ELSE jsonb_set(f, '{due}', '\"a day\"') END"
        each = f"jsonb_array_elements(coalesce({body}::jsonb -> 'fees', '[]')) WITH ORDINALITY AS one(f, n)"
        return f"(SELECT coalesce(jsonb_agg({fee} ORDER BY n), '[]') FROM {each})"

    def months_of_subsidy(self, body: str) -> str:
        paid_out, until = (f"{self.field(body, name)}::date" for name in ("disbursement_date", "subsidised_until"))
        part = "extract({} FROM {})::integer".format
        is_short = f"{part('day', paid_out)} > {part('day', until)} AND {part('day', f'({until} + 1)')} <> 1"
        months = f"({part('year', until)} - {part('year', paid_out)}) * 12 + {part('month', until)}"
        return f"greatest(0, {months} - {part('month', paid_out)} - ({is_short})::integer)"

    def number(self, body: str, *path: str) -> str:
        return f"{self.field(body, *path)}::integer"

    def with_event(self, amendments: str, event: str) -> str:
        return f"coalesce({amendments}::jsonb, '[]') || jsonb_build_array({event}::jsonb)"

    def day(self, column: str) -> str:
        return f"to_char({column}, 'YYYY-MM-DD')"

    def _path(self, path: Sequence[str]) -> str:
        return _quoted("{" + ",".join(path) + "}")


_Dialect = _Sqlite | _Postgresql


def _quoted(text: str) -> str:
    return f"'{text}'"


def _refused(sql: _Dialect) -> str:
    """Whether new terms are neither a loan's first, nor the signed ones dated anew, nor those of a decided change."""
    decided = (
        "d.id = NEW.decision_id AND d.loan = NEW.loan AND d.outcome = 'approve' AND d.decided_as <> 'finance' "
        "AND NOT (EXISTS (SELECT 1 FROM loan_event WHERE loan = NEW.loan AND type = 'disbursement') "
        "AND EXISTS (SELECT 1 FROM terms WHERE decision_id = NEW.decision_id))"
    )
    return f"""
    EXISTS (
        SELECT 1 FROM decision d WHERE {decided}
          AND NOT EXISTS (SELECT 1 FROM terms WHERE loan = NEW.loan)
          AND (NEW.version <> 1 OR NEW.amendments IS NOT NULL OR NOT ({sql.is_json("NEW.body")}))
    )
    OR EXISTS (
        SELECT 1 FROM decision d JOIN terms b ON b.loan = d.loan
        WHERE {decided} AND b.version = (SELECT max(version) FROM terms WHERE loan = NEW.loan)
          AND NOT (
            CASE
              WHEN NEW.version <> b.version + 1 OR NOT ({sql.is_json("NEW.body")}) THEN false
              WHEN NEW.decision_id = b.decision_id THEN {_is_dated_anew(sql)}
              ELSE {_is_a_change(sql)}
            END
          )
    )
    """


def _is_dated_anew(sql: _Dialect) -> str:
    """Whether the terms are the signed ones, from the day on which the bank carried the payout out."""
    settled = (
        "(SELECT max(p.value_date) FROM payment p "
        "WHERE p.loan = NEW.loan AND p.kind = 'disbursement' AND p.status = 'settled')"
    )
    new, old = "NEW.body", "b.body"
    moves = [(name,) for name in DAYS] + [("prepayment_fee", "until"), ("fees",), ("principal_grace_periods",)]
    floats = f"{sql.field(new, 'floating')} IS NOT NULL AND {sql.field(old, 'floating')} IS NOT NULL"
    rate = ("annual_rate_percent",)
    grace = "principal_grace_periods"
    pays = [
        f"{sql.field(body, 'subsidised_until')} IS NOT NULL AND {sql.field(body, 'period', 'unit')} = 'month' "
        f"AND {sql.number(body, 'period', 'every')} = 1"
        for body in (new, old)
    ]
    conditions = [
        "NEW.amendments IS NULL",
        f"NOT ({sql.day('NEW.effective_from')} {sql.differs} {sql.day(settled)})",
        f"NOT ({sql.field(new, 'disbursement_date')} {sql.differs} {sql.day(settled)})",
        f"{sql.field(new, 'disbursement_date')} <> {sql.field(old, 'disbursement_date')}",
        *(f"({sql.field(new, *path)} IS NULL) = ({sql.field(old, *path)} IS NULL)" for path in MAY_BE_MISSING),
        sql.same(sql.fees(new), sql.fees(old)),
        f"CASE WHEN {floats} THEN {sql.same(*(sql.without(body, [*moves, rate]) for body in (new, old)))} "
        f"ELSE {sql.same(*(sql.without(body, moves) for body in (new, old)))} END",
        f"CASE WHEN {' AND '.join(pays)} "
        f"THEN NOT ({sql.number(new, grace)} - {sql.months_of_subsidy(new)} "
        f"{sql.differs} {sql.number(old, grace)} - {sql.months_of_subsidy(old)}) "
        f"ELSE NOT ({sql.field(new, grace)} {sql.differs} {sql.field(old, grace)}) END",
    ]
    return " AND ".join(f"({condition})" for condition in conditions)


def _is_a_change(sql: _Dialect) -> str:
    """Whether the terms keep the contract and add the one event of a change that amends it, the first time."""
    return f"""
    {sql.same("NEW.body", "b.body")} AND {sql.is_json("NEW.amendments")} AND EXISTS (
        SELECT 1 FROM change_task t
        JOIN change_proposal p ON p.id = t.proposal_id
        JOIN loan_event e ON e.key = p.loan || ':change:' || p.id
        WHERE t.task_id = d.task_id AND p.loan = NEW.loan AND e.loan = NEW.loan AND p.kind IN {CHANGES_TERMS}
          AND {sql.same("NEW.amendments", sql.with_event("b.amendments", "e.body"))}
          AND NOT EXISTS (
            SELECT 1 FROM terms x JOIN decision dx ON dx.id = x.decision_id
            JOIN change_task tx ON tx.task_id = dx.task_id WHERE tx.proposal_id = p.id
          )
    )
    """
