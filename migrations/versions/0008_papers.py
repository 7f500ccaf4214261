"""Papers that the lender issues, and signatures under them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FITS = """
    SELECT 1 FROM document JOIN party ON party.loan = document.loan
    WHERE document.id = NEW.document_id AND document.sha256 = NEW.document_sha256
    AND document.loan = NEW.loan AND party.id = NEW.party_id
"""
MISFIT = "the signature does not fit its document"


def upgrade() -> None:
    op.add_column("document", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column("document", sa.Column("terms_version", sa.Integer(), nullable=True))
    op.create_table(
        "paper_order",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("key", sa.String(length=128), nullable=False, unique=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("event_key", sa.String(length=96), nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_paper_order_waiting",
        "paper_order",
        ["not_before", "id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "signing_code",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False),
        sa.Column("document_id", sa.String(length=32), sa.ForeignKey("document.id"), nullable=False, index=True),
        sa.Column("code_hash", sa.String(length=128), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_signing_code_party", "signing_code", ["party_id", "asked_at"])
    op.create_table(
        "signature",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("party_id", sa.String(length=32), sa.ForeignKey("party.id"), nullable=False),
        sa.Column("document_id", sa.String(length=32), sa.ForeignKey("document.id"), nullable=False, index=True),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column(
            "signing_code_id", sa.String(length=32), sa.ForeignKey("signing_code.id"), nullable=False, unique=True
        ),
        sa.Column("code_hash", sa.String(length=128), nullable=False),
        sa.Column("code_sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("user_agent_sha256", sa.String(length=64), nullable=True),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_as", sa.String(length=16), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("party_id", "document_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER signature_no_{verb.lower()} BEFORE {verb} ON signature "
            "BEGIN SELECT RAISE(ABORT, 'signature is insert-only'); END"
        )
    op.execute(
        f"""
        CREATE TRIGGER signature_fits_document BEFORE INSERT ON signature WHEN NOT EXISTS ({FITS})
        BEGIN SELECT RAISE(ABORT, '{MISFIT}'); END
        """
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE TRIGGER signature_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON signature "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"""
        CREATE FUNCTION signature_fits_document() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS ({FITS}) THEN RAISE EXCEPTION '{MISFIT}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER signature_fits_document BEFORE INSERT ON signature "
        "FOR EACH ROW EXECUTE FUNCTION signature_fits_document()"
    )


def downgrade() -> None:
    for table in ("signature", "signing_code", "paper_order"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION signature_fits_document()")
    op.drop_column("document", "terms_version")
    op.drop_column("document", "language")
