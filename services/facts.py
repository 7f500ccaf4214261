"""The facts of a case: what its product's form and registers say, beside what the books and the lists know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from books.customers import blind_index
from books.loans import LoanOfPerson
from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.delinquency import days_past_due
from lending.duedates import Period, shift
from lending.events import Event
from lending.hardship import Step
from lending.servicing import service
from lending.terms import Terms
from models.customers import PartyRole
from models.loans import CLOSED, Loan, Stage
from models.products import LoanCase, Product
from services.collateral_checks import with_security
from services.decisions import with_answers
from services.document_lists import DocumentList, documents_of
from services.forms import age_on, birth_date
from services.loans import case_of
from services.policies import FactsIncomplete, version
from services.policy_kinds import KINDS
from services.policy_tables import BOOLEAN, INTEGER
from services.products import catalogue
from services.scorecards import score_facts
from services.screening import FINDINGS, screen

CORE_FACTS: Mapping[str, str] = {
    "age_years": INTEGER,
    "age_at_end_years": INTEGER,
    "exposure_fen": INTEGER,
    "open_loans": INTEGER,
    "lent_this_year_fen": INTEGER,
    "worst_own_dpd": INTEGER,
    "screening_hit": BOOLEAN,
    "screening_known": BOOLEAN,
    "documents_complete": BOOLEAN,
    "documents_unread": BOOLEAN,
    "documents_doubtful": BOOLEAN,
    "score": INTEGER,
    "score_known": BOOLEAN,
}
"""Facts that every case has whatever its product, with their types; sums in fen, ages in full years."""

MONTHS_LOOKED_BACK = 24
APPROVED = frozenset({Stage.ACCEPTANCE, Stage.DISBURSEMENT, Stage.PAYOUT_FAILED})
"""A decision is made and no money is out yet."""
PAID_OUT = frozenset({Stage.REPAYMENT, Stage.SETTLED})


@dataclass(frozen=True)
class Exposure:
    """What one person owes or stands for here, without the loan that is asked about.

    `fen` is the principal that is outstanding, or written off and not recovered, and what is approved and not yet paid
    out, over all products and in any role; `loans` is how many these are. `year_fen` was lent or is asked for under
    earlier numbers of the same product within its year. `worst_dpd` is of his own loans in the last 24 months.
    """

    fen: int
    loans: int
    year_fen: int
    worst_dpd: int


def facts_of(work: UnitOfWork, loan: Loan, case: LoanCase, day: date) -> dict[str, Any]:
    """The product's facts and the core's, as a case is graded by them on a business date.

    FINDINGS, if there are any, are no fact of a table: they tell risk which list it was.
    """
    product = catalogue().product(loan.product)
    exposure = exposure_of(work, loan, product, case, day)
    screened = screen(work, product, case, day)
    born = birth_date(case.form["id_number"])
    facts = {
        **product.facts(with_security(work, product, loan, case)),
        "age_years": age_on(born, day),
        "age_at_end_years": age_on(born, shift(day, Period(), case.term, day.day)),
        "exposure_fen": exposure.fen,
        "open_loans": exposure.loans,
        "lent_this_year_fen": exposure.year_fen,
        "worst_own_dpd": exposure.worst_dpd,
        "screening_hit": screened.hit,
        "screening_known": screened.known,
        **score_facts(None),
    }
    documents = documents_of(work, loan, product, day, facts)
    facts["documents_complete"] = documents.are_complete
    facts["documents_unread"] = documents.are_unread
    facts["documents_doubtful"] = documents.are_doubtful
    if screened.findings:
        facts[FINDINGS] = [one.as_json() for one in screened.findings]
    return facts


def facts_by_now(work: UnitOfWork, loan: Loan, day: date, amount_fen: int | None = None) -> dict[str, Any]:
    """The facts of a graded case as they are on a day, for the amount that is decided or else what was applied for.

    What is known by now stands before what it was graded by: documents and registers answer later, lists change. What
    policies made of its facts then is asked of the same versions again, as hardship and need. Its score stays, like the
    grade.
    """
    today = facts_of(work, loan, case_of(work, loan, day, amount_fen=amount_fen), day)
    grading = work.policies.grading(loan.number)
    if grading is None:
        return today
    score = {fact: grading.facts[fact] for fact in score_facts(None) if fact in grading.facts}
    before = {fact: value for fact, value in grading.facts.items() if fact != FINDINGS}
    facts = {**before, **today, **score}
    asked = {step.kind: step.policy_id for step in grading.kept_steps if KINDS[step.kind].gives}
    if not asked:
        return facts
    try:
        answers = {kind: version(work, policy_id).ask(facts) for kind, policy_id in asked.items()}
    except FactsIncomplete:
        # A case from before its product had some fact of the table: what was found then is all there is.
        return facts
    return with_answers(catalogue().product(loan.product), facts, answers)


def document_list(work: UnitOfWork, loan: Loan, day: date) -> DocumentList | None:
    """The documents that an application needs on a day and how they stand; None once money is out."""
    if loan.stage in CLOSED or loan.stage is Stage.REPAYMENT:
        return None
    facts = facts_of(work, loan, case_of(work, loan, day), day)
    return documents_of(work, loan, catalogue().product(loan.product), day, facts)


def hardship_steps(facts: Mapping[str, Any]) -> list[Step]:
    """How the most that may be lent was found, from the facts of a grading; empty for other products."""
    return [Step.from_json(one) for one in facts.get("hardship_steps", ())]


def exposure_of(work: UnitOfWork, loan: Loan, product: Product, case: LoanCase, day: date) -> Exposure:
    """What the borrower of a loan owes or stands for besides it, found by the digest of his ID number.

    One query for somebody who has no other loan; the accounts of those he has are computed from two more.
    """
    since = shift(day, Period(), -MONTHS_LOOKED_BACK, day.day)
    others = work.loans.of_person(blind_index(case.form["id_number"]), loan.number, since)
    if not others:
        return Exposure(0, 0, 0, 0)
    accounts = _accounts(work, [one.number for one in others if one.stage in PAID_OUT], day)
    owed = {one.number: _principal(one, accounts.get(one.number)) for one in others}
    begun = product.year_begun(day)
    within = [
        one
        for one in others
        if one.role is PartyRole.BORROWER and one.product == product.code and _counts_in_year(one, loan, begun)
    ]
    own = [accounts[one.number] for one in others if one.role is PartyRole.BORROWER and one.number in accounts]
    return Exposure(
        fen=sum(owed.values()),
        loans=sum(fen > 0 for fen in owed.values()),
        year_fen=sum(one.amount_fen for one in within),
        worst_dpd=max((_worst_dpd(account, since) for account in own), default=0),
    )


def _counts_in_year(one: LoanOfPerson, loan: Loan, begun: date) -> bool:
    """A loan given in the year, or an earlier application of the year that is not refused yet.

    What is approved and not paid out yet would be paid in this year, whenever it was applied for.
    """
    if one.stage in APPROVED | PAID_OUT:
        return one.disbursed_on is None or one.disbursed_on >= begun
    return one.applied_on >= begun and one.number < loan.number


def _accounts(work: UnitOfWork, numbers: Sequence[str], day: date) -> dict[str, LoanAccount]:
    if not numbers:
        return {}
    terms, events = work.periods.terms(numbers), work.periods.events(numbers)
    return {
        number: service(Terms.parse(terms[number].body), [Event.parse(one.body) for one in events[number]], day)
        for number in numbers
        if number in terms and number in events
    }


def _principal(one: LoanOfPerson, account: LoanAccount | None) -> int:
    if one.stage in APPROVED:
        return one.amount_fen
    if account is None:
        return 0
    return account.principal_outstanding_fen + max(account.written_off.principal - account.recovered_fen, 0)


def _worst_dpd(account: LoanAccount, since: date) -> int:
    """The most days that an installment was late on a day since then, whether it is paid by now or not."""
    return max(
        (
            row.dpd if row.paid_on is None else days_past_due(row.due, row.paid_on)
            for row in account.rows
            if row.paid_on is None or row.paid_on >= since
        ),
        default=0,
    )
