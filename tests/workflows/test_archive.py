"""The archive of histories, on a server that lists its runs and forgets them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from engine.archivist import Archivist
from engine.histories import Histories
from engine.stories import find_runs
from models.chain import spelled
from models.histories import ArchiveLook, RunHistory
from models.keys import workflow_id
from models.loans import Stage
from models.run_events import CloseStatus, digest, read_events
from services.audit_chain import seal
from services.bundles import contents_of
from services.story_differences import differences
from services.timeline import RunSource, tell
from tests.histories.lives import LIVES
from tests.workflows import people
from tests.workflows.conftest import OpenOfficeWithDays
from tests.workflows.harness import Office

PATIENCE_SECONDS = 60.0


def archivist(lender: Office) -> Archivist:
    return Archivist(lender.books, Histories(lender.engine.client))


def archived(lender: Office, loan: str) -> list[RunHistory]:
    return lender.read(lambda work: work.histories.of_loan(loan))


async def archived_soon(lender: Office, loan: str, count: int, keeper: Archivist) -> list[RunHistory]:
    """The archived runs, once there are so many: a server lists a closed run a moment later."""
    give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while len(found := archived(lender, loan)) < count:
        assert asyncio.get_running_loop().time() < give_up_at, found
        await keeper.look()
        await asyncio.sleep(0.1)
    return found


async def test_every_closed_run_is_archived_once_however_many_archivists_look(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(5) as lender:
        ended = await LIVES["returned_and_withdrawn"](lender)
        running = await lender.running("micro", people.earner(), term="3")
        keepers = [archivist(lender) for _ in range(3)]
        await asyncio.gather(*(archived_soon(lender, ended, 1, keeper) for keeper in keepers))
        [first] = await archived_soon(lender, running, 1, keepers[0])
        [only] = archived(lender, ended)
        entries = [one for one in lender.read(lambda work: work.audit.of_loan(ended)) if one.act == "run_archived"]
        assert [await keeper.look() for keeper in keepers] == [0, 0, 0]
        look = lender.read(lambda work: work.histories.look())
        content = lender.read(lambda work: work.histories.content(only.run_id))
        with lender.books.begin() as work:
            seal(work)
        found = await find_runs(lender.books, Histories(lender.engine.client), ended)
        files = lender.read(lambda work: contents_of(work, tell(work, ended, found.runs)).files)
    assert (only.status, first.status) == (CloseStatus.COMPLETED, CloseStatus.CONTINUED_AS_NEW)
    assert [(one.subject, (one.after or {})["sha256"]) for one in entries] == [(only.run_id, only.sha256)]
    assert content is not None
    history = content.open(only)
    assert (digest(history), len(read_events(only.run_id, history).events)) == (only.sha256, only.events)
    # What the engine keeps sealed is archived as it reads, under a seal of the archive's own.
    assert ended.encode() not in content.sealed
    assert b'"encoding":"anNvbi9wbGFpbg=="' in history
    assert look is not None
    assert (look.waiting, look.oldest_closed_at) == (0, None)
    assert look.retention_seconds == 86_400
    [worked] = only.versions
    assert worked.version.startswith("0.1.0+")
    [begun] = [one for one in read_events(only.run_id, history).events if one.id == worked.first_event]
    assert (begun.type, begun.at) == ("WORKFLOW_TASK_COMPLETED", worked.at)
    [told] = json.loads(files["runs.json"])
    assert told["code_versions"] == [
        {"version": worked.version, "first_event": begun.id, "at": spelled(begun.at)},
    ]


async def test_a_run_that_somebody_terminates_is_archived_too(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(5) as lender:
        loan = await lender.offered("micro", people.earner())
        await lender.engine.client.get_workflow_handle(workflow_id(loan)).terminate("an operator's mistake")
        [run] = await archived_soon(lender, loan, 1, archivist(lender))
        found = await find_runs(lender.books, Histories(lender.engine.client), loan)
        with lender.books.read() as work:
            story = tell(work, loan, found.runs)
            differing = differences(work, story)
    assert run.status is CloseStatus.TERMINATED
    assert differing == []
    assert story.lines[-2].words.en == "The process was ended by hand in the engine"
    assert story.lines[-1].code == "act.run_archived"


async def test_the_archive_still_tells_of_runs_that_the_engine_has_forgotten(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(5) as lender:
        loan = await LIVES["returned_and_withdrawn"](lender)
        [run] = await archived_soon(lender, loan, 1, archivist(lender))
        histories = Histories(lender.engine.client)
        before = await find_runs(lender.books, histories, loan)
        await lender.engine.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=lender.engine.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id),
            )
        )
        give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while await histories.fetch(run.workflow_id, run.run_id) is not None:
            assert asyncio.get_running_loop().time() < give_up_at
            await asyncio.sleep(0.1)
        after = await find_runs(lender.books, histories, loan)
    assert [one.source for one in after.runs] == [RunSource.ARCHIVE]
    assert [one.content for one in after.runs] == [one.content for one in before.runs]


async def test_a_run_that_cannot_be_archived_is_counted_and_tried_again(
    office_in_real_time: OpenOfficeWithDays, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with office_in_real_time(5) as lender:
        loan = await LIVES["knocked_out"](lender)
        await lender.at(loan, Stage.REFUSED)
        await lender.eventually_closed(loan)
        keeper = archivist(lender)
        fetch = keeper.histories.fetch

        async def away(_workflow: str, _run: str) -> None:
            return None

        monkeypatch.setattr(keeper.histories, "fetch", away)
        give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        found: ArchiveLook | None = None
        # Half of what the engine keeps it has passed: whoever watches the logs has to hear of it.
        late = datetime.now(UTC) + timedelta(hours=13)
        while found is None or found.waiting == 0:
            assert asyncio.get_running_loop().time() < give_up_at
            await keeper.look(late)
            found = lender.read(lambda work: work.histories.look())
        # Runs of the lenders before are in this engine too, and in no archive of this one.
        assert archived(lender, loan) == []
        assert found.oldest_closed_at is not None
        assert "archive_is_late" in "".join(capfd.readouterr())
        monkeypatch.setattr(keeper.histories, "fetch", fetch)
        assert await keeper.look() >= found.waiting
        [run] = await archived_soon(lender, loan, 1, keeper)
        assert run.status is CloseStatus.COMPLETED
        looked = lender.read(lambda work: work.histories.look())
        assert looked is not None
        assert looked.waiting == 0
