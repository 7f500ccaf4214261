"""How the figures of a loan came to be: each installment of its schedule, and what clears it today."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from books.session import UnitOfWork
from lending.components import Component
from lending.explain import Explanation, SettlementExplanation
from lending.steps import Step
from lending.wording import Language as Words
from lending.wording import sentence
from services.explanations import Explained, explain_clearing, explain_installment
from web import pages
from web.addresses import Number
from web.refusals import showing
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()

ORDER = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY, Component.SUBSIDY)

InstallmentNumber = Annotated[int, Path(ge=1, le=9999)]


@dataclass(frozen=True)
class Part:
    """What a component comes to, and the sentences that say how."""

    component: Component
    amount_fen: int
    sentences: tuple[str, ...]


@router.get("/loans/{number}/schedule/{n}", name="installment")
def installment(request: Request, visit: StaffVisit, number: Number, n: InstallmentNumber) -> Response:
    """How an installment came to be: a page, or a row to stand below it in its table."""
    return _installment(request, visit, number, n, f"/loans/{number}")


@router.get("/my/{number}/schedule/{n}", name="my_installment")
def my_installment(request: Request, visit: BorrowerVisit, number: Number, n: InstallmentNumber) -> Response:
    """The same for the borrower."""
    return _installment(request, visit, number, n, f"/my/{number}")


@router.get("/loans/{number}/settlement", name="settlement")
def settlement(request: Request, visit: StaffVisit, number: Number) -> Response:
    """How the sum came to be that clears the loan today."""
    return _settlement(request, visit, number, f"/loans/{number}")


@router.get("/my/{number}/settlement", name="my_settlement")
def my_settlement(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The same for the borrower."""
    return _settlement(request, visit, number, f"/my/{number}")


def _installment(request: Request, visit: Visit, number: str, n: int, back: str) -> Response:
    with showing(request, visit) as work:
        explained = explain_installment(work, visit.person, number, n)
    made = [step for step in explained.steps.steps if not step.kind.takes_off]
    taken = [step for step in explained.steps.steps if step.kind.takes_off]
    return pages.show(
        request,
        visit,
        "parts/schedule_explained.html" if pages.wants_fragment(request) else "explained.html",
        number=number,
        back=back,
        row=explained.steps.row,
        parts=_parts(explained, made, visit),
        taken=[_say(explained, step, visit) for step in taken],
    )


def _settlement(request: Request, visit: Visit, number: str, back: str) -> Response:
    with showing(request, visit) as work:
        explained = explain_clearing(work, visit.person, number)
    return pages.show(
        request,
        visit,
        "explained.html",
        number=number,
        back=back,
        row=None,
        on=explained.steps.on,
        total_fen=explained.steps.amount_fen,
        fee_fen=explained.fee_fen,
        parts=[],
        taken=[_say(explained, step, visit) for step in explained.steps.steps],
    )


def clearing_sentences(work: UnitOfWork, visit: Visit, number: str) -> list[str]:
    """How the sum came to be that clears a running loan today, in the visitor's language."""
    explained = explain_clearing(work, visit.person, number)
    return [_say(explained, step, visit) for step in explained.steps.steps]


def _parts(explained: Explained[Explanation], steps: Sequence[Step], visit: Visit) -> list[Part]:
    """The components that the row has, each with its steps."""
    parts = []
    for component in ORDER:
        own = [step for step in steps if step.component is component]
        if own:
            said = tuple(_say(explained, step, visit) for step in own)
            parts.append(Part(component, explained.steps.amount(component), said))
    return parts


def _say(explained: Explained[Explanation] | Explained[SettlementExplanation], step: Step, visit: Visit) -> str:
    language = Words(visit.language.code)
    return sentence(step, language, explained.names(language))
