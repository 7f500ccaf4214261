"""How the rules decided in the demonstration: grades with reasons, a draft on past cases, a challenger on live ones."""

from collections.abc import Iterator

from books.session import UnitOfWork
from console.callers import EVERYBODY
from console.risk_leads import RULES
from lending.money import yuan
from models.grading import Grading
from models.loans import Loan
from models.policies import Policy, PolicyStepKind
from models.staff import Actor, Role
from services.challengers import comparison
from services.policies import sentences_of

READER = Actor("demo", Role.AUDITOR)
SHOWN = ("A", "C", "E", "refused")
"""For each of these one loan is told of with its reasons."""


def decided(work: UnitOfWork) -> Iterator[str]:
    """Lines about what was graded, why, and what became of the changed rules. No names."""
    graded = [
        (loan, grading)
        for loan in work.loans.page(EVERYBODY, limit=200)
        if (grading := work.policies.grading(loan.number)) is not None
    ]
    told = set()
    for loan, grading in graded:
        kind = "refused" if grading.outcome == "refuse" else grading.grade
        if kind in SHOWN and kind not in told:
            told.add(kind)
            yield _one(work, loan, grading)
    for policy in work.policies.versions(RULES):
        yield from _tried(work, policy)


def _one(work: UnitOfWork, loan: Loan, grading: Grading) -> str:
    sentences = sentences_of(work, grading)
    reasons = " ".join(sentences[code]["en"] for code in grading.reasons if code in sentences)
    verdict = "refused" if grading.outcome == "refuse" else f"grade {grading.grade}, up to {yuan(grading.limit_fen)}"
    points = f", {grading.facts['score']} points" if grading.facts.get("score_known") else ""
    return f"  {loan.number} {loan.product}: {verdict}{points}. {reasons}"


def _tried(work: UnitOfWork, policy: Policy) -> Iterator[str]:
    label = f"{policy.name}/{policy.version}"
    for test in work.policies.backtests(policy.id):
        before, after = test.report["before"], test.report["after"]
        yield (
            f"  {label} back-tested on {test.cases} past cases: {test.changed} change; not refused"
            f" {before['passed'] / max(test.cases, 1):.0%} before, {after['passed'] / max(test.cases, 1):.0%} after;"
            f" expected loss {_sum(before['expected_loss_fen'])} before, {_sum(after['expected_loss_fen'])} after"
        )
    found = comparison(work, READER, policy)
    if found.cases:
        yield (
            f"  {label} beside the rules in force on {found.cases} live cases: it decided {found.routed} of them, and"
            f" {found.agreed} came out alike; could be lent {yuan(found.champion_lendable_fen)} by the rules in force,"
            f" {yuan(found.challenger_lendable_fen)} by it"
        )
    published = [step for step in work.policies.steps([policy.id]) if step.kind is PolicyStepKind.PUBLISHED]
    for step in published:
        yield f"  {label} published as {step.part} from {step.starts_on} by {step.done_by}: {step.reason}"


def _sum(fen: int | None) -> str:
    return "not stated" if fen is None else yuan(fen)
