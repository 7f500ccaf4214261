"""Taking applications in, many in one transaction: an accepted application is never lost and never doubled."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import SQLModel

from books.customers import blind_index
from books.errors import UnknownLoan
from books.outbox import message_values
from books.rows import insert_into
from books.session import UnitOfWork
from lending.errors import LendingError
from models.audit import AuditEntry
from models.customers import Collateral, Customer, Party, PartyRole
from models.keys import new_id
from models.loans import Application, Loan, Stage
from models.notices import Contact
from models.outbox import OutboxRow, Topic
from models.products import Product, party_names
from models.search import SearchToken
from models.staff import Actor, Role
from models.verification import BORROWER, Authorisation, AuthorisationRequest
from services import audit
from services.accounts import first_check
from services.authorisation_links import link_rows
from services.authorisations import Consent, kinds_of, method_of, read_consent, rows_for
from services.customers import is_same, new_customer, statement_index
from services.errors import DuplicateApplication, IdempotencyConflict, NotAllowed
from services.forms import InvalidForm, read_form
from services.loans import order_for
from services.notices import TEMPLATES, sms_values
from services.permissions import Action, require
from services.products import catalogue
from services.search_words import search_rows

SAYS_WHO = ("name", "id_number", "mobile", "bank_card")
AS_OTHERS = tuple(f"_{name}" for name in SAYS_WHO)
"""Fields of a form that say who somebody is, the borrower and others by the part they play."""


class PersonalKey(LendingError):
    """The sender's name for an application says of whom it is; that name is kept in clear."""

    code = "personal_key"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(
            "the Idempotency-Key or reference of this application holds a name or number out of its form; it is kept "
            "in clear, so choose one that says nothing of a person"
        )


@dataclass(frozen=True)
class Submission:
    """One application as it came in and passed the form's checks; ready to be written."""

    product: Product
    form: dict[str, Any]
    consent: Consent
    actor: Actor
    idempotency_key: str
    body_hash: str


@dataclass(frozen=True)
class Receipt:
    """The answer to an accepted application; `repeated` when the same one had been accepted before."""

    loan: str
    repeated: bool = False


def read_submission(body: Mapping[str, Any], key: str, actor: Actor, day: date) -> Submission:
    """Checks a raw application `{product, form, consent}`.

    Raises NotAllowed for a role that enters none, UnknownProduct, InvalidForm with an entry for each wrong field, or
    PersonalKey.
    """
    require(actor, Action.ENTER_APPLICATIONS)
    product = catalogue().product(str(body.get("product", "")))
    form = body.get("form")
    if not isinstance(form, Mapping):
        raise InvalidForm({"form": "the application form is missing"})
    clean = read_form(product, form, day)
    if any(value in key for value in _who(clean)):
        raise PersonalKey
    consent = read_consent(body.get("consent"), actor, product.parties(clean), day)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()
    return Submission(product, clean, consent, actor, f"{actor.id}:{key}", digest)


def _who(form: Mapping[str, Any]) -> list[str]:
    """What a form says of who the borrower and the others are."""
    of_persons = [value for name, value in form.items() if name in SAYS_WHO or name.endswith(AS_OTHERS)]
    return [value for value in of_persons if isinstance(value, str) and value]


def submit(work: UnitOfWork, submissions: Sequence[Submission]) -> list[Receipt | LendingError]:
    """Writes applications with bulk inserts and returns, in their order, a receipt or the reason why not.

    Each accepted application is one loan, one application row, its parties, the authorisation, an outbox row that
    starts the workflow and an audit entry.
    """
    answers: list[Receipt | LendingError | None] = [None] * len(submissions)
    # Holds the series until the commit: a process that takes the same application in meanwhile waits and then sees it.
    work.outbox.hold("loan")
    known = work.loans.application_by_key([one.idempotency_key for one in submissions])
    contents = [_content_index(one) for one in submissions]
    strangers = _for_somebody_else(work, submissions)
    open_loans = work.loans.running_with_content(contents)
    fresh: list[int] = []
    first_with_key: dict[str, int] = {}
    first_with_content: dict[str, int] = {}
    for position, one in enumerate(submissions):
        before = known.get(one.idempotency_key)
        if before is not None:
            same = before.body_hash == one.body_hash
            answers[position] = Receipt(before.loan, repeated=True) if same else IdempotencyConflict()
        elif position in strangers:
            answers[position] = NotAllowed("a borrower applies for himself only")
        elif contents[position] in open_loans:
            answers[position] = DuplicateApplication(_if_seen(work, one.actor, open_loans[contents[position]]))
        elif one.idempotency_key not in first_with_key and contents[position] not in first_with_content:
            first_with_key[one.idempotency_key] = position
            first_with_content[contents[position]] = position
            fresh.append(position)
    _write(work, submissions, contents, fresh, answers)
    for position in range(len(submissions)):
        if answers[position] is None:
            answers[position] = _within_batch(
                submissions, answers, first_with_key, first_with_content, contents, position
            )
    return [answer for answer in answers if answer is not None]


def _if_seen(work: UnitOfWork, actor: Actor, loan: str) -> str | None:
    """The number of a loan for somebody who may see it: that it exists is a fact about a person."""
    try:
        return work.loans.seen_by(actor, loan).number
    except UnknownLoan:
        return None


def _within_batch(
    submissions: Sequence[Submission],
    answers: Sequence[Receipt | LendingError | None],
    first_with_key: dict[str, int],
    first_with_content: dict[str, int],
    contents: list[str],
    position: int,
) -> Receipt | LendingError:
    """The answer to one that another of the same batch was faster than."""
    one = submissions[position]
    same_key = first_with_key.get(one.idempotency_key)
    first = answers[same_key if same_key is not None else first_with_content[contents[position]]]
    if not isinstance(first, Receipt):
        raise TypeError("the first of a batch is always written")
    if same_key is None:
        other = submissions[first_with_content[contents[position]]]
        return DuplicateApplication(first.loan if other.actor.id == one.actor.id else None)
    return (
        Receipt(first.loan, repeated=True)
        if submissions[same_key].body_hash == one.body_hash
        else IdempotencyConflict()
    )


def _for_somebody_else(work: UnitOfWork, submissions: Sequence[Submission]) -> set[int]:
    """Places of applications that a borrower made in another person's name."""
    strangers = set()
    for place, one in enumerate(submissions):
        if one.actor.role is Role.BORROWER:
            own = work.customers.get(one.actor.customer_id or "")
            if own is None or (own.id_number, own.name) != (one.form["id_number"], one.form["name"]):
                strangers.add(place)
    return strangers


def _content_index(one: Submission) -> str:
    """A digest of who wants what. With name and mobile: somebody else under this ID number is answered like anybody."""
    form = one.form
    who = f"{form['id_number']}|{form['name']}|{form['mobile']}"
    return blind_index(f"{one.product.code}|{who}|{form['amount']}|{form['term']}")


def _write(
    work: UnitOfWork,
    submissions: Sequence[Submission],
    contents: list[str],
    fresh: list[int],
    answers: list[Receipt | LendingError | None],
) -> None:
    if not fresh:
        return
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {
        table: []
        for table in (
            Customer,
            SearchToken,
            Loan,
            Application,
            Party,
            Collateral,
            Authorisation,
            AuthorisationRequest,
            Contact,
            OutboxRow,
            AuditEntry,
        )
    }
    today = work.today
    first = work.outbox.next_numbers("loan", len(fresh))
    customers = _customers(work, [submissions[position] for position in fresh])
    for offset, position in enumerate(fresh):
        one = submissions[position]
        number = f"L{today:%y}{first + offset:06d}"
        customer_id = _customer(work, rows, customers, one)
        _loan_rows(work, rows, one, number, customer_id, contents[position], today)
        answers[position] = Receipt(number)
    for table, values in rows.items():
        if values:
            work.session.execute(insert_into(table), values)


def _customers(work: UnitOfWork, submissions: Sequence[Submission]) -> dict[str, str]:
    """The customers that these applications may belong to, by `statement_index`: somebody known of whom an application
    says just what is known, else what the same sender stated before.

    Any other application is of a customer of its own, whatever is known of its ID number, and is answered and taken on
    alike: whoever enters it learns nothing, and gets nothing of what another brought. See `services.customers.confirm`.
    """
    statements = {statement_index(one.form, one.actor.id): one for one in submissions}
    numbers = {blind_index(one.form["id_number"]) for one in submissions}
    found = work.customers.by_index([*numbers, *statements])
    customers = {index: found[index].id for index in statements if index in found}
    for index, one in statements.items():
        known = found.get(blind_index(one.form["id_number"]))
        if known is not None and known.confirmed_at is not None and is_same(known, one.form):
            customers[index] = known.id
        elif one.actor.role is Role.BORROWER:
            own = work.customers.get(one.actor.customer_id or "")
            if own is not None and is_same(own, one.form):
                customers[index] = own.id
    return customers


def _customer(
    work: UnitOfWork, rows: dict[type[SQLModel], list[dict[str, Any]]], customers: dict[str, str], one: Submission
) -> str:
    index = statement_index(one.form, one.actor.id)
    if index not in customers:
        owner_id = one.actor.id if one.actor.role is Role.AGENT else None
        customer = new_customer(one.form, work.now, owner_id, stated_by=one.actor.id)
        customers[index] = customer["id"]
        rows[Customer].append(customer)
        rows[SearchToken] += search_rows(customer["id"], one.form)
    return customers[index]


def _loan_rows(
    work: UnitOfWork,
    rows: dict[type[SQLModel], list[dict[str, Any]]],
    one: Submission,
    number: str,
    customer_id: str,
    content: str,
    today: date,
) -> None:
    form, product = one.form, one.product
    rows[Loan].append(
        {
            "number": number,
            "product": product.code,
            "customer_id": customer_id,
            "stage": Stage.APPLICATION,
            "applied_fen": form["amount"],
            "applied_on": today,
            "next_due_fen": 0,
            "outstanding_fen": 0,
            "overdue_fen": 0,
            "dpd": 0,
            "high_risk": False,
            "updated_at": work.now,
        }
    )
    rows[Application].append(
        {
            "loan": number,
            "form": form,
            "entered_by": one.actor.id,
            "idempotency_key": one.idempotency_key,
            "body_hash": one.body_hash,
            "content_index": content,
            "submitted_at": work.now,
        }
    )
    borrower_id = new_id()
    parties: list[tuple[str, PartyRole, str | None, str, str, str | None]] = [
        (borrower_id, PartyRole.BORROWER, customer_id, form["id_number"], form["name"], form["bank_card"])
    ]
    parties += [(new_id(), joint.role, None, joint.id_number, joint.name, None) for joint in product.parties(form)]
    for position, (party_id, role, customer, id_number, name, account) in enumerate(parties, 1):
        rows[Party].append(
            {
                "id": party_id,
                "loan": number,
                "role": role,
                "position": position,
                "customer_id": customer,
                "id_number_index": blind_index(id_number),
                "name": name,
                "account": account,
            }
        )
    security = product.security(form)
    if security is not None:
        rows[Collateral].append(
            {
                "id": new_id(),
                "loan": number,
                "kind": security.kind,
                "identifier": security.identifier,
                "identifier_index": blind_index(security.identifier),
                "model": security.model,
                "value_fen": security.value_fen,
            }
        )
    sms_key, template = f"{number}:sms:received", "application_received"
    text = TEMPLATES[template].format(loan=number)
    rows[Contact].append(sms_values(number, customer_id, template, sms_key, text, work.now))
    signing = [(role, party_id) for party_id, role, *_ in parties]
    _authorisation_rows(work, rows, one, number, customer_id, signing)
    order = order_for(number, product, work.clock, [role for role, _ in signing[1:]])
    for topic, key, payload in (
        (Topic.START_LOAN, f"start:{number}", order.model_dump(mode="json")),
        (Topic.SMS, f"sms:{sms_key}", {"contact": sms_key}),
        first_check(number, borrower_id),
    ):
        rows[OutboxRow].append(message_values(topic, key, payload, work.now, number))
    rows[AuditEntry].append(
        {
            "id": new_id(),
            "at": work.now,
            **audit.who(one.actor),
            "act": "application_submitted",
            "loan": number,
            "after": {"product": product.code, "amount_fen": form["amount"], "term": form["term"]},
            "refused": False,
        }
    )


def _authorisation_rows(
    work: UnitOfWork,
    rows: dict[type[SQLModel], list[dict[str, Any]]],
    one: Submission,
    number: str,
    customer_id: str,
    signing: Sequence[tuple[PartyRole, str]],
) -> None:
    """What the borrower agreed to and what the sender attests of others; who is not attested gets a message."""
    agreed = {BORROWER: one.consent.sensitive, **one.consent.co_signers}
    for name, (role, party_id) in zip(party_names(role for role, _ in signing), signing, strict=True):
        if name in agreed:
            rows[Authorisation] += rows_for(
                one.consent.text,
                kinds_of(sensitive=agreed[name]),
                one.actor,
                work.now,
                loan=number,
                party=name,
                party_id=party_id,
                customer_id=customer_id if name == BORROWER else None,
                method=method_of(one.actor),
            )
        elif one.product.co_signer_checks.get(role):
            for table, values in link_rows(number, customer_id, party_id, role, one.actor, work.now).items():
                rows[table].append(values)
