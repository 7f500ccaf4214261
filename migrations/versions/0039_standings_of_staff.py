"""What somebody is cannot be rewritten in place: each version of it has an audit entry, and `staff` says the newest.

For everybody who is there already the first version is what stands, and so is the digest of by what he is known: an
audit entry of `migration` says both, so that what is written from now on can be proved.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from models.keys import new_id
from models.standing import credential_mark

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

TABLE = "staff_standing"
SAME = ("staff_id = NEW.staff_id AND version = NEW.version", "entry_id = NEW.entry_id")
WHO = ("role", "manager_id", "customer_id", "scopes", "active")
ACTS = ("client_added", "staff_added", "staff_changed", "staff_disabled", "staff_enabled", "staff_taken_over")
NOT_DECIDED = "a standing is what its audit entry says"
NOT_STANDING = "a row of staff says what its newest standing says"

INSTANT = sa.DateTime(timezone=True)
STAFF = sa.table("staff", *(sa.column(name) for name in ("id", *WHO[:-1], "key_hash")), sa.column("active", sa.Boolean))
STANDING = sa.table(
    TABLE,
    *(sa.column(name) for name in ("staff_id", "version", *WHO[:-1], "entry_id")),
    sa.column("active", sa.Boolean),
)
ENTRY = sa.table(
    "audit_entry",
    *(sa.column(name) for name in ("id", "actor_id", "role", "act", "subject", "reason")),
    sa.column("at", INSTANT),
    sa.column("after", sa.JSON),
    sa.column("refused", sa.Boolean),
)
CREDENTIAL = sa.table(
    "staff_credential",
    sa.column("staff_id"),
    sa.column("password_hash"),
    sa.column("must_change", sa.Boolean),
    sa.column("valid_until", INSTANT),
    sa.column("totp_confirmed_at", INSTANT),
)
CODE = sa.table("recovery_code", sa.column("staff_id"), sa.column("code_hash"), sa.column("used_at", INSTANT))
SECRET = sa.table("client_secret", sa.column("staff_id"), sa.column("secret_hash"), sa.column("ends_at", INSTANT))


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _not_decided() -> str:
    """Whether a new version is not the next one, or says anything else than the entry that it names."""
    acts = ", ".join(f"'{act}'" for act in ACTS)
    if _is_sqlite():
        said = {
            "role": "json_extract(e.\"after\", '$.role') IS NEW.role",
            "manager": "json_extract(e.\"after\", '$.manager') IS NEW.manager_id",
            "customer": "json_extract(e.\"after\", '$.customer') IS NEW.customer_id",
            "scopes": "json_extract(e.\"after\", '$.scopes') IS NEW.scopes",
            "active": "json_extract(e.\"after\", '$.active') IS NEW.active",
        }
    else:
        said = {
            "role": "(e.\"after\" ->> 'role') IS NOT DISTINCT FROM NEW.role",
            "manager": "(e.\"after\" ->> 'manager') IS NOT DISTINCT FROM NEW.manager_id",
            "customer": "(e.\"after\" ->> 'customer') IS NOT DISTINCT FROM NEW.customer_id",
            "scopes": "(e.\"after\" ->> 'scopes') IS NOT DISTINCT FROM NEW.scopes",
            "active": "(e.\"after\" ->> 'active')::boolean IS NOT DISTINCT FROM NEW.active",
        }
    return f"""
    NEW.version <> 1 + (SELECT coalesce(max(s.version), 0) FROM {TABLE} s WHERE s.staff_id = NEW.staff_id)
    OR NOT EXISTS (
        SELECT 1 FROM audit_entry e
        WHERE e.id = NEW.entry_id AND e.subject = NEW.staff_id AND e.act IN ({acts}) AND NOT e.refused
          AND {" AND ".join(said.values())}
    )
    """


def _not_standing() -> str:
    """Whether a row says something else than its newest version, or has none."""
    same = "IS" if _is_sqlite() else "IS NOT DISTINCT FROM"
    columns = " AND ".join(f"s.{column} {same} NEW.{column}" for column in WHO)
    return f"""
    NOT EXISTS (
        SELECT 1 FROM {TABLE} s
        WHERE s.staff_id = NEW.id AND s.version = (SELECT max(version) FROM {TABLE} WHERE staff_id = NEW.id)
          AND {columns}
    )
    """


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("staff_id", sa.String(length=64), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("manager_id", sa.String(length=64), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("scopes", sa.String(length=200), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("entry_id", sa.String(length=32), nullable=False, unique=True),
    )
    _take_over()
    _keep_versions()
    _guard(f"{TABLE}_as_decided", TABLE, "INSERT", _not_decided(), NOT_DECIDED)
    _guard("staff_first_standing", "staff", "INSERT", _not_standing(), NOT_STANDING)
    _guard("staff_newest_standing", "staff", f"UPDATE OF id, {', '.join(WHO)}", _not_standing(), NOT_STANDING)


def _take_over() -> None:
    """The first version of everybody, and by what he is known, as they stand."""
    bind, now = op.get_bind(), datetime.now(UTC)
    passwords = {row["staff_id"]: dict(row) for row in bind.execute(sa.select(CREDENTIAL)).mappings()}
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for staff_id, digest in bind.execute(sa.select(CODE.c.staff_id, CODE.c.code_hash).where(CODE.c.used_at.is_(None))):
        codes[staff_id].append(digest)
    secrets: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
    for staff_id, digest, ends_at in bind.execute(sa.select(SECRET.c.staff_id, SECRET.c.secret_hash, SECRET.c.ends_at)):
        secrets[staff_id].append((digest, ends_at))
    for row in bind.execute(sa.select(STAFF).order_by(STAFF.c.id)).mappings().all():
        staff_id, entry_id = row["id"], new_id()
        stands = {name.removesuffix("_id"): row[name] for name in WHO}
        mark = credential_mark(row["key_hash"], passwords.get(staff_id), codes[staff_id], secrets[staff_id])
        bind.execute(
            sa.insert(ENTRY).values(
                id=entry_id,
                at=now,
                actor_id="migration",
                role="system",
                act="staff_taken_over",
                subject=staff_id,
                after=stands | {"credential": mark},
                reason="as it stood when versions began",
                refused=False,
            )
        )
        who = {name: row[name] for name in WHO}
        bind.execute(sa.insert(STANDING).values(staff_id=staff_id, version=1, entry_id=entry_id, **who))


def _keep_versions() -> None:
    if not _is_sqlite():
        op.execute(
            f"CREATE TRIGGER {TABLE}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is insert-only'); END"
        )
    # A connection that is not ours may have recursive triggers off, and then REPLACE removes rows unseen.
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {TABLE} WHERE {same})" for same in SAME)
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} BEGIN "
        f"SELECT RAISE(ABORT, 'UNIQUE constraint failed: {TABLE} is insert-only') WHERE {there}; "
        f"SELECT RAISE(ABORT, '{TABLE} is insert-only') FROM {TABLE} WHERE rowid = NEW.rowid; END"
    )


def _guard(name: str, table: str, when: str, refused: str, words: str) -> None:
    if _is_sqlite():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} WHEN {refused} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {refused} THEN RAISE EXCEPTION '{words}'; END IF; RETURN NEW; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for name in ("staff_first_standing", "staff_newest_standing"):
        if _is_sqlite():
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON staff")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table(TABLE)
    if not _is_sqlite():
        op.execute(f"DROP FUNCTION {TABLE}_as_decided()")
