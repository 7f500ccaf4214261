"""Prepayments: in part, in full, refused, declined, and without an outcome."""

import asyncio
from datetime import date

import pytest

from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import refused


@pytest.mark.parametrize("effect", ["reduce_installment", "reduce_term"])
async def test_a_prepayment_in_part_makes_installments_smaller_or_fewer(office: OpenOffice, effect: str) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 20))
        before = lender.account(loan, date(2026, 2, 20))
        first_fen, last_due = before.rows[1].total, before.rows[-1].due

        result = await lender.prepay(loan, 200_000, effect)
        assert (result.stage, result.sentence) == (Stage.REPAYMENT, "the prepayment is booked")

        after = lender.account(loan)
        open_rows = [row for row in after.rows if row.outstanding]
        if effect == "reduce_installment":
            assert open_rows[1].total < first_fen
            assert open_rows[-1].due == last_due
        else:
            assert open_rows[-1].due < last_due
        assert lender.loan(loan).next_due_fen == open_rows[0].outstanding
        await lender.until(date(2026, 7, 5))
        settled = await lender.at(loan, Stage.SETTLED)
        assert settled.closed_on == open_rows[-1].due


async def test_a_prepayment_of_all_settles_the_loan_at_once(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("auto", people.earner())
        await lender.until(date(2026, 4, 10))
        owed_fen = lender.account(loan, date(2026, 4, 10)).settlement_fen
        result = await lender.prepay(loan)
        assert (result.stage, result.sentence) == (Stage.SETTLED, "the loan is settled")
        [prepaid] = lender.payments(loan, PaymentKind.PREPAYMENT)
        assert prepaid.settled_fen == owed_fen
        assert (await lender.at(loan, Stage.SETTLED)).closed_on == date(2026, 4, 10)
        await lender.eventually_closed(loan)


async def test_a_prepayment_on_a_due_date_comes_after_what_is_due(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 5))
        await lender.prepay(loan)
        await lender.at(loan, Stage.SETTLED)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 1


async def test_what_cannot_be_prepaid_is_refused(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        for amount_fen in (0, -1, 600_001):
            with refused("invalid_prepayment"):
                await lender.prepay(loan, amount_fen)
        offered = await lender.offered("micro", people.earner())
        with refused("wrong_stage"):
            await lender.prepay(offered)
        assert lender.payments(loan, PaymentKind.PREPAYMENT) == []


async def test_a_declined_prepayment_changes_nothing(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        lender.outside.plan_fault("bank", "decline", operation="debits")
        with refused("prepayment_declined"):
            await lender.prepay(loan, 100_000)
        assert lender.loan(loan).outstanding_fen == 600_000
        await lender.prepay(loan, 100_000)
        assert lender.loan(loan).outstanding_fen == 500_000


async def test_a_prepayment_without_an_outcome_is_booked_when_the_bank_has_one(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 20))
        lender.outside.plan_fault("bank", "pending", operation="debits")
        asked = asyncio.create_task(lender.prepay(loan, 100_000))
        await lender.eventually(
            lambda: [one.status for one in lender.payments(loan, PaymentKind.PREPAYMENT)] == [PaymentStatus.PENDING],
            lambda: "no prepayment is under way",
        )
        await lender.minutes(2)
        with refused("outcome_unknown"):
            await asked
        with refused("invalid_prepayment"):
            await lender.prepay(loan, 50_000)
        assert lender.loan(loan).outstanding_fen == 600_000

        [prepaid] = lender.payments(loan, PaymentKind.PREPAYMENT)
        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": prepaid.key})
        await lender.until(date(2026, 2, 5))
        events = lender.read(lambda work: work.loans.events(loan))
        assert [(event.type, event.date) for event in events] == [
            ("disbursement", date(2026, 1, 5)),
            ("prepayment", date(2026, 1, 20)),
            ("repayment", date(2026, 2, 5)),
        ]
        await lender.until(date(2026, 7, 5))
        await lender.at(loan, Stage.SETTLED)
