"""`python -m tests.histories.record [life …]`: lives the lives on a development server and stores their histories."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from engine.converter import DATA_CONVERTER
from tests.histories.lives import LIVES
from tests.histories.storing import CURRENT, files_of, fingerprint, to_text
from tests.simulators.running import Outside, running_outside
from tests.workflows.harness import RealEngine, histories, make_template, open_office
from tools.servers import temporal_binary

DAY_SECONDS = 0.5
DAY_SECONDS_OF = {"late_and_paid_by_deposit": 1.5}
"""Long enough that the engine is never late, so that every planned day is slept for: arrears wake it day after day."""


async def record(life: str, template: Path, outside: Outside, environment: WorkflowEnvironment) -> None:
    """Lives one life and stores its runs and the order of their commands."""
    day_seconds = DAY_SECONDS_OF.get(life, DAY_SECONDS)
    async with open_office(RealEngine(environment.client), template, outside, day_seconds=day_seconds) as lender:
        loan = await LIVES[life](lender)
        await lender.eventually_closed(loan)
        runs = await histories(lender, loan)
    for old in files_of(life):
        old.unlink()
    for number, run in enumerate(runs, 1):
        (CURRENT / f"{life}.run{number}.json").write_text(to_text(run), encoding="utf-8")
    (CURRENT / f"{life}.commands.txt").write_text(fingerprint(runs), encoding="utf-8")


async def record_all(lives: list[str]) -> None:
    """Records these lives one after the other, since the outside world's faults are shared."""
    CURRENT.mkdir(parents=True, exist_ok=True)
    environment = await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        dev_server_existing_path=str(temporal_binary()),
        dev_server_log_level="error",
    )
    with tempfile.TemporaryDirectory() as folder, running_outside(Path(folder) / "bank") as outside:
        template = make_template(Path(folder) / "template.db")
        for life in lives:
            await record(life, template, outside, environment)
            outside.call("DELETE", "/control/faults")
    await environment.shutdown()


def main() -> None:
    """Reads which lives to record; all if none is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lives", nargs="*", help="names of lives; all if none is given")
    asyncio.run(record_all(parser.parse_args().lives or list(LIVES)))


if __name__ == "__main__":
    main()
