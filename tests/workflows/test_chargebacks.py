"""Money that goes back: the bank returns debits, and loans that had ended are lived on with."""

from datetime import date

from engine import corrections
from models.changes import ChangeKind
from models.loans import Stage
from models.messages import ChangeOrder
from models.outbox import Topic
from models.payments import Payment, PaymentKind, PaymentStatus
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services.bank import BankMovement, record_movement
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import FINANCE, Office, sender_of

OTHER_FINANCE = Actor("finance-zhou", Role.FINANCE)


async def give_back(lender: Office, debit: Payment, on: date) -> None:
    """The payer's bank takes a debit back, and its notice comes in."""
    asked = {"end_to_end_id": debit.key, "value_date": on.isoformat()}
    reference = str(lender.outside.answer("POST", "/control/returns", asked)["reference"])
    told = BankMovement(reference, "out", debit.settled_fen, on, debit.key, None, None, True, None, "disputed")
    with lender.books.begin(lender.books.clock.opens_at(on)) as work:
        assert record_movement(work, told).matched
    await lender.deliver()


async def test_a_loan_lives_on_after_its_debit_and_again_after_the_prepayment_that_settled_it_went_back(
    office: OpenOffice,
) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 2, 6))
        [debit] = lender.payments(loan, PaymentKind.INSTALLMENT)
        assert debit.status is PaymentStatus.SETTLED

        await give_back(lender, debit, date(2026, 2, 6))
        await lender.eventually(lambda: lender.loan(loan).dpd == 1, lambda: f"{lender.loan(loan).dpd} days past due")
        assert "debit_returned" in lender.messages(loan)

        await lender.prepay(loan)
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)
        [prepayment] = lender.payments(loan, PaymentKind.PREPAYMENT)
        await lender.until(date(2026, 2, 9))

        await give_back(lender, prepayment, date(2026, 2, 9))
        found = await lender.at(loan, Stage.REPAYMENT)
        assert found.dpd == 4
        assert await lender.is_running(loan)
        await lender.prepay(loan)
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)


async def test_two_people_of_finance_correct_a_settled_loan_whose_workflow_has_ended(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.prepay(loan)
        await lender.at(loan, Stage.SETTLED)
        await lender.eventually_closed(loan)
        [prepayment] = lender.payments(loan, PaymentKind.PREPAYMENT)
        change = ChangeOrder(
            sender=sender_of(FINANCE),
            command_id="correction-1",
            kind=ChangeKind.CORRECTION,
            asked={"of": prepayment.key},
            reason="it was another customer's money",
        )

        proposed = await corrections.propose_change(lender.books, lender.commands, loan, change)
        assert proposed.stage is Stage.SETTLED
        task = lender.tasks(loan, TaskKind.CHANGE)[0].id
        decision = lender.decision(loan, Outcome.APPROVE, by=OTHER_FINANCE, task=task)
        with lender.books.begin() as work:
            payload = {"decision": decision.model_copy(update={"waits": False}).model_dump(mode="json")}
            work.outbox.put(Topic.SIGNAL_LOAN, "decision:later", payload, work.now, loan)
        await lender.deliver()
        await lender.deliver()

        await lender.at(loan, Stage.REPAYMENT)
        assert await lender.is_running(loan)
        assert lender.loan(loan).outstanding_fen > 0
