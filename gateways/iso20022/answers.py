"""What the bank says of an order: pain.002 of transfers and debits, camt.029 of recalls."""

import re
from datetime import date

from pydantic import ValidationError

from gateways.bank_messages import TransferResult, TransferStatus
from gateways.iso20022.xml import Node, read_kind

STATUS = "pain.002.001.10"
RESOLUTION = "camt.029.001.09"

_STATUSES = {
    **dict.fromkeys(("ACSC", "ACCC"), TransferStatus.SETTLED),
    **dict.fromkeys(("RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP"), TransferStatus.PENDING),
    **dict.fromkeys(("RJCT", "CANC"), TransferStatus.DECLINED),
}
"""ISO's codes of an order's status. PATC and ACFC stay out: they speak of orders that wait for somebody to sign."""
_RECALL_STATUSES = {
    "ACCR": TransferStatus.SETTLED,
    "PDCR": TransferStatus.PENDING,
    "RJCR": TransferStatus.DECLINED,
}
_REASONS = {
    "AC01": "account_unknown",
    "AC03": "account_unknown",
    "AC04": "account_closed",
    "AC06": "account_blocked",
    "AM04": "insufficient_funds",
    "BE01": "name_mismatch",
    "MD01": "mandate_unknown",
    "MS03": "declined_by_bank",
}
"""ISO's codes of a reason in our words; another code becomes bank_ and itself in lower case."""
_OWN_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}")
_ISO_CODE = re.compile(r"[A-Z0-9]{1,4}")


def order_status(operation: str, body: bytes) -> TransferResult:
    """What became of the one order that a pain.002 speaks of. Raises BankMessageBroken."""
    return status_result(read_kind(operation, body, STATUS))


def status_result(report: Node) -> TransferResult:
    """The same of a message that was read already."""
    transaction = report.only("OrgnlPmtInfAndSts").only("TxInfAndSts", "")
    status = _STATUSES.get(transaction.need("TxSts"))
    if status is None:
        raise transaction.broken("the status is none that we know", "TxSts")
    amount_fen, booked_on = 0, None
    if status is TransferStatus.SETTLED:
        amount_fen = transaction.fen("OrgnlTxRef/IntrBkSttlmAmt")
        booked_on = transaction.day("OrgnlTxRef/IntrBkSttlmDt")
    return _result(
        transaction,
        status,
        amount_fen,
        booked_on,
        bank_reference=transaction.text("AcctSvcrRef") or transaction.need("StsId"),
        reason_path="StsRsnInf/Rsn",
    )


def recall_status(operation: str, body: bytes) -> TransferResult:
    """What became of the one recall that a camt.029 speaks of. Raises BankMessageBroken."""
    return recall_result(read_kind(operation, body, RESOLUTION))


def recall_result(resolution: Node) -> TransferResult:
    """The same of a message that was read already."""
    transaction = resolution.only("CxlDtls").only("OrgnlPmtInfAndSts").only("TxInfAndSts", "")
    status = _RECALL_STATUSES.get(transaction.need("TxCxlSts"))
    if status is None:
        raise transaction.broken("the status is none that we know", "TxCxlSts")
    amount_fen, booked_on = 0, None
    if status is TransferStatus.SETTLED:
        amount_fen = resolution.fen("RsltnRltdInf/IntrBkSttlmAmt")
        booked_on = resolution.day("RsltnRltdInf/IntrBkSttlmDt")
    return _result(
        transaction,
        status,
        amount_fen,
        booked_on,
        bank_reference=transaction.need("CxlStsId"),
        reason_path="CxlStsRsnInf/Rsn",
    )


def _result(
    transaction: Node,
    status: TransferStatus,
    amount_fen: int,
    booked_on: date | None,
    *,
    bank_reference: str,
    reason_path: str,
) -> TransferResult:
    reason = reason_word(transaction, reason_path) or "declined_by_bank"
    try:
        return TransferResult(
            end_to_end_id=transaction.need("OrgnlEndToEndId"),
            status=status,
            amount_fen=amount_fen,
            bank_reference=bank_reference,
            booked_on=booked_on,
            reason_code=reason if status is TransferStatus.DECLINED else None,
        )
    except ValidationError:
        raise transaction.broken("status, amount and day contradict each other") from None


def reason_word(node: Node, path: str) -> str | None:
    """Our word for a reason. Anything that is neither a code nor a word could be personal data, and is none."""
    code, own_word = node.text(f"{path}/Cd"), node.text(f"{path}/Prtry")
    if code is not None and _ISO_CODE.fullmatch(code):
        return _REASONS.get(code, f"bank_{code.lower()}")
    return own_word if own_word is not None and _OWN_WORD.fullmatch(own_word) else None
