"""What must hold after every crash: nothing lost, nothing doubled, all figures agree."""

from collections import Counter
from functools import partial

from sqlalchemy import func
from sqlmodel import col, select

from console.audits import audit_books
from console.rebuild import compare_stages
from models import ledger as chart
from models.audit import AuditEntry
from models.loans import LoanEvent, Stage
from models.notices import Contact
from models.outbox import OutboxRow
from models.payments import Payment, PaymentStatus
from models.tasks import Decision
from services.reports import funds
from tests.crash.house import House, eventually

LIFE_OF_SMS = {"application_received": 1, "offer": 1, "signing_code": 1, "paid_out": 1, "settled": 1}
"""Messages of a loan that is approved, paid out and cleared before its first reminder."""
DONE_ONCE = (
    "application_submitted",
    "case_graded",
    "approval_decided",
    "contract_signed",
    "contract_accepted",
    "loan_paid_out",
)
"""Acts that stand in the audit log of a repaid loan exactly once."""


async def assert_nothing_lost_or_doubled(
    house: House, *loans: str, sms: dict[str, int] | None = None, provider_forgot: bool = False
) -> None:
    """Everything that holds when loans have come to their end, each by one workflow.

    `sms` is what a loan's borrower was told, if not the usual. The provider keeps its messages in memory:
    `provider_forgot` says that it was killed on the way.
    """
    for loan in loans:
        assert house.stage(loan) is Stage.SETTLED
        await eventually(partial(_has_one_ended_workflow, house, loan), f"the workflow of {loan} has ended")
        _assert_acts_once(house, loan, LIFE_OF_SMS if sms is None else sms)
    assert list(audit_books(house.books)) == []
    assert await compare_stages(house.books, house.commands) == []
    with house.books.read() as work:
        assert funds(work).balances
    assert_bank_agrees(house)
    await assert_messages_left(house, provider_forgot=provider_forgot)


def assert_bank_agrees(house: House) -> None:
    """Money moved once per order: the bank's lines are our settled payments, and its balance is our ledger's."""
    lines = house.bank_lines()
    with house.books.read() as work:
        payments = list(work.session.exec(select(Payment).where(col(Payment.loan).is_not(None))))
        ledger_fen = work.ledger.balance(chart.BANK)
    moved = Counter(order for _, order, _ in lines)
    assert set(moved.values()) <= {1}, moved
    settled = {payment.key: payment.settled_fen for payment in payments if payment.status is PaymentStatus.SETTLED}
    assert {order: abs(amount) for _, order, amount in lines} == settled
    assert all(payment.booked for payment in payments if payment.status is PaymentStatus.SETTLED)
    opening = house.settings.opening_balance_fen
    balance = house.ask(f"/bank/accounts/{house.settings.bank_account}")["balance_fen"]
    assert balance == opening + sum(amount for _, _, amount in lines) == ledger_fen


async def assert_messages_left(house: House, *, provider_forgot: bool) -> None:
    """The outbox is empty, and the provider has each message of the books once."""

    async def all_delivered() -> bool:
        return _waiting(house) == []

    try:
        await eventually(all_delivered, "the outbox is empty")
    except AssertionError:
        assert _waiting(house) == []
    sent = Counter(key for key, _ in house.messages())
    with house.books.read() as work:
        wanted = Counter(work.session.exec(select(Contact.key).where(Contact.channel == "sms")))
        rows = Counter(work.session.exec(select(OutboxRow.key)))
    assert set(rows.values()) <= {1}
    assert sent <= wanted if provider_forgot else sent == wanted


def _waiting(house: House) -> list[tuple[str, int, str | None]]:
    """What the outbox still holds: key, attempts and last error of each row."""
    with house.books.read() as work:
        rows = work.session.exec(select(OutboxRow).where(col(OutboxRow.done_at).is_(None)))
        return [(row.key, row.attempts, row.last_error) for row in rows]


async def _has_one_ended_workflow(house: House, loan: str) -> bool:
    """The engine is a moment behind the books; a second workflow would be there for good."""
    runs = await house.executions(loan)
    return runs["COMPLETED"] == 1 and set(runs) <= {"COMPLETED", "CONTINUED_AS_NEW"}


def _assert_acts_once(house: House, loan: str, sms: dict[str, int]) -> None:
    with house.books.read() as work:
        acts = Counter(work.session.exec(select(AuditEntry.act).where(AuditEntry.loan == loan)))
        templates = Counter(work.session.exec(select(Contact.template).where(Contact.loan == loan)))
        decisions = work.session.exec(select(func.count()).select_from(Decision).where(Decision.loan == loan)).one()
        types = Counter(work.session.exec(select(LoanEvent.type).where(LoanEvent.loan == loan)))
    assert {act: acts[act] for act in DONE_ONCE} == dict.fromkeys(DONE_ONCE, 1)
    assert templates == sms
    assert decisions == 1
    assert types["disbursement"] == 1
