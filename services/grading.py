"""The decision of the rules on a case by what is in force on its day, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from books.session import UnitOfWork
from lending.errors import LendingError
from models.grading import Grading, KeptStep, ShadowGrading
from models.loans import CLOSED, Loan
from models.messages import Progress, VerificationOrder
from models.policies import PolicyKind
from models.products import Product
from services import audit, second_looks
from services.authority import LOANS
from services.co_signers import unconfirmed
from services.decisions import Asked, Chain, Decision, with_answers
from services.documents_reading import compare_again
from services.facts import facts_of
from services.loans import case_of
from services.policies import Answer, Version, deciding, version
from services.policy_kinds import CHAIN, PRIOR, REFUSE, name_of
from services.products import catalogue
from services.referral import follow
from services.scorecards import score_facts, score_of
from services.verification import conclude_round


@dataclass(frozen=True)
class _Challenged:
    """A table with a challenger, and which of the two decides this case."""

    champion: Version | None
    challenger: Version
    decides: bool

    @property
    def other(self) -> Version | None:
        """The one that does not decide."""
        return self.champion if self.decides else self.challenger


def grade(work: UnitOfWork, order: VerificationOrder) -> Progress:
    """Grades a verified case: refused by a knock-out rule, or on to the fast lane or the people who decide.

    The versions in force on the order's business date decide; of a table with a challenger, that challenger where the
    case is in its share. What the other of the two would have made of the case is kept beside it and changes nothing.
    """
    loan = work.loans.get(order.loan)
    if loan.stage in CLOSED:
        # The borrower walked away, and the engine lost his command after the books had it.
        return Progress(stage=loan.stage)
    order = conclude_round(work, loan, order)
    product = catalogue().product(loan.product)
    asked = [name_of(kind, product.code) for kind in PolicyKind]
    work.policies.read_ahead([*asked, LOANS])
    compare_again(work, loan)
    facts = facts_of(work, loan, case_of(work, loan, order.day), order.day)
    facts["unanswered"] = bool(order.unanswered) or bool(unconfirmed(work, loan.number))
    steps = [*_ask_before(work, product, order, facts), *_score(work, product, order, facts)]
    decision, challenged = _decide(work, loan, order, facts)
    decided_by_challenger = {one.challenger.key for one in challenged if one.decides}
    steps += [
        _step(kind, answer, answer.policy_id in decided_by_challenger) for kind, answer in decision.answers.items()
    ]
    outcome, rules = decision.outcome, decision.deciding
    work.write(
        Grading(
            loan=loan.number,
            round=order.round,
            policy_id=rules.policy_id,
            outcome=outcome.outcome,
            grade=outcome.grade,
            limit_fen=outcome.limit_fen,
            annual_rate_percent=outcome.annual_rate_percent,
            reasons=list(outcome.reasons),
            facts=facts,
            graded_at=work.now,
            graded_on=order.day,
            fired_row=rules.fired_row,
            by_challenger=any(step.by_challenger for step in steps),
            steps=[step.as_json() for step in steps],
        )
    )
    loan.grade = outcome.grade
    audit.record(
        work,
        audit.SYSTEM,
        "case_graded",
        loan=loan.number,
        after={
            "policies": [f"{answer.label} row {answer.fired_row}" for answer in decision.answers.values()],
            "outcome": outcome.outcome,
            "grade": outcome.grade,
            "reasons": list(outcome.reasons),
            "unanswered": list(order.unanswered),
        },
    )
    if outcome.outcome == REFUSE:
        work.policies.forget_grading(loan.number)
        # Whoever asked for a person's look at the refusal before has not had it yet.
        task = second_looks.carry_over(work, loan, order.day)
        if task is not None:
            return Progress(stage=loan.stage, task_id=task.id)
    return follow(work, loan, order, outcome, facts)


def _step(kind: PolicyKind, answer: Answer, by_challenger: bool = False) -> KeptStep:
    return KeptStep(kind, answer.policy_id, answer.fired_row, by_challenger, answer.values)


def _score(work: UnitOfWork, product: Product, order: VerificationOrder, facts: dict[str, Any]) -> list[KeptStep]:
    """Puts the score among the facts, where the product has a scorecard. It may ask all that is known before."""
    scored = score_of(work, product.code, order.day, facts)
    facts |= score_facts(scored)
    if scored is None:
        return []
    values = {"points": scored.points, "reasons": list(scored.reasons)}
    return [KeptStep(PolicyKind.SCORECARD, scored.policy_id, None, False, values)]


def _ask_before(work: UnitOfWork, product: Product, order: VerificationOrder, facts: dict[str, Any]) -> list[KeptStep]:
    """Asks the tables whose answers are facts to the others, and puts these among the facts."""
    found = work.policies.in_force_of((name_of(kind, product.code) for kind in PRIOR), order.day)
    answers = {
        kind: deciding(work, one).ask(facts)
        for kind, one in zip(PRIOR, found.values(), strict=True)
        if one.champion is not None
    }
    facts |= with_answers(product, facts, answers)
    return [_step(kind, answer) for kind, answer in answers.items()]


def _decide(
    work: UnitOfWork, loan: Loan, order: VerificationOrder, facts: Mapping[str, Any]
) -> tuple[Decision, list[_Challenged]]:
    """The decision, and the tables that had a challenger; what the others would have made of the case is stored.

    A challenger that fails never holds up a case: the champion decides it, and the audit log says why.
    """
    names = {name_of(kind, loan.product): kind for kind in CHAIN}
    found = work.policies.in_force_of(names, order.day)
    versions = {
        kind: deciding(work, found[name])
        for name, kind in names.items()
        if kind is PolicyKind.GRADING or found[name].champion is not None
    }
    chain = Chain(versions)
    asked: Asked = {}
    challenged: list[_Challenged] = []
    for name, one in found.items():
        if one.challenger is None:
            continue
        challenger = version(work, one.challenger.policy_id)
        decides = is_in_share(loan.number, challenger.key, one.challenger.share_percent)
        try:
            tried = chain.with_version(challenger)
            tried.decide(facts, asked)
        except LendingError as failure:
            _note_failure(work, loan, name, failure)
            continue
        challenged.append(_Challenged(versions.get(names[name]), challenger, decides))
        chain = tried if decides else chain
    decision = chain.decide(facts, asked)
    _keep_others(work, loan, order, chain, decision, challenged, facts, asked)
    return decision, challenged


def _note_failure(work: UnitOfWork, loan: Loan, name: str, failure: LendingError) -> None:
    reason = f"{failure.code}: {failure}"
    audit.record(work, audit.SYSTEM, "challenger_failed", loan=loan.number, subject=name, reason=reason)


def is_in_share(loan: str, policy_id: str, percent: int) -> bool:
    """Whether a challenger decides this loan: always the same answer, and another draw for another challenger."""
    drawn = int.from_bytes(sha256(f"{policy_id}:{loan}".encode()).digest()[:8])
    return drawn % 100 < percent


def _keep_others(
    work: UnitOfWork,
    loan: Loan,
    order: VerificationOrder,
    chain: Chain,
    decision: Decision,
    challenged: list[_Challenged],
    facts: Mapping[str, Any],
    asked: Asked,
) -> None:
    """Stores, for each table with a challenger, what comes of the case with its other version in place."""
    for one in challenged:
        kind = one.challenger.kind.code
        try:
            other = chain.without(kind) if one.other is None else chain.with_version(one.other)
            found = other.decide(facts, asked)
        except LendingError as failure:
            _note_failure(work, loan, name_of(kind, loan.product), failure)
            continue
        if kind not in {**decision.answers, **found.answers}:
            # An earlier table refused the case in either version.
            continue
        outcome, rules = found.outcome, found.deciding
        work.write(
            ShadowGrading(
                loan=loan.number,
                round=order.round,
                policy_id=one.other.key if one.other else rules.policy_id,
                challenger_id=one.challenger.key,
                outcome=outcome.outcome,
                grade=outcome.grade,
                limit_fen=outcome.limit_fen,
                annual_rate_percent=outcome.annual_rate_percent,
                reasons=list(outcome.reasons),
                fired_row=rules.fired_row,
                graded_at=work.now,
            )
        )
