"""Papers as tests read them: made at once, and the text that a reader sees."""

import io
from datetime import date
from typing import Any

from pypdf import PdfReader

from activities.papers import PaperPress
from models.documents import Document
from models.keys import new_id
from models.loans import LoanTerms
from models.papers import PaperLanguage, PaperOrder
from models.staff import Role
from models.tasks import Decision, TaskKind
from services.papers import order_contract
from services.tasks import open_task
from tests.modules.applications import id_number
from tests.services.procedure import Procedure
from tests.services.unguarded import unguarded

JOINT = {
    "joint_borrower_name": "王示例",
    "joint_borrower_id_number": id_number(date(1965, 5, 17), 1),
    "joint_borrower_mobile": "19900000002",
}
"""The fields of a form that name a joint borrower."""
GUARANTOR = {
    "guarantor_name": "李示例",
    "guarantor_id_number": id_number(date(1975, 5, 17), 1),
    "guarantor_mobile": "19900000003",
}
"""The fields of a form that name a guarantor."""


def text_of(pdf: bytes) -> str:
    """The text of all pages."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def lines_of(pdf: bytes) -> list[str]:
    """Its lines, each without needless spaces."""
    return [" ".join(line.split()) for line in text_of(pdf).splitlines()]


def squeezed(pdf: bytes) -> str:
    """The text without any space or line break: nothing hides behind one."""
    return "".join(text_of(pdf).split())


def made(procedure: Procedure, order: PaperOrder) -> Document:
    """The document that an order becomes."""
    PaperPress(procedure.books, clock=lambda: order.asked_at).make_all()
    with procedure.books.read() as work:
        document = work.documents.get(order.id)
    assert document is not None
    return document


def offer_anew(procedure: Procedure, loan: str, body: dict[str, Any]) -> None:
    """Terms of a second decision, as version 2.

    There is no act that offers another contract, and a guard refuses its terms: it is set aside.
    """
    with procedure.at() as work:
        (first,) = work.tasks.decisions(loan)
        task = open_task(work, work.loans.get(loan), TaskKind.APPROVAL, Role.RISK, procedure.day, "looked at again")
        second = Decision(**first.model_dump() | {"id": new_id(), "task_id": task.id})
        work.write(second)
        terms = LoanTerms(
            loan=loan,
            version=2,
            decision_id=second.id,
            effective_from=procedure.day,
            body=body,
            created_at=work.now,
        )
        with unguarded(work, "terms"):
            work.loans.add_terms(terms)


def contract(procedure: Procedure, loan: str, language: PaperLanguage = PaperLanguage.CHINESE) -> Document:
    """The contract of the newest terms, dated the procedure's day."""
    with procedure.at() as work:
        order = order_contract(work, work.loans.get(loan), procedure.day, language=language)
    return made(procedure, order)
