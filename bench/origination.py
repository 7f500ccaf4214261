"""Origination through the whole stack, beside a yardstick without lending and a bare workflow without calls."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rich.console import Console
from temporalio.client import Client

from bench.applicants import keys, made_up_population, microloans
from bench.bare import bare_workers
from bench.borrowing import Script, open_session
from bench.errors import BenchFailed
from bench.figures import Findings, median
from bench.histories import commands, originations
from bench.stack import CpuMeter, Stack, YardstickAddresses, running_stack, start_yardstick
from engine.client import connect
from models.staff import Actor, Role

NAME = "origination"
LEAST_RATIO = 0.8
MOST_EVENTS = 50
IN_FLIGHT = 32
WARM_UP = 32
LOOKED_AT = 20
OURS = ("api", "worker-1", "outside", "temporal", "driver")
THEIRS = {"api": "yardstick-edge", "worker-1": "yardstick-worker", "outside": "yardstick-outside"}


@dataclass(frozen=True)
class Run:
    """One side of one pair."""

    loans_per_second: float
    cpu_ms: dict[str, float]

    @property
    def cpu_in_all(self) -> float:
        """CPU a loan over all processes, in milliseconds."""
        return sum(self.cpu_ms.values())


Originate = Callable[[int], Awaitable[float]]


def measure(console: Console, pairs: int, loans: int) -> Findings:
    """Interleaved runs of so many loans each; figures are medians over the pairs."""
    with running_stack(console) as stack:
        yardstick = start_yardstick(stack)
        return asyncio.run(_measure(console, stack, yardstick, pairs, loans))


async def _measure(console: Console, stack: Stack, yardstick: YardstickAddresses, pairs: int, loans: int) -> Findings:
    client = await connect(stack.addresses.temporal, "default")
    meter = CpuMeter(stack.tree)
    wanted = (pairs + 1) * loans + WARM_UP
    bodies = list(islice(microloans(made_up_population()), wanted))
    if len(bodies) < wanted:
        raise BenchFailed(f"{wanted} applicants are needed, the population has {len(bodies)} sound ones")
    async with open_session() as session, bare_workers(client) as bare:
        key = keys("bench")
        ours = Script(session, stack.api, stack.addresses.outside, key)
        theirs = Script(session, yardstick.api, yardstick.outside, key)
        ours_left, theirs_left = iter(bodies), iter(bodies)
        sides: dict[str, Originate] = {
            "loanwright": lambda n: ours.originate(list(islice(ours_left, n)), IN_FLIGHT),
            "yardstick": lambda n: theirs.originate(list(islice(theirs_left, n)), IN_FLIGHT),
            "bare": lambda n: bare.originate(n, IN_FLIGHT),
        }
        for side in sides.values():
            await side(WARM_UP)
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        for pair in range(pairs):
            # Whoever goes first meets a colder machine, so they take turns.
            order = list(sides)[pair % len(sides) :] + list(sides)[: pair % len(sides)]
            for name in order:
                runs[name].append(await _run(sides[name], loans, meter, name))
            told = ", ".join(f"{name} {runs[name][-1].loans_per_second:.1f}" for name in sides)
            console.print(f"  pair {pair + 1} of {pairs}: {told} loans/s", style="dim")
    findings = Findings(NAME)
    _add_ratios(findings, runs)
    await _add_events(findings, stack, client)
    return findings


async def _run(originate: Originate, loans: int, meter: CpuMeter, name: str) -> Run:
    meter.read()
    seconds = await originate(loans)
    # Deliveries and notices of the last loans still run for a moment; they belong to this side.
    await asyncio.sleep(0.5)
    spent = meter.read()
    of_side = {
        "loanwright": {part: part for part in OURS},
        "yardstick": {part: THEIRS.get(part, part) for part in OURS},
        "bare": {"temporal": "temporal", "driver": "driver"},
    }[name]
    return Run(loans / seconds, {part: 1000 * spent.get(process, 0.0) / loans for part, process in of_side.items()})


def _add_ratios(findings: Findings, runs: dict[str, list[Run]]) -> None:
    def ratios(to: str) -> list[float]:
        pairs = zip(runs["loanwright"], runs[to], strict=True)
        return [ours.loans_per_second / theirs.loans_per_second for ours, theirs in pairs]

    beside = ratios("yardstick")
    spread = f"pairs {min(beside):.2f}–{max(beside):.2f}"
    findings.add("loans/s, ratio to the yardstick", median(beside), at_least=LEAST_RATIO, note=spread)
    cpu = [
        theirs.cpu_in_all / ours.cpu_in_all for ours, theirs in zip(runs["loanwright"], runs["yardstick"], strict=True)
    ]
    findings.add(
        "CPU, the yardstick's share of ours", median(cpu), note="what the ratio of loans/s comes to on full cores"
    )
    findings.add("loans/s, ratio to the bare workflow", median(ratios("bare")), note="no HTTP, no disk")
    for name, of_side in runs.items():
        findings.add(f"{name}: loans", median([run.loans_per_second for run in of_side]), "/s")
        parts = {part: median([run.cpu_ms[part] for run in of_side]) for part in of_side[0].cpu_ms}
        note = ", ".join(f"{part} {ms:.0f}" for part, ms in parts.items())
        findings.add(f"{name}: CPU a loan", median([run.cpu_in_all for run in of_side]), "ms", note=note)
    findings.details["runs"] = {
        name: [{"loans_per_second": run.loans_per_second, "cpu_ms": run.cpu_ms} for run in of_side]
        for name, of_side in runs.items()
    }


async def _add_events(findings: Findings, stack: Stack, client: Client) -> None:
    """Events of the last loans; and that the yardstick asked Temporal for the same as they did."""
    with stack.books.read() as work:
        numbers = [loan.number for loan in work.loans.page(Actor("bench", Role.ADMIN), limit=LOOKED_AT)]
    ours = await originations(client, [f"loan/{number}" for number in numbers])
    theirs = await originations(client, [f"yardstick/Y{int(number[3:]):08d}" for number in numbers])
    sizes = [sum(events.values()) for events in ours]
    note = (
        f"median {median(sizes):g} of {len(sizes)} loans; yardstick {median([sum(one.values()) for one in theirs]):g}"
    )
    findings.add("history of an origination, largest", max(sizes), "events", at_most=MOST_EVENTS, note=note)
    usual_ours, usual_theirs = _usual(ours), _usual(theirs)
    findings.details["commands"] = {"loanwright": dict(usual_ours), "yardstick": dict(usual_theirs)}
    if usual_ours != usual_theirs:
        raise BenchFailed(f"the yardstick does not ask for the same any more: {_difference(usual_ours, usual_theirs)}")


def _usual(histories: list[Counter[str]]) -> Counter[str]:
    """What most of the loans asked for."""
    forms = Counter(tuple(sorted(commands(events).items())) for events in histories)
    return Counter(dict(forms.most_common(1)[0][0]))


def _difference(ours: Counter[str], theirs: Counter[str]) -> dict[str, Any]:
    kinds = sorted(ours.keys() | theirs.keys())
    return {kind: (ours[kind], theirs[kind]) for kind in kinds if ours[kind] != theirs[kind]}
