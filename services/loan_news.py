"""What an audit entry means to somebody outside who follows a loan. Every act has one entry, so none is missed."""

import json
from collections.abc import Mapping
from typing import Any

from lending.money import yuan
from models.audit import AuditEntry
from models.loans import Stage
from models.webhooks import LoanEvent
from services.policy_kinds import REFUSE

EVENT_OF: Mapping[str, LoanEvent] = {
    "application_submitted": LoanEvent.APPLICATION_RECEIVED,
    "loan_taken_over": LoanEvent.APPLICATION_RECEIVED,
    "case_graded": LoanEvent.GRADED,
    "case_completed": LoanEvent.COMPLETED,
    "completion_expired": LoanEvent.EXPIRED,
    "approval_decided": LoanEvent.DECIDED,
    "offer_expired": LoanEvent.EXPIRED,
    "contract_signed": LoanEvent.CONTRACT_SIGNED,
    "contract_accepted": LoanEvent.ACCEPTED,
    "loan_paid_out": LoanEvent.PAID_OUT,
    "payout_failed": LoanEvent.PAYOUT_FAILED,
    "loan_withdrawn": LoanEvent.WITHDRAWN,
    "deposit_matched": LoanEvent.PAYMENT_RECEIVED,
    "payment_settled": LoanEvent.PAYMENT_SETTLED,
    "payment_declined": LoanEvent.PAYMENT_FAILED,
    "payment_returned": LoanEvent.PAYMENT_RETURNED,
    "account_advanced": LoanEvent.ACCOUNT_ADVANCED,
    "loan_reopened": LoanEvent.REOPENED,
    "change_proposed": LoanEvent.CHANGE_PROPOSED,
    "change_applied": LoanEvent.CHANGE_DECIDED,
    "change_refused": LoanEvent.CHANGE_DECIDED,
    "change_withdrawn": LoanEvent.CHANGE_DECIDED,
    "change_expired": LoanEvent.CHANGE_DECIDED,
}
"""By the act of the entry."""

TOLD = ("product", "term", "outcome", "grade", "stage", "on", "day", "dpd", "kind", "terms_version")
"""What is passed on of an entry, beside sums. Nobody outside is told reasons, persons, policies or bank references."""
SUMS = ("amount_fen", "outstanding_fen", "fee_fen")


def event_of(entry: AuditEntry) -> LoanEvent | None:
    """What an entry tells of a loan; None for what is of no concern outside, and for what was refused."""
    if entry.refused or entry.loan is None:
        return None
    event = EVENT_OF.get(entry.act)
    if event is LoanEvent.GRADED and (entry.after or {}).get("outcome") == REFUSE:
        # Nobody decides any more: whoever waits for the decision has to hear of this one.
        return LoanEvent.DECIDED
    if event is LoanEvent.ACCOUNT_ADVANCED:
        after = entry.after or {}
        if after.get("stage") == Stage.SETTLED:
            return LoanEvent.SETTLED
        return LoanEvent.OVERDUE if after.get("dpd") else event
    return event


def told_of(entry: AuditEntry) -> dict[str, Any]:
    """The figures of an entry that are told outside, sums in fen."""
    after = entry.after or {}
    sums = {
        name: after[name] for name in SUMS if isinstance(after.get(name), int) and not isinstance(after[name], bool)
    }
    return {name: after[name] for name in TOLD if after.get(name) is not None} | sums


def body_of(event: LoanEvent, entry: AuditEntry) -> str:
    """The message: `type`, `timestamp` and `data` with the loan's number, sums in yuan as text and business dates.

    The form is that of Standard Webhooks 1.0. Nothing personal is in it: whoever wants more asks the API.
    """
    told = told_of(entry)
    data: dict[str, Any] = {"loan": entry.loan}
    data |= {name.removesuffix("_fen"): yuan(value) if name in SUMS else value for name, value in told.items()}
    if event is LoanEvent.CHANGE_DECIDED:
        data["outcome"] = entry.act.removeprefix("change_")
    return message(event, entry.at.isoformat(), data)


def message(event: LoanEvent, at: str, data: Mapping[str, Any]) -> str:
    """A message to the letter, as it is signed and sent."""
    return json.dumps({"type": event.value, "timestamp": at, "data": data}, ensure_ascii=False, separators=(",", ":"))
