"""How long a contract takes to set, and how much of a core's time that is, without any server."""

import time
from datetime import date
from typing import Any

from bench.figures import Findings, median, percentile
from lending.terms import Terms
from services.paper_contents import Lender, terms_contents
from services.paper_typesetting import Typesetter

NAME = "papers"
ROUNDS = 30
LIMIT_MILLISECONDS = 400
"""What a contract of 36 rows may take: the borrower looks at the offer a moment after the decision."""


def measure() -> Findings:
    """Contracts of 36 and 360 rows in both languages, each with another number, so that none is remembered whole."""
    findings = Findings(NAME)
    began = time.perf_counter()
    typesetter = Typesetter()
    typesetter.pdf(_contents(36, "zh", 0))
    findings.add("first contract of a process", (time.perf_counter() - began) * 1000, "ms")
    for rows in (36, 360):
        for language in ("zh", "en"):
            name = f"contract of {rows} rows, {language}"
            milliseconds: list[float] = []
            size = 0
            spent = time.process_time()
            for n in range(1, ROUNDS + 1):
                began = time.perf_counter()
                size = len(typesetter.pdf(_contents(rows, language, n)))
                milliseconds.append((time.perf_counter() - began) * 1000)
            spent = time.process_time() - spent
            findings.add(
                f"{name}, median", median(milliseconds), "ms", at_most=LIMIT_MILLISECONDS if rows == 36 else None
            )
            findings.add(f"{name}, p99", percentile(milliseconds, 99), "ms")
            findings.add(f"{name}, CPU", spent / ROUNDS * 1000, "ms")
            findings.details[name] = {"bytes": size, "max_ms": max(milliseconds)}
    return findings


def _contents(rows: int, language: str, n: int) -> dict[str, Any]:
    terms = Terms.parse(
        {
            "principal": "1000000.00",
            "annual_rate_percent": "4.9",
            "method": "level_payment",
            "n_periods": rows,
            "disbursement_date": date(2026, 1, 5).isoformat(),
            "late": {"penalty_multiple": "1.5"},
        }
    )
    somebody = {
        "role": "borrower",
        "name": "欧阳测试",
        "id_number": f"110***********{n:04d}",
        "mobile": "199****0001",
        "account": "**** 0001",
    }
    return {
        "kind": "contract",
        "language": language,
        "number": f"L26{n:06d}-C1",
        "issued_on": "2026-01-05",
        "issued_on_words": "2026-01-05",
        "lender": Lender().name_zh,
        "loan": f"L26{n:06d}",
        "product": "小额贷款",
        "terms_version": "1",
        "borrower": somebody,
        "parties": [somebody],
        "payees": [{"name": somebody["name"], "account": somebody["account"], "amount": "1,000,000.00"}],
        "collateral": [],
        **terms_contents(terms, language),
    }
