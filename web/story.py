"""The story of a loan: the entries of its audit log as sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lending.calendar import BusinessClock
from models.changes import name_of
from models.staff import Role
from models.status import LoanStatus, TimelineEntry
from models.tasks import Outcome
from services.loan_history import WITHOUT_DOCUMENTS
from web import formats, labels
from web.language import Language, marked

PLAIN = {
    "task_claimed": marked("Took the task"),
    "task_released": marked("Gave the task back"),
    "task_delegated": marked("Handed the task to a colleague"),
    "case_completed": marked("Completed the case; the registers are asked again"),
    "completion_expired": marked("Closed, because what was missing did not come in time"),
    "contract_accepted": marked("Accepted the contract"),
    "account_check_failed": marked("The borrower's account could not be checked"),
    "account_change_proposed": marked("Proposed another account"),
    "account_changed": marked("Confirmed the other account"),
    "account_change_refused": marked("Refused the other account"),
    "mandate_ordered": marked("The bank is told of the mandate to debit"),
    "mandate_active": marked("The mandate to debit is in force"),
    "mandate_ended": marked("The mandate to debit has ended"),
    "loan_withdrawn": marked("Withdrew the application"),
    "second_look_asked": marked("Asked for people to look at the refusal by the rules"),
    "loan_reopened": marked("Taken up again, because money that had settled it was taken back"),
    "payment_returned": marked("The bank took a debit back"),
    "offer_expired": marked("Closed, because the offer was not accepted in time"),
    "payout_failed": marked("The payout failed"),
    "overdue_finished": marked("Followed up the overdue payment"),
    "reply_entered": marked("Entered what the borrower said"),
    "document_again_finished": marked("Saw to the document that was not taken"),
    "early_warning_finished": marked("Followed up the early warning"),
    "unmatched_money_finished": marked("Cleared up the unmatched money"),
    "change_expired": marked("A proposed change fell away, because nobody decided it in time"),
    "change_withdrawn": marked("Took the proposed change back"),
    "behaviour_not_scored": marked("The borrower's behaviour could not be scored"),
    "trouble_reported": marked("Asked a person to have a look"),
    "trouble_finished": marked("Had a look and mended it"),
}
"""Acts whose sentence needs no figure. An act that is neither here nor in `_figured` is not part of the story."""

COLOURS = {
    "approval_decided": "blue",
    "contract_signed": "blue",
    "contract_accepted": "blue",
    "loan_paid_out": "green",
    "payout_failed": "red",
    "payment_declined": "red",
    "payment_returned": "red",
    "loan_reopened": "red",
    "task_escalated": "yellow",
    "loan_withdrawn": "secondary",
}


@dataclass(frozen=True)
class Chapter:
    """One thing that happened: on which business date, by whom (empty for the system itself), and why."""

    day: date
    at: datetime
    who: str
    text: str
    reason: str | None
    colour: str


def story(status: LoanStatus, names: Mapping[str, str], clock: BusinessClock, language: Language) -> list[Chapter]:
    """What happened to a loan, newest first."""
    chapters = []
    for entry in reversed(status.timeline):
        text = _sentence(entry, language)
        if text is not None:
            chapters.append(
                Chapter(
                    clock.business_date(entry.at),
                    entry.at,
                    _who(entry, names, language),
                    text,
                    entry.reason,
                    COLOURS.get(entry.act, "secondary"),
                )
            )
    return chapters


def _who(entry: TimelineEntry, names: Mapping[str, str], language: Language) -> str:
    if entry.role is Role.SYSTEM:
        return ""
    if entry.role is Role.BORROWER:
        return labels.label(entry.role, "role", language)
    return names.get(entry.actor_id, entry.actor_id)


def _sentence(entry: TimelineEntry, language: Language) -> str | None:
    if entry.act in PLAIN:
        return language.say(PLAIN[entry.act])
    return _figured(entry.act, entry.details, language)


def _figured(act: str, details: Mapping[str, Any], language: Language) -> str | None:
    say = language.say
    amount = formats.money(int(details.get("amount_fen") or 0), language)
    match act:
        case "application_submitted":
            return say("Applied for %(amount)s over %(term)s months", amount=amount, term=details.get("term"))
        case "case_graded" if details.get("outcome") == "refuse":
            return say("Refused by the rules")
        case "case_graded":
            return say("Graded %(grade)s by the rules", grade=details.get("grade"))
        case "approval_decided" if "reasons" in details:
            return say("Approved automatically, by the rules %(policy)s", policy=details.get("policy"))
        case "approval_decided" if "second_person" in details:
            return say("Approved %(amount)s; another person confirms it", amount=amount)
        case "approval_decided" if WITHOUT_DOCUMENTS & set(details.get("authority_reasons", ())):
            return say("Approved %(amount)s although a document was missing or not read", amount=amount)
        case "approval_decided":
            return _decision(str(details.get("outcome")), amount, language)
        case "payout_problem_decided" if details.get("outcome") == Outcome.APPROVE:
            return say("Had the payout tried again")
        case "payout_problem_decided":
            return say("Gave the payout up")
        case "task_escalated":
            role = labels.label(str(details.get("role")), "role", language)
            return say("Nobody decided in time; now with %(role)s", role=role)
        case "document_handed_in":
            document = labels.label(str(details.get("kind")), "document", language)
            return say("Handed in: %(document)s", document=document)
        case "change_proposed":
            change = labels.label(name_of(str(details.get("kind")), details.get("asked") or {}), "change", language)
            return say("Proposed: %(change)s, %(amount)s", change=change, amount=amount)
        case "change_decided" if details.get("outcome") == Outcome.APPROVE:
            return say("Agreed to the change")
        case "change_decided":
            return say("Refused the change")
        case "contract_signed" | "mandate_signed":
            return _signed(act, details.get("role"), language)
        case "account_checked":
            result = labels.label(str(details.get("result")), "card_result", language)
            return say("The borrower's account was checked: %(result)s", result=result)
        case "mandate_refused":
            reasons = labels.label(str(details.get("reason_code")), "bank_reason", language)
            return say("The bank refused the mandate: %(reasons)s", reasons=reasons)
        case "loan_paid_out":
            return say("Paid out %(amount)s", amount=amount)
        case "payment_settled":
            return say("The bank carried out a payment of %(amount)s", amount=amount)
        case "payment_declined":
            reason = labels.label(str(details.get("reason_code")), "bank_reason", language)
            return say("The bank declined a payment: %(reason)s", reason=reason)
        case "deposit_matched":
            return say("A transfer of %(amount)s came in", amount=amount)
        case "money_confirmed":
            return say("Unmatched money of %(amount)s was booked to this loan", amount=amount)
        case "prepayment_ordered":
            return say("Ordered a prepayment of %(amount)s", amount=amount)
        case "rate_reset":
            values = {"rate": details.get("annual_rate_percent"), "day": details.get("on")}
            return say("By the contract the rate is %(rate)s %% a year since %(day)s", **values)
        case "account_advanced" if details.get("stage") == "settled":
            return say("Settled")
        case "account_advanced" if int(details.get("dpd") or 0) > 0:
            return say("%(days)s days past due", days=details["dpd"])
        case _:
            return None


def _signed(act: str, role: object, language: Language) -> str:
    """Who signed what; entries from before the role was kept do not say who."""
    if act == "mandate_signed":
        return language.say("The mandate to debit was signed")
    if not role:
        return language.say("The contract was signed")
    return language.say("The contract was signed: %(party)s", party=labels.label(str(role), "party", language))


def _decision(outcome: str, amount: str, language: Language) -> str:
    match outcome:
        case Outcome.APPROVE:
            return language.say("Approved %(amount)s", amount=amount)
        case Outcome.REFUSE:
            return language.say("Refused the application")
        case _:
            return language.say("Sent the case back")
