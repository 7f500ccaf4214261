"""What would change a refusal: in the policy's words, and by asking the rules for less or another term."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from books.session import UnitOfWork
from lending.duedates import Period, shift
from models.grading import Grading
from models.loans import Loan, Stage
from models.policies import PolicyKind
from models.products import FormField, LoanCase, Product
from models.status import Possible, Remedies
from models.tasks import Outcome
from services.collateral_checks import with_security
from services.decisions import Chain, with_answers
from services.facts import CORE_FACTS
from services.forms import age_on, birth_date
from services.legal_bounds import chain_of
from services.loans import case_of
from services.policies import FactsIncomplete, remedies_of, version
from services.policy_kinds import KINDS, REFUSE
from services.products import catalogue
from services.scorecards import score_by, score_facts
from services.second_looks import may_ask_until

AMOUNT_STEP_FEN = 10_000
"""Amounts are tried in steps of a hundred yuan."""
TERM_STEP = 6
"""Other terms are tried in steps of half a year, and the shortest and longest that the product has."""

Decides = Callable[[int, int], bool]
"""Whether the rules lend an amount, in fen, for a term."""


def remedies(work: UnitOfWork, loan: Loan) -> Remedies | None:
    """What would change the refusal of a loan; None for a loan that is not refused.

    Of a person's refusal nothing is computed: the reasons that he chose say what he missed. Amount and term are all
    that is tried, so nobody learns by which statement about himself he would get through.
    """
    grading = work.policies.grading(loan.number)
    if loan.stage is not Stage.REFUSED or grading is None:
        return None
    until = may_ask_until(work, loan)
    if until is None:
        return _by_people(work, loan)
    try:
        here, elsewhere = _possible(work, loan, grading)
    except FactsIncomplete:
        # A case from before the rules asked so much: what would help is said in words only.
        here = elsewhere = None
    return Remedies(sentences=remedies_of(work, grading), possible=here, with_other_term=elsewhere, look_until=until)


def _by_people(work: UnitOfWork, loan: Loan) -> Remedies:
    refusals = [one for one in work.tasks.decisions(loan.number) if one.outcome is Outcome.REFUSE]
    codes = refusals[-1].reason_codes if refusals else ()
    # A code that the product has no longer has no words any more; the free ones stay.
    known = [one for one in catalogue().product(loan.product).refusal_reasons if one.code in codes]
    return Remedies(
        reasons={one.code: one.sentence for one in known}, sentences={one.code: one.remedy for one in known}
    )


def _possible(work: UnitOfWork, loan: Loan, grading: Grading) -> tuple[Possible | None, Possible | None]:
    if not CORE_FACTS.keys() <= grading.facts.keys():
        # A case from before the core had facts: what would help is said in words only.
        return None, None
    product = catalogue().product(loan.product)
    day = grading.decided_on(work.clock)
    case = with_security(work, product, loan, case_of(work, loan, day, amount_fen=loan.applied_fen))
    lends = _decides(work, chain_of(work, loan, grading), product, case, grading)
    fields = {field.name: field for field in product.form_fields}
    least = fields["amount"].minimum or AMOUNT_STEP_FEN
    here = _largest(lends, least, loan.applied_fen, case.term)
    if here is not None and here.amount_fen == loan.applied_fen:
        return here, None
    others = [_largest(lends, least, loan.applied_fen, term) for term in _terms(fields["term"], case.term)]
    # Of the terms that allow the same amount, the one that is nearest to what he asked for.
    found = [one for one in others if one is not None and (here is None or one.amount_fen > here.amount_fen)]
    best = max(found, key=lambda one: (one.amount_fen, -abs(one.term - case.term)), default=None)
    return here, best


def _terms(field: FormField, asked: int) -> Iterator[int]:
    first, last = field.minimum or 1, field.maximum or asked
    found = {first, last, *range(TERM_STEP, last + 1, TERM_STEP)} - {asked}
    return iter(sorted(term for term in found if first <= term <= last))


def _decides(work: UnitOfWork, chain: Chain, product: Product, case: LoanCase, grading: Grading) -> Decides:
    born = birth_date(case.form["id_number"])

    def lends(amount_fen: int, term: int) -> bool:
        form = product.restated(case.form, amount_fen, term)
        if product.form_problems(form, case.day):
            return False
        tried = replace(case, form=form, amount_fen=amount_fen, term=term)
        end = shift(case.day, Period(), term, case.day.day)
        facts = {**grading.facts, **product.facts(tried), "age_at_end_years": age_on(born, end)}
        outcome = chain.decide(_with_found(work, grading, product, facts)).outcome
        return outcome.outcome != REFUSE and outcome.limit_fen >= amount_fen

    return lends


def _with_found(work: UnitOfWork, grading: Grading, product: Product, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with hardship, yearly limit and score, in this order, by the versions that gave them at the grading."""
    steps = grading.kept_steps
    answers = {step.kind: version(work, step.policy_id).ask(facts) for step in steps if KINDS[step.kind].gives}
    found = with_answers(product, facts, answers)
    for step in steps:
        if step.kind is PolicyKind.SCORECARD:
            found |= score_facts(score_by(work, step.policy_id, found))
    return found


def _largest(lends: Decides, least_fen: int, most_fen: int, term: int) -> Possible | None:
    """The largest amount for a term, found by halving: the rules lend what is below an amount that they lend."""
    if lends(most_fen, term):
        return Possible(amount_fen=most_fen, term=term)
    low, high = -(-least_fen // AMOUNT_STEP_FEN), -(-most_fen // AMOUNT_STEP_FEN)
    if low >= high or not lends(low * AMOUNT_STEP_FEN, term):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lends(middle * AMOUNT_STEP_FEN, term) else (low, middle)
    return Possible(amount_fen=low * AMOUNT_STEP_FEN, term=term)
