"""A thousand applications in the same instant: all accepted, none lost, none doubled."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from sqlalchemy import func
from sqlmodel import col, select

from bench.applicants import anybody, made_up_population
from bench.borrowing import INTEGRATOR
from bench.errors import BenchFailed
from bench.figures import Findings, percentile
from bench.stack import API, CpuMeter, Stack, running_stack
from console.processes import python
from engine.client import connect
from models.loans import Application, Loan
from models.outbox import OutboxRow, Topic

NAME = "rush"
APPLICATIONS = 1000
MOST_SECONDS = 2.0
CLIENT_PATIENCE_SECONDS = 150
START_PATIENCE_SECONDS = 240


def measure(console: Console) -> Findings:
    """Sends them to two API processes while engine, worker and simulators share the machine; then sends all again."""
    people = made_up_population()
    bodies = anybody(people, APPLICATIONS)
    if len(bodies) < APPLICATIONS:
        raise BenchFailed(f"the population has {len(bodies)} grown-ups, {APPLICATIONS} are needed")
    findings = Findings(NAME)
    with running_stack(console, api_processes=2) as stack:
        console.print(f"  {APPLICATIONS} applications at once …", style="dim")
        meter = CpuMeter(stack.tree)
        answers = _send(stack, bodies)
        spent = meter.read()
        _add_times(findings, answers)
        accepted = sum(one["status"] == 202 for one in answers)
        findings.add("accepted (202)", accepted, at_least=APPLICATIONS, at_most=APPLICATIONS)
        findings.details["statuses"] = dict(Counter(str(one["status"]) for one in answers))
        findings.details["cpu_seconds"] = spent
        _check_books(findings, stack, answers)
        console.print("  until every workflow has started …", style="dim")
        findings.add("all workflows started after", _until_started(stack), "s")
        findings.add(
            "workflows in the engine", asyncio.run(_started(stack)), at_least=APPLICATIONS, at_most=APPLICATIONS
        )
        console.print("  the same applications again …", style="dim")
        again = _send(stack, bodies)
        same = sum(
            one["status"] == 200 and _loan(one) == _loan(first) for one, first in zip(again, answers, strict=True)
        )
        findings.add(
            "answered with the same loan when repeated (200)", same, at_least=APPLICATIONS, at_most=APPLICATIONS
        )
        findings.add("repeated, p99", percentile([one["seconds"] for one in again], 99), "s")
        findings.add(
            "loans in the books after repetition", _stored(stack)[0], at_least=APPLICATIONS, at_most=APPLICATIONS
        )
    return findings


def _send(stack: Stack, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plan = {
        "port": urlsplit(stack.addresses.web).port,
        "path": f"{API}/applications",
        "headers": [INTEGRATOR | {"Idempotency-Key": f"rush-{n}"} for n in range(len(bodies))],
        "bodies": bodies,
    }
    done = subprocess.run(
        python("-m", "bench.rush_client"),
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=CLIENT_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"the client of the rush ended with {done.returncode}: {done.stderr[-500:]}")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def _add_times(findings: Findings, answers: list[dict[str, Any]]) -> None:
    seconds = [one["seconds"] for one in answers]
    for percent in (50, 95):
        findings.add(f"answered, p{percent}", percentile(seconds, percent), "s")
    findings.add("answered, p99", percentile(seconds, 99), "s", at_most=MOST_SECONDS)
    findings.add("answered, slowest", max(seconds), "s")


def _check_books(findings: Findings, stack: Stack, answers: list[dict[str, Any]]) -> None:
    numbers = {_loan(one) for one in answers if one["status"] == 202}
    loans, keys, starts = _stored(stack)
    counts = {
        "different loan numbers answered": len(numbers),
        "loans in the books": loans,
        "different applications in the books": keys,
        "starts in the outbox": starts,
    }
    for name, found in counts.items():
        findings.add(name, found, at_least=APPLICATIONS, at_most=APPLICATIONS)


def _stored(stack: Stack) -> tuple[int, int, int]:
    with stack.books.read() as work:
        session = work.session
        loans = session.exec(select(func.count()).select_from(Loan)).one()
        keys = session.exec(select(func.count(func.distinct(Application.idempotency_key)))).one()
        starts = session.exec(
            select(func.count()).select_from(OutboxRow).where(OutboxRow.topic == Topic.START_LOAN)
        ).one()
        return loans, keys, starts


def _until_started(stack: Stack) -> float:
    began = time.monotonic()
    waiting = (
        select(func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.topic == Topic.START_LOAN, col(OutboxRow.done_at).is_(None))
    )
    while time.monotonic() - began < START_PATIENCE_SECONDS:
        with stack.books.read() as work:
            if not work.session.exec(waiting).one():
                return time.monotonic() - began
        time.sleep(0.25)
    raise BenchFailed(f"some workflows had not started after {START_PATIENCE_SECONDS} s")


async def _started(stack: Stack) -> int:
    """How many loan workflows the engine knows; its list follows a moment behind."""
    client = await connect(stack.addresses.temporal, "default")
    found = 0
    for _ in range(40):
        found = (await client.count_workflows("WorkflowType = 'Loan'")).count
        if found >= APPLICATIONS:
            break
        await asyncio.sleep(0.25)
    return found


def _loan(answer: dict[str, Any]) -> str | None:
    try:
        return str(json.loads(answer["body"])["loan"])
    except (KeyError, ValueError):
        return None
