"""Portfolios of another system for tests: running loans of made-up people, told as that system would tell them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from books.session import Books
from lending.account import LoanAccount
from lending.errors import LendingError
from lending.events import Event
from lending.money import yuan
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms
from services.portfolio import Mandate, Taken, take_over
from services.takeover_check import CheckedTakeover, DifferencePolicy, check_takeover
from services.takeover_lines import read_origin, read_takeover
from tests.modules.applications import DAY, id_number
from tests.services.procedure import INTEGRATOR, RISK

SOURCE = "oldbank"
PAID_OUT = date(2025, 7, 5)
MANDATE = Mandate(INTEGRATOR, RISK, "f" * 64)
REFUSE, ADOPT = DifferencePolicy.REFUSE, DifferencePolicy.ADOPT

TERMS: dict[str, Any] = {
    "principal": "12000.00",
    "annual_rate_percent": "12",
    "method": "level_payment",
    "n_periods": 12,
    "first_due_date": "2025-08-05",
    "allocation_order": ["fee", "penalty", "interest", "principal"],
    "late": {"penalty_multiple": "1.5", "grace_days": 3},
}


def customer(n: int, **changes: object) -> dict[str, Any]:
    """The n-th customer."""
    return {
        "name": "接管测试",
        "id_number": id_number(date(1985, 1 + n // 900 % 12, 1 + n // 10_800), n % 900 + 1),
        "mobile": f"199{n:08d}",
        "bank_card": f"69900{n:011d}",
        **changes,
    }


def paid(terms: Terms, until: date, *, without: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Every installment paid on its due date up to a day, except some by their number."""
    return [
        {"type": "repayment", "date": row.due.isoformat(), "amount": yuan(row.total)}
        for row in build_schedule(terms).rows
        if row.due <= until and row.n not in without
    ]


def account(body: dict[str, Any]) -> LoanAccount:
    """The loan that a line tells of, at the end of its cut-off date."""
    terms = Terms.parse({"disbursement_date": body["disbursement"]["date"], **body["terms"]})
    first = Event.parse({"id": "first", "type": "disbursement", **body["disbursement"]})
    events = [Event.parse({"id": str(n), **event}) for n, event in enumerate(body["events"])]
    return service(terms, [first, *events], date.fromisoformat(body["cut_off"]))


def claims(found: LoanAccount) -> dict[str, Any]:
    """An account as the other system would state it."""
    following = next((row for row in found.rows if row.outstanding and row.due > found.as_of), None)
    return {
        "principal": yuan(found.principal_outstanding_fen),
        "interest": yuan(found.interest_outstanding_fen),
        "fee": yuan(found.fee_outstanding_fen),
        "penalty": yuan(found.penalty_outstanding_fen),
        "credit": yuan(found.credit_fen),
        "dpd": found.dpd,
        "next_due": following.due.isoformat() if following else None,
    }


def schedule(found: LoanAccount) -> list[dict[str, Any]]:
    """The rows of an account as the other system would list them."""
    return [
        {
            "n": row.n,
            "due": row.due.isoformat(),
            "principal": yuan(row.principal),
            "interest": yuan(row.interest),
            "fee": yuan(row.fee),
        }
        for row in found.rows
    ]


def running_loan(
    n: int = 1,
    *,
    terms: dict[str, Any] | None = None,
    events: list[dict[str, Any]] | None = None,
    without: Sequence[int] = (),
    cut_off: date = DAY,
    paid_out: date = PAID_OUT,
    first_tranche: str | None = None,
    claimed: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A line about the n-th customer's loan: six installments have fallen due and, but for those `without`, are paid.

    The claimed balances are as computed, but for those in `claimed`; other fields of the line are in `changes`.
    """
    given = {**TERMS, **(terms or {})}
    parsed = Terms.parse({"disbursement_date": paid_out.isoformat(), **given})
    body: dict[str, Any] = {
        "source": SOURCE,
        "source_loan": f"OB-{n:05d}",
        "product": "micro",
        "currency": "CNY",
        "customer": customer(n),
        "cut_off": cut_off.isoformat(),
        "disbursement": {"date": paid_out.isoformat(), "amount": first_tranche or given["principal"]},
        "terms": given,
        "events": paid(parsed, cut_off, without=without) if events is None else events,
    }
    found = account(body)
    return {
        **body,
        "claimed": {**claims(found), **(claimed or {})},
        "schedule": schedule(found),
        **changes,
    }


def check(body: dict[str, Any], policy: DifferencePolicy = REFUSE) -> CheckedTakeover:
    """A line that is read and compared."""
    return check_takeover(read_takeover(body, read_origin(body), DAY), policy)


def taken(books: Books, *bodies: dict[str, Any], policy: DifferencePolicy = REFUSE) -> list[str]:
    """The numbers of loans that are taken over."""
    answers = answers_to(books, *bodies, policy=policy)
    assert all(isinstance(one, Taken) for one in answers), answers
    return [one.loan for one in answers if isinstance(one, Taken)]


def answers_to(books: Books, *bodies: dict[str, Any], policy: DifferencePolicy = REFUSE) -> list[Taken | LendingError]:
    """What becomes of loans that are brought in together."""
    checked = [check(body, policy) for body in bodies]
    assert all(one.is_taken for one in checked), [one.left for one in checked]
    with books.begin(books.clock.opens_at(DAY)) as work:
        return take_over(work, MANDATE, checked)
