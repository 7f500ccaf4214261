"""What the bank reports unasked: a booking (camt.054), or the late decline of an order (pain.002, camt.029)."""

from dataclasses import dataclass
from datetime import date

from gateways.bank_messages import MOST_FEN, TransferResult
from gateways.iso20022.answers import RESOLUTION, STATUS, recall_result, status_result
from gateways.iso20022.entries import check_account, entry_of
from gateways.iso20022.xml import Node, read
from models.statements import LONGEST_REFERENCE, StatementEntry

BOOKING = "camt.054.001.08"
OPERATION = "notices"


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking on an account of the lender, with the family of its bank transaction code.

    ICDT and IDDT are transfers and debits that we ordered, RCDT is a transfer that came in.
    """

    entry: StatementEntry
    family: str | None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What became of an order, told unasked; `order_kind` is the kind of message that the order came in."""

    result: TransferResult
    order_kind: str
    reported_on: date


def read_notification(body: bytes, account: str | None = None) -> Booking | OrderReport:
    """The one thing that a notice reports; a booking on that account, where one is given. Raises BankMessageBroken."""
    kind, content = read(OPERATION, body)
    if kind == BOOKING:
        return _booking(content, account)
    if kind == STATUS:
        order_kind = content.need("OrgnlGrpInfAndSts/OrgnlMsgNmId")
        return OrderReport(status_result(content), order_kind, content.day("GrpHdr/CreDtTm"))
    if kind == RESOLUTION:
        return OrderReport(recall_result(content), "camt.055", content.day("Assgnmt/CreDtTm"))
    raise content.broken("is no message that a notice can be")


def _booking(content: Node, account: str | None) -> Booking:
    report = content.only("Ntfctn", "")
    if account is not None:
        check_account(report, account)
    entry = report.only("Ntry")
    booked = entry_of(entry)
    if len(booked.reference) > LONGEST_REFERENCE:
        raise entry.broken(f"a reference has 1 to {LONGEST_REFERENCE} characters", "AcctSvcrRef")
    if booked.end_to_end_id is not None and len(booked.end_to_end_id) > LONGEST_REFERENCE:
        raise entry.broken(f"an end-to-end id has 1 to {LONGEST_REFERENCE} characters", "NtryDtls")
    if not 0 < booked.amount_fen <= MOST_FEN:
        raise entry.broken("the amount is not above zero, or beyond all reason", "Amt")
    return Booking(booked, entry.text("BkTxCd/Domn/Fmly/Cd"))
