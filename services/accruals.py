"""The end of a month for every loan: interest accrued, interest of bad loans suspended, provisions changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from books.session import UnitOfWork
from lending.account import Classification, LoanAccount
from lending.errors import LendingError
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms
from models import ledger as chart
from models.loans import LoanEvent, LoanTerms
from models.months import Month
from models.periods import LoanMonthEnd, MonthEnd, NonAccrualRule
from models.portfolio import OPENING_DIFFERENCES, TAKEOVER
from models.recurring import DueMonth, DueMonthOrder, MonthPage, MonthPageOrder
from models.staff import Role
from models.tasks import TaskKind
from services.account_figures import Moved, net
from services.ledger import Entry, Line, post_entries, signed_line, vat_part
from services.provisions import provision, provision_lines
from services.tasks import open_task

RECEIVABLE_OF = {chart.INTEREST_INCOME: chart.INTEREST_RECEIVABLE, chart.PENALTY_INCOME: chart.PENALTY_RECEIVABLE}
"""The receivable that an income account is charged to."""
PAGE = 200
"""Loans a page: the books are held for a fraction of a second."""
PATIENCE_DAYS = 3
"""So many days after a month ended, a loan that still has to live through a day of it is taken as it stands."""


@dataclass(frozen=True)
class Rules:
    """What was ruled on the last day of a month: rates in basis points, of tax by income account."""

    vat: Mapping[str, int]
    provisions: Mapping[Classification, int]
    non_accrual: NonAccrualRule | None


@dataclass(frozen=True)
class LoanAtMonthEnd:
    """A loan on the last day of a month, and the postings that bring the ledger there."""

    figures: LoanMonthEnd
    lines: tuple[Line, ...]
    reversal: tuple[Line, ...]


def rules_on(work: UnitOfWork, day: date) -> Rules:
    """The rules of a day."""
    periods = work.periods
    return Rules(work.ledger.rates(day), periods.provision_rates(day), periods.non_accrual_rule(day))


def month_to_end(work: UnitOfWork, order: DueMonthOrder) -> DueMonth:
    """The oldest month that is over on the day and not posted for every loan yet; none before the first payout."""
    periods = work.periods
    last = periods.last_month_end()
    if last is not None:
        month = Month.parse(last).next
    else:
        first_payout = periods.first_payout()
        if first_payout is None:
            return DueMonth()
        month = Month.of(first_payout)
    return DueMonth(month=str(month) if month.last < order.day else None)


@dataclass(frozen=True)
class LoansAtMonthEnd:
    """A page of loans, and with why those that the mathematics refuses, which do not hold up the others."""

    loans: tuple[LoanAtMonthEnd, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    last: str | None = None


def look_at_page(work: UnitOfWork, order: MonthPageOrder) -> LoansAtMonthEnd:
    """How the next loans stood at the end of the month, computed and not yet written.

    A loan that still has to live through a day of the month waits for it, but not for ever.
    """
    month = Month.parse(order.month)
    periods = work.periods
    patient = (order.day - month.last).days <= PATIENCE_DAYS
    found = periods.loans_to_end(month, after=order.after, limit=PAGE, ready_only=patient)
    numbers = [loan.number for loan in found]
    if not numbers:
        return LoansAtMonthEnd()
    rules = rules_on(work, month.last)
    terms, events = periods.terms(numbers), periods.events(numbers)
    moved = work.ledger.moved_of(numbers, month.last)
    before = periods.month_ends(str(month.before), numbers)
    loans: list[LoanAtMonthEnd] = []
    refused: list[tuple[str, str]] = []
    for one in numbers:
        try:
            loans.append(
                at_month_end(month, terms[one], events[one], moved.get(one, {}), rules, before.get(one), work.now)
            )
        except LendingError as refusal:
            refused.append((one, str(refusal)))
    return LoansAtMonthEnd(tuple(loans), tuple(refused), numbers[-1])


def write_page(work: UnitOfWork, order: MonthPageOrder, found: LoansAtMonthEnd) -> MonthPage:
    """Writes what `look_at_page` found; a loan that was refused becomes a task for finance.

    After the last loan the month is complete, unless some loan is still left.
    """
    month = Month.parse(order.month)
    periods = work.periods
    entries = []
    for loan in found.loans:
        key = accrual_key(loan.figures.loan, month)
        entries.append(Entry(key, loan.figures.loan, month.last, loan.lines))
        entries.append(Entry(key, loan.figures.loan, month.next.first, loan.reversal))
    post_entries(work, entries)
    periods.add_month_ends([loan.figures for loan in found.loans])
    for number, why in found.refused:
        about = f"the end of {month} cannot be computed: {why}"
        open_task(work, work.loans.get(number), TaskKind.TROUBLE, Role.FINANCE, order.day + timedelta(days=1), about)
    if found.last is not None:
        return MonthPage(after=found.last)
    if periods.loans_to_end(month, after="", limit=1, ready_only=False):
        return MonthPage()
    if not periods.has_month_end(order.month):
        periods.complete(MonthEnd(month=order.month, completed_at=work.now))
    return MonthPage(complete=True)


def accrual_key(loan: str, month: Month) -> str:
    """The one effect of a month's end on a loan."""
    return f"{loan}:accrual:{month}"


def at_month_end(
    month: Month,
    terms: LoanTerms,
    events: Sequence[LoanEvent],
    moved: Moved,
    rules: Rules,
    before: LoanMonthEnd | None,
    now: datetime,
) -> LoanAtMonthEnd:
    """A loan on the last day of the month from its terms and events; `moved` are its postings up to that day."""
    account = service(Terms.parse(terms.body), [Event.parse(event.body) for event in events], month.last)
    is_bad = _is_non_accrual(account, rules.non_accrual, was=before is not None and before.non_accrual)
    penalty_ahead = account.charged.penalty - _charged(moved, chart.PENALTY_RECEIVABLE, chart.PENALTY_INCOME)
    figures = LoanMonthEnd(
        loan=terms.loan,
        month=str(month),
        position=events[-1].position,
        terms_version=terms.version,
        dpd=account.dpd,
        classification=account.classification,
        non_accrual=is_bad,
        accrued_interest_fen=0 if is_bad else account.accrued_interest_fen,
        accrued_penalty_fen=0 if is_bad else penalty_ahead,
        accrued_subsidy_fen=account.accrued_subsidy_fen,
        suspended_interest_fen=_suspended(account.interest_outstanding_fen, chart.INTEREST_INCOME, rules, moved)
        if is_bad
        else 0,
        suspended_penalty_fen=_suspended(
            max(account.penalty_outstanding_fen - penalty_ahead, 0), chart.PENALTY_INCOME, rules, moved
        )
        if is_bad
        else 0,
        memorandum_fen=account.interest_outstanding_fen + account.penalty_outstanding_fen + account.accrued_interest_fen
        if is_bad
        else 0,
        provision_fen=provision(account.principal_outstanding_fen, account.classification, rules.provisions),
        made_at=now,
    )
    accrued = tuple(_accrued(figures, rules.vat))
    return LoanAtMonthEnd(
        figures,
        (*accrued, *_kept(figures, moved), *provision_lines(moved, figures.classification, figures.provision_fen)),
        tuple(Line(f"{line.name}_reversed", line.credit, line.debit, line.amount_fen) for line in accrued),
    )


def _is_non_accrual(account: LoanAccount, rule: NonAccrualRule | None, *, was: bool) -> bool:
    """Beyond the limit a loan stops accruing; it begins again only when it is cured."""
    if rule is None or account.settled_on is not None or account.written_off_on is not None:
        return False
    return account.dpd > (rule.cured_at_dpd if was else rule.above_dpd)


def _charged(moved: Moved, receivable: str, income: str) -> int:
    return net(moved, receivable, income) + net(moved, receivable, chart.VAT_PAYABLE)


def _suspended(unpaid_fen: int, income: str, rules: Rules, moved: Moved) -> int:
    """The income in what is charged and unpaid; the tax stays payable, since it was declared when that fell due.

    Of a loan that was taken over, only what was earned here: the former lender's part never stood in our income. The
    oldest arrears are paid first, so what is unpaid is ours as far as ours goes.
    """
    suspended = unpaid_fen - vat_part(unpaid_fen, rules.vat.get(income, 0))
    earned_before = net(moved, income, TAKEOVER) + net(moved, income, OPENING_DIFFERENCES)
    if earned_before == 0:
        return suspended
    return min(suspended, max(net(moved, RECEIVABLE_OF[income], income) - earned_before, 0))


def _accrued(figures: LoanMonthEnd, vat: Mapping[str, int]) -> Iterator[Line]:
    """What was earned and has not been posted yet; its tax is not payable before the amount falls due."""
    for name, asset, income, gross in (
        ("interest", chart.ACCRUED_INTEREST, chart.INTEREST_INCOME, figures.accrued_interest_fen),
        ("penalty", chart.ACCRUED_PENALTY, chart.PENALTY_INCOME, figures.accrued_penalty_fen),
        ("subsidy", chart.ACCRUED_SUBSIDY, chart.SUBSIDY_INCOME, figures.accrued_subsidy_fen),
    ):
        tax = vat_part(gross, vat.get(income, 0))
        yield from signed_line(f"{name}_accrued", asset, income, gross - tax)
        yield from signed_line(f"{name}_accrued_vat", asset, chart.VAT_PENDING, tax)


KEPT = {
    "interest_suspended": (chart.INTEREST_INCOME, chart.SUSPENDED_INTEREST, "suspended_interest_fen"),
    "penalty_suspended": (chart.PENALTY_INCOME, chart.SUSPENDED_PENALTY, "suspended_penalty_fen"),
    "memorandum": (chart.MEMORANDUM_INTEREST, chart.MEMORANDUM_CONTRA, "memorandum_fen"),
}
"""What stays from one month's end to the next: debit, credit and figure."""


def _kept(figures: LoanMonthEnd, moved: Moved) -> Iterator[Line]:
    for name, (debit, credit, figure) in KEPT.items():
        yield from signed_line(name, debit, credit, getattr(figures, figure) - net(moved, debit, credit))
