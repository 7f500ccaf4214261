"""The lender's own list under four eyes, who owes by the digest of his ID number, documents known again by theirs."""

import json

import sqlalchemy as sa
from alembic import op

from books.customers import FIRST_INDEX_KEY, digest_under

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = ("listing_proposal", "listing_decision")
SAME_PERSON = "whoever proposed an entry does not decide on it"
READING_INDEXES = ("text_index", "number_index")
CO_SIGNERS = ("joint_borrower", "guarantor")


def upgrade() -> None:
    op.add_column("party", sa.Column("id_number_index", sa.String(length=64), nullable=True))
    op.create_index("ix_party_id_number_index", "party", ["id_number_index"])
    _know_who_owes()
    op.create_table(
        "listing_proposal",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("entry_id", sa.String(length=32), sa.ForeignKey("listing_proposal.id"), nullable=True, index=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("name_index", sa.String(length=64), nullable=True),
        sa.Column("id_number_index", sa.String(length=64), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_listing_proposal_id_number", "listing_proposal", ["id_number_index"])
    op.create_index("ix_listing_proposal_name", "listing_proposal", ["name_index"])
    op.create_table(
        "listing_decision",
        sa.Column("proposal_id", sa.String(length=32), sa.ForeignKey("listing_proposal.id"), primary_key=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    )
    for column in READING_INDEXES:
        op.add_column("document_reading", sa.Column(column, sa.String(length=64), nullable=True))
        op.create_index(f"ix_document_reading_{column}", "document_reading", [column])
    _guard()


def _know_who_owes() -> None:
    """Borrowers from their customers; co-signers from the form, where the fields of the shipped products name them."""
    op.execute(
        "UPDATE party SET id_number_index = (SELECT c.id_number_index FROM customer c WHERE c.id = party.customer_id) "
        "WHERE role = 'borrower'"
    )
    parties = sa.table("party", *(sa.column(name) for name in ("id", "loan", "role", "id_number_index")))
    forms = sa.table("application", sa.column("loan"), sa.column("form", sa.Text))
    connection = op.get_bind()
    found = connection.execute(
        sa.select(parties.c.id, parties.c.role, forms.c.form)
        .join(forms, forms.c.loan == parties.c.loan)
        .where(parties.c.role.in_(CO_SIGNERS))
    ).all()
    for id_, role, form in found:
        number = json.loads(form).get(f"{role}_id_number")
        if number:
            digest = digest_under([FIRST_INDEX_KEY], number)
            connection.execute(parties.update().where(parties.c.id == id_).values(id_number_index=digest))


def _guard() -> None:
    same = "EXISTS (SELECT 1 FROM listing_proposal p WHERE p.id = NEW.proposal_id AND p.proposed_by = NEW.decided_by)"
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
        op.execute(
            f"CREATE TRIGGER listing_decision_four_eyes BEFORE INSERT ON listing_decision WHEN {same} "
            f"BEGIN SELECT RAISE(ABORT, '{SAME_PERSON}'); END"
        )
        return
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"""
        CREATE FUNCTION listing_decision_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {same} THEN RAISE EXCEPTION '{SAME_PERSON}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER listing_decision_four_eyes BEFORE INSERT ON listing_decision "
        "FOR EACH ROW EXECUTE FUNCTION listing_decision_four_eyes()"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION listing_decision_four_eyes()")
    for column in READING_INDEXES:
        op.drop_index(f"ix_document_reading_{column}", "document_reading")
        op.drop_column("document_reading", column)
    op.drop_index("ix_party_id_number_index", "party")
    op.drop_column("party", "id_number_index")
