"""The decision form: what was entered, read into an order, and what is wrong with it, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import InvalidAmount, to_fen
from models.keys import command_id, new_id
from models.loans import Loan
from models.messages import DecisionOrder, Sender
from models.staff import Actor
from models.tasks import REASON_CODES, Outcome, Task, TaskKind
from models.words import storable, without_control
from services import approval
from services.errors import InvalidDecision
from services.permissions import MAY_DECIDE, check_may_decide
from web import labels
from web.language import Language, marked

PROBLEMS = {
    "outcome": marked("Choose one of these."),
    REASON_CODES: marked("Choose at least one for a refusal: the borrower reads it, and what would change it."),
    "reason": marked("Write a sentence of at most 500 characters."),
    "amount": marked(
        "Only with an approval: an amount that the product lends, at most what was applied for and what the grade "
        "allows."
    ),
}
"""What a person reads at a field of a decision that cannot be read or taken. Other refusals have their own sentence."""
CONTROL_PROBLEM = marked(
    "The text held invisible control characters. They are taken out now: read it again and send it."
)


CODE = "why-"
"""How the field of a reason's code begins: a box that is ticked where it is a reason of the refusal."""


@dataclass(frozen=True)
class DecisionForm:
    """What a person entered. `problems` has a sentence for each wrong field, `refused` one for the whole.

    `given_id` is how the form names its command; it becomes the command's id together with person and act.
    `is_answered` says that the page answers an act, so that the focus goes to the result.
    """

    outcome: str = ""
    reason: str = ""
    amount: str = ""
    given_id: str = field(default_factory=new_id)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None
    is_answered: bool = False
    reason_codes: tuple[str, ...] = ()

    def problem(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.problems.get(name)

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """The form as it came in, its lines ended by line feeds. Its command's name is kept: sent twice, it is one."""
        return cls(
            outcome=fields.get("outcome", ""),
            reason=fields.get("reason", "").replace("\r\n", "\n").strip(),
            amount=fields.get("amount", "").strip(),
            given_id=fields.get("command_id") or new_id(),
            reason_codes=tuple(name.removeprefix(CODE) for name in fields if name.startswith(CODE)),
        )

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it, at the fields where possible."""
        named = error.fields if error.code == InvalidDecision.code else ()
        problems = {name: language.say(PROBLEMS[name]) for name in named if name in PROBLEMS}
        reason = without_control(self.reason)
        if "reason" in problems and reason != self.reason:
            problems["reason"] = language.say(CONTROL_PROBLEM)
        refused = None if problems else labels.refusal(error, language)
        return replace(self, reason=reason, problems=problems, refused=refused, is_answered=True)


def read_note(form: DecisionForm, *, is_optional: bool = False) -> str:
    """What a person wrote for the record; InvalidDecision if it cannot be kept, or is missing where it must not be."""
    if not storable(form.reason) or not (form.reason or is_optional):
        raise InvalidDecision("the note cannot be kept", fields={"reason": ""})
    return form.reason


def read_decision(form: DecisionForm, task: Task, sender: Sender) -> DecisionOrder:
    """The order that a form asks for; InvalidDecision names every field that cannot be read."""
    wrong = []
    if form.outcome not in list(Outcome):
        wrong.append("outcome")
    # What is ticked beside another outcome says nothing.
    codes = form.reason_codes if refuses_case(form.outcome, task) else ()
    if refuses_case(form.outcome, task) and not codes:
        wrong.append(REASON_CODES)
    if not form.reason or not storable(form.reason):
        wrong.append("reason")
    amount_fen = None
    try:
        amount_fen = read_amount(form.amount)
    except InvalidDecision:
        wrong.append("amount")
    if wrong:
        raise InvalidDecision("the decision is not complete", fields=dict.fromkeys(wrong, ""))
    return DecisionOrder(
        task_id=task.id,
        outcome=Outcome(form.outcome),
        reason=form.reason,
        sender=sender,
        command_id=command_id(sender.actor_id, f"{task.id}:decision", form.given_id),
        amount_fen=amount_fen,
        reason_codes=codes,
    )


def refuses_case(outcome: str, task: Task) -> bool:
    """Whether a case is refused, and its borrower told why by reasons of the product's list."""
    return task.kind is TaskKind.APPROVAL and outcome == Outcome.REFUSE


def read_verdict(fields: Mapping[str, str], yes: str = "confirm", no: str = "refuse") -> bool:
    """Whether a second person confirms what another proposed, or refuses it; a form may have other words for it."""
    verdict = fields.get("verdict", "")
    if verdict not in (yes, no):
        raise InvalidDecision("the verdict cannot be read", fields={"outcome": ""})
    return verdict == yes


def read_outcome(fields: Mapping[str, str]) -> Outcome:
    """What a person says of a paper: Outcome.RETURN, which none of them takes, where nothing was chosen."""
    return Outcome(fields["outcome"]) if fields.get("outcome") in list(Outcome) else Outcome.RETURN


def may_decide_on(work: UnitOfWork, actor: Actor, loan: Loan, kind: TaskKind) -> bool:
    """Whether an open task of this kind is for this person's role."""
    tasks = work.tasks.open_of(loan.number, kind)
    return bool(tasks) and actor.role in MAY_DECIDE.get(tasks[0].role, set())


def read_amount(text: str) -> int | None:
    """Fen of an amount as people type it, with or without thousands; None if the field is empty."""
    plain = text.strip().lstrip("¥￥").replace(",", "").replace("，", "").strip()
    if not plain:
        return None
    try:
        fen = to_fen(plain)
    except InvalidAmount:
        fen = 0
    if fen <= 0:
        raise InvalidDecision("this is no amount", fields={"amount": ""})
    return fen


def why_not(work: UnitOfWork, actor: Actor, task: Task) -> LendingError | None:
    """Why this person cannot act on an open task, None if he can: asked of the same checks as the act itself meets."""
    try:
        check_may_decide(actor, task)
        if task.kind in approval.DECIDED:
            sender = Sender(actor_id=actor.id, role=actor.role)
            # The outcome that nothing but the person stands against: not every case or change can be approved as it is,
            # and not every payout can be given up.
            outcome = Outcome.APPROVE if task.kind is TaskKind.PAYOUT_PROBLEM else Outcome.REFUSE
            order = DecisionOrder(task_id=task.id, outcome=outcome, reason="?", sender=sender, command_id=new_id())
            approval.check(work, actor, task, order)
    except LendingError as error:
        return error
    return None
