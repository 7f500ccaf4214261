"""How people and machines show who they are, and how long they are believed. No secret lies here as it was given."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, Spelled
from models.keys import new_id
from models.staff import Role


class SignInMethod(StrEnum):
    """How somebody showed who he is."""

    PASSWORD = "password"  # noqa: S105 how, not what
    PROVIDER = "provider"
    SMS_CODE = "sms_code"
    DEMO = "demo"


class SessionState(StrEnum):
    """How far a sign-in has come. Only an open session acts for anybody."""

    SECOND_FACTOR = "second_factor"
    NEW_PASSWORD = "new_password"  # noqa: S105 a stage
    ENROLMENT = "enrolment"
    OPEN = "open"


class StaffCredential(SQLModel, table=True):
    """By what a member of staff is known: a password and, once he has enrolled, an authenticator."""

    __tablename__ = "staff_credential"
    __sealed_for__ = None

    staff_id: str = Field(primary_key=True, foreign_key="staff.id", max_length=64)
    password_hash: str = Field(max_length=200)
    must_change: bool = True
    valid_until: datetime | None = Field(default=None, sa_type=Instant, description="of a one-time password")
    set_at: datetime = Field(sa_type=Instant)
    totp_secret: str | None = Field(default=None, sa_type=Personal)
    totp_confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    totp_last_step: int = Field(default=0, description="the last code that was used, by its half minute")


class RecoveryCode(SQLModel, table=True):
    """Stands in for the authenticator once."""

    __tablename__ = "recovery_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    staff_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    created_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class WebSession(SQLModel, table=True):
    """Somebody who signed in: at the pages, whose cookie holds the id, or with a token for the API.

    The books hold the digest of either. What ends the sessions of a person ends his tokens as well.
    """

    __tablename__ = "web_session"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32, description="names it in lists")
    digest: str = Field(max_length=64, unique=True)
    staff_id: str | None = Field(default=None, foreign_key="staff.id", max_length=64, index=True)
    customer_id: str | None = Field(default=None, foreign_key="customer.id", max_length=32, index=True)
    method: SignInMethod = Field(sa_type=Spelled(SignInMethod))
    state: SessionState = Field(sa_type=Spelled(SessionState))
    second_factor: bool = False
    token_role: Role | None = Field(
        default=None, sa_type=Spelled(Role), description="of a token: the role that it was given to; None at the pages"
    )
    address: str | None = Field(default=None, max_length=64)
    browser: str | None = Field(default=None, max_length=40)
    created_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    idle_seconds: int
    ends_at: datetime = Field(sa_type=Instant, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class ProviderIdentity(SQLModel, table=True):
    """Whom the identity provider means by somebody: from his first sign-in there on. One identity is one person."""

    __tablename__ = "provider_identity"

    staff_id: str = Field(primary_key=True, foreign_key="staff.id", max_length=64)
    identity_digest: str = Field(max_length=64, unique=True, description="of issuer and subject")
    bound_at: datetime = Field(sa_type=Instant)


class ProviderRequest(SQLModel, table=True):
    """A visitor who was sent to the identity provider and has not come back yet."""

    __tablename__ = "provider_request"

    state_digest: str = Field(primary_key=True, max_length=64)
    visitor_digest: str = Field(max_length=64, description="of the cookie that he went with")
    nonce: str = Field(max_length=64)
    verifier: str = Field(max_length=128)
    back: str = Field(max_length=200)
    ends_at: datetime = Field(sa_type=Instant, index=True)


class SignInCode(SQLModel, table=True):
    """A code that was asked for with a mobile number. It is written for unknown numbers too, and then goes nowhere."""

    __tablename__ = "sign_in_code"
    # Under the house's key: to ask for that of a customer would take longer, and tell that there is one.
    __sealed_for__ = None

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    visitor_digest: str = Field(max_length=64, index=True, description="of the cookie with which it was asked for")
    mobile_index: str = Field(max_length=64, index=True)
    customer_id: str | None = Field(default=None, foreign_key="customer.id", max_length=32, index=True)
    code_hash: str = Field(max_length=64)
    code: str | None = Field(default=None, sa_type=Personal, description="until it is sent")
    asked_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    tries: int = 0
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class ClientSecret(SQLModel, table=True):
    """A secret of a machine account. Two may be good at once, while the machine changes over."""

    __tablename__ = "client_secret"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    staff_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    secret_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)


class AccessToken(SQLModel, table=True):
    """A short-lived token of a machine account; those of people lie beside their sessions."""

    __tablename__ = "access_token"

    digest: str = Field(primary_key=True, max_length=64)
    staff_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    scopes: str = Field(max_length=200, description="with spaces")
    created_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant, index=True)


class TryCount(SQLModel, table=True):
    """How often something was tried within a window of time. The key is a keyed digest."""

    __tablename__ = "try_count"

    key: str = Field(primary_key=True, max_length=64)
    count: int
    ends_at: datetime = Field(sa_type=Instant, index=True)
