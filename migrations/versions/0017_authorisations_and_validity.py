"""Every party authorises for himself, and answers of registers are valid for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INSERT_ONLY = ("authorisation", "verification")

# The text of 2026-01 held both declarations; each of them is a row of its own from here on.
SENSITIVE = "card,id_document"
# As it was, less its unnamed unique key: a round may hold tries without an answer from here on.
OLD_VERIFICATION = sa.Table(
    "verification",
    sa.MetaData(),
    sa.Column("id", sa.String(length=32), primary_key=True),
    sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False),
    sa.Column("check_name", sa.String(length=16), nullable=False),
    sa.Column("round", sa.Integer(), nullable=False),
    sa.Column("verdict", sa.String(length=32), nullable=False),
    sa.Column("reference", sa.String(length=64), nullable=True),
    sa.Column("answer", sa.Text(), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
)
ONE_A_ROUND = ["loan", "check_name", "round"]
NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "replace(gen_random_uuid()::text, '-', '')"}


def upgrade() -> None:
    _widen()
    _split_old_rows()
    op.create_index("ix_authorisation_party_id", "authorisation", ["party_id"])
    op.create_index("ix_authorisation_signature_id", "authorisation", ["signature_id"])
    op.create_index("ix_verification_question", "verification", ["question_index", "answered_at"])
    op.create_table(
        "authorisation_request",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False, index=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_sha256", sa.String(length=64), nullable=False, unique=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "register_claim",
        sa.Column("question_index", sa.String(length=64), primary_key=True),
        sa.Column("loan", sa.String(length=16), nullable=False),
        sa.Column("check_name", sa.String(length=48), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "register_state",
        sa.Column("service", sa.String(length=32), primary_key=True),
        sa.Column("worker", sa.String(length=64), primary_key=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    for table in INSERT_ONLY:
        _guard(table)


def _widen() -> None:
    with op.batch_alter_table("authorisation") as table:
        table.alter_column("customer_id", existing_type=sa.String(length=32), nullable=True)
        table.alter_column("scope", existing_type=sa.String(length=64), type_=sa.String(length=200))
        table.add_column(sa.Column("party", sa.String(length=24), nullable=False, server_default="borrower"))
        table.add_column(sa.Column("party_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("kind", sa.String(length=32), nullable=False, server_default="registers"))
        table.add_column(sa.Column("granted", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("text_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("method", sa.String(length=32), nullable=False, server_default="attested"))
        table.add_column(sa.Column("signature_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("given_as", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("address", sa.String(length=64), nullable=True))
        table.create_foreign_key("authorisation_party_id_fkey", "party", ["party_id"], ["id"])
        table.create_foreign_key("authorisation_signature_id_fkey", "signature", ["signature_id"], ["id"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("verification", copy_from=OLD_VERIFICATION if is_sqlite else None) as table:
        if not is_sqlite:
            table.drop_constraint("verification_loan_check_name_round_key", type_="unique")
        table.alter_column("check_name", existing_type=sa.String(length=16), type_=sa.String(length=48))
        table.add_column(sa.Column("miss", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("question_index", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("source_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
        table.create_unique_constraint("uq_verification_miss", [*ONE_A_ROUND, "miss"])


def _split_old_rows() -> None:
    op.execute(
        "UPDATE authorisation SET party_id = "
        "(SELECT party.id FROM party WHERE party.loan = authorisation.loan AND party.role = 'borrower')"
    )
    op.execute("UPDATE authorisation SET kind = 'sensitive' WHERE scope = 'card'")
    columns = "loan, party, party_id, customer_id, granted, text_version, method, given_at, given_through"
    op.execute(
        f"INSERT INTO authorisation (id, kind, scope, {columns}) "
        f"SELECT {NEW_ID[op.get_bind().dialect.name]}, 'sensitive', '{SENSITIVE}', {columns} "
        "FROM authorisation WHERE kind = 'registers'"
    )
    op.execute("UPDATE authorisation SET scope = 'identity,bureau,enrolment,vehicle' WHERE kind = 'registers'")


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    else:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for guarded in INSERT_ONLY:
        verbs = (f"{guarded}_no_update", f"{guarded}_no_delete")
        for trigger in verbs if is_sqlite else (f"{guarded}_insert_only ON {guarded}",):
            op.execute(f"DROP TRIGGER {trigger}")
    for dropped in ("register_state", "register_claim", "authorisation_request"):
        op.drop_table(dropped)
    op.drop_index("ix_verification_question", "verification")
    op.drop_index("ix_authorisation_signature_id", "authorisation")
    op.drop_index("ix_authorisation_party_id", "authorisation")
    # What only the newer rows can say is lost: who is no customer, answers of co-signers, and what was taken back.
    op.execute("DELETE FROM verification WHERE miss > 0 OR check_name LIKE '%@%'")
    op.execute("DELETE FROM authorisation WHERE party <> 'borrower' OR NOT granted OR kind = 'sensitive'")
    with op.batch_alter_table("verification") as table:
        table.drop_constraint("uq_verification_miss", type_="unique")
        for column in ("recorded_at", "source_id", "question_index", "miss"):
            table.drop_column(column)
        table.create_unique_constraint("verification_loan_check_name_round_key", ONE_A_ROUND)
        table.alter_column("check_name", existing_type=sa.String(length=48), type_=sa.String(length=16))
    with op.batch_alter_table("authorisation") as table:
        for key in ("authorisation_signature_id_fkey", "authorisation_party_id_fkey"):
            table.drop_constraint(key, type_="foreignkey")
        for column in (
            *("address", "given_as", "signature_id", "method", "text_sha256", "granted", "kind", "party_id", "party"),
        ):
            table.drop_column(column)
        table.alter_column("scope", existing_type=sa.String(length=200), type_=sa.String(length=64))
        table.alter_column("customer_id", existing_type=sa.String(length=32), nullable=False)
