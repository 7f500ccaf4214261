"""Registers, grading, and cases that are sent back."""

from datetime import date, timedelta

from models.loans import Stage
from models.messages import CommandOnBooks, CommandOrder, Sender
from models.staff import Role
from models.tasks import Outcome, TaskKind, TaskStatus
from models.verification import Verdict
from services.acceptance import withdraw
from services.authorisations import give
from services.tasks import finish
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import AGENT, INTEGRATOR, MANAGER, RISK, START, Office, refused


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
        assert answered(lender, loan)["bureau", 1] is Verdict.UNAVAILABLE
        await lender.decide(loan, Outcome.APPROVE)
        await lender.at(loan, Stage.ACCEPTANCE)


async def test_a_register_that_comes_back_in_time_is_heard(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("bureau", "error_503", times=3)
        loan = await lender.apply("micro", people.earner())
        await lender.minutes(5)
        assert (await lender.at(loan, Stage.APPROVAL)).grade == "A"
        assert set(answered(lender, loan).values()) == {Verdict.PASSED}
        assert ("bureau", 1) in answered(lender, loan)


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


def parent_of_student() -> dict[str, str]:
    """A joint borrower whom the register of identities knows."""
    parent = people.earner()
    return {
        "joint_borrower_name": parent.name,
        "joint_borrower_id_number": parent.id_number,
        "joint_borrower_mobile": parent.mobile,
    }


async def test_a_co_signer_who_agrees_later_is_asked_about_and_the_case_is_graded_anew(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    # How old an answer is goes by the wall's clock, which an engine that skips time leaves behind.
    async with office_in_real_time(60) as lender:
        loan = await lender.apply("student", people.student(), changes=parent_of_student())
        await lender.at(loan, Stage.APPROVAL)
        assert answered(lender, loan)["identity@joint_borrower", 1] is Verdict.NOT_AUTHORISED
        first = lender.open_task(loan)
        assert "identity@joint_borrower" in first.about

        with lender.books.begin() as work:
            row = work.loans.get(loan)
            party = next(one.id for one in work.customers.parties(loan) if one.role == "joint_borrower")
            give(work, AGENT, row, party, sensitive=False)
        await lender.dispatcher.drain()
        await lender.eventually(
            lambda: answered(lender, loan).get(("identity@joint_borrower", 2)) is Verdict.PASSED,
            lambda: "his register was not asked",
        )
        await lender.at(loan, Stage.APPROVAL)

        second = lender.open_task(loan)
        assert second.id != first.id
        assert "not answered" not in second.about
        grading = lender.read(lambda work: work.policies.grading(loan))
        assert grading is not None
        assert (grading.round, grading.facts["co_signer_matches"]) == (2, True)
        # What was known already was not asked again.
        rows = lender.read(lambda work: work.documents.answers(loan))
        taken = {one.check_name for one in rows if one.round == 2 and one.source_id is not None}
        assert {"identity", "screening", "enrolment"} <= taken


async def test_a_case_stands_still_for_a_register_until_a_person_says_go_on(office: OpenOffice) -> None:
    async with office() as lender:
        lender.outside.plan_fault("vehicles", "error_503", times=1000)
        loan = await lender.apply("auto", people.earner())
        await lender.minutes(5)
        await lender.eventually(lambda: bool(lender.tasks(loan)), lambda: "nobody was asked")
        (task,) = lender.tasks(loan, TaskKind.TROUBLE)
        assert (task.role, task.about) == (Role.RISK, "no answer of a register: vehicle")
        assert lender.loan(loan).stage is Stage.VERIFICATION
        with lender.books.begin() as work:
            finish(work, RISK, work.tasks.get(task.id), "the register is closed for the holidays")
        await lender.dispatcher.drain()
        await lender.minutes(5)
        await lender.at(loan, Stage.APPROVAL)
        assert "not answered: vehicle" in lender.open_task(loan).about
        assert answered(lender, loan)["vehicle", 1] is Verdict.UNAVAILABLE


async def test_a_register_is_waited_for_as_long_as_the_product_says(office: OpenOffice) -> None:
    async with office() as lender:
        # More tries than are made for a register that only leaves its mark.
        lender.outside.plan_fault("enrolment", "error_503", times=30)
        loan = await lender.apply("micro", people.earner())
        await lender.minutes(30)
        assert lender.loan(loan).stage is Stage.VERIFICATION
        await lender.minutes(12 * 60)
        await lender.at(loan, Stage.APPROVAL)
        assert answered(lender, loan)["enrolment", 1] is Verdict.PASSED
