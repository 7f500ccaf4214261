"""Who decides a loan or a change to a running one, and how many people it takes: by policies, which risk keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from books.session import UnitOfWork
from lending.money import yuan
from models.changes import ChangeKind
from models.loans import Loan
from models.staff import Actor, Role
from models.tasks import Task, TaskKind, TaskStatus
from models.verification import ANSWERED, CheckName
from services.co_signers import unconfirmed
from services.errors import AboveAuthority, AnswersExpired, BeyondAuthority, DocumentsIncomplete
from services.facts import facts_by_now
from services.loans import most_to_approve, price_of
from services.permissions import MAY_DECIDE
from services.policies import Answer, ask, in_force, version
from services.policy_kinds import GRADES
from services.policy_tables import DecisionTable
from services.screening import CHECK
from services.verification import answers_past, newest_answers

LOANS = "authority-loans"
CHANGES = "authority-changes"
SIMPLE = "simple_case"
"""The reason by which the policy says that a case may be decided together with others."""


@dataclass(frozen=True)
class Band:
    """Who decides: so many people of a role, nobody where it is None; by which row of which version, and why.

    `up_to_fen` is the most that this holds for, None where nobody asked for it.
    """

    decided_by: Role | None
    people: int
    reasons: tuple[str, ...]
    policy_id: str
    label: str
    fired_row: int
    up_to_fen: int | None = None

    @property
    def rule(self) -> dict[str, Any]:
        """The columns by which tasks and decisions keep it."""
        return {"policy_id": self.policy_id, "fired_row": self.fired_row, "people": self.people}

    @property
    def is_simple(self) -> bool:
        """Whether the policy calls the case simple."""
        return SIMPLE in self.reasons and self.people == 1

    def holds_for(self, role: Role) -> bool:
        """Whether somebody of this role may decide, alone or as one of two."""
        return self.decided_by is not None and role in MAY_DECIDE[self.decided_by]


# -- loans -------------------------------------------------------------------------------------------------------------


ONCE_COMPLETE: Mapping[str, Any] = {"documents_complete": True, "documents_unread": False}
"""How the list of documents stands when a case is decided, as a rule."""


@dataclass(frozen=True)
class Standing:
    """What authority over a case goes by, beside the amount: the grade, and the facts as they are by now.

    `limit_fen` is what the grade allows, `known` are the facts. `unanswered` says that a register was left out, or that
    none has confirmed who a co-signer is (`is_unconfirmed`: then nothing is decided without a person); `expired` are
    checks whose answers are past their days, which count as not answered.
    """

    product: str
    grade: str
    outcome: str
    limit_fen: int
    known: Mapping[str, Any]
    unanswered: bool
    expired: tuple[str, ...] = ()
    is_unconfirmed: bool = False

    @property
    def exposure_fen(self) -> int:
        """What the borrower owes or stands for besides this loan."""
        return int(self.known["exposure_fen"])

    @property
    def is_listed(self) -> bool:
        """Whether somebody of the case is on a list, or may be."""
        return bool(self.known["screening_hit"]) or not self.known["screening_known"]

    def facts(self, amount_fen: int) -> dict[str, Any]:
        """The facts of a policy about a case that is graded, for an amount."""
        was_screened = not any(CheckName.parse(check).register == CHECK for check in self.expired)
        return {
            **self.known,
            "product": self.product,
            "grade": self.grade,
            "outcome": self.outcome,
            "limit_fen": self.limit_fen,
            "screening_known": self.known["screening_known"] and was_screened,
            "unanswered": self.unanswered or self.is_unconfirmed or bool(self.expired),
            "amount_fen": amount_fen,
            "total_fen": amount_fen + self.exposure_fen,
            "within_limit": amount_fen <= self.limit_fen,
        }


def standing_of(work: UnitOfWork, loan: Loan, day: date, amount_fen: int | None = None) -> Standing:
    """How a graded case stands on a day, by the facts of that day (`facts_by_now`) and its grade.

    Since it was graded what the borrower owes elsewhere may have grown, documents may have come in, lists may have
    changed, and answers of registers may be past their days.
    """
    grading = work.policies.grading(loan.number)
    return standing_with(
        facts_by_now(work, loan, day, amount_fen),
        product=loan.product,
        grade=(grading.grade if grading else loan.grade) or GRADES[-1],
        outcome=grading.outcome if grading else "refer",
        limit_fen=price_of(work, loan)[0],
        unanswered=any(one.verdict not in ANSWERED for one in newest_answers(work, loan.number).values()),
        expired=answers_past(work, loan, day),
        is_unconfirmed=bool(unconfirmed(work, loan.number)),
    )


def standing_with(
    facts: Mapping[str, Any],
    *,
    product: str,
    grade: str,
    outcome: str,
    limit_fen: int,
    unanswered: bool,
    expired: tuple[str, ...] = (),
    is_unconfirmed: bool = False,
) -> Standing:
    """A case with this grade, as it stands by these facts."""
    return Standing(
        product=product,
        grade=grade,
        outcome=outcome,
        limit_fen=limit_fen,
        known=facts,
        unanswered=unanswered,
        expired=expired,
        is_unconfirmed=is_unconfirmed,
    )


def band_once_complete(work: UnitOfWork, standing: Standing, amount_fen: int, day: date) -> Band:
    """Who decides a case once its documents are there and read: they come after the application as a rule, and its task
    waits where it is decided then. Who approves before that is asked for anew at the decision.
    """
    return loan_band(work, replace(standing, known={**standing.known, **ONCE_COMPLETE}), amount_fen, day)


def loan_band(work: UnitOfWork, standing: Standing, amount_fen: int, day: date) -> Band:
    """Who decides a case with this amount under the version of a day."""
    return _band(ask(work, LOANS, day, standing.facts(amount_fen)))


def loan_bands(work: UnitOfWork, standing: Standing, most_fen: int, day: date) -> list[Band]:
    """The same for every amount up to the most, as bands that follow each other, the smallest first."""
    return _bands(work, LOANS, day, most_fen, standing.facts, {"amount_fen": 0, "total_fen": standing.exposure_fen})


def authority_over(work: UnitOfWork, task: Task) -> list[Band]:
    """Who may approve how much of the case of an open task today, up to the most that anybody may; empty for others."""
    if task.kind is not TaskKind.APPROVAL or task.status is not TaskStatus.OPEN or task.loan is None:
        return []
    loan = work.loans.get(task.loan)
    standing = standing_of(work, loan, work.today)
    return loan_bands(work, standing, most_to_approve(work, loan, task), work.today)


def require_authority(work: UnitOfWork, actor: Actor, standing: Standing, amount_fen: int, day: date) -> Band:
    """The band of an amount, if this person may decide in it.

    AnswersExpired or DocumentsIncomplete if he might once answers are fresh and documents there, AboveAuthority says up
    to which amount he may.
    """
    band = loan_band(work, standing, amount_fen, day)
    if not band.holds_for(actor.role):
        fresh = replace(standing, expired=())
        if standing.expired and loan_band(work, fresh, amount_fen, day).holds_for(actor.role):
            raise AnswersExpired(standing.expired, band.decided_by)
        if band_once_complete(work, fresh, amount_fen, day).holds_for(actor.role):
            raise DocumentsIncomplete(band.decided_by)
        within = [one for one in loan_bands(work, standing, amount_fen, day) if one.holds_for(actor.role)]
        raise AboveAuthority(within[-1].up_to_fen or 0 if within else 0, band.decided_by)
    return band


# -- changes of running loans ------------------------------------------------------------------------------------------


def change_band(work: UnitOfWork, kind: ChangeKind, amount_fen: int, day: date) -> Band:
    """Who decides a change of a kind and amount on a day; BeyondAuthority where nobody may decide so much."""

    def facts(fen: int) -> dict[str, Any]:
        return {"kind": kind.value, "amount_fen": fen}

    band = _band(ask(work, CHANGES, day, facts(amount_fen)))
    if band.decided_by is None:
        below = [one for one in _bands(work, CHANGES, day, amount_fen, facts, {"amount_fen": 0}) if one.decided_by]
        raise BeyondAuthority(kind, yuan(below[-1].up_to_fen or 0 if below else 0))
    return band


def change_expires_after(work: UnitOfWork, band: Band) -> int:
    """For how many business days a proposal can be decided, as the version says that named who decides it."""
    return int(work.policies.get(band.policy_id).content["expires_after_days"])


# -- what both have in common ------------------------------------------------------------------------------------------


def reason_sentences(work: UnitOfWork, band: Band) -> Mapping[str, Mapping[str, str]]:
    """The sentences of a band's reasons by code and language."""
    known = version(work, band.policy_id).sentences
    return {code: known[code] for code in band.reasons if code in known}


def _band(answer: Answer, up_to_fen: int | None = None) -> Band:
    by = answer.values["decided_by"]
    return Band(
        decided_by=None if by == "nobody" else Role(by),
        people=answer.values["people"],
        reasons=answer.reasons,
        policy_id=answer.policy_id,
        label=answer.label,
        fired_row=answer.fired_row,
        up_to_fen=up_to_fen,
    )


def _bands(
    work: UnitOfWork,
    name: str,
    day: date,
    most_fen: int,
    facts: Callable[[int], Mapping[str, Any]],
    measured: Mapping[str, int],
) -> list[Band]:
    """Bands up to the most: the policy is asked at the upper end of every step that one of its columns makes.

    `measured` are the facts that grow with the amount, with what they have above it.
    """
    rules = in_force(work, name, day)
    dimensions = DecisionTable.read(work.policies.get(rules.key).content).dimensions
    ends = {
        int(str(value)) - 1 - above
        for fact, above in measured.items()
        if fact in dimensions
        for value in dimensions[fact].classes
    }
    found: list[Band] = []
    for end in [*sorted(end for end in ends if 0 < end < most_fen), most_fen]:
        band = _band(rules.ask(facts(end)), end)
        if found and (found[-1].decided_by, found[-1].people) == (band.decided_by, band.people):
            found.pop()
        found.append(band)
    return found
