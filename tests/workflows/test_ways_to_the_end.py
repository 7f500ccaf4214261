"""The plain way of each product, from application to settlement."""

from datetime import date, timedelta

from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from models.tasks import Outcome
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import START


async def test_a_microloan_goes_to_the_borrower_and_comes_back_in_six_installments(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        loan = await lender.apply("micro", person)
        graded = await lender.at(loan, Stage.APPROVAL)
        assert graded.grade == "A"
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)
        before = lender.outside.balance(person.account)
        await lender.accept(loan)
        await lender.at(loan, Stage.REPAYMENT)
        assert lender.outside.balance(person.account) == before + 600_000

        for month in range(2, 8):
            await lender.until(date(2026, month, 5))
        settled = await lender.at(loan, Stage.SETTLED)

        assert settled.closed_on == date(2026, 7, 5)
        assert settled.outstanding_fen == 0
        drawn = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert [payment.value_date for payment in drawn] == [date(2026, month, 5) for month in range(2, 8)]
        assert {payment.status for payment in drawn} == {PaymentStatus.SETTLED}
        assert sum(payment.settled_fen for payment in drawn) == 600_000 + lender.account(loan).charged.interest
        told = lender.messages(loan)
        assert told == ["application_received", "offer", "paid_out", *["reminder"] * 6, "settled"]
        assert lender.tasks(loan) == []


async def test_an_auto_loan_goes_to_the_dealer(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        own_before = lender.outside.balance(person.account)
        loan = await lender.running("auto", person)
        [payout] = lender.payments(loan, PaymentKind.DISBURSEMENT)
        payee = lender.read(lambda work: work.customers.payees(loan))[0]
        assert (payout.party_id, payout.settled_fen) == (payee.id, 2_000_000)
        assert lender.outside.balance(person.account) == own_before

        await lender.until(date(2027, 1, 5))
        await lender.at(loan, Stage.SETTLED)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 12


async def test_a_student_loan_goes_to_school_and_card_and_the_state_pays_interest_until_graduation(
    office: OpenOffice,
) -> None:
    async with office() as lender:
        student = people.student()
        own_before = lender.outside.balance(student.account)
        loan = await lender.running("student", student)
        school, card = lender.payments(loan, PaymentKind.DISBURSEMENT)
        assert (school.settled_fen, card.settled_fen) == (800_000, 400_000)
        assert lender.outside.balance(student.account) == own_before + 400_000

        # Five due dates lie before graduation on June 30.
        for month in range(2, 7):
            await lender.until(date(2026, month, 5))
            assert lender.loan(loan).outstanding_fen == 1_200_000
        claimed = lender.payments(loan, PaymentKind.SUBSIDY)
        assert [payment.value_date for payment in claimed] == [date(2026, month, 5) for month in range(2, 7)]
        assert {payment.status for payment in claimed} == {PaymentStatus.SETTLED}
        assert lender.payments(loan, PaymentKind.INSTALLMENT) == []
        assert "reminder" not in lender.messages(loan)

        await lender.until(date(2027, 7, 5))
        await lender.at(loan, Stage.SETTLED)
        # June 5 to July 5 is shared by its days: the state bears 25 of 30, of 28.00 yuan (2.8 % a year).
        *whole, shared = lender.payments(loan, PaymentKind.SUBSIDY)
        assert [payment.settled_fen for payment in whole] == 5 * [2_800]
        assert (shared.value_date, shared.settled_fen) == (date(2026, 7, 5), 2_333)
        assert len(lender.payments(loan, PaymentKind.INSTALLMENT)) == 13
        assert "overdue" not in lender.messages(loan)


async def test_terms_count_from_the_day_of_the_payout_if_the_offer_is_accepted_later(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        await lender.days(3)
        await lender.accept(loan)
        running = await lender.at(loan, Stage.REPAYMENT)
        assert running.disbursed_on == date(2026, 1, 8)
        terms = lender.read(lambda work: work.loans.terms(loan))
        assert terms is not None
        assert (terms.version, terms.effective_from) == (2, date(2026, 1, 8))
        assert running.next_due == date(2026, 2, 8)


async def test_the_query_says_what_a_loan_waits_for(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        state = await lender.state(loan)
        assert (state.waits_for, state.task_id, state.runs) == ("approval", lender.open_task(loan).id, 1)

        await lender.decide(loan, Outcome.APPROVE)
        assert (await lender.state(loan)).task_id is None
        await lender.accept(loan)
        await lender.at(loan, Stage.REPAYMENT)
        state = await lender.state(loan)
        assert state.next_day is not None
        # Before the first due date he is reminded, with a weak grade earlier; repayment is a run of its own.
        ahead = timedelta(days=7 if lender.loan(loan).grade in ("D", "E") else 3)
        assert (state.next_day.date, state.next_day.why, state.runs) == (date(2026, 2, 5) - ahead, "reminder", 2)

        await lender.until(date(2026, 7, 5))
        await lender.at(loan, Stage.SETTLED)
        state = await lender.state(loan)
        assert (state.stage, state.waits_for, state.next_day) == (Stage.SETTLED, None, None)
        assert not await lender.is_running(loan)
        assert lender.loan(loan).applied_on == START
