"""Registers, grading, and cases that are sent back."""

from datetime import date, timedelta

from models.loans import Stage
from models.messages import CommandOnBooks, CommandOrder, Sender
from models.staff import Role
from models.tasks import Outcome, TaskKind, TaskStatus
from models.verification import Verdict
from services.acceptance import withdraw
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import AGENT, INTEGRATOR, MANAGER, START, Office, refused


def answered(lender: Office, loan: str) -> dict[tuple[str, int], Verdict]:
    """The registers' verdicts by check and round."""
    rows = lender.read(lambda work: work.documents.answers(loan))
    return {(row.check_name, row.round): row.verdict for row in rows}


async def test_a_knock_out_rule_refuses_without_asking_anybody(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.blacklisted())
        refused_loan = await lender.at(loan, Stage.REFUSED)
        assert refused_loan.closed_on == START
        grading = lender.read(lambda work: work.policies.grading(loan))
        assert grading is not None
        assert (grading.outcome, grading.reasons) == ("refuse", ["blacklisted"])
        assert lender.tasks(loan) == []
        assert lender.messages(loan) == ["application_received", "refused"]
        assert not await lender.is_running(loan)


async def test_a_full_time_student_gets_no_microloan(office: OpenOffice) -> None:
    async with office() as lender:
        student = people.student()
        loan = await lender.apply("micro", student, changes={"monthly_income": "5000"})
        await lender.at(loan, Stage.REFUSED)
        grading = lender.read(lambda work: work.policies.grading(loan))
        assert grading is not None
        assert grading.reasons == ["full_time_student"]


async def test_a_register_that_cannot_be_asked_leaves_its_mark_and_a_person_decides(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bureau", "error_503", times=6)
        loan = await lender.apply("micro", people.earner())
        await lender.minutes(5)
        graded = await lender.at(loan, Stage.APPROVAL)
        assert graded.grade == "E"
        assert lender.open_task(loan).about == "micro E, not answered: bureau"
        assert ("bureau", 1) not in answered(lender, loan)
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_a_register_that_comes_back_in_time_is_heard(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bureau", "error_503", times=3)
        loan = await lender.apply("micro", people.earner())
        await lender.minutes(5)
        assert (await lender.at(loan, Stage.APPROVAL)).grade == "A"
        assert answered(lender, loan) == dict.fromkeys(
            [("identity", 1), ("bureau", 1), ("enrolment", 1)], Verdict.PASSED
        )


async def test_a_register_that_refuses_is_not_asked_again_and_again(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("identity", "decline")
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        assert lender.open_task(loan).about == "micro E, not answered: identity"


async def test_a_case_that_was_sent_back_and_completed_is_verified_a_second_time(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        first = lender.open_task(loan)
        await lender.decide(loan, Outcome.RETURN)
        await lender.at(loan, Stage.RETURNED)
        missing = lender.open_task(loan)
        assert (missing.kind, missing.role, missing.due_on) == (
            TaskKind.COMPLETION,
            Role.AGENT,
            START + timedelta(days=14),
        )

        await lender.days(10)
        await lender.complete(loan)
        await lender.at(loan, Stage.APPROVAL)

        second = lender.open_task(loan)
        assert second.kind is TaskKind.APPROVAL
        assert second.id != first.id
        assert lender.read(lambda work: work.tasks.get(missing.id)).status is TaskStatus.CANCELLED
        rounds = {round_ for _, round_ in answered(lender, loan)}
        assert rounds == {1, 2}
        await lender.decide(loan, Outcome.APPROVE)
        await lender.accept(loan)
        await lender.at(loan, Stage.REPAYMENT)


async def test_a_case_can_be_sent_back_twice(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        for _ in range(2):
            await lender.at(loan, Stage.APPROVAL)
            await lender.decide(loan, Outcome.RETURN)
            await lender.at(loan, Stage.RETURNED)
            await lender.complete(loan)
        await lender.at(loan, Stage.APPROVAL)
        assert {round_ for _, round_ in answered(lender, loan)} == {1, 2, 3}


async def test_a_case_that_is_not_completed_in_time_expires(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        await lender.decide(loan, Outcome.RETURN)
        assert lender.open_task(loan).due_on == date(2026, 1, 19)
        await lender.until(date(2026, 1, 19))
        await lender.at(loan, Stage.RETURNED)
        await lender.days(1)
        expired = await lender.at(loan, Stage.EXPIRED)
        assert expired.closed_on == date(2026, 1, 20)
        assert lender.tasks(loan) == []


async def test_only_a_case_that_was_sent_back_can_be_completed(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner())
        await lender.at(loan, Stage.APPROVAL)
        with refused("wrong_stage"):
            await lender.complete(loan)
        with refused("wrong_stage"):
            await lender.accept(loan)


async def test_who_entered_the_case_may_not_decide_it(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.apply("micro", people.earner(), by=MANAGER)
        await lender.at(loan, Stage.APPROVAL)
        with refused("own_case"):
            await lender.decide(loan, Outcome.APPROVE, by=MANAGER)
        with refused("not_allowed"):
            await lender.decide(loan, Outcome.APPROVE, by=AGENT)
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_a_withdrawal_that_only_the_books_know_of_is_not_graded_away(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bureau", "slow", delay_ms=500)
        loan = await lender.apply("micro", people.earner())
        command = CommandOrder(sender=Sender(actor_id=INTEGRATOR.id, role=INTEGRATOR.role), command_id="lost")
        with lender.books.begin() as work:
            withdraw(work, CommandOnBooks(loan=loan, key=f"{loan}:withdrawn", n=0, day=START, command=command))
        await lender.eventually_closed(loan)
        await lender.at(loan, Stage.WITHDRAWN)
        assert lender.messages(loan) == ["application_received", "withdrawn"]
