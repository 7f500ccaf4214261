"""Collateral has conditions, proofs that a second person confirmed, invoices read, and dealers that are blocked."""

import sqlalchemy as sa
from alembic import op

from books.customers import FIRST_INDEX_KEY, digest_under

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INSERT_ONLY = ("collateral_evidence", "evidence_review", "vehicle_invoice", "dealer_standing")
OWN = "whoever entered a proof does not confirm it"
ASKED = "what was asked of collateral does not change"
WAITS = "met_on IS NULL AND ended_on IS NULL"
LOOK = "look_on IS NOT NULL"
PAGE = 500


def upgrade() -> None:
    _tables()
    op.add_column("collateral", sa.Column("identifier_index", sa.String(length=64), nullable=True))
    op.create_index("ix_collateral_identifier_index", "collateral", ["identifier_index"])
    _index_what_is_there()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _tables() -> None:
    op.create_table(
        "collateral_condition",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("collateral_id", sa.String(length=32), sa.ForeignKey("collateral.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("before_payout", sa.Boolean(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("laid_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("look_on", sa.Date(), nullable=True),
    )
    for name, columns, unique, where in (
        ("ix_collateral_condition_look_on", ["look_on", "id"], False, LOOK),
        ("ix_collateral_condition_one_waits", ["loan", "kind"], True, WAITS),
    ):
        condition = sa.text(where)
        op.create_index(
            name,
            "collateral_condition",
            columns,
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_table(
        "collateral_evidence",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("collateral_id", sa.String(length=32), sa.ForeignKey("collateral.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issuer", sa.String(length=100), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("insured_fen", sa.BigInteger(), nullable=True),
        sa.Column("lender_first", sa.Boolean(), nullable=True),
        sa.Column("document_id", sa.String(length=32), sa.ForeignKey("document.id"), nullable=True, index=True),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_as", sa.String(length=32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "evidence_review",
        sa.Column("evidence_id", sa.String(length=32), sa.ForeignKey("collateral_evidence.id"), primary_key=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("reviewed_by", sa.String(length=64), nullable=False),
        sa.Column("reviewed_as", sa.String(length=32), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "vehicle_invoice",
        sa.Column("document_id", sa.String(length=32), sa.ForeignKey("document.id"), primary_key=True),
        sa.Column("loan", sa.String(length=16), sa.ForeignKey("loan.number"), nullable=False, index=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("number_index", sa.String(length=64), nullable=True, index=True),
        sa.Column("vin_index", sa.String(length=64), nullable=True, index=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "dealer_standing",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("dealer", sa.String(length=100), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_dealer_standing_dealer", "dealer_standing", ["dealer", "id"])


def _index_what_is_there() -> None:
    """Collateral of loans that came before is found again as well."""
    connection = op.get_bind()
    collateral = sa.table(
        "collateral",
        sa.column("id", sa.String),
        sa.column("identifier", sa.Text),
        sa.column("identifier_index", sa.String),
    )
    after = ""
    found = sa.select(collateral.c.id, collateral.c.identifier).order_by(collateral.c.id).limit(PAGE)
    while rows := connection.execute(found.where(collateral.c.id > after)).all():
        for id_, identifier in rows:
            row = sa.update(collateral).where(collateral.c.id == id_)
            connection.execute(row.values(identifier_index=digest_under([FIRST_INDEX_KEY], identifier)))
        after = rows[-1][0]


_SAME = "EXISTS (SELECT 1 FROM collateral_evidence e WHERE e.id = NEW.evidence_id AND e.entered_by = NEW.reviewed_by)"
_FIXED = ("id", "loan", "collateral_id", "kind", "before_payout", "days", "laid_on")


def _guard_sqlite() -> None:
    for table in INSERT_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    op.execute(
        f"CREATE TRIGGER evidence_review_four_eyes BEFORE INSERT ON evidence_review WHEN {_SAME} "
        f"BEGIN SELECT RAISE(ABORT, '{OWN}'); END"
    )
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _FIXED)
    op.execute(
        f"CREATE TRIGGER collateral_condition_asked BEFORE UPDATE ON collateral_condition WHEN {changed} "
        f"BEGIN SELECT RAISE(ABORT, '{ASKED}'); END"
    )
    op.execute(
        "CREATE TRIGGER collateral_condition_no_delete BEFORE DELETE ON collateral_condition "
        f"BEGIN SELECT RAISE(ABORT, '{ASKED}'); END"
    )


def _guard_postgresql() -> None:
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _FIXED)
    for name, broken, sentence in (
        ("evidence_review_four_eyes", _SAME, OWN),
        ("collateral_condition_asked", changed, ASKED),
    ):
        op.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {broken} THEN RAISE EXCEPTION '{sentence}'; END IF;
                RETURN NEW;
            END $$
            """
        )
    op.execute(
        "CREATE TRIGGER evidence_review_four_eyes BEFORE INSERT ON evidence_review "
        "FOR EACH ROW EXECUTE FUNCTION evidence_review_four_eyes()"
    )
    op.execute(
        "CREATE TRIGGER collateral_condition_asked BEFORE UPDATE ON collateral_condition "
        "FOR EACH ROW EXECUTE FUNCTION collateral_condition_asked()"
    )
    op.execute(
        "CREATE TRIGGER collateral_condition_kept BEFORE DELETE OR TRUNCATE ON collateral_condition "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in ("evidence_review", "collateral_evidence", "collateral_condition", "vehicle_invoice"):
        op.drop_table(table)
    op.drop_table("dealer_standing")
    op.drop_index("ix_collateral_identifier_index", "collateral")
    op.drop_column("collateral", "identifier_index")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION evidence_review_four_eyes()")
        op.execute("DROP FUNCTION collateral_condition_asked()")
