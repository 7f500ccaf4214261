"""How people and machines show who they are: credentials, sessions, codes, tokens, and counts of tries."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = (
    "staff_credential",
    "recovery_code",
    "web_session",
    "provider_request",
    "sign_in_code",
    "client_secret",
    "access_token",
    "try_count",
)


def upgrade() -> None:
    op.add_column("staff", sa.Column("scopes", sa.String(length=200), nullable=True))
    _people()
    _sessions()
    _machines()
    op.create_table(
        "try_count",
        sa.Column("key", sa.String(length=64), primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        _instant("ends_at", index=True),
    )


def _people() -> None:
    op.create_table(
        "staff_credential",
        _staff("staff_id", primary_key=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        _instant("valid_until", nullable=True),
        _instant("set_at"),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        _instant("totp_confirmed_at", nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(length=64), primary_key=True),
        _staff("staff_id", index=True),
        _instant("created_at"),
        _instant("used_at", nullable=True),
    )
    op.create_table(
        "sign_in_code",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("visitor_digest", sa.String(length=64), nullable=False, index=True),
        sa.Column("mobile_index", sa.String(length=64), nullable=False, index=True),
        _customer(),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        _instant("asked_at"),
        _instant("expires_at", index=True),
        _instant("sent_at", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        _instant("used_at", nullable=True),
    )


def _sessions() -> None:
    op.create_table(
        "web_session",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("digest", sa.String(length=64), nullable=False, unique=True),
        _staff("staff_id", nullable=True, index=True),
        _customer(),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("browser", sa.String(length=40), nullable=True),
        _instant("created_at"),
        _instant("seen_at"),
        sa.Column("idle_seconds", sa.Integer(), nullable=False),
        _instant("ends_at", index=True),
        _instant("ended_at", nullable=True),
    )
    op.create_table(
        "provider_request",
        sa.Column("state_digest", sa.String(length=64), primary_key=True),
        sa.Column("visitor_digest", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("back", sa.String(length=200), nullable=False),
        _instant("ends_at", index=True),
    )


def _machines() -> None:
    op.create_table(
        "client_secret",
        sa.Column("id", sa.String(length=32), primary_key=True),
        _staff("staff_id", index=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False, unique=True),
        _instant("created_at"),
        _instant("ends_at", nullable=True),
    )
    op.create_table(
        "access_token",
        sa.Column("digest", sa.String(length=64), primary_key=True),
        _staff("staff_id", index=True),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        _instant("created_at"),
        _instant("ends_at", index=True),
    )


def _instant(name: str, *, nullable: bool = False, index: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, index=index)


def _staff(name: str, *, nullable: bool = False, index: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        name,
        sa.String(length=64),
        sa.ForeignKey("staff.id"),
        nullable=nullable,
        index=index or None,
        primary_key=primary_key,
    )


def _customer() -> sa.Column[str]:
    return sa.Column("customer_id", sa.String(length=32), sa.ForeignKey("customer.id"), nullable=True, index=True)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("staff", "scopes")
