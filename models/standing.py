"""What the books say somebody is, version by version, and the digest of by what he is known."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from models.columns import Spelled
from models.staff import Role

STANDING_ACTS = (
    "client_added",
    "staff_added",
    "staff_changed",
    "staff_disabled",
    "staff_enabled",
    "staff_taken_over",
)
"""Acts whose audit entry says, under `after`, all that a standing holds. The last is written by migration 0039."""
CREDENTIAL_ACTS = (
    "client_secret_added",
    "password_changed",
    "password_given",
    "provider_identity_forgotten",
    "provider_identity_kept",
    "recovery_code_used",
    "recovery_codes_renewed",
    "second_factor_enrolled",
)
"""Acts that change by what somebody is known: `after` has the digest of it as `credential`, as have those that add
somebody or disable a machine.
"""


class StaffStanding(SQLModel, table=True):
    """What somebody is from an act on: insert-only. The database lets a row of `staff` say nothing but its newest
    version, and lets a version say nothing but its audit entry.

    Without a foreign key to `staff`: the first version is written before the row that it lets in.
    """

    __tablename__ = "staff_standing"

    staff_id: str = Field(primary_key=True, max_length=64)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    role: Role = Field(sa_type=Spelled(Role))
    manager_id: str | None = Field(default=None, max_length=64)
    customer_id: str | None = Field(default=None, max_length=32)
    scopes: str | None = Field(default=None, max_length=200)
    active: bool
    entry_id: str = Field(max_length=32, unique=True, description="the audit entry of the act")


def credential_mark(
    key_hash: str,
    password: Mapping[str, Any] | None,
    codes: Iterable[str],
    secrets: Iterable[tuple[str, datetime | None]],
    identity: str | None = None,
) -> str:
    """The SHA-256 of all by which somebody is known, none of which can be told from it.

    `password` has `password_hash`, `must_change`, `valid_until` and `totp_confirmed_at` of the credential, `codes` are
    the hashes of recovery codes that are not used, `secrets` those of a machine with their ends, `identity` is the
    digest of who he is at the identity provider; without one the mark is what it was before there were any.

    The authenticator's secret is left out: it is sealed for its row, and another one makes no second factor before it
    is confirmed.
    """
    known = None
    if password is not None:
        known = [
            password["password_hash"],
            bool(password["must_change"]),
            _spelled(password["valid_until"]),
            _spelled(password["totp_confirmed_at"]),
        ]
    told: list[Any] = [
        key_hash,
        known,
        sorted(codes),
        sorted([digest, _spelled(ends) or ""] for digest, ends in secrets),
    ]
    if identity is not None:
        told.append(identity)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _spelled(at: datetime | None) -> str | None:
    """An instant in one spelling, whichever database it comes from; SQLite gives those of the books without a zone."""
    if at is None:
        return None
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return aware.astimezone(UTC).isoformat(timespec="microseconds")
