"""Taking over running loans from another system, many in one transaction: each opened as of its cut-off date."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, ClassVar

from sqlmodel import SQLModel

from books.customers import blind_index
from books.outbox import message_values
from books.rows import write_many
from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.errors import LendingError
from lending.money import yuan
from models import ledger as chart
from models.accounts import DebitMandate, MandateSource, MandateStatus
from models.audit import AuditEntry
from models.chain import terms_sha256
from models.customers import Customer, Party, PartyRole
from models.keys import effect_key, new_id
from models.loans import Application, Loan, LoanEvent, LoanTerms, Stage
from models.messages import LoanOrder, NextDay, StepKind
from models.outbox import OutboxRow, Topic
from models.portfolio import OPENING_DIFFERENCES, TAKEOVER, TakenOverLoan
from models.products import Product
from models.search import SearchToken
from models.staff import Actor, Role
from models.tasks import Decision, Outcome, Task, TaskKind, TaskStatus
from services import audit
from services.account_figures import COMPONENTS, RECEIVABLES
from services.claims import events_named
from services.customers import new_customer
from services.errors import NotAllowed
from services.ledger import Entry, Line, post_entries, signed_line, vat_part
from services.loans import order_for
from services.mandates import NO_MANDATE
from services.permissions import Action, require
from services.repayments import HIGH_RISK_FROM_DPD
from services.search_words import search_rows
from services.takeover_check import CheckedTakeover, next_installment
from services.takeover_lines import InvalidTakeover, Takeover

Rows = dict[type[SQLModel], list[dict[str, Any]]]
# In the order in which rows refer to each other; terms look for their decision, and events for that of the takeover.
TABLES: tuple[type[SQLModel], ...] = (
    Customer,
    SearchToken,
    Loan,
    Application,
    Party,
    DebitMandate,
    Task,
    Decision,
    LoanTerms,
    LoanEvent,
    TakenOverLoan,
    OutboxRow,
    AuditEntry,
)


@dataclass(frozen=True, slots=True)
class Mandate:
    """By whose word a portfolio is taken over: who brings it in, who approved it, and the digest of the file."""

    actor: Actor
    approver: Actor
    file_hash: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A loan that is in the books; `repeated` when it had been taken over before."""

    loan: str
    repeated: bool = False


class TakenOverOtherwise(LendingError):
    """The same loan of the same system came before and was told of in another way."""

    code: ClassVar[str] = "taken_over_otherwise"
    http_status: ClassVar[int] = 409

    def __init__(self, loan: str) -> None:
        sentence = f"was taken over before as loan {loan}, with different content"
        super().__init__(f"the loan {sentence}", fields={"source_loan": sentence})


def check_mandate(mandate: Mandate) -> None:
    """Refuses (NotAllowed) a takeover that is not brought in and approved by two different people who may."""
    require(mandate.actor, Action.BRING_IN_PORTFOLIOS)
    require(mandate.approver, Action.APPROVE_PORTFOLIOS)
    if mandate.actor.id == mandate.approver.id:
        raise NotAllowed("whoever brings a portfolio in cannot approve it; another person must")


def take_over(work: UnitOfWork, mandate: Mandate, checked: Sequence[CheckedTakeover]) -> list[Taken | LendingError]:
    """Writes loans that nothing stands against (`is_taken`); returns, in their order, the loan or why not.

    Each is opened at the end of its cut-off date: customer, loan in repayment, terms under an approving decision of
    the second person, events of the past, postings against the takeover account, and the outbox row that starts its
    workflow. No message goes to the borrower. One that is there already changes nothing; with other content it is
    refused.
    """
    check_mandate(mandate)
    # Holds the series until the commit: whoever brings the same loans in meanwhile waits and then sees them.
    work.outbox.hold("loan")
    known = work.portfolio.known([one.takeover.origin.key for one in checked])
    customers = _customers(work, checked)
    rows: Rows = {table: [] for table in TABLES}
    entries: list[Entry] = []
    answers: list[Taken | LendingError] = []
    rates: dict[date, Mapping[str, int]] = {}
    first = work.outbox.next_numbers("loan", len(checked))
    for offset, one in enumerate(checked):
        takeover = one.takeover
        before = known.get(takeover.origin.key)
        if before is not None:
            answers.append(again(before, takeover.origin.content_hash))
            continue
        customer = customers.get(blind_index(takeover.customer["id_number"]))
        if customer is not None and customer["name"] != takeover.customer["name"]:
            answers.append(InvalidTakeover({"customer.name": "is not the name that this ID number has in the books"}))
            continue
        number = f"L{work.today:%y}{first + offset:06d}"
        if customer is None:
            customer = new_customer(takeover.customer, work.now)
            customers[customer["id_number_index"]] = customer
            rows[Customer].append(customer)
            rows[SearchToken] += search_rows(customer["id"], takeover.customer)
        if takeover.cut_off not in rates:
            rates[takeover.cut_off] = work.ledger.rates(takeover.cut_off)
        _loan_rows(work, rows, mandate, one, number, customer["id"])
        lines = tuple(opening_lines(one.own, one.account, rates[takeover.cut_off]))
        entries.append(Entry(f"{number}:takeover", number, takeover.cut_off, lines))
        answers.append(Taken(number))
    for table in TABLES:
        write_many(work.session, table, rows[table])
    post_entries(work, entries)
    return answers


def again(before: TakenOverLoan, content_hash: str) -> Taken | LendingError:
    """The answer to a loan that is in the books already."""
    return Taken(before.loan, repeated=True) if before.content_hash == content_hash else TakenOverOtherwise(before.loan)


def opening_lines(own: LoanAccount, account: LoanAccount, vat: Mapping[str, int]) -> Iterator[Line]:
    """The postings that open a loan, so that its accounts stand at `account` and the ledger follows it from there.

    All that was ever charged, received and waived is posted as it would have been here, since later postings are the
    difference to it. Money comes from the takeover account instead of the bank, and what would have been our income,
    tax or loss goes back there: that was the former lender's. What the adjustments changed in it, from `own` to
    `account`, goes to the opening differences. `vat` are the rates of the day by income account.
    """
    yield from signed_line("principal_taken_over", chart.LOAN_PRINCIPAL, TAKEOVER, account.disbursed_fen)
    for component, (receivable, income) in COMPONENTS.items():
        rate = vat.get(income, 0)
        charged, charged_before = getattr(account.charged, component), getattr(own.charged, component)
        tax, tax_before = vat_part(charged, rate), vat_part(charged_before, rate)
        yield from signed_line(f"{component}_charged", receivable, income, charged - tax)
        yield from signed_line(f"{component}_vat", receivable, chart.VAT_PAYABLE, tax)
        for name, counter, fen, tax_fen in (
            ("earned_before", TAKEOVER, charged_before - tax_before, tax_before),
            ("adopted", OPENING_DIFFERENCES, charged - tax - (charged_before - tax_before), tax - tax_before),
        ):
            yield from signed_line(f"{component}_{name}", income, counter, fen)
            yield from signed_line(f"{component}_{name}_vat", chart.VAT_PAYABLE, counter, tax_fen)
    received = account.allocated.borrower_total + account.credit_fen
    yield from signed_line("received_before", TAKEOVER, chart.UNALLOCATED, received)
    of_state = account.allocated.subsidy + account.subsidy_credit_fen
    yield from signed_line("subsidy_before", TAKEOVER, chart.STATE_UNALLOCATED, of_state)
    for component, receivable in RECEIVABLES.items():
        source = chart.STATE_UNALLOCATED if component == "subsidy" else chart.UNALLOCATED
        yield from signed_line(f"{component}_received", source, receivable, getattr(account.allocated, component))
        yield from signed_line(f"{component}_waived", chart.WAIVERS, receivable, getattr(account.waived, component))
    yield from signed_line("waived_before", TAKEOVER, chart.WAIVERS, own.waived.total)
    yield from signed_line(
        "waived_adopted", OPENING_DIFFERENCES, chart.WAIVERS, account.waived.total - own.waived.total
    )


def order_for_taken_over(work: UnitOfWork, number: str, product: Product, cut_off: date) -> LoanOrder:
    """The order that starts a loan in servicing after its cut-off date, as `order_from_books` would find it."""
    order = order_for(number, product, work.clock)
    return order.model_copy(update={"stage": Stage.REPAYMENT, "next_day": NextDay(date=cut_off, why=StepKind.DUE)})


def _customers(work: UnitOfWork, checked: Sequence[CheckedTakeover]) -> dict[str, dict[str, Any]]:
    """The customers that the books know, by the digest of their ID number."""
    found = work.customers.by_id_number([one.takeover.customer["id_number"] for one in checked])
    return {index: {"id": one.id, "name": one.name, "id_number_index": index} for index, one in found.items()}


def _loan_rows(
    work: UnitOfWork, rows: Rows, mandate: Mandate, one: CheckedTakeover, number: str, customer_id: str
) -> None:
    takeover, account = one.takeover, one.account
    origin, terms, cut_off = takeover.origin, takeover.terms, takeover.cut_off
    rows[Loan].append(_loan(work, one, number, customer_id))
    rows[Application].append(
        {
            "loan": number,
            "form": {**takeover.customer, "amount": terms.principal_fen, "term": terms.n_periods},
            "entered_by": mandate.actor.id,
            "idempotency_key": f"takeover:{origin.source}:{origin.source_loan}",
            "body_hash": origin.content_hash,
            "content_index": blind_index(f"{origin.source}|{origin.source_loan}"),
            "submitted_at": work.now,
        }
    )
    party_id = new_id()
    rows[Party].append(
        {
            "id": party_id,
            "loan": number,
            "role": PartyRole.BORROWER,
            "position": 1,
            "customer_id": customer_id,
            "id_number_index": blind_index(takeover.customer["id_number"]),
            "name": takeover.customer["name"],
            "account": takeover.customer["bank_card"],
            "amount_fen": None,
        }
    )
    _may_debit(work, rows, takeover, number, party_id)
    decision_id = _decision(work, rows, mandate, takeover, number)
    agreed = {
        "id": new_id(),
        "loan": number,
        "version": 1,
        "decision_id": decision_id,
        "effective_from": cut_off,
        "body": terms.to_json(),
        "created_at": work.now,
    }
    events = list(_events(work, one, number))
    rows[LoanTerms].append(agreed)
    rows[LoanEvent] += events
    claimed = takeover.claimed
    rows[TakenOverLoan].append(
        {
            "loan": number,
            "source": origin.source,
            "source_loan": origin.source_loan,
            "content_hash": origin.content_hash,
            "cut_off": cut_off,
            "claimed": {
                "principal": yuan(claimed.principal_fen),
                "interest": yuan(claimed.interest_fen),
                "fee": yuan(claimed.fee_fen),
                "penalty": yuan(claimed.penalty_fen),
                "credit": yuan(claimed.credit_fen),
                "dpd": claimed.dpd,
                "next_due": claimed.next_due.isoformat() if claimed.next_due else None,
            },
            "differences": [
                {"field": it.field, "claimed": it.claimed, "computed": it.computed, "difference": it.difference}
                for it in one.differences
            ],
            "file_hash": mandate.file_hash,
            "taken_over_by": mandate.actor.id,
            "approved_by": mandate.approver.id,
            "taken_over_at": work.now,
        }
    )
    order = order_for_taken_over(work, number, takeover.product, cut_off)
    started = message_values(Topic.START_LOAN, f"start:{number}", order.model_dump(mode="json"), work.now, number)
    rows[OutboxRow].append(started)
    rows[AuditEntry].append(
        {
            "id": new_id(),
            "at": work.now,
            **audit.who(mandate.actor),
            "act": "loan_taken_over",
            "loan": number,
            "subject": decision_id,
            "after": {
                "source": origin.source,
                "source_loan": origin.source_loan,
                "cut_off": cut_off.isoformat(),
                "approved_by": mandate.approver.id,
                "file_hash": mandate.file_hash,
                "principal_fen": account.principal_outstanding_fen,
                "outstanding_fen": account.outstanding.borrower_total,
                "dpd": account.dpd,
                "adopted": [it.field for it in one.differences],
                "terms_version": 1,
                "terms_sha256": terms_sha256(agreed | {"amendments": None}),
                **events_named(events),
            },
            "refused": False,
        }
    )


def _loan(work: UnitOfWork, one: CheckedTakeover, number: str, customer_id: str) -> dict[str, Any]:
    """The loan's row, its figures as the account has them at the end of the cut-off date."""
    takeover, account = one.takeover, one.account
    paid_out_on = takeover.events[0].date
    following = next_installment(account, takeover.cut_off)
    return {
        "number": number,
        "product": takeover.product.code,
        "customer_id": customer_id,
        "stage": Stage.REPAYMENT,
        "applied_fen": takeover.terms.principal_fen,
        "approved_fen": takeover.terms.principal_fen,
        "applied_on": paid_out_on,
        "disbursed_on": paid_out_on,
        "booked_to": takeover.cut_off,
        "next_date": takeover.cut_off,
        "next_due": following.due if following else None,
        "next_due_fen": max(following.outstanding - account.credit_fen, 0) if following else 0,
        "outstanding_fen": account.outstanding.borrower_total,
        "overdue_fen": account.overdue_fen,
        "dpd": account.dpd,
        "high_risk": account.dpd >= HIGH_RISK_FROM_DPD,
        "updated_at": work.now,
    }


def _may_debit(work: UnitOfWork, rows: Rows, takeover: Takeover, number: str, party_id: str) -> None:
    """The mandate that came over with the loan; without one somebody has to get one before anything is drawn."""
    told = takeover.mandate
    if told is None:
        rows[Task].append(
            {
                "id": new_id(),
                "loan": number,
                "kind": TaskKind.ACCOUNT,
                "role": Role.AGENT,
                "assignee_id": None,
                "status": TaskStatus.OPEN,
                "escalations": 0,
                "due_on": work.today + timedelta(days=1),
                "opened_at": work.now,
                "closed_at": None,
                "about": NO_MANDATE,
            }
        )
        return
    rows[DebitMandate].append(
        {
            "id": new_id(),
            "key": effect_key(number, "mandate", 1),
            "loan": number,
            "party_id": party_id,
            "account_index": blind_index(takeover.customer["bank_card"]),
            "source": MandateSource.TAKEOVER,
            "signed_on": told.signed_on,
            "document_sha256": None,
            "status": MandateStatus.ACTIVE,
            "bank_id": told.bank_id,
            "reason_code": None,
            "ordered_at": work.now,
            "answered_at": work.now,
        }
    )


def _decision(work: UnitOfWork, rows: Rows, mandate: Mandate, takeover: Takeover, number: str) -> str:
    """The second person's approval, on a task that was done with it; the database asks for it with the terms."""
    task_id, decision_id = new_id(), new_id()
    rows[Task].append(
        {
            "id": task_id,
            "loan": number,
            "kind": TaskKind.TAKEOVER,
            "role": Role.RISK,
            "assignee_id": mandate.approver.id,
            "status": TaskStatus.DONE,
            "escalations": 0,
            "due_on": work.today,
            "opened_at": work.now,
            "closed_at": work.now,
            "about": f"taken over from {takeover.origin.source} as of {takeover.cut_off}",
        }
    )
    rows[Decision].append(
        {
            "id": decision_id,
            "loan": number,
            "task_id": task_id,
            "outcome": Outcome.APPROVE,
            "amount_fen": takeover.terms.principal_fen,
            "reason": f"takeover of the file {mandate.file_hash}, brought in by {mandate.actor.id}",
            "decided_by": mandate.approver.id,
            "decided_as": mandate.approver.role,
            "decided_on": work.today,
            "decided_at": work.now,
        }
    )
    return decision_id


def _events(work: UnitOfWork, one: CheckedTakeover, number: str) -> Iterator[dict[str, Any]]:
    """The past in the order it was told, then the adjustments; ids are ours, the other system's are not kept."""
    events = (*one.takeover.events, *one.adjustments)
    keys = {event.id: f"{number}:takeover:{position}" for position, event in enumerate(events, 1)}
    for position, event in enumerate(events, 1):
        ours = replace(event, id=keys[event.id], of=keys[event.of] if event.of is not None else None)
        yield {
            "key": ours.id,
            "loan": number,
            "position": position,
            "type": ours.type,
            "date": ours.date,
            "body": ours.to_json(),
            "recorded_at": work.now,
        }
