"""The whole life of a loan on one line of time: what the engine recorded beside what the books and the bank have."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from books.histories import BankLine, DecisionLine, LoanFacts
from books.session import UnitOfWork
from lending.money import yuan
from models.audit import AuditEntry
from models.histories import RunHistory
from models.keys import command_key
from models.ledger import Posting
from models.loans import LoanEvent
from models.outbox import Effect
from models.payments import Payment, PaymentStatus
from models.run_events import CodeVersion, HistoryDamaged, RunEvents, read_events
from models.staff import Role
from models.tasks import Outcome
from services.claims import DECISIONS, TAKEN_OVER
from services.timeline_acts import act_words
from services.timeline_steps import ACT_OF, COLLECT, RunSteps, Step, StepKind, StepOutcome, steps_of
from services.timeline_words import OUTCOMES, SETTLED_PAYMENT, TIMERS, Words, name, step_words


class RunSource(StrEnum):
    """Where the history of a run was found. `missing`: another run names it, and nobody has it."""

    ARCHIVE = "archive"
    ENGINE = "engine"
    MISSING = "missing"


@dataclass(frozen=True)
class FoundRun:
    """One run of a loan as it was found; without content where it cannot be had, and `problem` says why."""

    run_id: str
    source: RunSource
    content: bytes | None = None
    archived: RunHistory | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ToldRun:
    """A run in the story: its events and steps, or why there are none."""

    found: FoundRun
    read: RunSteps | None
    problem: str | None

    @property
    def events(self) -> RunEvents | None:
        """What the engine wrote of it."""
        return self.read.run if self.read else None

    @property
    def versions(self) -> tuple[CodeVersion, ...]:
        """Which versions of the code worked on it, and from when on; of a history that is gone what was archived."""
        if self.events is not None:
            return self.events.versions
        return self.found.archived.versions if self.found.archived else ()


@dataclass
class Act:
    """All that one unit of work wrote about the loan: it is known by the one instant that it bears."""

    at: datetime
    entries: list[AuditEntry] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    events: list[LoanEvent] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    decisions: list[DecisionLine] = field(default_factory=list)
    bank: list[BankLine] = field(default_factory=list)
    month_end: str | None = None
    has_terms: bool = False


@dataclass(frozen=True)
class EventRef:
    """An event of the engine that a line tells of."""

    run: str
    id: int
    type: str
    at: datetime


@dataclass
class StoryLine:
    """One thing that happened: when, what, through whom, and where each book has it.

    `code` is stable; `words` are for people. `effects` are the acts on the books, `entries` prove who it was.
    """

    at: datetime
    day: date
    code: str
    words: Words
    outcome: StepOutcome
    step: Step | None = None
    actor_id: str | None = None
    role: Role | None = None
    approved_by: str | None = None
    reason: str | None = None
    events: list[EventRef] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    bank: list[BankLine] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """A loan's life: its lines in order, its runs, and all the facts that it was told from."""

    loan: str
    lines: Sequence[StoryLine]
    runs: Sequence[ToldRun]
    facts: LoanFacts
    acts: Mapping[datetime, Act]
    engine_answered: bool


def tell(work: UnitOfWork, loan: str, runs: Sequence[FoundRun], *, engine_answered: bool = True) -> Story:
    """Puts together what the engine, the books and the bank have of a loan. Raises UnknownLoan."""
    facts = work.histories.facts(loan)
    told = sorted((_told(run) for run in runs), key=_began)
    acts = _acts(facts)
    lines = list(_Teller(work, loan, facts, acts).lines(told))
    # Steps come in their order, which stays; what happened beside them is put between.
    lines.sort(key=lambda line: line.at)
    return Story(loan, lines, told, facts, acts, engine_answered)


def _told(found: FoundRun) -> ToldRun:
    if found.content is None:
        return ToldRun(found, None, found.problem)
    try:
        return ToldRun(found, steps_of(read_events(found.run_id, found.content)), found.problem)
    except HistoryDamaged as damage:
        return ToldRun(found, None, str(damage))


def _began(run: ToldRun) -> tuple[float, str]:
    if run.events is not None:
        return run.events.first.at.timestamp(), run.found.run_id
    archived = run.found.archived
    return archived.started_at.timestamp() if archived else 0.0, run.found.run_id


def _acts(facts: LoanFacts) -> dict[datetime, Act]:
    acts: dict[datetime, Act] = {}

    def of(at: datetime) -> Act:
        return acts.setdefault(at, Act(at))

    for entry in facts.entries:
        of(entry.at).entries.append(entry)
    for posting in facts.postings:
        of(posting.booked_at).postings.append(posting)
    for event in facts.events:
        of(event.recorded_at).events.append(event)
    for effect in facts.effects:
        of(effect.at).effects.append(effect)
    for decision in facts.decisions:
        of(decision.decided_at).decisions.append(decision)
    for bank in facts.bank:
        of(bank.received_at).bank.append(bank)
    for month_end in facts.month_ends:
        of(month_end.made_at).month_end = month_end.month
    for terms in facts.terms:
        of(terms.created_at).has_terms = True
    return acts


class _Teller:
    """Links the steps of all runs with what the books have of them; what is left over tells its own line."""

    def __init__(self, work: UnitOfWork, loan: str, facts: LoanFacts, acts: Mapping[datetime, Act]) -> None:
        self.clock = work.clock
        self.loan = loan
        self.acts = acts
        self.payments = {one.key: one for one in facts.payments}
        self.bank = {one.reference: one for one in facts.bank}
        self.effects = {one.key: one for one in facts.effects}
        self.by_number: dict[int, list[Effect]] = defaultdict(list)
        for effect in facts.effects:
            self.by_number[effect.n].append(effect)
        self.by_step: dict[tuple[str, str], list[AuditEntry]] = defaultdict(list)
        for entry in facts.entries:
            if entry.run_id and entry.activity_id:
                self.by_step[(entry.run_id, entry.activity_id)].append(entry)
        self.told: set[datetime] = set()
        self.shown: set[str] = set()

    def lines(self, runs: Iterable[ToldRun]) -> Iterator[StoryLine]:
        latest: datetime | None = None
        for run in runs:
            for step in run.read.steps if run.read else ():
                line = self._of_step(step, run)
                # A run begins a moment before the one that it continues has ended by the engine's own dates.
                line.at = latest = max(line.at, latest or line.at)
                yield line
        for act in self.acts.values():
            if act.at not in self.told:
                yield from self._of_act(act)

    # -- steps of the workflow --------------------------------------------------------------------------------------

    def _of_step(self, step: Step, run: ToldRun) -> StoryLine:
        line = StoryLine(step.at, self.clock.business_date(step.at), "", Words("", ""), step.outcome, step)
        line.events = [EventRef(step.run, one.id, one.type, one.at) for one in step.events]
        if step.kind in (StepKind.LOCAL, StepKind.ACTIVITY):
            self._link_act(line, step)
            self._link_payment(line, step)
        elif step.kind in (StepKind.UPDATE, StepKind.SIGNAL):
            self._link_message(line, step)
        self._name_people(line)
        line.code = _code(step, run)
        line.words = _words(line.code, step, self._figures(step, line))
        return line

    def _link_act(self, line: StoryLine, step: Step) -> None:
        line.effects = [one for one in self.by_number.get(step.n or 0, ()) if one.act in (None, ACT_OF.get(step.name))]
        proofs = self.by_step.get((step.run, step.activity_id or ""), [])
        instants = sorted({one.at for one in line.effects} | {one.at for one in proofs})
        for at in instants:
            act = self.acts[at]
            if at in self.told:
                continue
            self.told.add(at)
            line.entries += act.entries
            line.postings += act.postings
            line.bank += act.bank
        # Some entries about the loan may lie in a unit of work whose other entries another step has told of.
        known = {one.id for one in line.entries}
        line.entries += [one for one in proofs if one.id not in known]

    def _link_message(self, line: StoryLine, step: Step) -> None:
        sender = step.asked.get("sender")
        if isinstance(sender, dict):
            line.actor_id = str(sender.get("actor_id"))
            line.role = _role(sender.get("role"))
            line.reason = step.asked.get("reason") or None
            effect = self.effects.get(command_of(self.loan, step))
            if effect is not None:
                line.entries = [one for one in self.acts[effect.at].entries if one.actor_id == line.actor_id]
        reference = step.asked.get("reference")
        if isinstance(reference, str) and reference in self.bank:
            line.bank.append(self.bank[reference])
            self.shown.add(reference)

    def _link_payment(self, line: StoryLine, step: Step) -> None:
        payment = self.payments.get(payment_key(step) or "")
        if payment is None:
            return
        line.payments.append(payment)
        entry = self.bank.get(payment.bank_reference or "")
        if entry is not None and entry not in line.bank:
            line.bank.append(entry)
        self.shown |= {one.reference for one in line.bank}

    def _name_people(self, line: StoryLine) -> None:
        people = [one for one in line.entries if one.role != Role.SYSTEM]
        acting = (people or line.entries)[:1]
        if acting and line.actor_id is None:
            line.actor_id, line.role = acting[0].actor_id, _role(acting[0].role)
        if line.reason is None:
            line.reason = next((one.reason for one in people if one.reason), None)
        for entry in line.entries:
            if (approver := approver_of(entry)) is not None:
                line.approved_by = approver

    def _figures(self, step: Step, line: StoryLine) -> dict[str, Words | str]:
        figures: dict[str, Words | str] = {"sentence": _sentence(step)}
        for key in ("stage", "outcome", "check", "verdict"):
            value = step.answer.get(key, step.asked.get(key))
            if value is not None:
                figures[key] = _check(str(value)) if key == "check" else name(value)
        counted = {"installment": step.asked.get("n"), "runs": step.asked.get("runs")}
        figures |= {key: str(value) for key, value in counted.items() if value is not None}
        if step.kind is StepKind.UPDATE:
            amount = step.asked.get("amount_fen")
            figures["asked_amount"] = yuan(amount) if isinstance(amount, int) else name("all")
            figures["change"] = name(step.asked.get("kind"))
        if step.until is not None:
            figures["until"] = self.clock.business_date(step.until).isoformat()
        if step.kind is StepKind.ACTIVITY:
            status = step.answer.get("status", "")
            figures["status"] = SETTLED_PAYMENT if status == PaymentStatus.SETTLED else name(status)
        for payment in line.payments:
            figures["amount"] = yuan(payment.settled_fen or payment.amount_fen)
        return figures

    # -- what happened beside the workflow --------------------------------------------------------------------------

    def _of_act(self, act: Act) -> Iterator[StoryLine]:
        bank = [one for one in act.bank if one.reference not in self.shown]
        first = act.entries[0] if act.entries else None
        if first is not None:
            what = first.act
        elif act.month_end is not None:
            what = "month_end"
        elif act.effects:
            what = f"effect_{act.effects[0].act or 'unknown'}"
        elif bank:
            what = "bank_reported"
        elif act.postings:
            what = "posted"
        elif act.bank and not act.events:
            # Its payment has told of it.
            return
        else:
            what = "recorded"
        outcome = StepOutcome.REFUSED if first is not None and first.refused else StepOutcome.DONE
        line = StoryLine(act.at, self.clock.business_date(act.at), f"act.{what}", act_words(what), outcome)
        line.entries, line.postings, line.bank, line.effects = act.entries, act.postings, bank, act.effects
        self._name_people(line)
        yield line


def approver_of(entry: AuditEntry) -> str | None:
    """Who approved, by the entry of it; None for any other entry. Of a takeover it is the second person, whom the
    entry names. What the table of decisions says is compared with this, and proves nothing by itself.
    """
    after = entry.after or {}
    if entry.act == TAKEN_OVER:
        return after.get("approved_by")
    approves = entry.act in DECISIONS and not entry.refused and after.get("outcome") == Outcome.APPROVE
    return entry.actor_id if approves else None


def command_of(loan: str, step: Step) -> str:
    """The key of the effect that a message to the loan comes to; a decision's is that of its task."""
    if step.name in ("decide", "decision_made"):
        return command_key(loan, f"decision {step.asked.get('task_id')}")
    return command_key(loan, str(step.asked.get("command_id")))


def payment_key(step: Step) -> str | None:
    """The order to the bank that a step makes or carries out, None for steps that have nothing to do with money."""
    key = step.answer.get("payment_key") if step.kind is StepKind.LOCAL else step.asked.get("key")
    if not isinstance(key, str):
        return None
    return f"{key}:recall" if step.name == "recall_payout" else key


def _code(step: Step, run: ToldRun) -> str:
    if step.kind is StepKind.STARTED:
        return "started.continued" if run.events is not None and run.events.previous else "started.run"
    if step.name == COLLECT and step.asked.get("subsidy"):
        return "activity.collect.subsidy"
    return f"{step.kind}.{step.name}"


def _words(code: str, step: Step, figures: Mapping[str, Words | str]) -> Words:
    if step.kind is StepKind.TIMER:
        return TIMERS[step.outcome].with_figures(figures)
    words = step_words(code).with_figures(figures)
    around = OUTCOMES.get(step.outcome)
    if around is None:
        return words
    return around.with_figures({**figures, "step": words})


def _sentence(step: Step) -> str:
    return step.sentence or step.failed_as.replace("_", " ") or "–"


def _check(asked: str) -> Words:
    """The registers of a check, and about whom, in words: `identity+screening`, `bureau@guarantor-2`."""
    parts = []
    for one in asked.split("+"):
        register, _, party = one.partition("@")
        parts.append((name(register), name(party.partition("-")[0]) if party else None))
    english = ", ".join(f"{one.en} ({about.en})" if about else one.en for one, about in parts)
    return Words(english, "、".join(f"{one.zh}（{about.zh}）" if about else one.zh for one, about in parts))


def _role(spelled: Any) -> Role | None:
    try:
        return Role(str(spelled))
    except ValueError:
        return None
