"""Loans taken over from other systems, and the two accounts against which they are opened."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ACCOUNTS = (
    ("21", "Portfolios taken over", "受让资产", None),
    ("2101", "Portfolios taken over, to be settled", "受让资产待结算", "21"),
    ("2102", "Opening differences of portfolios", "受让资产期初差异", "21"),
)
VALID_FROM = date(2000, 1, 1)
VERBS = ("UPDATE", "DELETE")


def upgrade() -> None:
    op.create_table(
        "taken_over_loan",
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("source_loan", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("cut_off", sa.Date(), nullable=False),
        sa.Column("claimed", sa.JSON(), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("taken_over_by", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=False),
        sa.Column("taken_over_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["loan"], ["loan.number"]),
        sa.PrimaryKeyConstraint("loan"),
        sa.UniqueConstraint("source", "source_loan"),
    )
    codes = sa.table("ledger_account", sa.column("code"))
    op.bulk_insert(codes, [{"code": code} for code, *_ in ACCOUNTS])
    names = ("code", "name_en", "name_zh", "kind", "normal_side", "vat_basis_points", "parent")
    versions = sa.table("account_version", *map(sa.column, names), sa.column("valid_from", sa.Date()))
    op.bulk_insert(
        versions,
        [
            dict(zip(names, (code, en, zh, "liability", "credit", 0, parent), strict=True)) | {"valid_from": VALID_FROM}
            for code, en, zh, parent in ACCOUNTS
        ],
    )
    _guard("taken_over_loan")


def _guard(table: str) -> None:
    if _is_sqlite():
        for verb in VERBS:
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _unguard(table: str) -> None:
    if _is_sqlite():
        for verb in VERBS:
            op.execute(f"DROP TRIGGER {table}_no_{verb.lower()}")
        return
    op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def downgrade() -> None:
    _unguard("taken_over_loan")
    op.drop_table("taken_over_loan")
    # The older books have no such accounts; a downgrade is for books without postings on them.
    codes = ", ".join(f"'{code}'" for code, *_ in reversed(ACCOUNTS))
    for table in ("account_version", "ledger_account"):
        _unguard(table)
        op.execute(f"DELETE FROM {table} WHERE code IN ({codes})")
        _guard(table)
