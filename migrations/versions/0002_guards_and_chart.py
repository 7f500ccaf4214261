"""What the database itself refuses, and the chart of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSERT_ONLY = ("posting", "audit_entry", "terms", "decision", "loan_event", "application")

CHART = (
    ("1001", "Bank account", "银行存款", "asset"),
    ("1101", "Loan principal", "贷款本金", "asset"),
    ("1102", "Interest receivable", "应收利息", "asset"),
    ("1103", "Fees receivable", "应收费用", "asset"),
    ("1104", "Penalty interest receivable", "应收罚息", "asset"),
    ("1105", "State subsidy receivable", "应收财政贴息", "asset"),
    ("2001", "Borrowers' unallocated money", "待分配还款", "liability"),
    ("2002", "State's unallocated money", "待分配贴息", "liability"),
    ("2003", "Suspense", "待查款项", "liability"),
    ("3001", "Owners' funds", "自有资金", "equity"),
    ("4001", "Interest income", "利息收入", "income"),
    ("4002", "Fee income", "费用收入", "income"),
    ("4003", "Penalty interest income", "罚息收入", "income"),
    ("4004", "State subsidy income", "贴息收入", "income"),
    ("4101", "Recoveries after write-off", "核销后收回", "income"),
    ("5001", "Waivers", "减免", "expense"),
    ("5002", "Write-offs", "核销损失", "expense"),
)


def upgrade() -> None:
    accounts = sa.table("ledger_account", *(sa.column(name) for name in ("code", "name_en", "name_zh", "kind")))
    op.bulk_insert(accounts, [dict(zip(("code", "name_en", "name_zh", "kind"), row, strict=True)) for row in CHART])
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
        """
        CREATE TRIGGER terms_need_approval BEFORE INSERT ON terms
        WHEN NOT EXISTS (
            SELECT 1 FROM decision
            WHERE id = NEW.decision_id AND loan = NEW.loan AND outcome = 'approve' AND decided_as <> 'finance'
        )
        BEGIN SELECT RAISE(ABORT, 'terms need an approving decision'); END
        """
    )


def _guard_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$
        """
    )
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        """
        CREATE FUNCTION terms_need_approval() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT 1 FROM decision
                WHERE id = NEW.decision_id AND loan = NEW.loan AND outcome = 'approve' AND decided_as <> 'finance'
            ) THEN RAISE EXCEPTION 'terms need an approving decision'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER terms_need_approval BEFORE INSERT ON terms FOR EACH ROW EXECUTE FUNCTION terms_need_approval()"
    )


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in INSERT_ONLY:
        if dialect == "sqlite":
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        else:
            op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
    if dialect == "sqlite":
        op.execute("DROP TRIGGER terms_need_approval")
    else:
        op.execute("DROP TRIGGER terms_need_approval ON terms")
        op.execute("DROP FUNCTION terms_need_approval()")
        op.execute("DROP FUNCTION refuse_change()")
    op.execute("DELETE FROM ledger_account")
