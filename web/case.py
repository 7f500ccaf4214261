"""A case as an approver reads it: the form with personal numbers masked, what the registers say, papers, payees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from books.session import UnitOfWork
from models.customers import Collateral, Customer, Party
from models.documents import Document, DocumentReading
from models.grading import Grading
from models.loans import CLOSED, Application, Loan, Stage
from models.products import FieldKind, FormField, Product
from models.screening import Finding
from models.tasks import Decision, Outcome, TaskKind
from services.accounts import AccountState, state_of
from services.document_lists import DocumentStanding
from services.early_warnings import Behaviour, behaviour_of
from services.facts import document_list
from services.loan_history import may_read_reason
from services.payout_screening import findings_today
from services.permissions import allows, may_see_check
from services.policies import sentences_of
from services.products import catalogue
from services.reveals import ASKS_FOR, Revealed
from services.screening import findings_in
from services.verification import Check, checks_view
from web import document_words, formats, labels, masking
from web.language import Language
from web.policy_rows import StepInWords, steps_in_words
from web.visit import Visit


@dataclass(frozen=True)
class Value:
    """One labelled value, ready to be shown."""

    label: str
    text: str


@dataclass(frozen=True)
class Answer:
    """One check of the case: what its register said in the latest round, and by which rule it is made."""

    check: Check
    facts: tuple[Value, ...]


@dataclass(frozen=True)
class Paper:
    """A document that was handed in: how it stands, and what was read on it, in words."""

    document: Document
    standing: str
    colour: str
    verdict: str


class Decided(NamedTuple):
    """A decision with what it was about, in words, and the sum that it agreed to or refused; None without one. `reason`
    is empty where it is not for the visitor.
    """

    decision: Decision
    about: str
    amount_fen: int | None
    reason: str


@dataclass(frozen=True)
class Case:
    """Everything around an application.

    `papers` are the documents that were handed in, `missing` the kinds that it needs and of which none is there, or
    none that a person did not refuse; `steps` the policies that the rules asked,
    `findings` who stands on which list, once money is out who stood on one at the grading: for risk and auditors alone.
    """

    application: Application
    customer: Customer | None
    values: tuple[Value, ...]
    answers: tuple[Answer, ...]
    grading: Grading | None
    reason_sentences: Mapping[str, Mapping[str, str]]
    papers: tuple[Paper, ...]
    missing: tuple[str, ...]
    parties: list[Party]
    collateral: list[Collateral]
    account: AccountState
    decisions: list[Decided]
    is_above_limit: bool
    steps: tuple[StepInWords, ...]
    findings: list[Finding]
    behaviour: Behaviour | None
    revealable: tuple[Revealed, ...]


def case_view(work: UnitOfWork, visit: Visit, loan: Loan) -> Case:
    """The case of a loan that this person may see, with as much of it as is for him."""
    language = visit.language
    product = catalogue().product(loan.product)
    application = work.loans.application(loan.number)
    needed = document_list(work, loan, work.today)
    grading = work.policies.grading(loan.number)
    return Case(
        application=application,
        customer=work.customers.get(loan.customer_id),
        values=form_values(product, application.form, visit),
        revealable=tuple(one for one, action in ASKS_FOR.items() if allows(visit.person, action)),
        answers=tuple(
            Answer(check, _facts(check.row.answer if check.row else {}, language))
            for check in checks_view(work, loan.number, loan.product)
            if may_see_check(visit.person, check.name)
        ),
        grading=grading,
        reason_sentences=sentences_of(work, grading) if grading else {},
        papers=_papers(work, loan, language),
        missing=needed.missing if needed else (),
        parties=work.customers.parties(loan.number),
        collateral=work.customers.collateral(loan.number),
        account=state_of(work, loan.number),
        decisions=_decided(work, visit, loan),
        is_above_limit=grading is not None and loan.applied_fen > grading.limit_fen,
        steps=steps_in_words(work, grading, language) if grading else (),
        findings=_findings(work, loan, grading) if visit.sees_listings else [],
        behaviour=behaviour_of(work, loan) if visit.sees_warnings else None,
    )


def _findings(work: UnitOfWork, loan: Loan, grading: Grading | None) -> list[Finding]:
    if loan.stage not in CLOSED and loan.stage is not Stage.REPAYMENT:
        return findings_today(work, loan)
    return findings_in(grading.facts) if grading else []


def _papers(work: UnitOfWork, loan: Loan, language: Language) -> tuple[Paper, ...]:
    readings = {one.document_id: one for one in work.documents.readings(loan.number)}
    handed_in = [one for one in work.documents.of_loan(loan.number) if one.language is None]
    return tuple(_paper(one, readings.get(one.id), language) for one in handed_in)


def _paper(document: Document, reading: DocumentReading | None, language: Language) -> Paper:
    """What a person said of it, else what the machine did; only what agrees is green."""
    if reading is None or reading.verdict is None:
        standing = DocumentStanding.UNREAD
    else:
        standing = DocumentStanding.IN_DOUBT if reading.doubtful else DocumentStanding.HANDED_IN
    words, colour = document_words.STANDINGS[standing], document_words.STANDING_COLOURS[standing]
    if reading is not None and reading.outcome is not None:
        words, colour = document_words.OUTCOMES[reading.outcome], document_words.OUTCOME_COLOURS[reading.outcome]
    verdict = document_words.VERDICTS[reading.verdict] if reading is not None and reading.verdict else None
    return Paper(document, language.say(words), colour, language.say(verdict) if verdict else "")


def _decided(work: UnitOfWork, visit: Visit, loan: Loan) -> list[Decided]:
    proposals = {task.id: one.proposal for one in work.changes.of_loan(loan.number) for task in one.tasks}
    found = []
    for decision in work.tasks.decisions(loan.number):
        kind, amount_fen = work.tasks.get(decision.task_id).kind, decision.amount_fen
        about = labels.label(kind, "task", visit.language)
        proposal = proposals.get(decision.task_id)
        if proposal is not None:
            about, amount_fen = labels.label(proposal.name, "change", visit.language), proposal.amount_fen
        elif kind is TaskKind.APPROVAL and decision.outcome is Outcome.APPROVE:
            # Whoever approves without another amount approves what was applied for.
            amount_fen = amount_fen or loan.applied_fen
        is_told = may_read_reason(visit.person, kind, decision.decided_as, decision.outcome)
        found.append(Decided(decision, about, amount_fen, decision.reason if is_told else ""))
    return found


def form_values(product: Product, form: Mapping[str, Any], visit: Visit) -> tuple[Value, ...]:
    """The filled-in fields of a form in its order, as they are for this visitor."""
    return tuple(
        Value(field.label_zh if visit.language.code == "zh" else field.label_en, _shown(field, form[field.name], visit))
        for field in product.form_fields
        if form.get(field.name) is not None
    )


def _shown(field: FormField, value: Any, visit: Visit) -> str:
    language = visit.language
    match field.kind:
        case FieldKind.NAME:
            return visit.named(value)
        case FieldKind.ID_NUMBER:
            return masking.masked_id_number(value)
        case FieldKind.MOBILE:
            return masking.masked_mobile(value)
        case FieldKind.BANK_CARD:
            return masking.masked_account(value)
        case FieldKind.MONEY:
            return formats.money(value, language)
        case FieldKind.DATE:
            return formats.day(date.fromisoformat(value), language)
        case FieldKind.CHOICE:
            return labels.label(value, "choice", language)
        case FieldKind.CHOICES:
            return ", ".join(labels.label(one, "choice", language) for one in value)
        case _:
            return str(value)


def _facts(answer: Mapping[str, Any], language: Language) -> tuple[Value, ...]:
    return tuple(
        Value(labels.label(name, "answer", language), _fact(name, answer[name], language))
        for name in labels.ANSWERS
        if answer.get(name) is not None
    )


def _fact(name: str, value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return language.say("Yes") if value else language.say("No")
    if name.endswith("_fen"):
        return formats.money(int(value), language)
    if name == "result":
        return labels.label(value, "result", language)
    if name == "degree":
        return labels.label(value, "choice", language)
    if name == "graduates_on":
        return formats.day(date.fromisoformat(str(value)), language)
    return str(value)
