"""What an offer comes to: rate, installments, interest and the cost of a year, before or after its approval."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from books.session import UnitOfWork
from lending.caps import CostCap
from lending.cost import cost_of_terms
from lending.schedules import Row, build_schedule
from lending.terms import Terms
from models.loans import Loan
from models.status import ScheduleRow
from services.limits import limits_of
from services.loans import case_of
from services.products import catalogue


@dataclass(frozen=True)
class Offer:
    """The figures that a person agrees to; sums in fen. `highest_fen` is the largest installment.

    `cap` is the most that such a loan may cost a year, for who decides on it.
    """

    principal_fen: int
    annual_rate_percent: Decimal | None
    daily_rate_percent: Decimal | None
    method: str
    installments: int
    first_due: date
    last_due: date
    first_fen: int
    last_fen: int
    highest_fen: int
    interest_fen: int
    subsidy_fen: int
    total_fen: int
    cost_percent: Decimal
    rows: tuple[Row, ...]
    cap: CostCap | None = None

    @property
    def is_level(self) -> bool:
        """Whether all installments but the last are of one size."""
        return len({row.total for row in self.rows[:-1]}) <= 1


def offer_of(body: Mapping[str, object]) -> Offer:
    """The figures of written terms."""
    terms = Terms.parse(body)
    schedule = build_schedule(terms)
    return Offer(
        principal_fen=terms.principal_fen,
        annual_rate_percent=terms.annual_rate_percent,
        daily_rate_percent=terms.daily_rate_percent,
        method=terms.method.value,
        installments=len(schedule.rows),
        first_due=schedule.rows[0].due,
        last_due=schedule.rows[-1].due,
        first_fen=schedule.rows[0].total,
        last_fen=schedule.rows[-1].total,
        highest_fen=max(row.total for row in schedule.rows),
        interest_fen=schedule.totals.interest,
        subsidy_fen=schedule.totals.subsidy,
        total_fen=schedule.totals.total,
        cost_percent=cost_of_terms(terms),
        rows=schedule.rows,
    )


def offer_if_approved(work: UnitOfWork, loan: Loan, amount_fen: int) -> Offer:
    """What the case would come to if it were approved today with this amount, beside what it may cost at most."""
    product = catalogue().product(loan.product)
    limits = limits_of(work)
    case = case_of(work, loan, work.today, amount_fen=amount_fen, rates=limits.rates)
    return replace(offer_of(product.terms(case).to_json()), cap=limits.cost_cap(product, work.today))


def installment_state(row: ScheduleRow, as_of: date) -> str:
    """How an installment stands on a day: `written_off`, `paid`, `overdue`, `due`, `partly` paid, or `ahead`.

    An installment that the state pays in full has nothing outstanding from the beginning.
    """
    if row.written_off_fen > 0:
        return "written_off"
    if row.outstanding_fen == 0 and (row.total_fen > 0 or row.due <= as_of):
        return "paid"
    if row.dpd > 0:
        return "overdue"
    if row.due <= as_of:
        return "due"
    return "partly" if row.paid_fen > 0 else "ahead"
