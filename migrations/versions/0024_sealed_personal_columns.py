"""Personal columns lie sealed, each customer's under a key of his own; digests know the key that made them."""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from books.guards import guards_aside
from models.sealing import DataCipher, KeyRing
from settings import settings

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

HOUSE = "house"
FIRST_INDEX_KEY = b"loanwright-blind-index"
"""Every digest of earlier books was made with it."""
ERASED = "〔已删除〕"
FORMS = ("answer", "details", "facts", "form", "found")
PERSONAL: Mapping[str, tuple[tuple[str, ...], str | None, tuple[str, ...]]] = {
    "account_change": (("id",), "loan", ("account", "account_before")),
    "application": (("loan",), "loan", ("form",)),
    "authorisation_request": (("id",), "loan", ("token",)),
    "bank_entry": (("reference",), "loan", ("counterparty", "counterparty_account", "remittance")),
    "behaviour_score": (("loan", "month"), "loan", ("facts",)),
    "collateral": (("id",), "loan", ("identifier",)),
    "collateral_evidence": (("id",), "loan", ("number",)),
    "contact": (("id",), "customer_id", ("text",)),
    "customer": (("id",), "id", ("name", "id_number", "mobile", "details")),
    "decision": (("id",), "loan", ("facts",)),
    "document": (("id",), "loan", ("filename",)),
    "document_reading": (("document_id",), "loan", ("found", "reason")),
    "grading": (("id",), "loan", ("facts",)),
    "listing_decision": (("proposal_id",), None, ("reason",)),
    "listing_proposal": (("id",), None, ("name", "id_number", "reason")),
    "party": (("id",), "loan", ("name", "account")),
    "second_look": (("loan", "round"), "loan", ("words",)),
    "signing_code": (("id",), "loan", ("code",)),
    "staff": (("id",), "customer_id", ("name",)),
    "statement_line": (("statement_id", "n"), None, ("counterparty", "counterparty_account", "remittance")),
    "vehicle_invoice": (("document_id",), "loan", ("number",)),
    "verification": (("id",), "loan", ("answer",)),
}
"""Each table's key, the column that says whose its personal columns are, and these: as they were at this version."""
BATCH = 500
FILES = 20
"""Contents held in memory at a time, of at most 5 MiB each."""
SEALED = re.compile(r"s1\.([0-9a-f]{32}|house)\.")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # Otherwise what lay in clear would stay in the free pages of the file.
        op.execute("PRAGMA secure_delete = ON")
    # SQLite creates tables for good at once; what a broken run left is taken up here.
    there = sa.inspect(connection).get_table_names()
    if "data_key" not in there:
        op.create_table(
            "data_key",
            sa.Column("id", sa.String(length=32), primary_key=True),
            sa.Column("ring_key", sa.String(length=16), nullable=False, index=True),
            sa.Column("wrapped", sa.LargeBinary(), nullable=True),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        )
    if "index_key" not in there:
        op.create_table(
            "index_key",
            sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("mark", sa.String(length=16), nullable=False),
            sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        )
    ring = KeyRing.parse(settings().keys.get_secret_value())
    _rewrite(connection, _make_keys(connection, ring), seal=True)
    _note_index_key(connection)


def _note_index_key(connection: sa.Connection) -> None:
    """Books with digests know what made them; others take the key that they are first opened with."""
    digests = "SELECT EXISTS (SELECT 1 FROM customer) OR EXISTS (SELECT 1 FROM listing_proposal)"
    if (
        connection.execute(sa.text(digests)).scalar_one()
        and not connection.execute(sa.text("SELECT n FROM index_key")).all()
    ):
        mark = hmac.new(FIRST_INDEX_KEY, b"mark", hashlib.sha256).hexdigest()[:16]
        table = sa.table("index_key", sa.column("n"), sa.column("mark"), sa.column("since", sa.DateTime(timezone=True)))
        connection.execute(sa.insert(table), [{"n": 1, "mark": mark, "since": datetime.now(UTC)}])


def _make_keys(connection: sa.Connection, ring: KeyRing) -> dict[str, DataCipher]:
    """A key for the house and one for each customer, but for those that have one."""
    keys = _keys(connection, ring)
    table = sa.table(
        "data_key",
        *(sa.column(name) for name in ("id", "ring_key", "wrapped")),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    missing = [
        one for one in (HOUSE, *connection.execute(sa.text("SELECT id FROM customer")).scalars()) if one not in keys
    ]
    for start in range(0, len(missing), BATCH):
        rows = []
        for name in missing[start : start + BATCH]:
            key = os.urandom(32)
            ring_key, wrapped = ring.seal(key, f"data_key|wrapped|{name}")
            rows.append({"id": name, "ring_key": ring_key, "wrapped": wrapped, "created_at": datetime.now(UTC)})
            keys[name] = DataCipher(name, key)
        connection.execute(sa.insert(table), rows)
    return keys


def _keys(connection: sa.Connection, ring: KeyRing) -> dict[str, DataCipher]:
    found = connection.execute(sa.text("SELECT id, ring_key, wrapped FROM data_key WHERE wrapped IS NOT NULL")).all()
    return {
        name: DataCipher(name, ring.open(ring_key, bytes(wrapped), f"data_key|wrapped|{name}"))
        for name, ring_key, wrapped in found
    }


def _rewrite(connection: sa.Connection, keys: Mapping[str, DataCipher], *, seal: bool) -> None:
    """Seals every personal value, or opens it again, also in tables that take new rows and no changes."""
    with guards_aside(connection, PERSONAL):
        for table, (key, owner, columns) in PERSONAL.items():
            own = {"loan": "l.customer_id", None: "NULL"}.get(owner, f"t.{owner}")
            joined = "LEFT JOIN loan l ON l.number = t.loan" if owner == "loan" else ""
            listed = ", ".join(f"t.{name}" for name in (*key, *columns))
            place, given = ", ".join(f"t.{name}" for name in key), ", ".join(f":after_{name}" for name in key)
            query = f"SELECT {listed}, {own} FROM {table} t {joined}"
            order = f" ORDER BY {place} LIMIT {BATCH}"
            parts = ", ".join(f"{name} = :new_{name}" for name in columns)
            keep = sa.text(f"UPDATE {table} SET {parts} WHERE " + " AND ".join(f"{name} = :at_{name}" for name in key))
            rows = connection.execute(sa.text(query + order)).all()
            while rows:
                changes = [_changed(table, key, columns, row, keys, seal=seal) for row in rows]
                connection.execute(keep, changes)
                after = {f"after_{name}": value for name, value in zip(key, rows[-1], strict=False)}
                rows = connection.execute(sa.text(f"{query} WHERE ({place}) > ({given}){order}"), after).all()


def _changed(
    table: str,
    key: Sequence[str],
    columns: Sequence[str],
    row: Sequence[Any],
    keys: Mapping[str, DataCipher],
    *,
    seal: bool,
) -> dict[str, Any]:
    at, values = row[: len(key)], row[len(key) : -1]
    cipher, place = keys[row[-1] or HOUSE], "/".join(map(str, at))
    changed = {f"at_{name}": value for name, value in zip(key, at, strict=True)}
    for name, value in zip(columns, values, strict=True):
        bound_to = f"{table}|{name}|{place}"
        found = None if value is None else SEALED.match(value)
        if seal and value is not None and found is None:
            changed[f"new_{name}"] = cipher.seal(value.encode(), bound_to)
        elif not seal and found is not None:
            erased = "{}" if name in FORMS else ERASED
            changed[f"new_{name}"] = keys[found[1]].open(value, bound_to).decode() if found[1] in keys else erased
        else:
            changed[f"new_{name}"] = value
    return changed


def downgrade() -> None:
    """Opens everything. What was erased stays erased."""
    connection = op.get_bind()
    ring = KeyRing.parse(settings().keys.get_secret_value())
    keys = _keys(connection, ring)
    _rewrite(connection, keys, seal=False)
    _files_to_the_ring(connection, keys, ring, "document", ("id", "sealed", "key_id", "sha256"))
    _files_to_the_ring(connection, keys, ring, "document_reading", ("document_id", "picture", "picture_key_id", "''"))
    op.drop_table("index_key")
    op.drop_table("data_key")


def _files_to_the_ring(
    connection: sa.Connection, keys: Mapping[str, DataCipher], ring: KeyRing, table: str, columns: Sequence[str]
) -> None:
    """Brings contents back under a key of the ring, bound as they were."""
    id_, content, key_id, digest = columns
    what = "document" if table == "document" else "picture"
    query = sa.text(
        f"SELECT {id_}, {content}, {digest} FROM {table} WHERE {content} IS NOT NULL AND coalesce({key_id}, '') = '' "
        f"AND {id_} > :after ORDER BY {id_} LIMIT {FILES}"
    )
    keep = sa.text(f"UPDATE {table} SET {content} = :content, {key_id} = :key WHERE {id_} = :id").bindparams(
        sa.bindparam("content", type_=sa.LargeBinary)
    )
    after = ""
    while rows := connection.execute(query, {"after": after}).all():
        for row, sealed, sha256 in rows:
            kept = bytes(sealed)
            name = kept[: kept.index(b".", 3)][3:].decode()
            plain = keys[name].open(kept, f"{table}|{content}|{row}") if name in keys else sha256.encode()
            key, under_ring = ring.seal(plain[len(sha256) :], f"{what} {row} {sha256}".rstrip())
            connection.execute(keep, {"id": row, "content": under_ring, "key": key})
        after = rows[-1][0]
