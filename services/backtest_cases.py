"""The past that drafts are tried on: decisions of past applications, answers about them, proposals of changes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from books.policies import GradedCase
from books.session import UnitOfWork
from lending.errors import LendingError
from lending.scorecard import FactOfAnotherType
from models.policies import Policy, PolicyKind
from services.authority import ONCE_COMPLETE
from services.backtest_findings import AnswerFindings, DecisionFindings, Findings, PastCase
from services.decisions import Asked, Chain
from services.performance import outcomes
from services.policies import FactsIncomplete, NoAnswer, Version, deciding, version
from services.policy_classes import of_many
from services.policy_kinds import CHAIN, REFUSE, kind_of, name_of, scope_of
from services.policy_names import product_of
from services.products import catalogue
from services.scorecards import score_by, score_facts

READ_AT_ONCE = 1000
"""Applications read by one query: the memory that a back-test needs does not grow with their number."""


def decisions(
    work: UnitOfWork, policy: Policy, against: Policy, since: date, until: date
) -> tuple[DecisionFindings, Iterator[None]]:
    """Past applications of a product, decided by the chain in force and by that chain with the draft in its place.

    Of a scorecard: by the chain in force with the score of the card in force (none, if no card is) and with that of the
    draft. Both sides are asked now, whatever decided the case then; what does not differ between them is asked once.
    """
    product, is_card = scope_of(policy.name), kind_of(policy.name).code is PolicyKind.SCORECARD
    found = work.policies.in_force_of([name_of(kind, product) for kind in CHAIN], work.today)
    engine_asked: Counter[str] = Counter()
    versions = [of_many(work, deciding(work, one), engine_asked) for one in found.values() if one.champion is not None]
    present = Chain({one.kind.code: one for one in versions})
    tested = present if is_card else present.with_version(of_many(work, version(work, policy.id), engine_asked))
    card = work.policies.in_force(policy.name, work.today).champion if is_card else None
    stated = _stated(work, present, tested)
    findings = DecisionFindings(policy, against, since, until, engine_asked=engine_asked, stated=stated)

    def steps() -> Iterator[None]:
        for case, past in _cases(work, [product], since, until):
            yield
            if case.facts is None:
                findings.leave_out()
                continue
            asked: Asked = {}
            again: Asked = {} if is_card else asked
            facts = other = case.facts
            try:
                if is_card:
                    facts = case.facts | score_facts(score_by(work, card.policy_id, case.facts) if card else None)
                    other = facts | score_facts(score_by(work, policy.id, case.facts))
                before = present.decide(facts, asked).outcome
                after = tested.decide(other, again).outcome
            except (FactsIncomplete, FactOfAnotherType, NoAnswer) as refusal:
                _leave_out(findings, refusal)
                continue
            findings.evaluations += len(asked) + (len(again) if is_card else 0)
            findings.add(past, before, after)

    return findings, steps()


def _stated(work: UnitOfWork, present: Chain, tested: Chain) -> dict[str, int]:
    """The rates of default that the grading in force states; where it has none, those of the draft."""
    stated: dict[str, int] = {}
    for chain in (tested, present):
        rules = chain.versions.get(PolicyKind.GRADING)
        stated |= work.policies.get(rules.key).content.get("default_basis_points", {}) if rules else {}
    return stated


def answers(
    work: UnitOfWork, policy: Policy, against: Policy, since: date, until: date
) -> tuple[AnswerFindings, Iterator[None]]:
    """Past applications, asked about by a draft and by the version in force with the facts of their last decision."""
    kind = kind_of(policy.name)
    findings = AnswerFindings(policy, against, since, until, main=kind.main)
    present, tested = (of_many(work, version(work, one.id), findings.engine_asked) for one in (against, policy))
    is_after_grading = bool(kind.asks)

    def steps() -> Iterator[None]:
        for case, past in _cases(work, products_of(policy), since, until):
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
                facts = after_grading(case, case.facts, amount_fen) if is_after_grading else case.facts
                if kind.code is PolicyKind.AUTHORITY:
                    # Documents come after the grading, and before the decision.
                    facts = {**facts, **ONCE_COMPLETE}
                _compare(findings, past._replace(amount_fen=amount_fen), present, tested, facts)

    return findings, steps()


def after_grading(case: GradedCase, known: Mapping[str, Any], amount_fen: int) -> dict[str, Any]:
    """The facts of who may decide a graded case with an amount, as the case had them when it was graded."""
    facts = dict(known)
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
    main = kind_of(policy.name).main
    findings = AnswerFindings(policy, against, since, until, main=main, has_outcomes=False)
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
    findings.evaluations += 2
    findings.add(past, before, after)


def _leave_out(findings: Findings, refusal: LendingError) -> None:
    findings.leave_out(*(refusal.fields or ("answer",)))


def products_of(policy: Policy) -> Sequence[str]:
    """The products that a policy is about: of the core all."""
    product = product_of(policy.name)
    return (product.code,) if product else catalogue().codes()


def _cases(
    work: UnitOfWork, products: Sequence[str], since: date, until: date
) -> Iterator[tuple[GradedCase, PastCase]]:
    """Each application with its latest grading and what became of it, a page at a time."""
    last = ""
    while rows := work.policies.graded_cases(products, since, until, last, READ_AT_ONCE):
        known = outcomes(work, rows)
        for row in rows:
            outcome, is_simulated = known[row.number], bool(row.simulated)
            yield row, PastCase(row.number, row.product, row.applied_on, row.applied_fen, outcome, is_simulated)
        last = rows[-1].number
