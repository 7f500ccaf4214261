"""Every party signs, as the acts of a test need it: the contract made, a code asked for, the code entered."""

import hashlib
import time
from collections.abc import Iterable
from datetime import datetime

from activities.papers import PaperPress
from books.session import Books, UnitOfWork
from models.documents import Document
from models.loans import Loan, Stage
from models.notices import Contact
from models.papers import PaperOrder
from models.signatures import Signature
from models.staff import Actor
from services.papers import keep
from services.signing import contract_to_sign, missing_signatures, request_code, sign

BLANK = b"%PDF-1.7\n% stands for a contract whose words are not the matter\n"
"""To set a contract takes longer than most tests; those of the papers read real ones."""

PATIENCE_SECONDS = 60


def make_contract(books: Books, loan: str, now: datetime | None = None, *, blank: bool = False) -> Document:
    """The contract that waits to be made, made at once: by the press, or `blank`."""
    with books.read() as work:
        made = contract_to_sign(work, work.loans.get(loan))
        order = work.papers.contract_order(loan)
    assert order is not None
    if made is None and not blank:
        PaperPress(books, clock=lambda: now or order.asked_at).make_all()
    with books.begin(now) as work:
        if made is None and blank:
            return _kept(work, order)
        found = contract_to_sign(work, work.loans.get(loan))
    assert found is not None, order.last_error
    return found


def _kept(work: UnitOfWork, order: PaperOrder) -> Document:
    number = hashlib.sha256(order.number.encode()).hexdigest()
    return keep(work, order.id, BLANK + number.encode())


def await_contract(books: Books, loan: str) -> Document:
    """The contract, once a press that runs has made it."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        with books.read() as work:
            made = contract_to_sign(work, work.loans.get(loan))
        if made is not None:
            return made
        assert time.monotonic() < give_up_at, f"the contract of {loan} is not made"
        time.sleep(0.05)


def all_sign(books: Books, loan: str, actor: Actor, now: datetime | None = None) -> list[Signature]:
    """All who have not signed do so, each with his own code."""
    with books.begin(now) as work:
        row = work.loans.get(loan)
        return [_sign(work, row, actor, one.id) for one in missing_signatures(work, row)]


def make_and_sign(books: Books, loan: str, actor: Actor, now: datetime | None = None) -> None:
    """The contract of an offer is made, and every party signs it; where there is no offer, nothing happens."""
    with books.read() as work:
        if work.loans.get(loan).stage is not Stage.ACCEPTANCE:
            return
    make_contract(books, loan, now=now)
    all_sign(books, loan, actor, now)


def templates(contacts: Iterable[Contact]) -> list[str]:
    """The templates of messages, oldest first; codes to sign with are not among them."""
    return [one.template or "" for one in contacts if one.template != "signing_code"][::-1]


def _sign(work: UnitOfWork, loan: Loan, actor: Actor, party: str) -> Signature:
    document = contract_to_sign(work, loan)
    assert document is not None
    digits = request_code(work, actor, loan, party).code
    assert digits is not None
    signed = sign(work, actor, loan, party, digits, document_sha256=document.sha256)
    assert isinstance(signed, Signature)
    return signed
