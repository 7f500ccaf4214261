"""`python -m bench.statements`: a bank's statement of a busy day, made and read; prints what that costs.

`day_of_entries` and `camt053` make such a statement for other benchmarks and tests.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import date

from gateways.iso20022.statements import read_statement
from simulators.bank.store import Entry
from simulators.bank.xml_reports import statement
from simulators.numbers import account_number
from simulators.settings import DEFAULT_LENDER_ACCOUNT

OPENING_FEN = 500_000_000_00
KINDS = ("debit", "debit", "debit", "deposit", "transfer")


def day_of_entries(count: int, on: date, first_loan: int = 1) -> list[Entry]:
    """Entries of a busy day: mostly debits of installments, some deposits, some payouts; one a loan."""
    entries = []
    for n in range(count):
        kind = KINDS[n % len(KINDS)]
        loan = f"L26{first_loan + n:07d}"
        amount_fen = 60_000 + 7 * n
        entries.append(
            Entry(
                reference=f"BK{n + 1:012d}",
                end_to_end_id=None if kind == "deposit" else f"{loan}:{kind}:1",
                kind=kind,
                amount_fen=-amount_fen if kind == "transfer" else amount_fen,
                booked_on=on,
                counterparty_account=account_number(n),
                counterparty_name="欧阳雨欣",
                text=f"还款 {loan}",
            )
        )
    return entries


def camt053(entries: Sequence[Entry], on: date, account: str = DEFAULT_LENDER_ACCOUNT) -> bytes:
    """The statement of these entries as the bank sends it."""
    return statement(f"ST-{on:%Y%m%d}-{len(entries)}", account, on, OPENING_FEN, entries).encode()


def main() -> None:
    """Reads the command line, measures, prints one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m bench.statements")
    parser.add_argument("--entries", type=int, default=5_000)
    given = parser.parse_args()
    on = date(2026, 1, 6)
    body = camt053(day_of_entries(given.entries, on), on)
    started, cpu = time.perf_counter(), time.process_time()
    day = read_statement(body, DEFAULT_LENDER_ACCOUNT, on)
    result = {
        "entries": len(day.entries),
        "bytes": len(body),
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
