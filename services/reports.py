"""Figures over the whole book: the flow of funds, proven from the postings."""

from dataclasses import dataclass
from datetime import date

from books.session import UnitOfWork
from models import ledger as chart
from models.portfolio import TAKEOVER

RECEIVABLES = (
    chart.LOAN_PRINCIPAL,
    chart.INTEREST_RECEIVABLE,
    chart.FEE_RECEIVABLE,
    chart.PENALTY_RECEIVABLE,
    chart.SUBSIDY_RECEIVABLE,
)


@dataclass(frozen=True)
class FundsSummary:
    """Where every fen of a lender came from and went to; all in fen.

    Two equations must hold: `lent_and_charged == accounted_for`, and `bank_balance == opening - money_out + money_in`.
    """

    paid_out: int
    taken_over: int
    returned: int
    interest: int
    fees: int
    penalties: int
    subsidy: int
    received_from_borrowers: int
    received_from_state: int
    waived: int
    written_off: int
    outstanding: int
    unallocated: int
    suspense: int
    recoveries: int
    opening: int
    money_out: int
    money_in: int
    bank_balance: int

    @property
    def lent_and_charged(self) -> int:
        """All that borrowers and state came to owe; of loans taken over, from their payout on."""
        lent = self.paid_out + self.taken_over - self.returned
        return lent + self.interest + self.fees + self.penalties + self.subsidy

    @property
    def accounted_for(self) -> int:
        """What became of it."""
        received = self.received_from_borrowers + self.received_from_state
        return received + self.waived + self.written_off + self.outstanding

    @property
    def balances(self) -> bool:
        """Whether both equations hold."""
        return (
            self.lent_and_charged == self.accounted_for
            and self.bank_balance == self.opening - self.money_out + self.money_in
        )


def funds(work: UnitOfWork) -> FundsSummary:
    """The flow of funds since the books were opened. Outstanding and bank balance come from the accounts' balances,
    everything else from what was moved between pairs of accounts, so that the two sides are computed apart.
    """
    moved = work.ledger.moved_in_all()

    def net(debit: str, credit: str) -> int:
        return moved.get((debit, credit), 0) - moved.get((credit, debit), 0)

    def charged(receivable: str, income: str) -> int:
        # What a borrower is charged is income and the tax in it.
        return net(receivable, income) + net(receivable, chart.VAT_PAYABLE)

    def gross(debit: str, credit: str) -> int:
        return moved.get((debit, credit), 0)

    paid_out = gross(chart.LOAN_PRINCIPAL, chart.BANK)
    opening = net(chart.BANK, chart.OWNERS_FUNDS)
    money_in = sum(
        fen for (debit, credit), fen in moved.items() if debit == chart.BANK and credit != chart.OWNERS_FUNDS
    )
    money_out = sum(
        fen for (debit, credit), fen in moved.items() if credit == chart.BANK and debit != chart.OWNERS_FUNDS
    )
    return FundsSummary(
        paid_out=paid_out,
        taken_over=net(chart.LOAN_PRINCIPAL, TAKEOVER),
        returned=gross(chart.BANK, chart.LOAN_PRINCIPAL),
        interest=charged(chart.INTEREST_RECEIVABLE, chart.INTEREST_INCOME),
        fees=charged(chart.FEE_RECEIVABLE, chart.FEE_INCOME),
        penalties=charged(chart.PENALTY_RECEIVABLE, chart.PENALTY_INCOME),
        subsidy=charged(chart.SUBSIDY_RECEIVABLE, chart.SUBSIDY_INCOME),
        received_from_borrowers=sum(net(chart.UNALLOCATED, account) for account in RECEIVABLES),
        received_from_state=sum(net(chart.STATE_UNALLOCATED, account) for account in RECEIVABLES),
        waived=sum(net(chart.WAIVERS, account) for account in RECEIVABLES),
        written_off=sum(net(chart.WRITE_OFFS, account) for account in RECEIVABLES),
        outstanding=sum(work.ledger.balance(account) for account in RECEIVABLES),
        unallocated=-work.ledger.balance(chart.UNALLOCATED) - work.ledger.balance(chart.STATE_UNALLOCATED),
        suspense=-work.ledger.balance(chart.SUSPENSE),
        recoveries=-work.ledger.balance(chart.RECOVERY_INCOME),
        opening=opening,
        money_out=money_out,
        money_in=money_in,
        bank_balance=work.ledger.balance(chart.BANK),
    )


@dataclass(frozen=True)
class CashMonth:
    """Cash of one month in fen."""

    month: str
    paid_out: int
    received: int


def cash_by_month(work: UnitOfWork) -> list[CashMonth]:
    """Money out to borrowers and in from borrowers and state, less debits taken back, by month of the value date."""
    out = work.ledger.by_month(chart.LOAN_PRINCIPAL, chart.BANK)
    back: dict[str, int] = {}
    for credit in (chart.UNALLOCATED, chart.STATE_UNALLOCATED, chart.LOAN_PRINCIPAL, chart.SUSPENSE):
        for month, fen in work.ledger.by_month(chart.BANK, credit).items():
            back[month] = back.get(month, 0) + fen
    for month, fen in work.ledger.by_month(chart.UNALLOCATED, chart.BANK).items():
        back[month] = back.get(month, 0) - fen
    return [CashMonth(month, out.get(month, 0), back.get(month, 0)) for month in sorted(out.keys() | back.keys())]


@dataclass(frozen=True)
class TrialBalanceLine:
    """One account: all that was debited and credited to it in fen, and its balance as a positive figure of one side."""

    code: str
    name_en: str
    name_zh: str
    kind: str
    parent: str | None
    debited: int
    credited: int

    @property
    def debit_balance(self) -> int:
        """The balance, if more was debited than credited."""
        return max(self.debited - self.credited, 0)

    @property
    def credit_balance(self) -> int:
        """The balance, if more was credited than debited."""
        return max(self.credited - self.debited, 0)


@dataclass(frozen=True)
class TrialBalance:
    """Every account that was ever moved, as booked to the end of a day."""

    as_of: date
    lines: tuple[TrialBalanceLine, ...]

    @property
    def debit_balances(self) -> int:
        """The debit balances together."""
        return sum(line.debit_balance for line in self.lines)

    @property
    def credit_balances(self) -> int:
        """The credit balances together, always the same sum."""
        return sum(line.credit_balance for line in self.lines)


def trial_balance(work: UnitOfWork, as_of: date) -> TrialBalance:
    """The trial balance at the end of a day by booking dates, so that the one of a closed month never changes."""
    debited: dict[str, int] = {}
    credited: dict[str, int] = {}
    for debit, credit, fen in work.ledger.booked_until(as_of):
        debited[debit] = debited.get(debit, 0) + fen
        credited[credit] = credited.get(credit, 0) + fen
    lines = (
        TrialBalanceLine(
            code=account.code,
            name_en=account.name_en,
            name_zh=account.name_zh,
            kind=account.kind,
            parent=account.parent,
            debited=debited.get(account.code, 0),
            credited=credited.get(account.code, 0),
        )
        for account in work.ledger.accounts(as_of)
        if account.code in debited or account.code in credited
    )
    return TrialBalance(as_of, tuple(lines))
