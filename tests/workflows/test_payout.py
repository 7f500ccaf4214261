"""Money out: declined, lost, undecided; whatever happens, nobody is paid twice."""

from datetime import date

from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services.bank import BankMovement, LateDecline, record_late_decline, record_movement
from simulators.records import Person
from tests.simulators.running import PEOPLE
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.gate import Gate
from tests.workflows.harness import FINANCE, MANAGER, Office, refused


def payouts(lender: Office, loan: str) -> list[tuple[str, PaymentStatus, str | None]]:
    """Key without the loan's number, status and reason of each order to pay out or take back."""
    found = [
        payment for payment in lender.payments(loan) if payment.kind in (PaymentKind.DISBURSEMENT, PaymentKind.RECALL)
    ]
    return [(payment.key.partition(":")[2], payment.status, payment.reason_code) for payment in found]


async def failed(lender: Office, product: str, person: Person) -> str:
    """An accepted loan whose payout fails by the faults that were planned."""
    loan = await lender.offered(product, person)
    await lender.accept(loan)
    await lender.at(loan, Stage.PAYOUT_FAILED)
    return loan


async def test_a_declined_payout_goes_to_finance_and_is_paid_at_the_second_try(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        loan = await failed(lender, "micro", people.earner())
        task = lender.open_task(loan)
        assert (task.kind, task.role) == (TaskKind.PAYOUT_PROBLEM, Role.FINANCE)
        assert task.about == "payout failed: declined_by_bank"
        assert (await lender.state(loan)).task_id == task.id
        with refused("not_allowed"):
            await lender.decide(loan, Outcome.APPROVE, by=MANAGER)
        with refused("invalid_decision"):
            await lender.decide(loan, Outcome.RETURN, by=FINANCE)

        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)
        assert payouts(lender, loan) == [
            ("disbursement:1", PaymentStatus.DECLINED, "declined_by_bank"),
            ("disbursement:2", PaymentStatus.SETTLED, None),
        ]


async def test_a_declined_payout_can_be_given_up(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        loan = await failed(lender, "micro", people.earner())
        await lender.decide(loan, Outcome.REFUSE, by=FINANCE)
        await lender.at(loan, Stage.REFUSED)
        assert lender.tasks(loan) == []


async def test_the_borrower_may_walk_away_after_a_declined_payout(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        loan = await failed(lender, "micro", people.earner())
        await lender.withdraw(loan)
        await lender.at(loan, Stage.WITHDRAWN)
        assert lender.tasks(loan) == []


async def test_a_closed_account_is_found_out_before_money_is_lost(office: OpenOffice) -> None:
    async with office() as lender:
        closed = next(person for person in PEOPLE.people if person.account_closed and person.enrolment is None)
        loan = await lender.apply("micro", closed, changes={"amount": "1000"})
        await lender.at(loan, Stage.APPROVAL)
        [about_account] = lender.tasks(loan, TaskKind.ACCOUNT)
        assert about_account.about == "the account was checked: closed"
        [approval] = lender.tasks(loan, TaskKind.APPROVAL)
        await lender.decide(loan, Outcome.APPROVE, task=approval.id)
        with refused("account_refused"):
            await lender.accept(loan)
        assert (lender.loan(loan).stage, payouts(lender, loan)) == (Stage.ACCEPTANCE, [])


async def test_when_the_second_payee_declines_the_first_ones_money_comes_back(office: OpenOffice) -> None:
    async with office() as lender:
        student = people.student()
        # A delay of nothing lets the first transfer pass.
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        loan = await failed(lender, "student", student)
        assert payouts(lender, loan) == [
            ("disbursement:1", PaymentStatus.RETURNED, None),
            ("disbursement:2", PaymentStatus.DECLINED, "declined_by_bank"),
            ("disbursement:1:recall", PaymentStatus.SETTLED, None),
        ]
        lender.check_the_books()

        before = lender.outside.balance(student.account)
        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)
        assert [(key, status) for key, status, _ in payouts(lender, loan)][-2:] == [
            ("disbursement:3", PaymentStatus.SETTLED),
            ("disbursement:4", PaymentStatus.SETTLED),
        ]
        assert lender.outside.balance(student.account) == before + 400_000


async def test_after_all_money_came_back_the_loan_can_be_given_up(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        loan = await failed(lender, "student", people.student())
        await lender.decide(loan, Outcome.REFUSE, by=FINANCE)
        await lender.at(loan, Stage.REFUSED)


async def test_money_that_does_not_come_back_keeps_its_payee_and_only_the_other_is_paid_again(
    office: OpenOffice,
) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        lender.outside.plan_fault("bank", "decline", operation="recall")
        loan = await failed(lender, "student", people.student())
        assert payouts(lender, loan)[0] == ("disbursement:1", PaymentStatus.SETTLED, None)
        with refused("invalid_decision"):
            await lender.decide(loan, Outcome.REFUSE, by=FINANCE)
        with refused("wrong_stage"):
            await lender.withdraw(loan)

        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        running = await lender.at(loan, Stage.REPAYMENT)
        assert running.outstanding_fen == 1_200_000
        settled = [key for key, status, _ in payouts(lender, loan) if status is PaymentStatus.SETTLED]
        assert settled == ["disbursement:1", "disbursement:3"]


async def test_a_payout_whose_answer_is_lost_is_paid_once(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        before = lender.outside.balance(person.account)
        lender.outside.plan_fault("bank", "lost_answer", operation="transfers")
        loan = await lender.running("micro", person)
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.SETTLED, None)]
        assert lender.outside.balance(person.account) == before + 600_000


async def test_a_payout_that_never_reached_the_bank_is_sent_again(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        before = lender.outside.balance(person.account)
        lender.outside.plan_fault("bank", "error_503", operation="transfers", times=2)
        # While the order's fate is unknown, the first word about it is lost as well.
        lender.outside.plan_fault("bank", "error_503", operation="orders")
        loan = await lender.offered("micro", person)
        await lender.accept(loan)
        await lender.minutes(5)
        await lender.at(loan, Stage.REPAYMENT)
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.SETTLED, None)]
        assert lender.outside.balance(person.account) == before + 600_000


async def test_a_payout_without_an_outcome_is_never_refused_and_never_paid_twice(office: OpenOffice) -> None:
    async with office() as lender:
        person = people.earner()
        before = lender.outside.balance(person.account)
        lender.outside.plan_fault("bank", "pending", operation="transfers")
        loan = await lender.offered("micro", person)
        await lender.accept(loan)
        await lender.days(1)
        await lender.at(loan, Stage.DISBURSEMENT)
        with refused("wrong_stage"):
            await lender.withdraw(loan)

        await lender.days(3)
        await lender.at(loan, Stage.PAYOUT_FAILED)
        assert lender.open_task(loan).about == "payout failed: outcome_unknown"
        with refused("invalid_decision"):
            await lender.decide(loan, Outcome.REFUSE, by=FINANCE)
        with refused("wrong_stage"):
            await lender.withdraw(loan)

        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": f"{loan}:disbursement:1"})
        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.SETTLED, None)]
        assert lender.outside.balance(person.account) == before + 600_000


async def test_the_banks_notice_ends_the_waiting(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "pending", operation="transfers")
        loan = await lender.offered("micro", people.earner())
        await lender.accept(loan)
        order = f"{loan}:disbursement:1"
        await lender.eventually(
            lambda: payouts(lender, loan)[0][1] is PaymentStatus.PENDING, lambda: str(payouts(lender, loan))
        )
        [receipt] = lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": order})
        with lender.books.begin() as work:
            movement = BankMovement(
                receipt["bank_reference"], "out", 600_000, date(2026, 1, 5), order, "payee", "payout"
            )
            record_movement(work, movement)
        await lender.dispatcher.drain()
        await lender.minutes(10)
        await lender.at(loan, Stage.REPAYMENT)
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.SETTLED, None)]


async def test_a_late_decline_of_a_pending_payout_goes_to_finance(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bank", "pending", operation="transfers")
        loan = await lender.offered("micro", people.earner())
        await lender.accept(loan)
        order = f"{loan}:disbursement:1"
        await lender.eventually(
            lambda: payouts(lender, loan)[0][1] is PaymentStatus.PENDING, lambda: str(payouts(lender, loan))
        )
        lender.outside.answer("POST", "/control/settlements", {"end_to_end_id": order, "outcome": "declined"})
        with lender.books.begin() as work:
            record_late_decline(work, LateDecline(order, "declined_by_bank"))
        await lender.dispatcher.drain()
        await lender.minutes(10)
        await lender.at(loan, Stage.PAYOUT_FAILED)
        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)


async def test_a_refused_question_about_a_payout_says_nothing_about_the_payout(office: OpenOffice, gate: Gate) -> None:
    async with office(through=gate.url) as lender:
        person = people.earner()
        before = lender.outside.balance(person.account)
        lender.outside.plan_fault("bank", "lost_answer", operation="transfers")
        gate.turn_away("disbursement:1", status=401)
        loan = await lender.offered("micro", person)
        await lender.accept(loan)
        await lender.minutes(10)
        await lender.at(loan, Stage.REPAYMENT)
        assert gate.turned_away == []
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.SETTLED, None)]
        assert lender.outside.balance(person.account) == before + 600_000


async def test_an_order_that_the_bank_does_not_take_is_a_declined_payout(office: OpenOffice, gate: Gate) -> None:
    async with office(through=gate.url) as lender:
        gate.turn_away("/bank/transfers", status=422)
        loan = await failed(lender, "micro", people.earner())
        assert payouts(lender, loan) == [("disbursement:1", PaymentStatus.DECLINED, "turned_away")]


async def test_a_recall_that_the_bank_does_not_take_leaves_the_loan_to_finance(office: OpenOffice, gate: Gate) -> None:
    async with office(through=gate.url) as lender:
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        gate.turn_away("/recall")
        loan = await failed(lender, "student", people.student())
        assert payouts(lender, loan)[0] == ("disbursement:1", PaymentStatus.SETTLED, None)
        with refused("invalid_decision"):
            await lender.decide(loan, Outcome.REFUSE, by=FINANCE)
        await lender.decide(loan, Outcome.APPROVE, by=FINANCE)
        await lender.at(loan, Stage.REPAYMENT)
        settled = [key for key, status, _ in payouts(lender, loan) if status is PaymentStatus.SETTLED]
        assert settled == ["disbursement:1", "disbursement:3"]
