"""Loans taken over from another system live on: their workflows begin in servicing, and the next debits settle them."""

from datetime import date, timedelta
from typing import Any

from console.rebuild import compare_stages, rebuild
from models.keys import workflow_id
from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from services.portfolio import Mandate, Taken, take_over
from services.takeover_check import DifferencePolicy, check_takeover
from services.takeover_lines import read_origin, read_takeover
from simulators.records import Person
from tests.services.portfolios import running_loan
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import INTEGRATOR, RISK, START, Office

CUT_OFF = START - timedelta(days=1)


async def take(lender: Office, person: Person, **told: Any) -> str:
    """A loan of somebody whom the bank knows is taken over on the opening day, and its workflow started."""
    borrower = {
        "name": person.name,
        "id_number": person.id_number,
        "mobile": person.mobile,
        "bank_card": person.account,
    }
    paper = {"signed_on": "2025-07-01", "document_sha256": "a" * 64, "key": f"oldbank:{person.account}"}
    entered = lender.outside.answer("POST", "/bank/mandates", paper | {"account": person.account, "name": person.name})
    mandate = {"id": entered["mandate_id"], "signed_on": "2025-07-01"}
    body = running_loan(cut_off=CUT_OFF, customer=borrower, **{"mandate": mandate} | told)
    checked = check_takeover(read_takeover(body, read_origin(body), START), DifferencePolicy.ADOPT)
    with lender.books.begin(await lender.engine.now()) as work:
        [answer] = take_over(work, Mandate(INTEGRATOR, RISK, "f" * 64), [checked])
    assert isinstance(answer, Taken), answer
    lender.loans.append(answer.loan)
    await lender.deliver()
    return answer.loan


def drawn_on(lender: Office, loan: str) -> list[date]:
    return [
        one.value_date for one in lender.payments(loan, PaymentKind.INSTALLMENT) if one.status is PaymentStatus.SETTLED
    ]


async def test_a_loan_taken_over_is_drawn_on_its_next_due_date_and_settles(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await take(lender, people.earner())
        await lender.at(loan, Stage.REPAYMENT)
        await lender.until(date(2026, 2, 5))
        assert drawn_on(lender, loan) == [START, date(2026, 2, 5)]
        assert lender.messages(loan) == ["reminder"]
        row = lender.loan(loan)
        assert (row.dpd, row.next_due) == (0, date(2026, 3, 5))

        await lender.until(date(2026, 7, 5))
        settled = await lender.at(loan, Stage.SETTLED)
        assert settled.closed_on == date(2026, 7, 5)
        assert drawn_on(lender, loan)[-1] == date(2026, 7, 5)
        assert len(drawn_on(lender, loan)) == 7


async def test_arrears_that_came_over_go_on_where_they_stood_and_are_drawn(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await take(lender, people.earner(), without=(5,), claimed={"penalty": "0.00"})
        row = await lender.at(loan, Stage.REPAYMENT)
        assert lender.account(loan, CUT_OFF).dpd == 30
        # The due date of the next installment draws the arrears with it.
        await lender.until(START + timedelta(days=1))
        row = lender.loan(loan)
        assert (row.dpd, row.overdue_fen, drawn_on(lender, loan)) == (0, 0, [START])
        assert lender.account(loan).waived.penalty > 0
        await lender.until(date(2026, 7, 5))
        await lender.at(loan, Stage.SETTLED)


async def test_books_and_engine_agree_and_a_loan_that_the_engine_lost_is_started_again(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.3) as lender:
        loan = await take(lender, people.earner(), terms={"n_periods": 7})
        await lender.at(loan, Stage.REPAYMENT)
        assert await compare_stages(lender.books, lender.commands) == []
        await lender.engine.client.get_workflow_handle(workflow_id(loan)).terminate("lost, for a test")
        [difference] = await compare_stages(lender.books, lender.commands)
        assert (difference.loan, difference.engine) == (loan, None)
        assert await rebuild(lender.books, lender.commands) == [loan]
        await lender.at(loan, Stage.SETTLED)
        assert drawn_on(lender, loan) == [START, date(2026, 2, 5)]
