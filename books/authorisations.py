"""Queries on who authorised what, what was asked of registers, and who is asking now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, func, literal, text, update
from sqlalchemy import select as select_columns
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from books.sealing import opened
from models.columns import Instant
from models.customers import Customer, Party
from models.loans import Application, Loan
from models.verification import BORROWER, Authorisation, AuthorisationRequest, RegisterState, Verdict, Verification

MOST_ANSWERS = 20
"""Newest answers to one question that are looked at: a question is asked once within its answer's time."""


def _covers(check: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the scope of a word names a register: `check` is the name between commas and percent signs."""
    scope: ColumnElement[str] = literal(",") + col(Authorisation.scope) + ","
    return scope.like(check)


def borrower_agreed(use: str) -> ScalarSelect[bool]:
    """For queries on loans: the borrower's newest word about a register or use, null without one."""
    return (
        select_columns(col(Authorisation.granted))
        .where(col(Authorisation.loan) == col(Party.loan), col(Authorisation.party) == BORROWER)
        .where(_covers(literal(_pattern(use))))
        .order_by(col(Authorisation.given_at).desc(), col(Authorisation.id).desc())
        .limit(1)
        .correlate(Party)
        .scalar_subquery()
    )


def _pattern(use: str) -> str:
    return f"%,{use},%"


# Core and not the ORM, here and below: every check of every loan asks these.
_WORD = (
    select_columns(col(Authorisation.granted), col(Application.form), col(Loan.product))
    .join(Application, col(Application.loan) == col(Authorisation.loan))
    .join(Loan, col(Loan.number) == col(Authorisation.loan))
    .where(col(Authorisation.loan) == bindparam("loan"), col(Authorisation.party) == bindparam("party"))
    .where(_covers(bindparam("use")))
    .order_by(col(Authorisation.given_at).desc(), col(Authorisation.id).desc())
    .limit(1)
)
_OF_LOAN = (
    select(Authorisation)
    .where(col(Authorisation.loan) == bindparam("loan"))
    .order_by(col(Authorisation.given_at), col(Authorisation.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ANSWERS_TO = (
    select_columns(
        col(Verification.id),
        col(Verification.loan),
        col(Verification.check_name),
        col(Verification.round),
        col(Verification.verdict),
        col(Verification.reference),
        col(Verification.answered_at),
        col(Verification.asked_on),
        col(Verification.source_id),
    )
    .where(col(Verification.question_index) == bindparam("question"))
    .order_by(col(Verification.answered_at).desc())
    .limit(MOST_ANSWERS)
)
_CONTENT = select(Verification.answer).where(col(Verification.id) == bindparam("id"))
_CLAIM = text(
    "INSERT INTO register_claim (question_index, loan, check_name, held_until) "
    "VALUES (:question, :loan, :check_name, :until) "
    "ON CONFLICT (question_index) DO UPDATE SET loan = excluded.loan, check_name = excluded.check_name, "
    "held_until = excluded.held_until "
    "WHERE register_claim.held_until <= :now "
    "OR (register_claim.loan = excluded.loan AND register_claim.check_name = excluded.check_name)"
).bindparams(bindparam("until", type_=Instant), bindparam("now", type_=Instant))
_STATE = text(
    "INSERT INTO register_state (service, worker, is_open, changed_at) VALUES (:service, :worker, :is_open, :now) "
    "ON CONFLICT (service, worker) DO UPDATE SET is_open = excluded.is_open, changed_at = excluded.changed_at"
).bindparams(bindparam("now", type_=Instant))
_REQUEST = select(AuthorisationRequest).where(col(AuthorisationRequest.token_sha256) == bindparam("digest"))
_UNSENT = (
    select(AuthorisationRequest, Customer)
    .join(Party, col(Party.id) == col(AuthorisationRequest.party_id))
    .join(Customer, col(Customer.id) == col(Party.customer_id), isouter=True)
    .where(
        col(AuthorisationRequest.id).in_(bindparam("ids", expanding=True)), col(AuthorisationRequest.token).is_not(None)
    )
    .execution_options(**WRITTEN_AT_ONCE)
)
_FORGET = (
    update(AuthorisationRequest)
    .where(col(AuthorisationRequest.id) == bindparam("request_id"), col(AuthorisationRequest.token).is_not(None))
    .values(token=None, sent_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """An answer of a register without what it says: whose question got it, what it came to, and when."""

    id: str
    loan: str
    check_name: str
    round: int
    verdict: Verdict
    reference: str | None
    answered_at: datetime
    asked_on: date | None
    source_id: str | None


@dataclass(frozen=True, slots=True)
class UnsentLink:
    """A link on its way to a co-signer; his mobile only if he is a customer."""

    loan: str
    party_id: str
    token: str = field(repr=False)
    mobile: str | None = field(repr=False)


class AuthorisationBook:
    """Who agreed to what, and the questions to registers that follow from it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def word(self, loan: str, party: str, use: str) -> tuple[bool, Mapping[str, Any], str] | None:
        """Somebody's newest word about a register or use, with the application's form and product; None without one."""
        asked = {"loan": loan, "party": party, "use": _pattern(use)}
        found = self.session.connection().execute(_WORD, asked).first()
        if found is None:
            return None
        return found[0], opened(self.session, Application.form, loan, found[1]), found[2]

    def of_loan(self, loan: str) -> list[Authorisation]:
        """All words of all parties of a loan, oldest first."""
        return list(self.session.exec(_OF_LOAN, params={"loan": loan}))

    def answers_to(self, question_index: str) -> list[KnownAnswer]:
        """The answers to one question, newest first, whichever loan asked it."""
        found = self.session.connection().execute(_ANSWERS_TO, {"question": question_index})
        return [KnownAnswer(*row) for row in found]

    def content_of(self, answer_id: str) -> dict[str, Any]:
        """What a register said in one answer."""
        kept = self.session.exec(_CONTENT, params={"id": answer_id}).one()
        return dict(opened(self.session, Verification.answer, answer_id, kept))

    def claim(self, question_index: str, loan: str, check: str, until: datetime, now: datetime) -> bool:
        """Takes a question to oneself until an instant; False while another loan has it."""
        given = {"question": question_index, "loan": loan, "check_name": check, "until": until, "now": now}
        return self.session.connection().execute(_CLAIM, given).rowcount == 1

    # -- links to co-signers -----------------------------------------------------------------------------------------

    def request(self, token_sha256: str) -> AuthorisationRequest | None:
        """The request that a link belongs to."""
        return self.session.exec(_REQUEST, params={"digest": token_sha256}).first()

    def links_since(self, party_id: str, instant: datetime) -> int:
        """How many links a party was sent since an instant."""
        query = select(func.count()).where(
            AuthorisationRequest.party_id == party_id, col(AuthorisationRequest.asked_at) > instant
        )
        return self.session.exec(query).one()

    def unsent(self, request_ids: Iterable[str]) -> dict[str, UnsentLink]:
        """Those of these links that were not sent yet, by id."""
        found = self.session.exec(_UNSENT, params={"ids": list(request_ids)})
        return {
            one.id: UnsentLink(one.loan, one.party_id, one.token or "", customer.mobile if customer else None)
            for one, customer in found
        }

    def forget_link(self, request_id: str, now: datetime) -> None:
        """Takes the secret of a link that was sent out of the books."""
        self.session.connection().execute(_FORGET, {"request_id": request_id, "now": now})

    # -- services that are away --------------------------------------------------------------------------------------

    def note_state(self, service: str, worker: str, is_open: bool, now: datetime) -> None:
        """Keeps whether a worker has given up on a service for the moment."""
        given = {"service": service, "worker": worker, "is_open": is_open, "now": now}
        self.session.connection().execute(_STATE, given)

    def open_circuits(self, since: datetime) -> dict[str, int]:
        """For each service that a worker ever gave up on, how many say since an instant that they have now."""
        states = self.session.exec(select(RegisterState))
        counted: dict[str, int] = {}
        for state in states:
            is_open = state.is_open and state.changed_at > since
            counted[state.service] = counted.get(state.service, 0) + is_open
        return counted
