"""A loan's postings, taxes and month-ends, computed again from terms, events and rules, and compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from books.session import UnitOfWork
from models import ledger as chart
from models.ledger import Posting
from models.loans import Loan, LoanEvent, LoanTerms
from models.months import Month
from models.periods import LoanMonthEnd
from services.account_figures import COMPONENTS, figures
from services.accruals import Rules, accrual_key, at_month_end, rules_on
from services.ledger import Line, vat_part
from services.loans import account_of

FIGURES = tuple(name for name in LoanMonthEnd.model_fields if name.endswith("_fen"))


@dataclass(frozen=True)
class BooksDifference:
    """A figure of a loan that differs; both in fen."""

    loan: str
    figure: str
    ledger_fen: int
    computed_fen: int


class Proofs:
    """Recomputes loan after loan; keeps the rules of each day that it has looked up."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work
        self.periods = work.periods
        self._rates: dict[date, Mapping[str, int]] = {}
        self._rules: dict[Month, Rules] = {}

    def differences(self, loan: str) -> Iterator[BooksDifference]:
        """What differs in a loan's balances at the date its books stand at, in its taxes and in its month-ends."""
        yield from _balances(self.work, self.work.loans.get(loan))
        postings = self.work.ledger.of_loan(loan, limit=1_000_000)
        yield from self._taxes(loan, postings)
        before: LoanMonthEnd | None = None
        rows = self.periods.month_ends_of(loan)
        versions = {terms.version: terms for terms in self.periods.versions(loan)} if rows else {}
        events = self.work.loans.events(loan) if rows else []
        for row in rows:
            if before is not None and before.month != str(Month.parse(row.month).before):
                # Settled in between, and taken up again: it began anew.
                before = None
            yield from self._month_end(row, before, versions[row.terms_version], events, postings)
            before = row

    def _taxes(self, loan: str, postings: Sequence[Posting]) -> Iterator[BooksDifference]:
        """Each entry's charge of a component was split by the rate of its value date."""
        components = {receivable: (name, income) for name, (receivable, income) in COMPONENTS.items()}
        charged: dict[tuple[str, str, date], int] = {}
        taxed: dict[tuple[str, str, date], int] = {}
        for posting in postings:
            for receivable, other, sign in (
                (posting.debit, posting.credit, 1),
                (posting.credit, posting.debit, -1),
            ):
                if receivable not in components:
                    continue
                place = (posting.entry, receivable, posting.value_date)
                if other in (components[receivable][1], chart.VAT_PAYABLE):
                    charged[place] = charged.get(place, 0) + sign * posting.amount_fen
                if other == chart.VAT_PAYABLE:
                    taxed[place] = taxed.get(place, 0) + sign * posting.amount_fen
        for (entry, receivable, day), gross in charged.items():
            name, income = components[receivable]
            wanted = vat_part(gross, self._rates_on(day).get(income, 0))
            posted = taxed.get((entry, receivable, day), 0)
            if posted != wanted:
                yield BooksDifference(loan, f"{name} tax in {entry}", posted, wanted)

    def _month_end(
        self,
        row: LoanMonthEnd,
        before: LoanMonthEnd | None,
        terms: LoanTerms,
        events: Sequence[LoanEvent],
        postings: Sequence[Posting],
    ) -> Iterator[BooksDifference]:
        month = Month.parse(row.month)
        key = accrual_key(row.loan, month)
        moved: dict[tuple[str, str], int] = {}
        for one in postings:
            if one.value_date <= month.last and one.booked_at <= row.made_at and one.entry != key:
                moved[(one.debit, one.credit)] = moved.get((one.debit, one.credit), 0) + one.amount_fen
        known = [event for event in events if event.position <= row.position]
        again = at_month_end(month, terms, known, moved, self._rules_of(month), before, row.made_at)
        for figure in FIGURES:
            posted, wanted = getattr(row, figure), getattr(again.figures, figure)
            if posted != wanted:
                yield BooksDifference(row.loan, f"{figure.removesuffix('_fen')} {month}", posted, wanted)
        in_ledger = {one.key.rpartition(":")[2]: _line(one) for one in postings if one.entry == key}
        computed = {line.name: line for line in (*again.lines, *again.reversal)}
        for name in sorted(in_ledger.keys() | computed.keys()):
            written, wanted_line = in_ledger.get(name), computed.get(name)
            if written != wanted_line:
                yield BooksDifference(row.loan, f"{name} {month}", _fen(written), _fen(wanted_line))

    def _rates_on(self, day: date) -> Mapping[str, int]:
        if day not in self._rates:
            self._rates[day] = self.work.ledger.rates(day)
        return self._rates[day]

    def _rules_of(self, month: Month) -> Rules:
        if month not in self._rules:
            self._rules[month] = rules_on(self.work, month.last)
        return self._rules[month]


def _balances(work: UnitOfWork, loan: Loan) -> Iterator[BooksDifference]:
    """What the loan's postings come to, and what is shown of it, against its account."""
    account = account_of(work, loan.number, loan.booked_to or loan.applied_on)
    moved = work.ledger.moved(loan.number)
    for figure, ledger, computed in figures(moved, account):
        if ledger != computed:
            yield BooksDifference(loan.number, figure, ledger, computed)
    owed = account.outstanding.borrower_total if account else 0
    if account is not None and loan.outstanding_fen != owed:
        yield BooksDifference(loan.number, "shown", loan.outstanding_fen, owed)


def _fen(line: Line | None) -> int:
    return line.amount_fen if line else 0


def _line(posting: Posting) -> Line:
    return Line(posting.key.rpartition(":")[2], posting.debit, posting.credit, posting.amount_fen)
