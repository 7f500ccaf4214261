"""The history that whole loans leave, from application to settlement, on a server with shortened days."""

import asyncio
from collections import Counter

from rich.console import Console

from bench.applicants import Body, car_loan, keys, made_up_population, microloans, student_loan
from bench.borrowing import Script, open_session
from bench.figures import Findings
from bench.histories import runs_of
from bench.stack import Stack, running_stack
from engine.client import connect

NAME = "history"
DAY_SECONDS = 0.1
TERM = 36
MOST_EVENTS_PER_INSTALLMENT = 20
MOST_EVENTS_OF_36_MONTHS = 800
MOST_EVENTS_OF_A_RUN = 4000
MOST_EVENTS_OF_ORIGINATION = 50


def measure(console: Console) -> Findings:
    """Lives through a microloan, a car loan and a student loan, all paid on time, and counts."""
    with running_stack(console, day_seconds=DAY_SECONDS) as stack:
        return asyncio.run(_measure(console, stack))


async def _measure(console: Console, stack: Stack) -> Findings:
    people = made_up_population()
    loans: dict[str, Body] = {
        "micro": next(microloans(people, term=TERM)),
        "auto": car_loan(people, term=TERM),
        "student": student_loan(people, term=TERM),
    }
    console.print(f"  living through three years at {DAY_SECONDS} s a day …", style="dim")
    findings = Findings(NAME)
    key = keys("history")
    async with open_session() as session, asyncio.TaskGroup() as lives:
        lived = {
            # An offer is open for a second or two of such days.
            name: lives.create_task(
                Script(session, stack.api, stack.addresses.outside, key, DAY_SECONDS).live_through(body)
            )
            for name, body in loans.items()
        }
    client = await connect(stack.addresses.temporal, "default")
    for name in loans:
        runs = await runs_of(client, f"loan/{lived[name].result()}")
        _add(findings, name, runs)
    return findings


def _add(findings: Findings, name: str, runs: list[Counter[str]]) -> None:
    sizes = [sum(run.values()) for run in runs]
    findings.add(f"{name}: origination", sizes[0], "events", at_most=MOST_EVENTS_OF_ORIGINATION)
    per_installment = sum(sizes[1:]) / TERM
    note = f"{TERM} installments in {len(sizes) - 1} runs"
    findings.add(f"{name}: an installment", per_installment, "events", at_most=MOST_EVENTS_PER_INSTALLMENT, note=note)
    findings.add(f"{name}: {TERM} months in all", sum(sizes), "events", at_most=MOST_EVENTS_OF_36_MONTHS)
    findings.add(f"{name}: largest run", max(sizes), "events", at_most=MOST_EVENTS_OF_A_RUN)
    findings.details[name] = [dict(run) for run in runs]
