"""What can fail to fit together in a loan's story."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from books.session import UnitOfWork

A_MOMENT = timedelta(seconds=60)
"""How long an act may be under way between engine and books before it counts as missing."""


class DifferenceKind(StrEnum):
    """What does not fit together."""

    RUN_MISSING = "run_missing"
    RUN_DAMAGED = "run_damaged"
    RUN_NOT_AS_ARCHIVED = "run_not_as_archived"
    EVENT_WITHOUT_EFFECT = "event_without_effect"
    EFFECT_WITHOUT_EVENT = "effect_without_event"
    ENTRY_WITHOUT_EVENT = "entry_without_event"
    POSTING_WITHOUT_ACT = "posting_without_act"
    POSTING_CHANGED = "posting_changed"
    POSTING_DIFFERS = "posting_differs"
    PAYMENT_DIFFERS = "payment_differs"
    PAYMENT_WITHOUT_BANK_ENTRY = "payment_without_bank_entry"
    BANK_ENTRY_WITHOUT_ORDER = "bank_entry_without_order"
    BANK_AMOUNT_DIFFERS = "bank_amount_differs"
    STAGE_DIFFERS = "stage_differs"
    ACTOR_WITHOUT_ENTRY = "actor_without_entry"
    APPROVER_WITHOUT_ENTRY = "approver_without_entry"
    DECISION_DIFFERS = "decision_differs"
    TERMS_DIFFER = "terms_differ"
    DOCUMENT_DIFFERS = "document_differs"
    EVENT_DIFFERS = "event_differs"
    ENTRY_CHANGED = "entry_changed"
    VERDICT_DIFFERS = "verdict_differs"
    ROW_UNREADABLE = "row_unreadable"


@dataclass(frozen=True)
class StoryDifference:
    """One thing that does not fit: its kind, what it is about, and a sentence."""

    kind: DifferenceKind
    subject: str
    sentence: str


def is_recent(work: UnitOfWork, at: datetime) -> bool:
    """Whether something is so new that the rest of it may be on its way."""
    return work.now - at < A_MOMENT
