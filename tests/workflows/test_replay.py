"""Histories of released versions against today's code, the order of commands, and what no history may hold."""

from pathlib import Path

import pytest
from temporalio.worker import Replayer

from console.seed import load_products
from engine.converter import DATA_CONVERTER
from settings import Settings
from simulators.records import Person
from tests.histories.lives import LIVES
from tests.histories.storing import CURRENT, FOLDER, files_of, fingerprint, load, readable
from tests.simulators.running import PEOPLE
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import histories
from worker import sandboxed
from workflows.loan import LoanWorkflow

STORED = sorted(FOLDER.glob("v*/*.json"))


@pytest.fixture(autouse=True)
def keys() -> None:
    """What a workflow answers is sealed, also in a replay."""
    load_products(Settings())


def personal(person: Person) -> set[str]:
    """What is known of a person and must stay in the books."""
    return {person.name, person.id_number, person.mobile, person.account}


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_todays_code_replays_the_recorded_history(path: Path) -> None:
    replayer = Replayer(workflows=[LoanWorkflow], workflow_runner=sandboxed(), data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(load(path))


@pytest.mark.parametrize("life", LIVES)
def test_every_life_is_recorded_with_the_order_of_its_commands(life: str) -> None:
    runs = [load(path) for path in files_of(life)]
    assert runs
    assert (CURRENT / f"{life}.commands.txt").read_text(encoding="utf-8") == fingerprint(runs)


@pytest.mark.parametrize("life", LIVES)
async def test_todays_code_gives_its_commands_in_the_recorded_order(office: OpenOffice, life: str) -> None:
    async with office() as lender:
        loan = await LIVES[life](lender)
        await lender.eventually_closed(loan)
        lived = fingerprint(await histories(lender, loan))
    assert lived == (CURRENT / f"{life}.commands.txt").read_text(encoding="utf-8")


async def test_no_history_holds_who_the_borrower_is(office: OpenOffice) -> None:
    async with office() as lender:
        student = people.student()
        parent = people.earner()
        marked = {"occupation": "标记职业", "hobbies": "标记爱好"}
        # A payout that is declined and called back, so that refusals and failures are written down too.
        lender.outside.plan_fault("bank", "slow", operation="transfers", delay_ms=0)
        lender.outside.plan_fault("bank", "decline", operation="transfers")
        lender.outside.plan_fault("enrolment", "error_503")
        joint = {
            "joint_borrower_name": parent.name,
            "joint_borrower_id_number": parent.id_number,
            "joint_borrower_mobile": parent.mobile,
        }
        attested = {"version": "2026-11", "sensitive": True, "co_signers": {"joint_borrower": {"sensitive": True}}}
        loan = await lender.apply("student", student, changes=joint | marked, consent=attested)
        await lender.minutes(1)
        await lender.eventually(lambda: lender.tasks(loan) != [], lambda: "nobody is asked")
        await lender.accept_after_approval(loan)
        runs = await histories(lender, loan)
        form = lender.read(lambda work: work.loans.application(loan)).form
        assert personal(student) <= set(map(str, form.values()))
    text = "\n".join(map(readable, runs))
    # What is searched is really the plain text: the loan's number, inside of payloads, is found.
    assert f'"loan":"{loan}"' in text
    school = student.enrolment.school if student.enrolment else ""
    secrets = personal(student) | personal(parent) | set(marked.values()) | {school}
    assert {secret for secret in secrets if secret in text} == set()


def test_no_stored_history_holds_anybody() -> None:
    text = "\n".join(readable(load(path)) for path in STORED)
    assert '"loan":"L26' in text
    known = set().union(*map(personal, PEOPLE.people))
    assert {secret for secret in known if secret in text} == set()
    assert [character for character in text if "\u4e00" <= character <= "\u9fff"] == []


def test_no_stored_history_names_the_machine_it_was_recorded_on() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in STORED)
    assert '"eventType"' in text
    assert "stackTrace" not in text
    assert str(Path.home()) not in text
    assert str(FOLDER.parent.parent) not in text
