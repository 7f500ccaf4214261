"""The loans of a borrower who signed in by mobile."""

from fastapi import APIRouter, Request, Response

from web import pages
from web.refusals import showing
from web.visit import BorrowerVisit

router = APIRouter()


@router.get("/my", name="my_loans")
def my_loans(request: Request, visit: BorrowerVisit) -> Response:
    """All his loans; the only one at once."""
    with showing(request, visit) as work:
        loans = work.loans.page(visit.person)
    if len(loans) == 1:
        return pages.go(request, f"/my/{loans[0].number}")
    return pages.show(request, visit, "my_loans.html", loans=loans)
