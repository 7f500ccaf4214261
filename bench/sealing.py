"""What seals cost: originations by two whole stacks, one of which seals nothing, in turns."""

import asyncio
from itertools import islice

from rich.console import Console

from bench.applicants import Body, keys, made_up_population, microloans
from bench.borrowing import Script, open_session
from bench.errors import BenchFailed
from bench.figures import Findings, median
from bench.origination import IN_FLIGHT, OURS, WARM_UP, Run
from bench.stack import CpuMeter, Stack, running_stack

NAME = "sealing"
LEAST_RATIO = 0.9
"""Encryption costs less than a tenth of the rate."""


def measure(console: Console, pairs: int, loans: int) -> Findings:
    """Interleaved runs of so many loans each; figures are medians over the pairs."""
    with running_stack(console) as sealed, running_stack(console, sealed=False) as plain:
        return asyncio.run(_measure(console, {"sealed": sealed, "plain": plain}, pairs, loans))


async def _measure(console: Console, stacks: dict[str, Stack], pairs: int, loans: int) -> Findings:
    wanted = pairs * loans + WARM_UP
    bodies = list(islice(microloans(made_up_population()), wanted))
    if len(bodies) < wanted:
        raise BenchFailed(f"{wanted} applicants are needed, the population has {len(bodies)} sound ones")
    runs: dict[str, list[Run]] = {name: [] for name in stacks}
    async with open_session() as session:
        scripts = {name: Script(session, one.api, one.addresses.outside, keys("bench")) for name, one in stacks.items()}
        left = {name: iter(bodies) for name in stacks}
        for name, script in scripts.items():
            await script.originate(list(islice(left[name], WARM_UP)), IN_FLIGHT)
        for pair in range(pairs):
            # Whoever goes first meets a colder machine, so they take turns.
            for name in list(stacks)[:: 1 if pair % 2 else -1]:
                runs[name].append(await _run(scripts[name], stacks[name], list(islice(left[name], loans))))
            told = ", ".join(f"{name} {of_side[-1].loans_per_second:.1f}" for name, of_side in runs.items())
            console.print(f"  pair {pair + 1} of {pairs}: {told} loans/s", style="dim")
    return _findings(runs)


async def _run(script: Script, stack: Stack, bodies: list[Body]) -> Run:
    meter = CpuMeter(stack.tree)
    seconds = await script.originate(bodies, IN_FLIGHT)
    # Deliveries and notices of the last loans still run for a moment; they belong to this side.
    await asyncio.sleep(0.5)
    spent = meter.read()
    return Run(len(bodies) / seconds, {part: 1000 * spent.get(part, 0.0) / len(bodies) for part in OURS})


def _findings(runs: dict[str, list[Run]]) -> Findings:
    findings = Findings(NAME)
    pairs = list(zip(runs["sealed"], runs["plain"], strict=True))
    rates = [sealed.loans_per_second / plain.loans_per_second for sealed, plain in pairs]
    spread = f"pairs {min(rates):.2f}–{max(rates):.2f}"
    findings.add("loans/s, sealed to plain", median(rates), at_least=LEAST_RATIO, note=spread)
    cpu = [plain.cpu_in_all / sealed.cpu_in_all for sealed, plain in pairs]
    findings.add("CPU a loan, plain to sealed", median(cpu), note="what the ratio comes to on full cores")
    for name, of_side in runs.items():
        parts = {part: median([run.cpu_ms[part] for run in of_side]) for part in OURS}
        note = ", ".join(f"{part} {ms:.0f}" for part, ms in parts.items())
        findings.add(f"{name}: loans", median([run.loans_per_second for run in of_side]), "/s")
        findings.add(f"{name}: CPU a loan", median([run.cpu_in_all for run in of_side]), "ms", note=note)
    return findings
