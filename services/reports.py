"""Figures over the whole book: the flow of funds, proven from the postings."""

from dataclasses import dataclass

from books.session import UnitOfWork
from models import ledger as chart

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
        """All that borrowers and state came to owe."""
        return self.paid_out - self.returned + self.interest + self.fees + self.penalties + self.subsidy

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
        returned=gross(chart.BANK, chart.LOAN_PRINCIPAL),
        interest=net(chart.INTEREST_RECEIVABLE, chart.INTEREST_INCOME),
        fees=net(chart.FEE_RECEIVABLE, chart.FEE_INCOME),
        penalties=net(chart.PENALTY_RECEIVABLE, chart.PENALTY_INCOME),
        subsidy=net(chart.SUBSIDY_RECEIVABLE, chart.SUBSIDY_INCOME),
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
    """Money out to borrowers and in from borrowers and state, by month of the value date."""
    out = work.ledger.by_month(chart.LOAN_PRINCIPAL, chart.BANK)
    back: dict[str, int] = {}
    for credit in (chart.UNALLOCATED, chart.STATE_UNALLOCATED, chart.LOAN_PRINCIPAL, chart.SUSPENSE):
        for month, fen in work.ledger.by_month(chart.BANK, credit).items():
            back[month] = back.get(month, 0) + fen
    return [CashMonth(month, out.get(month, 0), back.get(month, 0)) for month in sorted(out.keys() | back.keys())]
