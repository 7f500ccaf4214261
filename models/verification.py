"""Authorisations of the people of a loan, and what the outside registers answered about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, PersonalForm, Spelled
from models.keys import new_id

BORROWER = "borrower"
"""The spelling of the borrower among the people of a loan who are looked up."""


REGISTER_DOWN = "no answer of a register: "
"""How the note of the task begins that a case stands still for while a register is down."""


class Verdict(StrEnum):
    """What a check came to.

    The last three are no word about the person: `unavailable` could not be asked, `malformed` answered what cannot be
    its answer, `not_authorised` was not asked because he has not agreed.
    """

    PASSED = "passed"
    FAILED = "failed"
    DOUBTFUL = "doubtful"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"
    NOT_AUTHORISED = "not_authorised"


ANSWERED = frozenset({Verdict.PASSED, Verdict.FAILED, Verdict.DOUBTFUL})
"""Verdicts that hold an answer of the register."""


class WhenDown(StrEnum):
    """What a case does while a register cannot be asked.

    `mark`: goes on after a few tries, with a mark that the rules see. `wait`: keeps asking for some business days, then
    goes on with the mark. `person`: stands still, with a task, until the register answers or a person says go on.
    """

    MARK = "mark"
    WAIT = "wait"
    PERSON = "person"


@dataclass(frozen=True)
class RegisterRule:
    """How a product deals with a register: for how many days an answer is good, and what happens without one."""

    valid_days: int
    when_down: WhenDown = WhenDown.MARK
    wait_days: int = 0


@dataclass(frozen=True)
class CheckName:
    """Which register is asked about whom: `bureau` about the borrower, `bureau@guarantor`, `bureau@guarantor-2`."""

    register: str
    party: str = BORROWER

    @classmethod
    def parse(cls, check: str) -> "CheckName":
        """The check as messages and rows spell it."""
        register, _, party = check.partition("@")
        return cls(register, party or BORROWER)

    def __str__(self) -> str:
        return self.register if self.party == BORROWER else f"{self.register}@{self.party}"


ASKED_WITH = {"screening": "identity"}
"""Registers that are asked together with another one, in one activity: each activity of a workflow is three events."""
AND = "+"


def together(checks: Sequence[str], rules: Mapping[str, RegisterRule]) -> tuple[str, ...]:
    """The checks as a workflow asks them: one with the register that it goes with, about the same person, if the case
    does the same without either.
    """
    names = [CheckName.parse(check) for check in checks]
    joined = {}
    for name in names:
        other = str(CheckName(ASKED_WITH.get(name.register, ""), name.party))
        if other in checks and replace(rules[other], valid_days=0) == replace(rules[str(name)], valid_days=0):
            joined[other] = f"{other}{AND}{name}"
    gone = {both.partition(AND)[2] for both in joined.values()}
    return tuple(joined.get(check, check) for check in checks if check not in gone)


def apart(asked: str) -> tuple[str, ...]:
    """The checks of an activity that `together` may have joined."""
    return tuple(asked.split(AND))


class AuthorisationKind(StrEnum):
    """What a person agrees to, each by itself: being looked up, and use of sensitive data (PIPL articles 28 and 29)."""

    REGISTERS = "registers"
    SENSITIVE = "sensitive"


class AuthorisationMethod(StrEnum):
    """How it is known that it was he: a code to his mobile, his own sign-in, or the word of an agent or a system."""

    CODE = "code"
    SIGNED_IN = "signed_in"
    ATTESTED = "attested"


class Authorisation(SQLModel, table=True):
    """A person's word that he may be looked up for a loan, or may not any more. Insert-only: the newest word counts.

    `scope` holds the names of registers and uses, with commas. `party` is the spelling that checks use.
    """

    __tablename__ = "authorisation"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party: str = Field(max_length=24)
    party_id: str | None = Field(default=None, foreign_key="party.id", max_length=32, index=True)
    customer_id: str | None = Field(default=None, foreign_key="customer.id", max_length=32, index=True)
    kind: AuthorisationKind = Field(sa_type=Spelled(AuthorisationKind))
    granted: bool = Field(description="false takes back what was granted before")
    scope: str = Field(max_length=200)
    text_version: str = Field(max_length=16)
    text_sha256: str | None = Field(default=None, max_length=64, description="of the text in both languages")
    method: AuthorisationMethod = Field(sa_type=Spelled(AuthorisationMethod))
    signature_id: str | None = Field(default=None, foreign_key="signature.id", max_length=32, index=True)
    given_at: datetime = Field(sa_type=Instant)
    given_through: str = Field(max_length=64, description="who entered it: the person himself, or who attests it")
    given_as: str | None = Field(default=None, max_length=16)
    address: str | None = Field(default=None, max_length=64)


class AuthorisationRequest(SQLModel, table=True):
    """The link by which a co-signer is asked to authorise; its secret stays only until the message has left."""

    __tablename__ = "authorisation_request"
    __sealed_for__ = "loan"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32, index=True)
    token: str | None = Field(default=None, sa_type=Personal, description="until it is sent")
    token_sha256: str = Field(max_length=64, unique=True)
    asked_by: str = Field(max_length=64)
    asked_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


class Verification(SQLModel, table=True):
    """The answer of one register about one person of a loan, in one round of its verification.

    One that was taken over from an earlier question has that one's row as `source_id`, its reference and its days.
    """

    __tablename__ = "verification"
    __sealed_for__ = "loan"
    __table_args__ = (
        UniqueConstraint("loan", "check_name", "round", "miss", name="uq_verification_miss"),
        Index("ix_verification_question", "question_index", "answered_at"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    check_name: str = Field(max_length=48)
    round: int = 1
    miss: int = Field(default=0, description="0 for the answer of the round, else the number of a try without one")
    verdict: Verdict = Field(sa_type=Spelled(Verdict))
    reference: str | None = Field(default=None, max_length=64)
    answer: dict[str, Any] = Field(sa_type=PersonalForm)
    answered_at: datetime = Field(sa_type=Instant)
    asked_on: date | None = Field(default=None, description="business date; of old rows that of `answered_at`")
    question_index: str | None = Field(default=None, max_length=64, description="digest of what was asked")
    source_id: str | None = Field(default=None, max_length=32, description="the row that this answer was taken from")
    recorded_at: datetime | None = Field(default=None, sa_type=Instant)


class RegisterClaim(SQLModel, table=True):
    """Who is asking a register a question now; others wait until he has the answer or his time is over."""

    __tablename__ = "register_claim"

    question_index: str = Field(primary_key=True, max_length=64)
    loan: str = Field(max_length=16)
    check_name: str = Field(max_length=48)
    held_until: datetime = Field(sa_type=Instant)


class RegisterState(SQLModel, table=True):
    """Whether a worker has given up on a service for the moment: its circuit is open."""

    __tablename__ = "register_state"

    service: str = Field(primary_key=True, max_length=32)
    worker: str = Field(primary_key=True, max_length=64)
    is_open: bool
    changed_at: datetime = Field(sa_type=Instant)
