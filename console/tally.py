"""What a demonstration has shown: loans of every kind, and everything that may happen to one."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from rich.text import Text

from books.session import Books, UnitOfWork
from console.callers import EVERYBODY
from lending.account import LoanAccount
from lending.events import EventType
from lending.terms import Method, Terms
from models.customers import PartyRole
from models.documents import ReadingVerdict
from models.loans import Loan, LoanEvent
from models.staff import Role
from services.loans import account_of

METHODS = {
    Method.LEVEL_PAYMENT: "level payment",
    Method.EQUAL_PRINCIPAL: "equal principal",
    Method.FLAT: "flat",
    Method.INTEREST_ONLY: "interest only",
    Method.BULLET: "bullet",
}
KINDS = {
    "repaid by": tuple(METHODS.values()),
    "due every": ("month", "week", "quarter"),
    "priced": ("fixed rate", "floating rate", "rate set anew", "with a fee"),
    "signed by": ("the borrower alone", "a joint borrower", "a guarantor"),
    "prepaid": ("in full", "smaller installments", "shorter term"),
    "late": ("in arrears", "cured", "written off", "recovered"),
    "changed": ("deferral", "new schedule", "waiver", "fee", "cash posted", "payment reversed"),
    "graded": ("A", "B", "C", "D", "E", "refused by rule"),
    "rules": ("in the shadow", "by a challenger", "without a person"),
    "documents": ("agree", "in doubt"),
}
"""What the end of a year shows, in rows; each counts loans. The last three rows also count those not paid out."""
SIGNERS = {PartyRole.JOINT_BORROWER: "a joint borrower", PartyRole.GUARANTOR: "a guarantor"}
CHANGES = {
    EventType.DEFERRAL: "deferral",
    EventType.RESCHEDULE: "new schedule",
    EventType.WAIVER: "waiver",
    EventType.FEE: "fee",
    EventType.REVERSAL: "payment reversed",
}


class Tally:
    """Loans counted by what they are, how they were decided and what happened to them."""

    def __init__(self, counts: Counter[tuple[str, str]]) -> None:
        self.counts = counts

    @property
    def missing(self) -> list[str]:
        """The kinds of which there was none."""
        return [f"{row}: {kind}" for row, kinds in KINDS.items() for kind in kinds if not self.counts[row, kind]]

    def lines(self) -> Iterator[Text]:
        """A line for each group: its kinds with their counts, what is missing in red."""
        for row, kinds in KINDS.items():
            line = Text(f"  {row:<10}", style="dim")
            for kind in kinds:
                count = self.counts[row, kind]
                line.append(f"  {kind} ", style="not dim")
                line.append(str(count), style="not dim bold" if count else "not dim bold red")
            yield line


def tally(books: Books, day: date) -> Tally:
    """Counts the loans in the books as of a day."""
    counts: Counter[tuple[str, str]] = Counter()
    with books.read() as work:
        for loan in work.loans.page(EVERYBODY, limit=200):
            counts.update(_kinds(work, loan, day))
            counts.update(set(_decided(work, loan)))
    return Tally(counts)


def _decided(work: UnitOfWork, loan: Loan) -> Iterator[tuple[str, str]]:
    """By which grade, whose rules and what documents a loan was decided."""
    grading = work.policies.grading(loan.number)
    if grading is not None:
        yield "graded", "refused by rule" if grading.outcome == "refuse" else grading.grade
        if grading.by_challenger:
            yield "rules", "by a challenger"
        elif work.policies.shadows(loan.number):
            yield "rules", "in the shadow"
    if any(one.decided_as is Role.SYSTEM for one in work.tasks.decisions(loan.number)):
        yield "rules", "without a person"
    for reading in work.documents.readings(loan.number):
        if reading.verdict is not None:
            yield "documents", "agree" if reading.verdict is ReadingVerdict.AGREES else "in doubt"


def _kinds(work: UnitOfWork, loan: Loan, day: date) -> set[tuple[str, str]]:
    terms, account = work.loans.terms(loan.number), account_of(work, loan.number, day)
    if terms is None or account is None:
        return set()
    contract, events = Terms.parse(terms.body), work.loans.events(loan.number)
    kinds = {
        ("repaid by", METHODS[contract.method]),
        ("due every", contract.period.unit.value),
        ("priced", "floating rate" if contract.floating else "fixed rate"),
    }
    if contract.fees:
        kinds.add(("priced", "with a fee"))
    signed = {("signed by", SIGNERS[one.role]) for one in work.customers.parties(loan.number) if one.role in SIGNERS}
    kinds |= signed or {("signed by", "the borrower alone")}
    return kinds | set(_lateness(loan, account)) | set(_happened(loan, events))


def _lateness(loan: Loan, account: LoanAccount) -> Iterator[tuple[str, str]]:
    paid_late = any(row.paid_on is not None and row.paid_on > row.due for row in account.rows)
    if paid_late or loan.dpd > 0 or loan.written_off_on is not None:
        yield "late", "in arrears"
    if paid_late and loan.dpd == 0 and loan.written_off_on is None:
        yield "late", "cured"
    if loan.written_off_on is not None:
        yield "late", "written off"
    if account.recovered_fen:
        yield "late", "recovered"


def _happened(loan: Loan, events: list[LoanEvent]) -> Iterator[tuple[str, str]]:
    for event in events:
        kind = EventType(event.type)
        if kind is EventType.PREPAYMENT and event.date == loan.closed_on:
            yield "prepaid", "in full"
        elif kind is EventType.PREPAYMENT:
            yield "prepaid", "shorter term" if event.body.get("effect") == "reduce_term" else "smaller installments"
        elif kind is EventType.REPAYMENT and ":change:" in event.key:
            yield "changed", "cash posted"
        elif kind is EventType.RATE_CHANGE and ":reset:" in event.key:
            yield "priced", "rate set anew"
        elif kind in CHANGES:
            yield "changed", CHANGES[kind]
