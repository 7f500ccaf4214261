"""Reads orders in ISO 20022: pain.001 and pain.008, which their schemas must admit, and camt.055."""

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from simulators.bank.requests import DebitRequest, RecallRequest, TransferRequest
from simulators.refusals import MessageRefused

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
TRANSFER = "pain.001.001.09"
DEBIT = "pain.008.001.09"
RECALL = "camt.055.001.08"
PART_ALLOWED = "PART"

_LARGEST_BYTES = 64 * 1024


def read_transfer(body: bytes, lender_account: str) -> tuple[str, TransferRequest]:
    """The message id and the one transfer of a pain.001. Raises MessageRefused, and ValidationError of the request."""
    root = _read(body, TRANSFER)
    _check_own(root, "DbtrAcct", lender_account)
    request = {
        "end_to_end_id": _text(root, "EndToEndId"),
        "to_account": _text(root, "CdtTrfTxInf", "CdtrAcct", "Othr", "Id"),
        "to_name": _text(root, "CdtTrfTxInf", "Cdtr", "Nm"),
        "to_bank": _found(root, "CdtTrfTxInf", "CdtrAgt", "MmbId"),
        "amount_fen": _amount(root),
        "value_date": _text(root, "ReqdExctnDt", "Dt")[:10],
        "purpose": _found(root, "Ustrd") or "",
    }
    return _text(root, "MsgId"), TransferRequest.model_validate(request)


def read_debit(body: bytes, lender_account: str) -> tuple[str, DebitRequest]:
    """The message id and the one collection of a pain.008, with its mandate. Raises as `read_transfer` does."""
    root = _read(body, DEBIT)
    _check_own(root, "CdtrAcct", lender_account)
    request = {
        "end_to_end_id": _text(root, "EndToEndId"),
        "from_account": _text(root, "DrctDbtTxInf", "DbtrAcct", "Othr", "Id"),
        "from_name": _text(root, "DrctDbtTxInf", "Dbtr", "Nm"),
        "from_bank": _found(root, "DrctDbtTxInf", "DbtrAgt", "MmbId"),
        "amount_fen": _amount(root),
        "value_date": _text(root, "ReqdColltnDt")[:10],
        "purpose": _found(root, "Ustrd") or "",
        "partial": _found(root, "LclInstrm", "Prtry") == PART_ALLOWED,
        "mandate_id": _found(root, "MndtId"),
        "mandate_signed_on": (_found(root, "DtOfSgntr") or "")[:10] or None,
    }
    return _text(root, "MsgId"), DebitRequest.model_validate(request)


def read_recall(body: bytes) -> RecallRequest:
    """The reason of a camt.055, and the day on which the money is wanted. Raises as `read_transfer` does."""
    root = _read(body, RECALL)
    made = _text(root, "Assgnmt", "CreDtTm")
    return RecallRequest.model_validate({"reason": _text(root, "Rsn", "Prtry"), "value_date": made[:10]})


def _read(body: bytes, kind: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    if len(body) > _LARGEST_BYTES:
        raise MessageRefused(f"a message {kind} has at most {_LARGEST_BYTES} bytes")
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise MessageRefused(f"line {error.lineno} is not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise MessageRefused("a message declares no document type")
    if root.tag != f"{{{NAMESPACE}{kind}}}Document":
        raise MessageRefused(f"this address takes messages {kind}")
    schema = _schema(kind)
    if schema is not None and not schema.validate(root):
        raise MessageRefused(f"line {schema.error_log[0].line} is not as the schema of {kind} wants it")
    return root


@cache
def _schema(kind: str) -> Any:
    """The schema of a message; there is none for camt.055."""
    found = files("sepaxml").joinpath("schemas", f"{kind}.xsd")
    return etree.XMLSchema(etree.fromstring(found.read_bytes())) if found.is_file() else None


def _found(root: Any, *path: str) -> str | None:
    """The text of the first element by these names, each somewhere within the one before."""
    found = root
    for part in path:
        found = next(found.iter(f"{{*}}{part}"), None)
        if found is None:
            return None
    return str(found.text) if found.text else None


def _text(root: Any, *path: str) -> str:
    text = _found(root, *path)
    if text is None:
        raise MessageRefused(f"{'/'.join(path)} is missing")
    return text


def _check_own(root: Any, element: str, lender_account: str) -> None:
    if _text(root, "PmtInf", element, "Othr", "Id") != lender_account:
        raise MessageRefused(f"{element} is no account of the customer's")


def _amount(root: Any) -> int:
    """The amount in fen of the one transaction, which must be what the control sum says."""
    amounts = list(root.iter("{*}InstdAmt"))
    if len(amounts) != 1 or any(count.text != "1" for count in root.iter("{*}NbOfTxs")):
        raise MessageRefused("a message holds one transaction")
    amount = Decimal(amounts[0].text)
    if amounts[0].get("Ccy") != "CNY" or any(Decimal(total.text) != amount for total in root.iter("{*}CtrlSum")):
        raise MessageRefused("amount, currency or control sum is wrong")
    fen = amount.scaleb(2)
    if fen != int(fen) or not 0 < fen <= 10**13:
        raise MessageRefused("the amount is not above zero, or has more than two decimals")
    return int(fen)
