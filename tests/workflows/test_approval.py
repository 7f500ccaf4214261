"""Decisions of people: by Update, by Signal, late, wrong, for less."""

from datetime import date

from models.keys import LOANS_QUEUE
from models.loans import Stage
from models.payments import PaymentKind
from models.recurring import DailyOrder, DeadlinesPage
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import fast_lane, second_looks
from services.authority import LOANS
from services.documents import hand_in
from tests.services.document_files import taken
from tests.services.policies import OTHER_RISK, put_in_force
from tests.services.test_authority import rules
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import ADMIN, FINANCE, INTEGRATOR, MANAGER, RISK, START, Office, refused

TWO = {"decided_by": '"risk"', "people": "2"}


async def waiting_for_approval(lender: Office) -> str:
    """A microloan of 6,000 yuan in the manager's inbox."""
    loan = await lender.apply("micro", people.earner())
    await lender.at(loan, Stage.APPROVAL)
    return loan


async def test_a_person_refuses(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        result = await lender.decide(loan, Outcome.REFUSE, by=MANAGER)
        assert result.stage is Stage.REFUSED
        assert (await lender.at(loan, Stage.REFUSED)).closed_on == date(2026, 1, 5)
        assert lender.messages(loan) == ["application_received", "refused"]
        [decision] = lender.read(lambda work: work.tasks.decisions(loan))
        assert (decision.outcome, decision.decided_by, decision.decided_as) == ("refuse", MANAGER.id, Role.MANAGER)


async def test_less_is_a_counter_offer_that_the_borrower_accepts(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        await lender.decide(loan, Outcome.APPROVE, amount_fen=400_000)
        assert (await lender.at(loan, Stage.ACCEPTANCE)).approved_fen == 400_000
        await lender.accept(loan)
        running = await lender.at(loan, Stage.REPAYMENT)
        [payout] = lender.payments(loan, PaymentKind.DISBURSEMENT)
        assert (payout.settled_fen, running.outstanding_fen) == (400_000, 400_000)


async def test_more_than_was_applied_for_cannot_be_approved(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        with refused("invalid_decision") as refusal:
            await lender.decide(loan, Outcome.APPROVE, amount_fen=600_001)
        assert refusal.value.fields == {"amount": "above zero, at most 6000.00"}
        with refused("invalid_decision"):
            await lender.decide(loan, Outcome.REFUSE, amount_fen=1)
        await lender.decide(loan, Outcome.APPROVE)


async def test_a_reason_that_leads_to_a_person_is_refused_and_the_task_waits_for_another(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        order = lender.decision(loan, Outcome.APPROVE).model_copy(update={"reason": "said so at 138 0013 8000"})
        with refused("personal_reason"):
            await lender.commands.decide(loan, order)
        assert lender.read(lambda work: work.tasks.decisions(loan)) == []
        assert "13800138000" not in str(lender.read(lambda work: [one.reason for one in work.audit.of_loan(loan)]))
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_an_offer_that_nobody_accepts_expires(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        await lender.decide(loan, Outcome.APPROVE)
        await lender.days(14)
        assert (await lender.at(loan, Stage.ACCEPTANCE)).offer_until == date(2026, 1, 19)
        await lender.days(2)
        expired = await lender.at(loan, Stage.EXPIRED)
        assert expired.closed_on == date(2026, 1, 20)
        assert lender.messages(loan)[-1] == "offer_expired"
        assert lender.payments(loan) == []


async def test_a_late_approval_goes_up_to_risk_and_stays_open_until_somebody_decides(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        task = lender.open_task(loan)
        assert (task.role, task.due_on) == (Role.MANAGER, date(2026, 1, 7))
        # The manager has all of the day that he was told.
        await lender.until(date(2026, 1, 7))
        assert lender.open_task(loan).role is Role.MANAGER
        await lender.until(date(2026, 1, 8))
        late = lender.open_task(loan)
        assert (late.role, late.escalations, late.due_on) == (Role.RISK, 1, date(2026, 1, 10))
        with refused("not_allowed"):
            await lender.decide(loan, Outcome.APPROVE, by=MANAGER)

        await lender.days(200)
        still = lender.open_task(loan)
        assert (still.id, still.role, still.escalations, still.due_on) == (late.id, Role.RISK, 1, late.due_on)
        await lender.at(loan, Stage.APPROVAL)

        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)
        assert lender.tasks(loan) == []


async def test_a_decision_by_signal_is_followed_like_one_by_update(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        await lender.signal_decision(lender.decision(loan, Outcome.APPROVE), loan)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_signals_that_cannot_be_followed_are_dropped(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        by_finance = lender.decision(loan, Outcome.APPROVE, by=FINANCE)
        on_another_task = lender.decision(loan, Outcome.REFUSE, task="0" * 32)
        good = lender.decision(loan, Outcome.APPROVE)
        for decision in (by_finance, on_another_task, good):
            await lender.signal_decision(decision, loan)
        await lender.at(loan, Stage.ACCEPTANCE)
        [decided] = lender.read(lambda work: work.tasks.decisions(loan))
        assert decided.decided_by == RISK.id


async def test_a_signal_to_a_closed_loan_harms_nobody(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        late = lender.decision(loan, Outcome.APPROVE)
        await lender.decide(loan, Outcome.REFUSE)
        await lender.at(loan, Stage.REFUSED)
        await lender.eventually_closed(loan)
        await lender.signal_decision(late, loan)
        await lender.deliver()
        assert lender.read(lambda work: work.outbox.waiting()) == 0
        await lender.at(loan, Stage.REFUSED)


async def test_a_decided_task_cannot_be_decided_again(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        task = lender.open_task(loan).id
        await lender.decide(loan, Outcome.RETURN)
        for stale in (task, "0" * 32):
            with refused("task_closed"):
                await lender.decide(loan, Outcome.REFUSE, task=stale)
        await lender.at(loan, Stage.RETURNED)
        assert lender.open_task(loan).kind is TaskKind.COMPLETION


async def test_a_task_in_anothers_hands_is_left_to_him_but_risk_may_take_it_over(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        with lender.books.begin() as work:
            task = work.tasks.get(lender.open_task(loan).id)
            task.assignee_id = "manager-li"
            work.session.add(task)
        with refused("task_taken"):
            await lender.decide(loan, Outcome.APPROVE, by=MANAGER)
        await lender.decide(loan, Outcome.APPROVE, by=RISK)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_the_same_command_sent_twice_decides_once(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        decision = lender.decision(loan, Outcome.APPROVE)
        first = await lender.commands.decide(loan, decision)
        again = await lender.commands.decide(loan, decision)
        assert first == again
        assert len(lender.read(lambda work: work.tasks.decisions(loan))) == 1


async def test_the_borrower_may_walk_away_while_a_person_decides(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        with refused("not_allowed"):
            await lender.withdraw(loan, by=ADMIN)
        result = await lender.withdraw(loan)
        assert result.stage is Stage.WITHDRAWN
        assert (await lender.at(loan, Stage.WITHDRAWN)).closed_on == date(2026, 1, 5)
        assert lender.tasks(loan) == []
        assert lender.messages(loan)[-1] == "withdrawn"


async def test_the_borrower_may_walk_away_from_a_returned_case_and_from_an_offer(office: OpenOffice) -> None:
    async with office() as lender:
        returned = await waiting_for_approval(lender)
        await lender.decide(returned, Outcome.RETURN)
        offered = await waiting_for_approval(lender)
        await lender.decide(offered, Outcome.APPROVE)
        for loan in (returned, offered):
            await lender.withdraw(loan)
            await lender.at(loan, Stage.WITHDRAWN)
            assert lender.tasks(loan) == []


async def test_nobody_walks_away_from_a_loan_that_is_paid_out(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        with refused("wrong_stage"):
            await lender.withdraw(loan)
        await lender.at(loan, Stage.REPAYMENT)


async def test_two_people_approve_what_the_rules_of_the_day_ask_two_for(office: OpenOffice) -> None:
    async with office() as lender:
        with lender.books.begin(lender.books.clock.opens_at(START)) as work:
            put_in_force(work, LOANS, 2, rules({10: TWO, 17: TWO, 20: TWO}))
        loan = await waiting_for_approval(lender)
        first = lender.open_task(loan)
        result = await lender.decide(loan, Outcome.APPROVE)
        assert result.stage is Stage.APPROVAL
        second = lender.open_task(loan)
        assert (second.kind, second.role, second.id == first.id) == (TaskKind.APPROVAL, Role.RISK, False)
        assert (await lender.state(loan)).task_id == second.id
        with refused("own_approval"):
            await lender.decide(loan, Outcome.APPROVE)
        # Each of the two has all of his time.
        await lender.days(2)
        assert lender.open_task(loan).escalations == 0
        await lender.decide(loan, Outcome.APPROVE, by=OTHER_RISK, amount_fen=500_000)
        assert (await lender.at(loan, Stage.ACCEPTANCE)).approved_fen == 500_000


async def test_a_refusal_by_the_rules_is_looked_at_by_people_and_paid_out(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.blacklisted())
        await lender.at(loan, Stage.REFUSED)
        await lender.eventually_closed(loan)
        with lender.books.begin() as work:
            row = work.loans.get(loan)
            borrower = Actor(row.customer_id, Role.BORROWER, customer_id=row.customer_id)
            second_looks.ask(work, borrower, row, row.applied_on, "the debt is paid")
        await lender.deliver()
        await lender.at(loan, Stage.APPROVAL)
        await lender.decide(loan, Outcome.APPROVE, amount_fen=300_000)
        await lender.decide(loan, Outcome.APPROVE, by=OTHER_RISK)
        await lender.at(loan, Stage.ACCEPTANCE)
        await lender.accept(loan)
        assert (await lender.at(loan, Stage.REPAYMENT)).outstanding_fen == 300_000


async def test_the_fast_lane_takes_a_case_from_the_inbox(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        with lender.books.begin() as work:
            for kind in ("id_card", "income_proof"):
                file = taken(f"{loan} {kind}".encode(), "image/png")
                document = hand_in(work, INTEGRATOR, work.loans.get(loan), kind, "x.png", file)
                # What the reader makes of them is its own test.
                reading = work.documents.reading(document.id)
                assert reading is not None
                reading.done_at, reading.doubtful = work.now, False
                work.session.add(reading)
        with lender.books.begin() as work:
            fast_lane.look_again(work, work.loans.get(loan), "last")
        await lender.deliver()
        await lender.at(loan, Stage.ACCEPTANCE)
        [decision] = lender.read(lambda work: work.tasks.decisions(loan))
        assert decision.decided_as is Role.SYSTEM
        assert lender.messages(loan)[-1] == "offer_automatic"


async def test_deadlines_are_looked_at_every_day(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await waiting_for_approval(lender)
        await lender.until(date(2026, 1, 6))
        answers: list[DeadlinesPage] = [
            await lender.engine.client.execute_workflow(
                "Deadlines",
                DailyOrder(clock=lender.books.clock),
                id=f"deadlines/{n}",
                task_queue=LOANS_QUEUE,
                result_type=DeadlinesPage,
            )
            for n in range(2)
        ]
        assert [answer.reminded for answer in answers] == [1, 0]
        assert lender.open_task(loan).reminded_for == date(2026, 1, 7)
