"""The words of a loan's story as auditors read it."""

from models.histories import ReplayOutcome
from models.run_events import CloseStatus
from services.story_kinds import DifferenceKind
from services.timeline import RunSource
from services.timeline_steps import StepOutcome
from web.language import marked

STORY_DIFFERENCES = {
    DifferenceKind.RUN_MISSING: marked("A run is lost"),
    DifferenceKind.RUN_DAMAGED: marked("A history is damaged"),
    DifferenceKind.RUN_NOT_AS_ARCHIVED: marked("A history is not the one that was archived"),
    DifferenceKind.EVENT_WITHOUT_EFFECT: marked("A step left nothing in the books, or something else"),
    DifferenceKind.EFFECT_WITHOUT_EVENT: marked("An act of which no history tells"),
    DifferenceKind.ENTRY_WITHOUT_EVENT: marked("An audit entry of which no history tells"),
    DifferenceKind.POSTING_WITHOUT_ACT: marked("A posting that belongs to no act"),
    DifferenceKind.POSTING_CHANGED: marked("A posting was changed after it was sealed"),
    DifferenceKind.POSTING_DIFFERS: marked("A posting is not what was ordered or owed"),
    DifferenceKind.PAYMENT_DIFFERS: marked("Order and history say different things"),
    DifferenceKind.PAYMENT_WITHOUT_BANK_ENTRY: marked("Money that the bank never reported"),
    DifferenceKind.BANK_ENTRY_WITHOUT_ORDER: marked("A movement at the bank without an order"),
    DifferenceKind.BANK_AMOUNT_DIFFERS: marked("The bank moved another amount"),
    DifferenceKind.STAGE_DIFFERS: marked("The loan is at another stage"),
    DifferenceKind.ACTOR_WITHOUT_ENTRY: marked("Somebody acted, and the audit log has no word of it"),
    DifferenceKind.APPROVER_WITHOUT_ENTRY: marked("The audit log does not prove who approved"),
    DifferenceKind.DECISION_DIFFERS: marked("A decision is not the one in the audit log"),
    DifferenceKind.EVENT_DIFFERS: marked("The account's events are not the ones that happened"),
    DifferenceKind.TERMS_DIFFER: marked("The terms are not the ones that were decided"),
    DifferenceKind.DOCUMENT_DIFFERS: marked("A document is not the one that was handed in"),
    DifferenceKind.VERDICT_DIFFERS: marked("What a replay came to is not what the audit log says of it"),
    DifferenceKind.ENTRY_CHANGED: marked("An audit entry was changed after it was sealed"),
    DifferenceKind.ROW_UNREADABLE: marked("A row of the books cannot be read"),
}
RUN_SOURCES = {
    RunSource.ARCHIVE: marked("From the archive"),
    RunSource.ENGINE: marked("From the engine"),
    RunSource.MISSING: marked("Lost"),
}
RUN_ENDS = {
    CloseStatus.COMPLETED: marked("Completed"),
    CloseStatus.CONTINUED_AS_NEW: marked("Went on in a new run"),
    CloseStatus.FAILED: marked("Failed"),
    CloseStatus.TERMINATED: marked("Terminated"),
    CloseStatus.CANCELLED: marked("Cancelled"),
    CloseStatus.TIMED_OUT: marked("Timed out"),
}
REPLAYS = {
    ReplayOutcome.OK: marked("The same commands"),
    ReplayOutcome.DIFFERS: marked("Other commands"),
    ReplayOutcome.DAMAGED: marked("The history is damaged"),
    ReplayOutcome.FAILED: marked("The code broke"),
    ReplayOutcome.STOPPED: marked("Stopped: too much time or memory"),
}
REPLAY_COLOURS = {ReplayOutcome.OK: "green"} | dict.fromkeys(set(ReplayOutcome) - {ReplayOutcome.OK}, "red")
STEPS = {
    StepOutcome.OPEN: marked("Under way"),
    StepOutcome.DONE: marked("Done"),
    StepOutcome.FAILED: marked("Failed"),
    StepOutcome.REFUSED: marked("Refused"),
    StepOutcome.CANCELLED: marked("Cancelled"),
    StepOutcome.PUT_OFF: marked("Put off"),
}
STEP_COLOURS = {
    StepOutcome.OPEN: "blue",
    StepOutcome.FAILED: "red",
    StepOutcome.REFUSED: "red",
    StepOutcome.CANCELLED: "secondary",
    StepOutcome.PUT_OFF: "yellow",
}
