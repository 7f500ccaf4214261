"""The past that drafts are tried on: decisions of past applications, answers about them, proposals of changes."""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.scorecard import FactOfAnotherType
from models.grading import KeptStep
from models.policies import Policy, PolicyKind
from services.backtest_findings import (
    WHOLE_BASIS_POINTS,
    AnswerFindings,
    DecisionFindings,
    DefaultRate,
    Findings,
    PastCase,
)
from services.decisions import Asked, Chain
from services.policies import Answer, FactsIncomplete, NoAnswer, Version, deciding, version
from services.policy_kinds import CHAIN, REFUSE, kind_of, name_of, scope_of
from services.policy_names import product_of
from services.products import catalogue
from services.scorecards import score_by, score_facts

SCORE_FACTS = score_facts(None).keys()
READ_AT_ONCE = 1000
"""Applications read by one query: the memory that a back-test needs does not grow with their number."""


def decisions(
    work: UnitOfWork, policy: Policy, against: Policy, since: date, until: date
) -> tuple[DecisionFindings, Iterator[None]]:
    """Past applications of a product, decided by the chain in force and by that chain with the draft in its place.

    Of a scorecard: by the chain in force with the score of the card in force (none, if no card is) and with that of the
    draft. What the versions in force decided themselves, and what does not differ between the two sides, is not asked
    again.
    """
    product, is_card = scope_of(policy.name), kind_of(policy.name).code is PolicyKind.SCORECARD
    found = work.policies.in_force_of([name_of(kind, product) for kind in CHAIN], work.today)
    versions = [deciding(work, one) for one in found.values() if one.champion is not None]
    present = Chain({one.kind.code: one for one in versions})
    tested = present if is_card else present.with_version(version(work, policy.id))
    card = work.policies.in_force(policy.name, work.today).champion if is_card else None
    by_score = {one.key for one in versions if not SCORE_FACTS.isdisjoint(fact for fact, _ in one.declared)}
    grading = work.policies.get(tested.versions[PolicyKind.GRADING].key)
    rates = default_rates(work, product, grading.content)
    findings = DecisionFindings(policy, against, since, until, rates=rates)
    in_force = {one.key: one for one in versions}

    def steps() -> Iterator[None]:
        for case in _cases(work, [product], since, until):
            yield
            if case.facts is None:
                findings.leave_out()
                continue
            asked = _asked_then(case, in_force)
            try:
                if is_card:
                    known = case.facts | score_facts(score_by(work, card.policy_id, case.facts) if card else None)
                    asked = _unmoved(asked, by_score, case.facts, known)
                    before = present.decide(known, asked).outcome
                    other = case.facts | score_facts(score_by(work, policy.id, case.facts))
                    after = present.decide(other, _unmoved(asked, by_score, known, other)).outcome
                else:
                    after = tested.decide(case.facts, asked).outcome
                    before = present.decide(case.facts, asked).outcome
            except (FactsIncomplete, FactOfAnotherType, NoAnswer) as refusal:
                _leave_out(findings, refusal)
                continue
            findings.add(_past(case, case.applied_fen), before, after)

    return findings, steps()


def _asked_then(case: Row[Any], in_force: Mapping[str, Version]) -> Asked:
    """What the case was answered by versions that are still in force."""
    asked: Asked = {}
    for step in map(KeptStep.from_json, case.steps):
        rules = in_force.get(step.policy_id)
        if rules is not None and step.row is not None:
            grade = case.grade if rules.kind.code is PolicyKind.PRICING else None
            asked[rules.key, grade] = Answer(rules.key, rules.label, step.row, step.values)
    return asked


def _unmoved(asked: Asked, by_score: Set[str], facts: Mapping[str, Any], others: Mapping[str, Any]) -> Asked:
    """Of what was asked with some facts, what holds with others, too, that differ from them in the score alone.

    `by_score` are the versions that ask for the score.
    """
    if all(facts.get(one) == others[one] for one in SCORE_FACTS):
        return asked
    return {key: answer for key, answer in asked.items() if key[0] not in by_score}


def answers(
    work: UnitOfWork, policy: Policy, against: Policy, since: date, until: date
) -> tuple[AnswerFindings, Iterator[None]]:
    """Past applications, asked about by a draft and by the version in force with the facts of their last decision."""
    kind = kind_of(policy.name)
    findings = AnswerFindings(policy, against, since, until, main=kind.main)
    present, tested = version(work, against.id), version(work, policy.id)
    is_after_grading = bool(kind.asks)

    def steps() -> Iterator[None]:
        for case in _cases(work, products_of(policy), since, until):
            yield
            if case.facts is None:
                findings.leave_out()
            elif is_after_grading and case.outcome == REFUSE:
                continue
            else:
                amount_fen = case.applied_fen
                if kind.code is PolicyKind.AUTHORITY:
                    # What is above the limit is put to those who may decide up to the limit.
                    amount_fen = min(amount_fen, case.limit_fen)
                facts = after_grading(case, amount_fen) if is_after_grading else case.facts
                _compare(findings, _past(case, amount_fen), present, tested, facts)

    return findings, steps()


def after_grading(case: Row[Any], amount_fen: int) -> dict[str, Any]:
    """The facts of who may decide a graded case with an amount, as the case had them when it was graded."""
    facts: dict[str, Any] = dict(case.facts)
    if "exposure_fen" in facts:
        facts["total_fen"] = amount_fen + facts["exposure_fen"]
    return facts | {
        "product": case.product,
        "grade": case.grade,
        "outcome": case.outcome,
        "amount_fen": amount_fen,
        "limit_fen": case.limit_fen,
        "within_limit": amount_fen <= case.limit_fen,
    }


def proposals(
    work: UnitOfWork, policy: Policy, against: Policy, since: date, until: date
) -> tuple[AnswerFindings, Iterator[None]]:
    """Past proposals to change running loans, asked about by a draft and by the version in force."""
    findings = AnswerFindings(policy, against, since, until, main=kind_of(policy.name).main)
    present, tested = version(work, against.id), version(work, policy.id)

    def steps() -> Iterator[None]:
        last = ""
        while rows := work.policies.proposed(since, until, last, READ_AT_ONCE):
            for row in rows:
                yield
                past = PastCase(row.loan, row.product, row.proposed_on, row.amount_fen)
                facts = {"kind": row.kind.value, "amount_fen": row.amount_fen}
                _compare(findings, past, present, tested, facts)
            last = rows[-1].id

    return findings, steps()


def _compare(
    findings: AnswerFindings, past: PastCase, present: Version, tested: Version, facts: Mapping[str, Any]
) -> None:
    try:
        before, after = present.ask(facts), tested.ask(facts)
    except (FactsIncomplete, NoAnswer) as refusal:
        _leave_out(findings, refusal)
        return
    findings.add(past, before, after)


def _leave_out(findings: Findings, refusal: LendingError) -> None:
    findings.leave_out(*(refusal.fields or ("answer",)))


def _past(case: Row[Any], amount_fen: int) -> PastCase:
    return PastCase(case.number, case.product, case.applied_on, amount_fen)


def products_of(policy: Policy) -> Sequence[str]:
    """The products that a policy is about: of the core all."""
    product = product_of(policy.name)
    return (product.code,) if product else catalogue().codes()


def _cases(work: UnitOfWork, products: Sequence[str], since: date, until: date) -> Iterator[Row[Any]]:
    """Each application with its latest grading, a page at a time."""
    last = ""
    while rows := work.policies.graded_cases(products, since, until, last, READ_AT_ONCE):
        for _, rounds in groupby(rows, key=lambda row: row.number):
            yield next(rounds)
        last = rows[-1].number


def default_rates(work: UnitOfWork, product: str, content: Mapping[str, Any]) -> dict[str, DefaultRate]:
    """The share of each grade's loans that defaulted: as the books have it, else as the policy states it.

    A loan has defaulted when it is more than 90 days past due or written off (the common definition: Basel Committee,
    International Convergence of Capital Measurement, paragraph 452).
    """
    stated: Mapping[str, int] = content.get("default_basis_points", {})
    rates = {grade: DefaultRate(basis_points, 0) for grade, basis_points in stated.items()}
    for row in work.policies.defaults(product):
        observed = DefaultRate(row.defaulted * WHOLE_BASIS_POINTS // row.loans, row.loans)
        if observed.is_observed:
            rates[row.grade] = observed
        elif row.grade in rates:
            rates[row.grade] = DefaultRate(rates[row.grade].basis_points, row.loans)
    return dict(sorted(rates.items()))
