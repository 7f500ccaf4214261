"""Booking dates, closed months, month-ends, and the chart of accounts as dated versions with its rates."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DATA = Path(__file__).with_name("0004_ledger_data.json")
INSERT_ONLY = (
    "ledger_account",
    "account_version",
    "non_accrual_rule",
    "provision_rate",
    "loan_month_end",
    "month_end",
    "closed_period",
)
NAMES = (("name_en", 64), ("name_zh", 64), ("kind", 16))
CLOSED = "SELECT 1 FROM closed_period WHERE open_from > NEW.booking_date"


def upgrade() -> None:
    _date_the_postings()
    for name, _ in NAMES:
        op.drop_column("ledger_account", name)
    _create_tables()
    _load(json.loads(DATA.read_text(encoding="utf-8")))
    _guard()


def _date_the_postings() -> None:
    """What is in the ledger stands in the month of its value date; the guard steps aside for that one statement."""
    if _is_sqlite():
        _rebuild_posting({"booking_date": "value_date"})
        return
    op.add_column("posting", sa.Column("booking_date", sa.Date(), nullable=True))
    op.execute("ALTER TABLE posting DISABLE TRIGGER USER")
    op.execute("UPDATE posting SET booking_date = value_date")
    op.execute("ALTER TABLE posting ENABLE TRIGGER USER")
    op.alter_column("posting", "booking_date", nullable=False)


def _rebuild_posting(new_dates: dict[str, str]) -> None:
    """SQLite changes no column of a table: a new one takes the rows and the name. New dates come from old columns."""
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("entry", sa.String(length=96), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("debit", sa.String(length=8), nullable=False),
        sa.Column("credit", sa.String(length=8), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
    )
    names = [column.name for column in columns]
    op.create_table(
        "new_posting",
        *columns,
        *(sa.Column(name, sa.Date(), nullable=False) for name in new_dates),
        sa.CheckConstraint("amount_fen > 0", name="ck_posting_amount_positive"),
        sa.CheckConstraint("debit <> credit", name="ck_posting_two_accounts"),
        sa.ForeignKeyConstraint(["credit"], ["ledger_account.code"]),
        sa.ForeignKeyConstraint(["debit"], ["ledger_account.code"]),
        sa.ForeignKeyConstraint(["loan"], ["loan.number"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    into, source = ", ".join([*names, *new_dates]), ", ".join([*names, *new_dates.values()])
    op.execute(f"INSERT INTO new_posting ({into}) SELECT {source} FROM posting")
    op.drop_table("posting")
    op.rename_table("new_posting", "posting")
    op.create_index("ix_posting_credit_day", "posting", ["credit", "value_date"])
    op.create_index("ix_posting_debit_day", "posting", ["debit", "value_date"])
    op.create_index("ix_posting_entry", "posting", ["entry"])
    op.create_index("ix_posting_loan_position", "posting", ["loan", "id"])
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER posting_no_{verb.lower()} BEFORE {verb} ON posting "
            "BEGIN SELECT RAISE(ABORT, 'posting is insert-only'); END"
        )


def _create_tables() -> None:
    op.create_table(
        "account_version",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("name_en", sa.String(length=64), nullable=False),
        sa.Column("name_zh", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("normal_side", sa.String(length=8), nullable=False),
        sa.Column("vat_basis_points", sa.Integer(), nullable=False),
        sa.Column("parent", sa.String(length=8), nullable=True),
        sa.CheckConstraint("vat_basis_points BETWEEN 0 AND 9999", name="ck_account_vat_rate"),
        sa.ForeignKeyConstraint(["code"], ["ledger_account.code"]),
        sa.ForeignKeyConstraint(["parent"], ["ledger_account.code"]),
        sa.PrimaryKeyConstraint("code", "valid_from"),
    )
    op.create_index("ix_account_version_parent", "account_version", ["parent"])
    op.create_table(
        "non_accrual_rule",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("above_dpd", sa.Integer(), nullable=False),
        sa.Column("cured_at_dpd", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("valid_from"),
    )
    op.create_table(
        "provision_rate",
        sa.Column("classification", sa.String(length=32), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name="ck_provision_rate"),
        sa.PrimaryKeyConstraint("classification", "valid_from"),
    )
    op.create_table(
        "loan_month_end",
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("dpd", sa.Integer(), nullable=False),
        sa.Column("classification", sa.String(length=32), nullable=False),
        sa.Column("non_accrual", sa.Boolean(), nullable=False),
        sa.Column("accrued_interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("accrued_penalty_fen", sa.BigInteger(), nullable=False),
        sa.Column("accrued_subsidy_fen", sa.BigInteger(), nullable=False),
        sa.Column("suspended_interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("suspended_penalty_fen", sa.BigInteger(), nullable=False),
        sa.Column("memorandum_fen", sa.BigInteger(), nullable=False),
        sa.Column("provision_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["loan"], ["loan.number"]),
        sa.PrimaryKeyConstraint("loan", "month"),
    )
    op.create_index("ix_loan_month_end_month", "loan_month_end", ["month", "loan"], unique=True)
    op.create_table(
        "month_end",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month"),
    )
    op.create_table(
        "closed_period",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("open_from", sa.Date(), nullable=False),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month"),
        sa.UniqueConstraint("open_from"),
    )


def _load(data: dict[str, Any]) -> None:
    """The chart and the rules. Tax is split from the day after the last posting: what was posted before has none."""
    connection = op.get_bind()
    known = set(connection.scalars(sa.text("SELECT code FROM ledger_account")))
    codes = sa.table("ledger_account", sa.column("code"))
    op.bulk_insert(codes, [{"code": row[0]} for row in data["accounts"] if row[0] not in known])
    begin = date.fromisoformat(data["valid_from"])
    names = ("code", "name_en", "name_zh", "kind", "normal_side", "parent")
    first = [
        dict(zip(names, row, strict=True)) | {"valid_from": begin, "vat_basis_points": 0} for row in data["accounts"]
    ]
    last = connection.scalar(sa.text("SELECT max(value_date) FROM posting").columns(sa.column("last", sa.Date())))
    vat = data["vat"]
    taxed_from = max(date.fromisoformat(vat["valid_from"]), last + timedelta(days=1) if last else date.min)
    taxed = [
        row | {"valid_from": taxed_from, "vat_basis_points": rate}
        for row in first
        if (rate := vat["basis_points"].get(row["code"]))
    ]
    columns = (*names, "vat_basis_points")
    versions = sa.table("account_version", *map(sa.column, columns), sa.column("valid_from", sa.Date()))
    op.bulk_insert(versions, [*first, *taxed])
    rule = data["non_accrual"]
    rules = sa.table(
        "non_accrual_rule", sa.column("valid_from", sa.Date()), sa.column("above_dpd"), sa.column("cured_at_dpd")
    )
    op.bulk_insert(rules, [rule | {"valid_from": date.fromisoformat(rule["valid_from"])}])
    provisions = data["provisions"]
    rates = sa.table(
        "provision_rate",
        sa.column("classification"),
        sa.column("valid_from", sa.Date()),
        sa.column("basis_points"),
    )
    provided_from = date.fromisoformat(provisions["valid_from"])
    op.bulk_insert(
        rates,
        [
            {"classification": name, "valid_from": provided_from, "basis_points": rate}
            for name, rate in provisions["basis_points"].items()
        ],
    )


def _guard() -> None:
    if _is_sqlite():
        for table in INSERT_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        op.execute(
            f"CREATE TRIGGER posting_in_open_month BEFORE INSERT ON posting WHEN EXISTS ({CLOSED}) "
            "BEGIN SELECT RAISE(ABORT, 'the month of a posting is closed'); END"
        )
        return
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION posting_in_open_month() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS ({CLOSED}) THEN RAISE EXCEPTION 'the month of a posting is closed'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER posting_in_open_month BEFORE INSERT ON posting "
        "FOR EACH ROW EXECUTE FUNCTION posting_in_open_month()"
    )


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TRIGGER posting_in_open_month")
        for table in INSERT_ONLY:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        _rebuild_posting({})
    else:
        op.execute("DROP TRIGGER posting_in_open_month ON posting")
        op.execute("DROP FUNCTION posting_in_open_month()")
        for table in INSERT_ONLY:
            op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
        op.drop_column("posting", "booking_date")
    for name, length in NAMES:
        op.add_column("ledger_account", sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
        op.execute(
            f"UPDATE ledger_account SET {name} = (SELECT min({name}) FROM account_version "
            "WHERE account_version.code = ledger_account.code)"
        )
    for table in ("closed_period", "month_end", "loan_month_end", "provision_rate", "non_accrual_rule"):
        op.drop_table(table)
    op.drop_index("ix_account_version_parent", table_name="account_version")
    op.drop_table("account_version")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
