"""A loan of twenty years: lived on the server that skips time, archived, told as a story, and executed again."""

import asyncio
import tempfile
import time
from datetime import date
from pathlib import Path

from rich.console import Console

from bench.figures import Findings
from books.session import UnitOfWork
from engine.archivist import Archivist
from engine.histories import Histories
from engine.replaying import replay_runs
from engine.stories import find_runs
from models.histories import ReplayOutcome
from models.keys import workflow_id
from models.loans import Stage
from services.story_differences import differences
from services.timeline import FoundRun, tell
from tests.servers.temporal import time_skipping
from tests.simulators.running import running_outside
from tests.workflows import people
from tests.workflows.harness import Office, SkippingEngine, make_template, open_office
from tests.workflows.long_loans import CODE

NAME = "replay"
TERM = 240
LAST_DAY = date(2046, 1, 5)
MOST_SECONDS_TO_REPLAY = 3.0
MOST_SECONDS_TO_TELL = 2.0


def measure(console: Console) -> Findings:
    """Lives through 240 installments and measures what an auditor waits for."""
    console.print("  living through twenty years …", style="dim")
    with (
        tempfile.TemporaryDirectory() as folder,
        time_skipping(Path(folder)) as environment,
        running_outside(Path(folder) / "bank") as outside,
    ):
        template = make_template(Path(folder) / "template.db")

        async def live() -> Findings:
            async with open_office(SkippingEngine(environment), template, outside) as lender:
                return await _measure(lender)

        return asyncio.run(live())


async def _measure(lender: Office) -> Findings:
    loan = await lender.running(
        CODE, people.student(), amount="20000", tuition="8000", living_costs="16000", term=str(TERM)
    )
    await lender.until(LAST_DAY)
    await lender.at(loan, Stage.SETTLED)
    await lender.eventually_closed(loan)
    histories = Histories(lender.engine.client)
    await Archivist(lender.books, histories).archive_loan(loan)
    began = time.perf_counter()
    runs = (await find_runs(lender.books, histories, loan)).runs
    opened = time.perf_counter() - began
    replayed = await replay_runs(runs, workflow_id(loan))
    whole = time.perf_counter() - began - opened
    findings = Findings(NAME)
    rows = lender.read(lambda work: work.histories.of_loan(loan))
    note = f"{sum(row.events for row in rows)} events in {len(rows)} runs, {sum(row.size_bytes for row in rows)} bytes"
    seconds = sum(one.seconds for one in replayed)
    findings.add("all runs replayed", seconds, "s of a processor", at_most=MOST_SECONDS_TO_REPLAY, note=note)
    loaded = "by the clock, loading the code included"
    findings.add("from asking to the last verdict", whole, "s", at_most=MOST_SECONDS_TO_REPLAY, note=loaded)
    differing = sum(one.outcome is not ReplayOutcome.OK for one in replayed)
    findings.add("runs that differ", differing, "runs", at_most=0)
    findings.add("opened from the archive", opened, "s")
    lines, wrong, told = lender.read(lambda work: _tell(work, loan, runs))
    findings.add("told as a story", told, "s of a processor", at_most=MOST_SECONDS_TO_TELL, note=f"{lines} lines")
    findings.add("differences in it", wrong, "differences", at_most=0)
    return findings


def _tell(work: UnitOfWork, loan: str, runs: list[FoundRun]) -> tuple[int, int, float]:
    began = time.process_time()
    story = tell(work, loan, runs)
    found = differences(work, story)
    return len(story.lines), len(found), time.process_time() - began
