"""What a loan's audit log tells whom: auditors all of it, staff the story, everybody else what is news outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from books.audit import MOST_OF_A_LOAN
from books.session import UnitOfWork
from models.audit import AuditEntry
from models.loans import Loan
from models.staff import Actor, Role
from models.status import TimelineEntry
from models.tasks import Decision, Outcome, TaskKind
from services.audit import SYSTEM
from services.contacts import READ
from services.loan_news import EVENT_OF, SUMS, TOLD, event_of, told_of
from services.permissions import STAFF, TABLE, Action, allows, may_see_check
from services.reveals import VIEWED
from services.timeline_acts import ACTS, DECIDED, FINISHED

WITHOUT_DOCUMENTS = frozenset({"documents_missing", "documents_unread"})
"""Reasons of authority by which risk decided before the documents were there."""

OF_AUDITORS = frozenset({VIEWED, READ, "audit_exported", "run_archived", "challenger_failed"})
"""Acts about a loan that tell who looked at it, or of the machine, and nothing of its life."""
STORY = {*ACTS, *(f"{kind}{end}" for kind in TaskKind for end in (DECIDED, FINISHED))} - OF_AUDITORS
"""What staff read of a loan, but for what colleagues were refused. An act that is not named here is no part of it."""
REGISTERS = frozenset({"register_answered", "register_answer_taken_over", "register_without_answer"})
CLEARING = frozenset({TaskKind.APPROVAL, TaskKind.PAYOUT_PROBLEM})
"""Tasks by which risk lets a case pass although somebody of it stands on a list."""
FIGURES = frozenset(
    {
        *TOLD,
        *SUMS,
        *("account", "annual_rate_percent", "asked", "assignee", "bank_reference", "change", "channel"),
        *("clears_the_loan", "conditions", "confidence", "confirmation", "doubtful", "due_on", "duplicated"),
        *("escalations", "margin_percent", "method", "number", "party", "policy", "proposed_by", "reason_code"),
        *("reason_codes", "reasons", "result", "reused", "role", "scope", "second_person", "settles", "signed_on"),
        *("source", "stands_in_for", "status", "task", "tenor", "valid_until", "verdict"),
    }
)
"""What staff read of an entry. Not by which row of which table a case went: one of them stands for a name on a list,
another for a list that did not answer.
"""

_KINDS = {f"{kind}{DECIDED}": kind for kind in CLEARING}


@dataclass(frozen=True)
class History:
    """Entries, oldest first; `older` is the `before` of those before them, None where there are none."""

    entries: tuple[TimelineEntry, ...]
    older: str | None


def history_of(
    work: UnitOfWork, actor: Actor, loan: str, *, before: str | None = None, limit: int = MOST_OF_A_LOAN
) -> History:
    """What this person may read of the newest `limit` entries about a loan, or of those before the id `before`.

    `loan` is one that he sees. A page may be shorter than `limit`, for some entries are not for him.
    """
    if allows(actor, Action.READ_AUDIT):
        found = work.audit.of_loan(loan, limit, before=before)
        told = [_whole(one) for one in found]
    elif actor.role in STAFF:
        found = work.audit.of_loan(loan, limit, before=before, acts=STORY)
        told = [_to_staff(actor, one) for one in found if _is_story(actor, one)]
    else:
        found = work.audit.of_loan(loan, limit, before=before, acts=EVENT_OF)
        told = [_to_outside(actor, one) for one in found if event_of(one) is not None]
    return History(tuple(told), found[0].id if len(found) == limit else None)


def may_read_reason(actor: Actor, kind: TaskKind, decided_as: Role, outcome: str | None) -> bool:
    """Whether somebody may read why a task was decided: why risk let a case pass may speak of a list, and is for those
    who may know of it. Why it was refused or sent back is said to the borrower himself.
    """
    passed = kind in CLEARING and decided_as is Role.RISK and outcome == Outcome.APPROVE
    return not passed or _may_know_of_lists(actor)


def told_who(actor: Actor, loan: Loan, by: str) -> str:
    """Who acted on a loan, as this person may read it: outside of the lender everybody is `system` but himself and the
    borrower. `by` is the id of who acted.
    """
    return by if actor.role in STAFF or by in (actor.id, loan.customer_id) else SYSTEM.id


def told_words(actor: Actor, by: str, words: str) -> str:
    """Words that somebody gave with an act, as this person may read them: outside of the lender his own, else none."""
    return words if actor.role in STAFF or by == actor.id else ""


def told_decision(actor: Actor, kind: TaskKind, decision: Decision) -> dict[str, Any]:
    """Who decided on a task of a kind, as whom and why, as this person may read it; `reason` is empty where the words
    are not for him. Nobody outside of the lender decides.
    """
    if actor.role not in STAFF:
        return {"decided_by": SYSTEM.id, "decided_as": SYSTEM.role, "stands_in_for": None, "reason": ""}
    is_told = may_read_reason(actor, kind, decision.decided_as, decision.outcome)
    kept = {name: getattr(decision, name) for name in ("decided_by", "decided_as", "stands_in_for")}
    return kept | {"reason": decision.reason if is_told else ""}


def told_row(actor: Actor, row: int) -> int | None:
    """The row of a policy by which a case went, for who may know of lists: one row stands for somebody on a list."""
    return row if _may_know_of_lists(actor) else None


def _may_know_of_lists(actor: Actor) -> bool:
    return actor.role in TABLE[Action.SEE_LISTINGS]


def _is_story(actor: Actor, entry: AuditEntry) -> bool:
    if entry.refused and entry.role != Role.SYSTEM:
        return False
    return entry.act not in REGISTERS or may_see_check(actor, entry.subject or "")


def _whole(entry: AuditEntry) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        act=entry.act,
        role=Role(entry.role),
        actor_id=entry.actor_id,
        reason=entry.reason,
        before=dict(entry.before or {}),
        details=dict(entry.after or {}),
        refused=entry.refused,
    )


def _to_staff(actor: Actor, entry: AuditEntry) -> TimelineEntry:
    told = _whole(entry)
    after = entry.after or {}
    details = _figures(after)
    without = sorted(WITHOUT_DOCUMENTS & set(after.get("authority_reasons", ())))
    # Of a case that is listed as well they are not named: that nothing is said of its documents would say that.
    if without and _may_know_of_lists(actor):
        details["authority_reasons"] = without
    kind = _KINDS.get(entry.act)
    hidden = kind is not None and not may_read_reason(actor, kind, told.role, after.get("outcome"))
    reason = None if hidden else entry.reason
    return told.model_copy(update={"before": _figures(entry.before), "details": details, "reason": reason})


def _figures(values: Mapping[str, Any] | None) -> dict[str, object]:
    return {name: value for name, value in (values or {}).items() if name in FIGURES}


def _to_outside(actor: Actor, entry: AuditEntry) -> TimelineEntry:
    # Who of the lender acted is the lender's own affair.
    is_known = entry.role == Role.BORROWER or entry.actor_id == actor.id
    role, actor_id = (Role(entry.role), entry.actor_id) if is_known else (SYSTEM.role, SYSTEM.id)
    return TimelineEntry(at=entry.at, act=entry.act, role=role, actor_id=actor_id, details=told_of(entry))
