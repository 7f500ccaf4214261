"""Every address of the pages asked by everybody."""

from typing import cast

import httpx
from fastapi import FastAPI
from temporalio.client import Client

from books.session import Books
from engine.commands import LoanCommands
from models.staff import Role
from tests.servers.routes import Address
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import RECEIVING, SECRET, Visitor
from web.app import create_web
from web.context import WebContext

STAFF = {
    "agent-lin": Role.AGENT,
    "agent-tang": Role.AGENT,
    "manager-zhao": Role.MANAGER,
    "manager-feng": Role.MANAGER,
    "risk-qian": Role.RISK,
    "finance-sun": Role.FINANCE,
    "auditor-wei": Role.AUDITOR,
    "admin-gu": Role.ADMIN,
}
FROM_ANOTHER_SITE = "decode_payloads"
"""Temporal's pages call this address: whoever comes from elsewhere is refused, whatever his role."""
TEMPORALS_PAGES = {"Origin": "http://temporal.example"}
TAKES_A_FILE = {"hand_in_document", "my_hand_in"}
KINDS = {
    "enter_evidence_page": "insurance",
    "my_evidence_page": "insurance",
    "enter_evidence": "insurance",
    "enter_my_evidence": "insurance",
    "change_form": "deferral",
    "propose_change": "deferral",
    "limit_form": "cost_cap",
    "propose_limit": "cost_cap",
}
"""Parts of addresses that have to be one of a few."""


def made_web(books: Books) -> FastAPI:
    """The application itself, to be read and not served."""
    return create_web(WebContext(books, LoanCommands(cast(Client, None)), SECRET, RECEIVING))


def path_of(address: Address) -> str:
    """A path of this address to something that is not there."""
    kind = KINDS.get(address.name, "none")
    return address.filled(kind=kind, name="deferral" if kind == "deferral" else "no-such")


def ask(visitor: Visitor, address: Address, token: str) -> httpx.Response:
    """Asks for something that is not there, with an empty form, so that whoever may ask changes nothing."""
    path = path_of(address)
    if address.method == "GET":
        return visitor.client.get(path, follow_redirects=False)
    files = {"file": ("", b"")} if address.name in TAKES_A_FILE else None
    headers = TEMPORALS_PAGES if address.name == FROM_ANOTHER_SITE else None
    return visitor.client.post(path, data={"csrf": token}, files=files, headers=headers, follow_redirects=False)


def borrower(come: Come, procedure: Procedure, loan: str) -> Visitor:
    """The borrower of a loan, signed in."""
    visitor = come()
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
    assert customer is not None
    assert visitor.sign_in_as_borrower(loan, customer.mobile[-4:]).status_code == 200
    return visitor
