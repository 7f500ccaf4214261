"""The pages of a loan still open after its borrower's data was erased, and show where it was."""

import pytest

from models.columns import ERASED
from services.erasure import erase
from tests.services.procedure import ADMIN, RISK, Procedure
from tests.services.test_erasure import LATER, NAME, REASON, YEARS, settled
from tests.web.conftest import Come

OF_A_LOAN = ("", "/accounts", "/authorisations", "/collateral", "/documents", "/funds", "/quotes", "/schedule/1")


@pytest.mark.parametrize("code", ["micro", "auto"])
def test_pages_of_an_erased_borrowers_loan_still_open(procedure: Procedure, come: Come, code: str) -> None:
    loan = settled(procedure, code)
    risk, manager = come("risk-qian"), come("manager-zhao")
    pages = [f"/loans/{loan}{page}" for page in OF_A_LOAN if code == "auto" or page != "/collateral"]
    seen = {visitor: [page for page in pages if visitor.get(page).status_code == 200] for visitor in (risk, manager)}
    assert seen[risk] == pages
    assert len(seen[manager]) > 3
    with procedure.at(LATER) as work:
        customer = work.loans.get(loan).customer_id
        erase(work, ADMIN, RISK, customer, REASON, retention_years=YEARS)
    for visitor, allowed in seen.items():
        for page in allowed:
            answer = visitor.get(page)
            assert answer.status_code == 200, f"{page}: {answer.text[:500]}"
            assert NAME not in answer.text
    assert ERASED in risk.get(f"/loans/{loan}").text
    assert risk.get("/loans").status_code == 200


def test_a_document_of_somebody_erased_is_refused_in_a_sentence(procedure: Procedure, come: Come) -> None:
    loan = settled(procedure)
    risk = come("risk-qian")
    with procedure.at(LATER) as work:
        customer = work.loans.get(loan).customer_id
        (document, *_) = [one for one in work.documents.of_loan(loan) if one.language is None]
        erase(work, ADMIN, RISK, customer, REASON, retention_years=YEARS)
    answer = risk.get(f"/loans/{loan}/documents/{document.id}/file")
    assert answer.status_code == 410
    assert "was erased after the legal period" in answer.text
