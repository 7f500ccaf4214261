"""A person's look at what the rules refused by themselves, for whoever asks for it (PIPL article 24)."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from books.session import UnitOfWork
from lending.errors import LendingError
from models.grading import Grading
from models.loans import Loan, Stage
from models.outbox import Topic
from models.policies import PolicyKind
from models.second_looks import SecondLook
from models.staff import Actor
from models.tasks import Task, TaskKind
from models.words import storable
from services import audit
from services.authority import Band, loan_band, standing_of
from services.errors import InvalidDecision, WrongStage
from services.legal_bounds import chain_of
from services.loans import most_to_approve, require_stage
from services.notices import send_sms
from services.permissions import check_may_speak_for
from services.policies import FactsIncomplete, Version
from services.policy_kinds import GRADES, REFER, REFUSE
from services.policy_tables import DecisionTable
from services.products import catalogue
from services.referral import ask_people
from services.tasks import close_all


class Price(NamedTuple):
    """What people may grant at most where the rules granted nothing, and the row of the table that says so."""

    grade: str
    limit_fen: int
    annual_rate_percent: str
    fired_row: int | None


UNPRICED = Price(GRADES[-1], 0, "0", None)
"""Nobody can approve anything then: the look can only uphold the refusal or send the case back."""


class NotRefusedByRules(LendingError):
    """A person refused the loan, or looked at its refusal already."""

    code = "no_automatic_refusal"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("a person has decided on this application, so there is no automatic refusal to look at")


class TooLateToAsk(LendingError):
    """The days in which a look may be asked for are over."""

    code = "too_late_to_ask"
    http_status = 409

    def __init__(self, until: date) -> None:
        super().__init__(f"a person's look could be asked for until {until}; apply anew")


def ask(work: UnitOfWork, actor: Actor, loan: Loan, day: date, words: str = "") -> SecondLook:
    """Puts a case that the rules refused before people: two of risk decide, and the loan's workflow starts anew.

    Asked by the borrower or by who speaks for him, once for each refusal, within the days that the product gives; the
    same person who asks again gets what he asked for. They may refuse, send back what was wrong, or approve within the
    limit and at the price of the worst grade, since the rules gave none. Raises NotAllowed, WrongStage,
    NotRefusedByRules, TooLateToAsk, InvalidDecision for unreadable words.
    """
    # Held until the commit: of two who ask at once, the second finds the case reopened.
    loan = work.loans.get(loan.number)
    check_may_speak_for(actor, loan)
    asked = work.tasks.second_look(loan.number)
    if asked is not None and loan.stage is Stage.APPROVAL and asked.asked_by == actor.id:
        return asked
    require_stage(loan, "a person's look", Stage.REFUSED)
    until = may_ask_until(work, loan)
    if until is None:
        raise NotRefusedByRules
    if day > until:
        raise TooLateToAsk(until)
    words = words.strip()
    if not storable(words):
        raise InvalidDecision("the words cannot be kept", fields={"reason": "at most 500 characters"})
    grading = work.policies.grading(loan.number)
    if grading is None:
        raise WrongStage(loan.number, loan.stage, "a person's look")
    asked_now = {"words": words or None, "asked_by": actor.id, "asked_as": actor.role, "asked_on": day}
    look = _keep(work, loan, grading, asked_now | {"asked_at": work.now})
    loan.closed_on = None
    task, band = _ask_people(work, loan, day)
    key = f"{loan.number}:second_look:{grading.round}"
    audit.record(
        work,
        actor,
        "second_look_asked",
        loan=loan.number,
        subject=task.id,
        before={"stage": Stage.REFUSED},
        after={"stage": loan.stage, "reasons": list(grading.reasons), "policy": band.label, "row": band.fired_row},
    )
    send_sms(work, loan, "second_look", f"{key}:sms")
    work.outbox.put(Topic.REOPEN_LOAN, f"reopen:{key}", {}, work.now, loan.number)
    return look


def carry_over(work: UnitOfWork, loan: Loan, day: date) -> Task | None:
    """Keeps a look that was asked for and not decided on for a case that the rules have refused anew meanwhile.

    Gives the task of who looks at it; None where nobody waits for a look, or somebody decided since it was asked for.
    """
    look, grading = work.tasks.second_look(loan.number), work.policies.grading(loan.number)
    if look is None or grading is None or look.round == grading.round:
        return None
    if any(one.decided_at >= look.asked_at for one in work.tasks.decisions(loan.number)):
        return None
    told = ("words", "asked_by", "asked_as", "asked_on", "asked_at")
    _keep(work, loan, grading, {name: getattr(look, name) for name in told})
    close_all(work, loan.number, TaskKind.APPROVAL)
    return _ask_people(work, loan, day)[0]


def _keep(work: UnitOfWork, loan: Loan, grading: Grading, asked: Mapping[str, Any]) -> SecondLook:
    rules = pricing_of(work, loan, grading)
    try:
        price = worst_price(work, rules, grading)
    except FactsIncomplete:
        # A case from before the pricing asked so much has to be sent back and graded anew.
        price = UNPRICED
    look = SecondLook(
        loan=loan.number,
        round=grading.round,
        grade=price.grade,
        limit_fen=price.limit_fen,
        annual_rate_percent=price.annual_rate_percent,
        policy_id=rules.key,
        fired_row=price.fired_row,
        **asked,
    )
    work.write(look)
    return look


def _ask_people(work: UnitOfWork, loan: Loan, day: date) -> tuple[Task, Band]:
    band = loan_band(work, standing_of(work, loan, day), most_to_approve(work, loan), day)
    return ask_people(work, loan, day, band, f"{loan.product}, a person's look at the refusal by the rules"), band


def may_ask_until(work: UnitOfWork, loan: Loan) -> date | None:
    """Until which day a person's look at the refusal of a loan may be asked for; None where the rules did not refuse
    it, or it was asked for already.
    """
    grading = work.policies.grading(loan.number)
    if loan.stage is not Stage.REFUSED or loan.closed_on is None or grading is None or grading.outcome != REFUSE:
        return None
    look = work.tasks.second_look(loan.number)
    if look is not None and look.round == grading.round:
        return None
    return loan.closed_on + timedelta(days=catalogue().product(loan.product).second_look_days)


def pricing_of(work: UnitOfWork, loan: Loan, grading: Grading) -> Version:
    """What gives the price of a look: the pricing that would have been asked next when the rules refused, by what was
    published until then; the grading table, where no pricing was in force.
    """
    versions = chain_of(work, loan, grading).versions
    return versions.get(PolicyKind.PRICING) or versions[PolicyKind.GRADING]


def worst_price(work: UnitOfWork, rules: Version, grading: Grading) -> Price:
    """The worst grade to which a pricing, or a grading table, lends anything: its highest limit and that one's rate.

    UNPRICED if there is none; FactsIncomplete for a case from before the pricing asked so much.
    """
    if rules.kind.code is PolicyKind.PRICING:
        for grade in reversed(GRADES):
            answer = rules.ask(grading.facts | {"grade": grade})
            limit_fen, rate = answer.values["limit_fen"], answer.values["annual_rate_percent"]
            if limit_fen > 0:
                return Price(grade, limit_fen, rate, answer.fired_row)
        return UNPRICED
    table = DecisionTable.read(work.policies.get(rules.key).content)
    found = [
        Price(
            table.cell(row, "grade").strip('"'),
            _limit(table.cell(row, "limit_fen"), grading),
            table.cell(row, "annual_rate_percent").strip('"'),
            row,
        )
        for row in range(1, len(table.rows) + 1)
        if table.cell(row, "outcome") == f'"{REFER}"'
    ]
    return max((one for one in found if one.limit_fen > 0), default=UNPRICED)


def _limit(cell: str, grading: Grading) -> int:
    """The limit of a row: a sum, a fact of the case, or the smaller of two."""
    parts = re.findall(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+", cell.removeprefix("min"))
    return min((int(part) if part.isdecimal() else int(grading.facts.get(part, 0)) for part in parts), default=0)
