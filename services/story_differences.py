"""Where the engine's history, the books and the bank tell different stories of one loan."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from books.histories import RUN_ARCHIVED
from books.session import UnitOfWork
from lending.money import yuan
from models.audit import AuditEntry
from models.chain import entry_bytes, leaf_hash, spelled
from models.keys import workflow_id
from models.loans import Stage
from models.payments import MONEY_MOVED, Payment, PaymentKind, PaymentStatus
from models.run_events import CloseStatus, digest
from services.archive_proof import differing
from services.loans import BEING_VERIFIED
from services.replay_proof import REPLAYED, not_as_named
from services.story_books import book_differences
from services.story_kinds import A_MOMENT, StoryDifference, is_recent
from services.story_kinds import DifferenceKind as DifferenceKind
from services.timeline import RunSource, Story, StoryLine, ToldRun, command_of, payment_key
from services.timeline_days import stage_at
from services.timeline_steps import ACT_OF, StepKind, StepOutcome

CUT_OFF = frozenset({CloseStatus.TERMINATED, CloseStatus.TIMED_OUT, CloseStatus.FAILED})
"""Ends at which an act may have been under way."""
WITHOUT_BANK = frozenset({PaymentKind.REALLOCATION})
"""Money that moves between our own accounts only."""
MOST_VERDICTS = 1_000
"""Verdicts on replays of one loan that are looked at, the newest."""
BANK_PATIENCE_DAYS = 2
"""The bank's statement of a day comes on the next one."""


def differences(work: UnitOfWork, story: Story) -> list[StoryDifference]:
    """Everything in a loan's story that does not fit together; empty for a loan whose books are sound.

    What is still on its way between engine and books at this moment is none.
    """
    found = [*_unreadable(story), *_runs(story), *_entries(work, story), *_events(story), *_books(work, story)]
    found += [*book_differences(work, story), *_bank(work, story), *_stage(work, story), *_verdicts(work, story)]
    return found


def _unreadable(story: Story) -> Iterator[StoryDifference]:
    for row in story.facts.unreadable:
        sentence = f"row {row.key} of table {row.table} holds what nobody can read; the rest is told without it"
        yield StoryDifference(DifferenceKind.ROW_UNREADABLE, f"{row.table}/{row.key}", sentence)


# -- runs and their histories -----------------------------------------------------------------------------------------


def _runs(story: Story) -> Iterator[StoryDifference]:
    named = {entry.subject: entry for entry in story.facts.entries if entry.act == RUN_ARCHIVED}
    for run in story.runs:
        run_id = run.found.run_id
        if run.found.source is RunSource.MISSING:
            # Without the engine nobody can say whether it has the run.
            if story.engine_answered:
                yield StoryDifference(DifferenceKind.RUN_MISSING, run_id, f"run {run_id} is lost: {run.problem}")
        elif run.problem is not None:
            yield StoryDifference(DifferenceKind.RUN_DAMAGED, run_id, run.problem)
        elif run.found.archived is not None and run.found.content is not None:
            yield from _as_archived(run, named.get(run_id))


def _as_archived(run: ToldRun, named: AuditEntry | None) -> Iterator[StoryDifference]:
    archived, events, content = run.found.archived, run.events, run.found.content
    if archived is None or events is None or content is None:
        return
    wrong = []
    if named is None:
        wrong.append("the audit log has no word of its archiving")
    elif (named.after or {}).get("sha256") != digest(content):
        wrong.append("the audit log names another digest")
    elif columns := differing(archived, named.loan, events, content, named.at):
        wrong.append(f"its row says otherwise in {', '.join(columns)}")
    if events.closed_as is not archived.status:
        wrong.append("it has no end, or another one")
    if len(events.events) != archived.events:
        wrong.append(f"it has {len(events.events)} events, {archived.events} were archived")
    if wrong:
        sentence = f"the history of run {archived.run_id} is not the one that was archived: {', '.join(wrong)}"
        yield StoryDifference(DifferenceKind.RUN_NOT_AS_ARCHIVED, archived.run_id, sentence)


def _is_whole(story: Story) -> bool:
    """Whether every run is there, so that what no run tells of did not happen in the engine."""
    return story.engine_answered and all(run.read is not None for run in story.runs)


# -- the audit log ----------------------------------------------------------------------------------------------------


def _entries(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    entries = {entry.id: entry for entry in story.facts.entries}
    for entry_id, place in work.seals.places(list(entries)).items():
        if leaf_hash(entry_bytes(entries[entry_id].model_dump())) != place.leaf:
            sentence = f"audit entry {entry_id} is not the one that seal {place.seal_no} holds"
            yield StoryDifference(DifferenceKind.ENTRY_CHANGED, entry_id, sentence)
    if _is_whole(story):
        yield from _without_event(work, story)


def _without_event(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    steps = {
        (step.run, step.activity_id) for run in story.runs if run.read for step in run.read.steps if step.activity_id
    }
    for entry in story.facts.entries:
        if not _by_loan(entry) or is_recent(work, entry.at) or (entry.run_id, entry.activity_id) in steps:
            continue
        # An act that ended with its run has written its entry all the same.
        if _lost_with_run(story, entry):
            continue
        sentence = f"audit entry {entry.id} ({entry.act}) names a step of run {entry.run_id} that its history lacks"
        yield StoryDifference(DifferenceKind.ENTRY_WITHOUT_EVENT, entry.id, sentence)


def _by_loan(entry: AuditEntry) -> bool:
    """Whether the loan's own workflow wrote it; jobs that look at many loans have histories of their own."""
    return entry.loan is not None and entry.workflow_id == workflow_id(entry.loan)


def _lost_with_run(story: Story, entry: AuditEntry) -> bool:
    """Whether the run that an entry names was cut off: what it did last left no event."""
    for run in story.runs:
        if run.found.run_id == entry.run_id and run.events is not None:
            return run.events.closed_as in CUT_OFF
    return False


# -- steps of the workflow --------------------------------------------------------------------------------------------


def _events(story: Story) -> Iterator[StoryDifference]:
    for line in story.lines:
        step = line.step
        if step is None:
            continue
        if step.kind is StepKind.LOCAL and step.outcome is StepOutcome.DONE:
            yield from _effect(line)
        elif step.kind is StepKind.ACTIVITY and step.outcome is StepOutcome.DONE:
            yield from _payment(line)
        elif step.kind in (StepKind.UPDATE, StepKind.SIGNAL) and line.actor_id is not None:
            yield from _actor(story, line)


def _effect(line: StoryLine) -> Iterator[StoryDifference]:
    step = line.step
    if step is None or step.name not in ACT_OF:
        return
    subject = f"{step.run}/{step.events[0].id}"
    if not line.effects:
        sentence = f"event {step.events[0].id} of run {step.run} ({step.name}) left nothing in the books"
        yield StoryDifference(DifferenceKind.EVENT_WITHOUT_EFFECT, subject, sentence)
    elif not any(effect.result.get("stage") == step.answer.get("stage") for effect in line.effects):
        sentence = (
            f"event {step.events[0].id} of run {step.run} ({step.name}) came to {step.answer.get('stage')}, "
            f"in the books to {line.effects[0].result.get('stage')}"
        )
        yield StoryDifference(DifferenceKind.EVENT_WITHOUT_EFFECT, subject, sentence)


def _payment(line: StoryLine) -> Iterator[StoryDifference]:
    """What the bank's answer in the history says of an order, against the order in the books."""
    step = line.step
    key = payment_key(step) if step is not None else None
    status = step.answer.get("status") if step is not None else None
    if step is None or key is None or status not in (PaymentStatus.SETTLED, PaymentStatus.DECLINED):
        return
    order = line.payments[0] if line.payments else None
    if order is None:
        sentence = f"event {step.events[0].id} of run {step.run} carried out order {key}, which the books do not have"
        yield StoryDifference(DifferenceKind.EVENT_WITHOUT_EFFECT, key, sentence)
    elif (order.status in MONEY_MOVED) is not (status == PaymentStatus.SETTLED) and not _was_tried_again(order, status):
        sentence = f"order {key} is {order.status} in the books and {status} in the history"
        yield StoryDifference(DifferenceKind.PAYMENT_DIFFERS, key, sentence)


def _was_tried_again(order: Payment, status: object) -> bool:
    """A recall that was declined is asked for again under the same key; only its last outcome is kept."""
    return order.kind is PaymentKind.RECALL and status == PaymentStatus.DECLINED


def _actor(story: Story, line: StoryLine) -> Iterator[StoryDifference]:
    step = line.step
    if step is None or step.outcome is StepOutcome.OPEN:
        return
    key = command_of(story.loan, step)
    was_done = any(effect.key == key for effect in story.facts.effects)
    ended = step.ended_at or step.at
    nearby = [
        entry
        for entry in story.facts.entries
        if entry.actor_id == line.actor_id
        and (not was_done or not entry.refused)
        and step.at - A_MOMENT <= entry.at <= ended + A_MOMENT
    ]
    proven = bool(line.entries) if was_done else bool(nearby)
    if not proven and (was_done or step.outcome is StepOutcome.REFUSED):
        sentence = (
            f"event {step.events[0].id} of run {step.run} ({step.name}) says that {line.actor_id} acted; "
            "the audit log has no entry of it"
        )
        yield StoryDifference(DifferenceKind.ACTOR_WITHOUT_ENTRY, f"{step.run}/{step.events[0].id}", sentence)


# -- the books --------------------------------------------------------------------------------------------------------


def _books(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    told = {effect.key for line in story.lines if line.step is not None for effect in line.effects}
    whole = _is_whole(story) and bool(story.runs)
    for act in story.acts.values():
        if is_recent(work, act.at):
            continue
        by_engine = not act.entries or any(_by_loan(entry) for entry in act.entries)
        for effect in act.effects:
            if whole and effect.key not in told and by_engine and not _cut_off(story, act.entries):
                sentence = f"act {effect.act} ({effect.key}) is in the books, and no history tells of it"
                yield StoryDifference(DifferenceKind.EFFECT_WITHOUT_EVENT, effect.key, sentence)
        if act.postings and not (act.entries or act.effects or act.events or act.month_end):
            for posting in act.postings:
                sentence = f"posting {posting.id} over {yuan(posting.amount_fen)} belongs to no act that is known"
                yield StoryDifference(DifferenceKind.POSTING_WITHOUT_ACT, posting.id, sentence)


def _cut_off(story: Story, entries: Sequence[AuditEntry]) -> bool:
    return any(_by_loan(entry) and _lost_with_run(story, entry) for entry in entries)


# -- the bank ---------------------------------------------------------------------------------------------------------


def _bank(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    known = {one.reference: one for one in story.facts.bank}
    for order in story.facts.payments:
        if order.status not in MONEY_MOVED or order.kind in WITHOUT_BANK:
            continue
        entry = known.get(order.bank_reference or "")
        if entry is None:
            moved_on = order.moved_on or order.value_date
            if moved_on + timedelta(days=BANK_PATIENCE_DAYS) < work.today:
                sentence = f"order {order.key} over {yuan(order.settled_fen)} moved money that the bank never reported"
                yield StoryDifference(DifferenceKind.PAYMENT_WITHOUT_BANK_ENTRY, order.key, sentence)
        elif entry.amount_fen != order.settled_fen:
            sentence = (
                f"order {order.key} moved {yuan(order.settled_fen)} in the books, "
                f"{yuan(entry.amount_fen)} by the bank's entry {entry.reference}"
            )
            yield StoryDifference(DifferenceKind.BANK_AMOUNT_DIFFERS, order.key, sentence)


# -- the stage --------------------------------------------------------------------------------------------------------


def _stage(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    loan = story.facts.loan
    if loan is None or is_recent(work, loan.updated_at):
        return
    said = {"the acts in the books": stage_at(story, work.now)}
    if _is_whole(story) and story.runs:
        said["the history"] = _stage_in(story.runs[-1])
    for who, stage in said.items():
        # The books follow later: until the grade these stages count as one.
        if stage is not None and stage is not loan.stage and not {stage, loan.stage} <= BEING_VERIFIED:
            sentence = f"loan {loan.number} is at {loan.stage}, by {who} at {stage}"
            yield StoryDifference(DifferenceKind.STAGE_DIFFERS, loan.number, sentence)


def _stage_in(run: ToldRun) -> Stage | None:
    """Where the last step of a run that says so has the loan."""
    for step in reversed(run.read.steps if run.read else ()):
        spelled = step.asked.get("stage") if step.kind is StepKind.STARTED else step.answer.get("stage")
        if isinstance(spelled, str) and step.outcome in (StepOutcome.DONE, StepOutcome.OPEN):
            return Stage(spelled)
    return None


# -- replays ----------------------------------------------------------------------------------------------------------


def _verdicts(work: UnitOfWork, story: Story) -> Iterator[StoryDifference]:
    verdicts = work.histories.verdicts(story.loan, MOST_VERDICTS)
    # Of the oldest ones that were read some may be missing.
    since = verdicts[-1].replayed_at if len(verdicts) == MOST_VERDICTS else None
    first = story.facts.entries[0].id if story.facts.entries else ""
    entries = work.audit.of_act_about(REPLAYED, story.loan, first, MOST_VERDICTS)
    for at, sentence in not_as_named(verdicts, entries, since):
        yield StoryDifference(DifferenceKind.VERDICT_DIFFERS, f"{story.loan}/{spelled(at)}", sentence)
