"""The first books: all tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("act", sa.String(length=48), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("subject", sa.String(length=96), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_actor", "audit_entry", ["actor_id", "id"], unique=False)
    op.create_index("ix_audit_loan", "audit_entry", ["loan", "id"], unique=False)
    op.create_table(
        "business_day",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day_seconds", sa.Float(), nullable=False),
        sa.Column("anchor_instant", sa.DateTime(timezone=True), nullable=True),
        sa.Column("anchor_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id_number", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("id_number_index", sa.String(length=64), nullable=False),
        sa.Column("mobile_index", sa.String(length=64), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id_number_index"),
    )
    op.create_index(op.f("ix_customer_mobile_index"), "customer", ["mobile_index"], unique=False)
    op.create_index(op.f("ix_customer_owner_id"), "customer", ["owner_id"], unique=False)
    op.create_table(
        "effect",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_effect_loan_n", "effect", ["loan", "n"], unique=False)
    op.create_table(
        "ledger_account",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name_en", sa.String(length=64), nullable=False),
        sa.Column("name_zh", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "number_series",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["not_before", "id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "policy",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manager_id"],
            ["staff.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_index(op.f("ix_staff_customer_id"), "staff", ["customer_id"], unique=False)
    op.create_index(op.f("ix_staff_manager_id"), "staff", ["manager_id"], unique=False)
    op.create_index(op.f("ix_staff_role"), "staff", ["role"], unique=False)
    op.create_table(
        "loan",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("approved_fen", sa.BigInteger(), nullable=True),
        sa.Column("grade", sa.String(length=2), nullable=True),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("disbursed_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("booked_to", sa.Date(), nullable=True),
        sa.Column("next_date", sa.Date(), nullable=True),
        sa.Column("next_due", sa.Date(), nullable=True),
        sa.Column("next_due_fen", sa.BigInteger(), nullable=False),
        sa.Column("outstanding_fen", sa.BigInteger(), nullable=False),
        sa.Column("overdue_fen", sa.BigInteger(), nullable=False),
        sa.Column("dpd", sa.Integer(), nullable=False),
        sa.Column("high_risk", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_loan_customer_id"), "loan", ["customer_id"], unique=False)
    op.create_index(op.f("ix_loan_dpd"), "loan", ["dpd"], unique=False)
    op.create_index("ix_loan_product_number", "loan", ["product", "number"], unique=False)
    op.create_index("ix_loan_stage_number", "loan", ["stage", "number"], unique=False)
    op.create_table(
        "application",
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("content_index", sa.String(length=64), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("loan"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index(op.f("ix_application_content_index"), "application", ["content_index"], unique=False)
    op.create_index(op.f("ix_application_entered_by"), "application", ["entered_by"], unique=False)
    op.create_table(
        "authorisation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("text_version", sa.String(length=16), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_through", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_authorisation_customer_id"), "authorisation", ["customer_id"], unique=False)
    op.create_index(op.f("ix_authorisation_loan"), "authorisation", ["loan"], unique=False)
    op.create_table(
        "bank_entry",
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("end_to_end_id", sa.String(length=96), nullable=True),
        sa.Column("counterparty", sa.Text(), nullable=True),
        sa.Column("remittance", sa.Text(), nullable=True),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("reference"),
    )
    op.create_index("ix_bank_entry_day", "bank_entry", ["booked_on", "reference"], unique=False)
    op.create_index(op.f("ix_bank_entry_end_to_end_id"), "bank_entry", ["end_to_end_id"], unique=False)
    op.create_index(op.f("ix_bank_entry_loan"), "bank_entry", ["loan"], unique=False)
    op.create_index(op.f("ix_bank_entry_matched"), "bank_entry", ["matched"], unique=False)
    op.create_table(
        "collateral",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("value_fen", sa.BigInteger(), nullable=False),
        sa.Column("insured_until", sa.Date(), nullable=True),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_collateral_loan"), "collateral", ["loan"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("template", sa.String(length=48), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_contact_customer_id"), "contact", ["customer_id"], unique=False)
    op.create_index(op.f("ix_contact_loan"), "contact", ["loan"], unique=False)
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=64), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan", "kind", "sha256"),
    )
    op.create_table(
        "grading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=2), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("annual_rate_percent", sa.String(length=12), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["policy.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan", "round"),
    )
    op.create_index(op.f("ix_grading_policy_id"), "grading", ["policy_id"], unique=False)
    op.create_table(
        "loan_event",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_loan_event_loan_position", "loan_event", ["loan", "position"], unique=True)
    op.create_table(
        "party",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan", "role", "position"),
    )
    op.create_index(op.f("ix_party_customer_id"), "party", ["customer_id"], unique=False)
    op.create_table(
        "posting",
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
        sa.CheckConstraint("amount_fen > 0", name="ck_posting_amount_positive"),
        sa.CheckConstraint("debit <> credit", name="ck_posting_two_accounts"),
        sa.ForeignKeyConstraint(
            ["credit"],
            ["ledger_account.code"],
        ),
        sa.ForeignKeyConstraint(
            ["debit"],
            ["ledger_account.code"],
        ),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_posting_credit_day", "posting", ["credit", "value_date"], unique=False)
    op.create_index("ix_posting_debit_day", "posting", ["debit", "value_date"], unique=False)
    op.create_index(op.f("ix_posting_entry"), "posting", ["entry"], unique=False)
    op.create_index("ix_posting_loan_position", "posting", ["loan", "id"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("assignee_id", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("escalations", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_assignee", "task", ["assignee_id", "status"], unique=False)
    op.create_index("ix_task_inbox", "task", ["status", "role", "due_on", "id"], unique=False)
    op.create_index(op.f("ix_task_loan"), "task", ["loan"], unique=False)
    op.create_index(
        "ix_task_one_open_a_kind",
        "task",
        ["loan", "kind"],
        unique=True,
        sqlite_where=sa.text("status = 'open' AND loan IS NOT NULL"),
        postgresql_where=sa.text("status = 'open' AND loan IS NOT NULL"),
    )
    op.create_table(
        "verification",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("check_name", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan", "check_name", "round"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("task_id", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_as", sa.String(length=32), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id"),
    )
    op.create_index(op.f("ix_decision_loan"), "decision", ["loan"], unique=False)
    op.create_table(
        "payment",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("party_id", sa.String(length=32), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("settled_fen", sa.BigInteger(), nullable=False),
        sa.Column("installment", sa.Integer(), nullable=True),
        sa.Column("effect", sa.String(length=24), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("booked", sa.Boolean(), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("bank_reference", sa.String(length=64), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_payment_amount_positive"),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.ForeignKeyConstraint(
            ["party_id"],
            ["party.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_payment_bank_reference"), "payment", ["bank_reference"], unique=False)
    op.create_index("ix_payment_loan_kind", "payment", ["loan", "kind"], unique=False)
    op.create_index(op.f("ix_payment_party_id"), "payment", ["party_id"], unique=False)
    op.create_index("ix_payment_status", "payment", ["status", "ordered_at"], unique=False)
    op.create_table(
        "terms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
        ),
        sa.ForeignKeyConstraint(
            ["loan"],
            ["loan.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan", "version"),
    )
    op.create_index(op.f("ix_terms_decision_id"), "terms", ["decision_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_terms_decision_id"), table_name="terms")
    op.drop_table("terms")
    op.drop_index("ix_payment_status", table_name="payment")
    op.drop_index(op.f("ix_payment_party_id"), table_name="payment")
    op.drop_index("ix_payment_loan_kind", table_name="payment")
    op.drop_index(op.f("ix_payment_bank_reference"), table_name="payment")
    op.drop_table("payment")
    op.drop_index(op.f("ix_decision_loan"), table_name="decision")
    op.drop_table("decision")
    op.drop_table("verification")
    op.drop_index(
        "ix_task_one_open_a_kind",
        table_name="task",
        sqlite_where=sa.text("status = 'open' AND loan IS NOT NULL"),
        postgresql_where=sa.text("status = 'open' AND loan IS NOT NULL"),
    )
    op.drop_index(op.f("ix_task_loan"), table_name="task")
    op.drop_index("ix_task_inbox", table_name="task")
    op.drop_index("ix_task_assignee", table_name="task")
    op.drop_table("task")
    op.drop_index("ix_posting_loan_position", table_name="posting")
    op.drop_index(op.f("ix_posting_entry"), table_name="posting")
    op.drop_index("ix_posting_debit_day", table_name="posting")
    op.drop_index("ix_posting_credit_day", table_name="posting")
    op.drop_table("posting")
    op.drop_index(op.f("ix_party_customer_id"), table_name="party")
    op.drop_table("party")
    op.drop_index("ix_loan_event_loan_position", table_name="loan_event")
    op.drop_table("loan_event")
    op.drop_index(op.f("ix_grading_policy_id"), table_name="grading")
    op.drop_table("grading")
    op.drop_table("document")
    op.drop_index(op.f("ix_contact_loan"), table_name="contact")
    op.drop_index(op.f("ix_contact_customer_id"), table_name="contact")
    op.drop_table("contact")
    op.drop_index(op.f("ix_collateral_loan"), table_name="collateral")
    op.drop_table("collateral")
    op.drop_index(op.f("ix_bank_entry_matched"), table_name="bank_entry")
    op.drop_index(op.f("ix_bank_entry_loan"), table_name="bank_entry")
    op.drop_index(op.f("ix_bank_entry_end_to_end_id"), table_name="bank_entry")
    op.drop_index("ix_bank_entry_day", table_name="bank_entry")
    op.drop_table("bank_entry")
    op.drop_index(op.f("ix_authorisation_loan"), table_name="authorisation")
    op.drop_index(op.f("ix_authorisation_customer_id"), table_name="authorisation")
    op.drop_table("authorisation")
    op.drop_index(op.f("ix_application_entered_by"), table_name="application")
    op.drop_index(op.f("ix_application_content_index"), table_name="application")
    op.drop_table("application")
    op.drop_index("ix_loan_stage_number", table_name="loan")
    op.drop_index("ix_loan_product_number", table_name="loan")
    op.drop_index(op.f("ix_loan_dpd"), table_name="loan")
    op.drop_index(op.f("ix_loan_customer_id"), table_name="loan")
    op.drop_table("loan")
    op.drop_index(op.f("ix_staff_role"), table_name="staff")
    op.drop_index(op.f("ix_staff_manager_id"), table_name="staff")
    op.drop_index(op.f("ix_staff_customer_id"), table_name="staff")
    op.drop_table("staff")
    op.drop_table("policy")
    op.drop_index(
        "ix_outbox_waiting",
        table_name="outbox",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_table("number_series")
    op.drop_table("ledger_account")
    op.drop_index("ix_effect_loan_n", table_name="effect")
    op.drop_table("effect")
    op.drop_index(op.f("ix_customer_owner_id"), table_name="customer")
    op.drop_index(op.f("ix_customer_mobile_index"), table_name="customer")
    op.drop_table("customer")
    op.drop_table("business_day")
    op.drop_index("ix_audit_loan", table_name="audit_entry")
    op.drop_index("ix_audit_actor", table_name="audit_entry")
    op.drop_table("audit_entry")
