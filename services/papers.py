"""Papers that the lender issues: asked for here, typeset by whoever has time, kept as documents of the loan."""

from datetime import date, timedelta
from typing import Any

from books.outbox import growing_pause
from books.session import UnitOfWork
from lending.errors import LendingError
from lending.events import EventType
from lending.terms import Terms
from models.documents import Document
from models.loans import Loan, Stage
from models.papers import PaperKind, PaperLanguage, PaperOrder
from models.staff import Actor, Role
from models.tasks import TaskKind
from services import audit
from services.audit import SYSTEM
from services.errors import WrongStage
from services.paper_contents import MONEY_FROM_BORROWER, account_on, known_events
from services.permissions import Action, require
from services.tasks import open_task

MOST_PAPERS = 120
"""Papers of one loan that people may ask for; those that its procedure asks for come on top."""
LEASE = timedelta(seconds=20)
"""How long a paper may take; after that somebody else makes it."""
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_PERIOD = timedelta(days=3660)


class InvalidPaper(LendingError):
    """What was asked for cannot be put on paper."""

    code = "invalid_paper"
    http_status = 422


class TooManyPapers(LendingError):
    """As many papers of this loan were asked for as may be."""

    code = "too_many_papers"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has {MOST_PAPERS} papers; ask for those that it has")


class NotPrintable(LendingError):
    """A name or text has a sign that the font does not have; no paper shows an empty box in its place."""

    code = "not_printable"
    http_status = 409

    def __init__(self, kind: str, font: str) -> None:
        # Without the sign itself: it is a part of somebody's name.
        super().__init__(f"the {kind} holds a sign that the font {font} does not have; it has to be made by hand")


class NothingToSign(LendingError):
    """The loan has no terms that a contract could name."""

    code = "nothing_to_sign"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no approved terms, so there is no contract")


# -- asking ------------------------------------------------------------------------------------------------------------


def order_contract(
    work: UnitOfWork, loan: Loan, day: date, *, actor: Actor = SYSTEM, language: PaperLanguage = PaperLanguage.CHINESE
) -> PaperOrder:
    """Asks for the contract of the newest terms agreed, dated `day`; once for each version and language.

    To be called with the act that writes the terms. Raises NothingToSign before there are any.
    """
    version = work.papers.contract_version(loan.number)
    if version is None:
        raise NothingToSign(loan.number)
    return _order(
        work,
        actor,
        loan,
        PaperKind.CONTRACT,
        language,
        f"{version}",
        terms_version=version,
        number=f"{loan.number}-C{version}",
        issued_on=day,
    )


def order_statement(
    work: UnitOfWork, actor: Actor, loan: Loan, first_day: date, last_day: date, language: PaperLanguage
) -> PaperOrder:
    """Asks for the account of a period, both days included.

    Raises WrongStage before the payout and InvalidPaper for a period that ends before it begins, begins before the
    payout or reaches into the future.
    """
    if loan.disbursed_on is None:
        raise WrongStage(loan.number, loan.stage, "a statement")
    if first_day > last_day:
        raise InvalidPaper("the period ends before it begins", fields={"to": "must not be before `from`"})
    if last_day > work.today:
        raise InvalidPaper("a statement cannot tell the future", fields={"to": f"must be at most {work.today}"})
    if last_day - first_day > LONGEST_PERIOD:
        raise InvalidPaper("the period is too long", fields={"from": "at most ten years before `to`"})
    if last_day < loan.disbursed_on:
        raise InvalidPaper(
            "the loan was not paid out then", fields={"to": f"must not be before the payout on {loan.disbursed_on}"}
        )
    events = _events_now(work, loan)
    period = f"{first_day:%Y%m%d}-{last_day:%Y%m%d}"
    return _order(
        work,
        actor,
        loan,
        PaperKind.STATEMENT,
        language,
        f"{period}-{events}",
        number=f"{loan.number}-S{period}-{events}",
        issued_on=work.today,
        terms_version=_terms_now(work, loan),
        events=events,
        first_day=first_day,
        last_day=last_day,
    )


def order_receipt(work: UnitOfWork, actor: Actor, loan: Loan, payment_key: str, language: PaperLanguage) -> PaperOrder:
    """Asks for the receipt of one payment by the borrower, known by the key of its order or the bank's reference.

    Raises InvalidPaper for one that is not booked on the loan, was not the borrower's, or was taken back.
    """
    events = work.loans.events(loan.number)
    paid = next((one for one in events if one.key == payment_key), None)
    if paid is None or paid.type not in MONEY_FROM_BORROWER:
        raise InvalidPaper(
            "no payment of the borrower under this key is booked on the loan",
            fields={"payment": "not a booked payment of the borrower"},
        )
    if any(one.type == EventType.REVERSAL and one.body["of"] == paid.body["id"] for one in events):
        raise InvalidPaper("this payment was taken back", fields={"payment": "was reversed"})
    return _order(
        work,
        actor,
        loan,
        PaperKind.RECEIPT,
        language,
        f"{paid.position}",
        number=f"{loan.number}-R{paid.position}",
        issued_on=work.today,
        terms_version=_terms_now(work, loan),
        events=len(events),
        event_key=paid.key,
    )


def order_certificate(
    work: UnitOfWork, actor: Actor, loan: Loan, language: PaperLanguage = PaperLanguage.CHINESE
) -> PaperOrder:
    """Asks for the certificate that a loan is settled. Raises WrongStage for one that is not."""
    if loan.stage is not Stage.SETTLED:
        raise WrongStage(loan.number, loan.stage, "a settlement certificate")
    events = _events_now(work, loan)
    day = max(work.today, loan.closed_on or work.today)
    terms = work.loans.terms(loan.number)
    account = account_on(Terms.parse(terms.body), known_events(work, loan.number, events), day) if terms else None
    if terms is None or account is None or account.settled_on is None:
        raise WrongStage(loan.number, "an account that is not settled", "a settlement certificate")
    return _order_certificate(work, actor, loan, language, day)


def issue_certificate(work: UnitOfWork, loan: Loan, day: date) -> PaperOrder:
    """Has the certificate made without anybody asking, with the act that settles the loan on a day."""
    return _order_certificate(work, SYSTEM, loan, PaperLanguage.CHINESE, day)


def _order_certificate(work: UnitOfWork, actor: Actor, loan: Loan, language: PaperLanguage, day: date) -> PaperOrder:
    events = _events_now(work, loan)
    return _order(
        work,
        actor,
        loan,
        PaperKind.CERTIFICATE,
        language,
        f"{events}",
        number=f"{loan.number}-J{events}",
        issued_on=day,
        terms_version=_terms_now(work, loan),
        events=events,
    )


def _events_now(work: UnitOfWork, loan: Loan) -> int:
    return work.loans.next_position(loan.number) - 1


def _terms_now(work: UnitOfWork, loan: Loan) -> int:
    terms = work.loans.terms(loan.number)
    if terms is None:
        raise NothingToSign(loan.number)
    return terms.version


def _order(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    kind: PaperKind,
    language: PaperLanguage,
    version: str,
    **what: Any,
) -> PaperOrder:
    require(actor, Action.ORDER_PAPERS)
    book = work.papers
    key = f"{loan.number}:{kind}:{version}:{language}"
    before = book.by_key(key)
    if before is not None:
        return before
    if kind is not PaperKind.CONTRACT and book.count(loan.number, SYSTEM.id) >= MOST_PAPERS:
        raise TooManyPapers(loan.number)
    order = PaperOrder(
        key=key,
        loan=loan.number,
        kind=kind,
        language=language,
        asked_by=actor.id,
        asked_at=work.now,
        not_before=work.now,
        **what,
    )
    work.write(order)
    audit.record(
        work, actor, "paper_ordered", loan=loan.number, subject=order.id, after={"kind": kind, "number": order.number}
    )
    return order


# -- making ------------------------------------------------------------------------------------------------------------


def keep(work: UnitOfWork, order_id: str, pdf: bytes) -> Document:
    """Keeps a typeset paper as a document of its loan, once; a paper that is there already is left as it is."""
    order = work.papers.get(order_id)
    if order is None:
        raise LookupError(f"no paper {order_id} was asked for")
    if order.done_at is not None:
        return work.session.get_one(Document, order_id)
    document = Document.of(
        pdf,
        id=order.id,
        loan=order.loan,
        kind=order.kind,
        filename=f"{order.number}.{order.language}.pdf",
        media_type="application/pdf",
        language=order.language,
        terms_version=order.terms_version,
        uploaded_by=SYSTEM.id,
        uploaded_at=work.now,
    )
    work.write(document)
    order.done_at = work.now
    order.last_error = None
    work.session.add(order)
    audit.record(
        work,
        SYSTEM,
        "paper_issued",
        loan=order.loan,
        subject=order.id,
        after={"kind": order.kind, "number": order.number, "sha256": document.sha256},
    )
    return document


def put_off(work: UnitOfWork, order_id: str, error: str) -> None:
    """Notes why a paper could not be made; it is tried again after a growing pause.

    What no second try can cure is somebody's task, once: a name that the font cannot show.
    """
    order = work.papers.get(order_id)
    if order is None or order.done_at is not None:
        return
    if error == NotPrintable.code and order.last_error != error:
        loan = work.loans.get(order.loan)
        about = f"the {order.kind} cannot be printed"
        open_task(work, loan, TaskKind.TROUBLE, Role.AGENT, work.today + timedelta(days=1), about)
    order.not_before = work.now + growing_pause(order.attempts, LONGEST_PAUSE)
    order.last_error = error[:64]
    work.session.add(order)
