"""Asking outside registers: only after a recorded authorisation, never twice within an answer's time.

`question` is the one place that says what a register may be asked, and for whom it may not be asked at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import ceil
from typing import Any

from books.authorisations import KnownAnswer
from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.loans import Loan, Stage
from models.messages import VerificationOrder
from models.outbox import Topic
from models.products import party_names
from models.staff import Actor
from models.tasks import Task, TaskKind, TaskStatus
from models.verification import (
    ANSWERED,
    BORROWER,
    REGISTER_DOWN,
    CheckName,
    RegisterRule,
    Verdict,
    Verification,
    WhenDown,
)
from services import audit, customers
from services.authorisations import signing_parties, words_of
from services.errors import NotAuthorised
from services.loans import BEING_VERIFIED, move, require_stage
from services.permissions import check_may_decide
from services.products import catalogue
from services.tasks import close, close_all

SHORTEST_USE = timedelta(minutes=5)
"""For so long an answer may be decided by where business days are shorter than that: nobody could keep up otherwise."""
HELD_FOR = timedelta(seconds=20)
"""How long a question belongs to who asks it: longer than an answer may take, and short if he dies meanwhile."""


class AskedElsewhere(LendingError):
    """Another loan is asking this very question at this moment: its answer will do for both."""

    code = "asked_elsewhere"
    http_status = 503
    retryable = True

    def __init__(self, loan: str, check: str) -> None:
        super().__init__(f"{check} of loan {loan} is being asked for another loan; its answer is taken over")


@dataclass(frozen=True)
class Question:
    """What a register is asked about; `index` is a digest of it, the same for the same question about a person."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    mobile: str = field(repr=False)
    vin: str | None = None
    dealer: str | None = None
    index: str = ""
    rule: RegisterRule = field(default_factory=lambda: RegisterRule(valid_days=0))


BY_LAW = frozenset({"screening"})
"""What the law makes the lender ask, whoever agrees: the Anti-Money Laundering Law of 2024 has customers compared with
the lists of the state, and PIPL article 13 (3) takes such a duty out of the need for consent. No other register is.
"""
_ASKED = {
    "identity": ("name", "id_number", "mobile"),
    "bureau": ("name", "id_number"),
    "enrolment": ("name", "id_number"),
    "vehicle": ("id_number", "vin", "dealer"),
    "screening": ("name", "id_number"),
}
"""What makes a question to a register the same question. That to the vehicle register is one of a person, too: nobody's
answer serves another person."""


def question(work: UnitOfWork, loan: str, check: str) -> Question:
    """The data of the person whom a check is about; NotAuthorised unless he agrees to this very register now."""
    name = CheckName.parse(check)
    form: Mapping[str, Any]
    if name.register in BY_LAW:
        form, product_code = work.loans.application(loan).form, work.loans.get(loan).product
    else:
        word = work.authorisations.word(loan, name.party, name.register)
        if word is None or not word[0]:
            raise NotAuthorised(loan)
        _, form, product_code = word
    product = catalogue().product(product_code)
    if name.party == BORROWER:
        person: dict[str, Any] = {part: form.get(part) for part in ("name", "id_number", "mobile", "vin", "dealer")}
    else:
        joint = product.parties(form)
        other = dict(zip(party_names(one.role for one in joint), joint, strict=True))[name.party]
        person = {"name": other.name, "id_number": other.id_number, "mobile": other.mobile}
    parts = _ASKED.get(name.register, tuple(person))
    index = blind_index("|".join((name.register, *(person.get(part) or "" for part in parts))))
    return Question(**person, index=index, rule=product.rule_for(check))


def look_up(work: UnitOfWork, loan: str, check: str, round_: int, day: date) -> tuple[KnownAnswer | None, Question]:
    """The answer to a check if there is one that is still good, else the question, which is now this loan's to ask.

    An answer to the same question that another loan or an earlier round got within its time is taken over. Raises
    NotAuthorised, and AskedElsewhere while another loan asks.
    """
    asked = question(work, loan, check)
    answers = work.authorisations.answers_to(asked.index)
    mine = (loan, check, round_)
    own = next((one for one in answers if (one.loan, one.check_name, one.round) == mine), None)
    if own is not None:
        return own, asked
    for one in answers:
        age = (day - _asked_on(work, one)).days
        if one.verdict in ANSWERED and age < asked.rule.valid_days:
            return _take_over(work, one, asked, loan, check, round_), asked
    if not work.authorisations.claim(asked.index, loan, check, work.now + HELD_FOR, work.now):
        raise AskedElsewhere(loan, check)
    return None, asked


def _take_over(
    work: UnitOfWork, source: KnownAnswer, asked: Question, loan: str, check: str, round_: int
) -> KnownAnswer:
    first_id = source.source_id or source.id
    content = work.authorisations.content_of(source.id)
    work.documents.add_answer(
        Verification(
            loan=loan,
            check_name=check,
            round=round_,
            verdict=source.verdict,
            reference=source.reference,
            answer=content,
            answered_at=source.answered_at,
            asked_on=source.asked_on,
            question_index=asked.index,
            source_id=first_id,
            recorded_at=work.now,
        )
    )
    work.loans.begin_verification(loan, work.now)
    noted = customers.note_answer(work, loan, check, source.verdict, content)
    audit.record(work, audit.SYSTEM, "register_answer_taken_over", loan=loan, subject=check, after=noted)
    return replace(source, loan=loan, check_name=check, round=round_, source_id=first_id)


def store_answer(
    work: UnitOfWork,
    loan: str,
    check: str,
    round_: int,
    verdict: Verdict,
    reference: str | None,
    answer: dict[str, Any],
    question_index: str | None = None,
    day: date | None = None,
) -> None:
    """Keeps a register's answer, asked on a business date (None: today); the loan is then under verification.

    A second answer in a round breaks its key.
    """
    work.documents.add_answer(
        Verification(
            loan=loan,
            check_name=check,
            round=round_,
            verdict=verdict,
            reference=reference,
            answer=answer,
            answered_at=work.now,
            asked_on=day or work.today,
            question_index=question_index,
            recorded_at=work.now,
        )
    )
    work.loans.begin_verification(loan, work.now)
    noted = customers.note_answer(work, loan, check, verdict, answer)
    # Not what it said: a loan's history is read by more people than a register's answer.
    audit.record(work, audit.SYSTEM, "register_answered", loan=loan, subject=check, after=noted)


def store_miss(work: UnitOfWork, loan: str, check: str, round_: int, verdict: Verdict) -> None:
    """Keeps that a check has no answer, and why; the same reason again in a round is kept once."""
    known = [one for one in work.documents.answers(loan) if (one.check_name, one.round) == (check, round_)]
    if known and known[-1].verdict is verdict:
        return
    work.documents.add_answer(
        Verification(
            loan=loan,
            check_name=check,
            round=round_,
            miss=max((one.miss for one in known), default=0) + 1,
            verdict=verdict,
            answer={},
            answered_at=work.now,
            recorded_at=work.now,
        )
    )
    work.loans.begin_verification(loan, work.now)
    audit.record(work, audit.SYSTEM, "register_without_answer", loan=loan, subject=check, reason=verdict)


def conclude_round(work: UnitOfWork, loan: Loan, order: VerificationOrder) -> VerificationOrder:
    """Ends a round: keeps which checks got no answer, so that an older round's answer does not pass for one, and closes
    the task about a register that was down. Returns the order with the checks that have none, as the books know it:
    of two that were asked together one may have answered.
    """
    if order.unanswered:
        rows = [one for one in work.documents.answers(loan.number) if one.round == order.round]
        known, answered = {one.check_name for one in rows}, {one.check_name for one in rows if one.verdict in ANSWERED}
        for check in order.unanswered:
            if check not in known:
                store_miss(work, loan.number, check, order.round, Verdict.UNAVAILABLE)
        missing = tuple(check for check in order.unanswered if check not in answered)
        order = order.model_copy(update={"unanswered": missing})
    if any(rule.when_down is WhenDown.PERSON for rule in catalogue().product(loan.product).register_rules.values()):
        for task in work.tasks.open_of(loan.number, TaskKind.TROUBLE):
            if all(part.startswith(REGISTER_DOWN) for part in task.about.split("; ")):
                close(work, task, TaskStatus.CANCELLED)
    return order


# -- asking again ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LateWord:
    """What a late authorisation, or an answer past its days, leads to.

    Whether the workflow is to look at the books, and whether that was all.
    """

    look_again: bool
    is_done: bool


class NothingToAsk(LendingError):
    """Every answer of the case is within its days, so no register is asked again."""

    code = "nothing_to_ask"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("every answer of the registers is within its days, so none is asked again")


def ask_again(work: UnitOfWork, actor: Actor, loan: Loan) -> tuple[str, ...]:
    """Has the registers asked anew whose answers are past their days, and the case graded by them; gives the checks.

    For who may decide the case, whose task closes; the new one has its full time. Asked twice it happens once. Raises
    WrongStage unless it waits for approval, NotAllowed, NothingToAsk.
    """
    loan = work.loans.get(loan.number)
    require_stage(loan, "asking the registers again", Stage.APPROVAL)
    for task in work.tasks.open_of(loan.number, TaskKind.APPROVAL):
        check_may_decide(actor, task)
    past = answers_past(work, loan, work.today)
    if not past:
        raise NothingToAsk
    send_back(work, loan, past, actor)
    return past


def is_being_asked(work: UnitOfWork, task: Task) -> bool:
    """Whether the registers of the case of an open task are to be asked again already."""
    return work.outbox.has(_again(task))


def _again(task: Task) -> str:
    return f"ask_again:{task.id}"


def send_back(work: UnitOfWork, loan: Loan, past: Sequence[str], actor: Actor = audit.SYSTEM) -> None:
    """Has a case that waits for approval verified again for these answers, which are past their days; once a task."""
    for task in work.tasks.open_of(loan.number, TaskKind.APPROVAL):
        if not is_being_asked(work, task):
            work.outbox.put(Topic.VERIFY_AGAIN, _again(task), {"checks": list(past)}, work.now, loan.number)
            audit.record(
                work, actor, "registers_asked_again", loan=loan.number, subject=task.id, after={"checks": list(past)}
            )


def verify_again(work: UnitOfWork, number: str) -> LateWord:
    """Sends a case that waits for approval back to its registers, if somebody of it has authorised since or answers are
    past their days.

    A case that is being verified at this moment is looked at once that is over; one that was sent back asks by itself
    when it is completed; later ones are left alone.
    """
    loan = work.loans.get(number)
    if loan.stage in BEING_VERIFIED:
        # Graded and yet being verified: it was sent back before, and the workflow may not have heard of it.
        graded = work.policies.grading(number)
        newest = max((one.round for one in work.documents.answers(number)), default=0)
        return LateWord(look_again=graded is not None and graded.round >= newest, is_done=False)
    if loan.stage is not Stage.APPROVAL:
        return LateWord(look_again=False, is_done=True)
    past = answers_past(work, loan, work.today)
    if not past and not _waits_for_word(work, number):
        return LateWord(look_again=False, is_done=True)
    close_all(work, number, TaskKind.APPROVAL)
    move(work, loan, Stage.VERIFICATION)
    reason = f"past their days: {', '.join(past)}" if past else "somebody authorised after the grade"
    audit.record(work, audit.SYSTEM, "verified_again", loan=number, reason=reason)
    return LateWord(look_again=True, is_done=False)


def _waits_for_word(work: UnitOfWork, loan: str) -> bool:
    """Whether the last round left a check out for want of an authorisation that is there now."""
    agreeing = {one.name for one in words_of(work, loan) if one.is_authorised}
    rows = work.documents.answers(loan)
    newest = max((one.round for one in rows), default=0)
    return any(
        one.verdict is Verdict.NOT_AUTHORISED and CheckName.parse(one.check_name).party in agreeing
        for one in rows
        if one.round == newest
    )


# -- looking -----------------------------------------------------------------------------------------------------------


def answers_past(work: UnitOfWork, loan: Loan, day: date) -> tuple[str, ...]:
    """The checks of a case whose answers are past their days: to a decision they count as not answered."""
    product = catalogue().product(loan.product)
    return tuple(
        check
        for check, row in newest_answers(work, loan.number).items()
        if row.verdict in ANSWERED and day > _last_day(work, row, product.rule_for(check))
    )


def _last_day(work: UnitOfWork, row: Verification, rule: RegisterRule) -> date:
    """Until when a case may be decided by an answer: on the day of it at least, whatever the rule."""
    days = max(rule.valid_days, ceil(SHORTEST_USE / work.clock.length_of(1)))
    return _asked_on(work, row) + timedelta(days=days - 1)


def _asked_on(work: UnitOfWork, row: Verification | KnownAnswer) -> date:
    return row.asked_on or work.clock.business_date(row.answered_at)


@dataclass(frozen=True)
class Check:
    """One check of a case as people see it: its newest row (None before any), and the rule by which it is made.

    `is_past` says that a decision waits, to which its answer counts no more: it has to be asked for again.
    """

    name: str
    row: Verification | None
    rule: RegisterRule
    valid_until: date | None
    is_past: bool = False

    @property
    def is_reused(self) -> bool:
        """Whether the answer was taken over from an earlier question."""
        return self.row is not None and self.row.source_id is not None


def newest_answers(work: UnitOfWork, loan: str) -> dict[str, Verification]:
    """The newest row of each check of a loan, answered or not."""
    return {one.check_name: one for one in work.documents.answers(loan)}


def checks_view(work: UnitOfWork, loan: str, product_code: str) -> list[Check]:
    """Every check of a loan's case in the order in which they are asked for."""
    product = catalogue().product(product_code)
    newest, waits = newest_answers(work, loan), work.loans.get(loan).stage is Stage.APPROVAL
    roles = [party.role for party, name in signing_parties(work, loan) if name != BORROWER]
    found = []
    for name in product.checks_for(roles):
        row, rule = newest.get(name), product.rule_for(name)
        until = _last_day(work, row, rule) if row is not None and row.verdict in ANSWERED else None
        found.append(Check(name, row, rule, until, waits and until is not None and until < work.today))
    return found
