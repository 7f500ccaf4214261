"""`python -m bench [name …]`: measures, prints the figures beside their targets, ends with 1 if one is missed."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator

from rich.console import Console

from bench import (
    audit,
    documents,
    lifetime,
    origination,
    papers,
    policies,
    portfolio,
    quotes,
    reconciliation,
    replays,
    rush,
    sealing,
)
from bench.errors import BenchFailed
from bench.figures import Findings, keep, show
from console.processes import NotReady
from tools.servers import ServerMissing

BUSY = 0.75
"""Load per core above which figures are not worth much."""


def main() -> int:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Loanwright against its targets.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help="one of quotes, documents, papers, policies, scorecard, portfolio, reconciliation, audit, origination, "
        "sealing, rush, history, replay",
    )
    parser.add_argument("--pairs", type=int, default=5, help="interleaved runs of each side of `origination`")
    parser.add_argument("--loans", type=int, default=60, help="loans a run of `origination`")
    given = parser.parse_args()
    # Made-up people do what is measured.
    os.environ.setdefault("LOANWRIGHT_DEMO", "true")
    console = Console(stderr=True)
    benches: dict[str, Callable[[], Findings]] = {
        quotes.NAME: quotes.measure,
        documents.NAME: documents.measure,
        papers.NAME: papers.measure,
        policies.NAME: policies.measure,
        "scorecard": _scorecard,
        portfolio.NAME: portfolio.measure,
        reconciliation.NAME: reconciliation.measure,
        audit.NAME: audit.measure,
        origination.NAME: lambda: origination.measure(console, given.pairs, given.loans),
        sealing.NAME: lambda: sealing.measure(console, given.pairs, given.loans),
        rush.NAME: lambda: rush.measure(console),
        lifetime.NAME: lambda: lifetime.measure(console),
        replays.NAME: lambda: replays.measure(console),
    }
    unknown = set(given.names) - set(benches)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(benches)}")
    # SIGTERM unwinds as Ctrl-C does, so that all processes end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _measure_all(console, {name: call for name, call in benches.items() if name in (given.names or benches)})
    except KeyboardInterrupt:
        console.print("stopped", style="yellow")
        return 130


def _scorecard() -> Findings:
    # Its libraries would lie in the memory of every other benchmark.
    from bench import scorecard

    return scorecard.measure()


def _measure_all(console: Console, benches: dict[str, Callable[[], Findings]]) -> int:
    load = os.getloadavg()[0]
    if load > BUSY * (os.cpu_count() or 1):
        console.print(f"the machine is busy (load {load:.1f}): figures will be worse than it can do", style="yellow")
    findings: list[Findings] = []
    failed = False
    for name, call in benches.items():
        console.print(name, style="bold")
        try:
            findings.append(call())
        except* (BenchFailed, NotReady, ServerMissing) as failures:
            failed = True
            for failure in _each(failures):
                console.print(f"{name}: {failure}", style="bold red", highlight=False)
    if findings:
        show(Console(), findings)
        console.print(f"written to {keep(findings)}", style="dim")
    missed = any(figure.verdict == "MISS" for one in findings for figure in one.figures)
    return 1 if failed or missed else 0


def _each(failures: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The single failures of a group, however deep."""
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _each(failure)
        else:
            yield failure


if __name__ == "__main__":
    sys.exit(main())
