"""The decision form: what was entered, read into an order, and what is wrong with it, field by field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import InvalidAmount, to_fen
from models.keys import new_id
from models.messages import DecisionOrder, Sender
from models.staff import Actor
from models.tasks import Outcome, Task, TaskKind
from services import approval
from services.errors import InvalidDecision
from services.permissions import check_may_decide
from web import labels
from web.language import Language, marked

LONGEST_REASON = 500
DECIDED_KINDS = (TaskKind.APPROVAL, TaskKind.PAYOUT_PROBLEM)
"""Tasks that are decided, not just done."""

_COMMAND_ID = re.compile(r"[0-9a-f]{32}")

PROBLEMS = {
    "outcome": marked("Choose one of these."),
    "reason": marked("Say why, in a sentence of at most 500 characters."),
    "amount": marked("An amount above zero, at most what was applied for, and only with an approval."),
}
"""What a person reads at a field that was refused."""


@dataclass(frozen=True)
class DecisionForm:
    """What a person entered. `problems` has a sentence for each wrong field, `refused` one for the whole.

    `is_answered` says that the page answers an act, so that the focus goes to the result.
    """

    outcome: str = ""
    reason: str = ""
    amount: str = ""
    command_id: str = field(default_factory=new_id)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None
    is_answered: bool = False

    def problem(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.problems.get(name)

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """The form as it came in. Its command's id is kept, so that a form sent twice is one command."""
        command_id = fields.get("command_id", "")
        return cls(
            outcome=fields.get("outcome", ""),
            reason=fields.get("reason", "").strip(),
            amount=fields.get("amount", "").strip(),
            command_id=command_id if _COMMAND_ID.fullmatch(command_id) else new_id(),
        )

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it, at the fields where possible."""
        problems = {name: language.say(PROBLEMS[name]) for name in error.fields if name in PROBLEMS}
        refused = None if problems else labels.refusal(error.code, str(error), language)
        return replace(self, problems=problems, refused=refused, is_answered=True)


def read_decision(form: DecisionForm, task: Task, sender: Sender) -> DecisionOrder:
    """The order that a form asks for; InvalidDecision names every field that cannot be read."""
    wrong = []
    if form.outcome not in list(Outcome):
        wrong.append("outcome")
    if not 0 < len(form.reason) <= LONGEST_REASON:
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
        command_id=form.command_id,
        amount_fen=amount_fen,
    )


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
        if task.kind in DECIDED_KINDS:
            sender = Sender(actor_id=actor.id, role=actor.role)
            order = DecisionOrder(
                task_id=task.id, outcome=Outcome.APPROVE, reason="?", sender=sender, command_id=new_id()
            )
            approval.check(work, actor, task, order)
    except LendingError as error:
        return error
    return None
