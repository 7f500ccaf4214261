"""Who of a loan's people agreed to be looked up, and what the registers answered."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber
from books.session import UnitOfWork
from models import keys
from models.customers import PartyRole
from models.loans import Loan
from models.staff import Actor
from models.verification import Authorisation, AuthorisationKind, AuthorisationMethod, CheckName, Verdict, WhenDown
from services import authorisation_links, authorisations
from services.authorisation_texts import CURRENT, TEXTS, AuthorisationText
from services.authorisations import PartyWord, words_of
from services.loan_history import told_who
from services.paper_words import masked_name
from services.permissions import Action, may_see_check, require
from services.verification import Check, ask_again, checks_view

router = APIRouter(tags=["verification"])

PartyId = Annotated[str, Field(pattern=keys.ID_PATTERN, description="the `party` of a person who is looked up")]


class DeclarationView(BaseModel):
    """What a person declares, and which registers and uses it covers."""

    scope: list[str]
    zh: str
    en: str


class TextView(BaseModel):
    """A version of the text. Where it is `separate`, sensitive data are agreed to by a word of their own."""

    version: str
    separate: bool
    last_day: date | None = Field(description="the last business date on which people may agree to it, if it has one")
    sha256: str = Field(description="digest of the text in both languages, kept with every authorisation")
    registers: DeclarationView
    sensitive: DeclarationView


class TextsView(BaseModel):
    """Every version that somebody can have agreed to, and the one to show people today."""

    current: str
    texts: list[TextView]


class WordView(BaseModel):
    """A person's newest word on one declaration: whether he agrees, to which text, since when and how that is known."""

    granted: bool
    scope: list[str]
    text_version: str
    text_sha256: str | None
    method: AuthorisationMethod
    given_at: datetime
    given_through: str


class PersonView(BaseModel):
    """One who is looked up, and his newest words; null where he has said nothing. His name is masked."""

    party: str
    role: PartyRole
    check_name: str = Field(description="how checks spell him, as in `bureau@guarantor`")
    name: str
    registers: WordView | None
    sensitive: WordView | None


class AuthorisationsView(BaseModel):
    """Everybody of a loan who is looked up."""

    people: list[PersonView]


class AuthorisationAsked(Asked):
    """That a person agrees to the text of today: a borrower for himself, others attest what he told them."""

    party: PartyId
    sensitive: bool = Field(description="whether he agrees to the use of sensitive data as well, apart from the rest")


class WithdrawalAsked(Asked):
    """That a person agrees no more to one of the declarations."""

    party: PartyId
    kind: AuthorisationKind


class LinkAsked(Asked):
    """Which co-signer is to get a link to his own page."""

    party: PartyId


class RuleView(BaseModel):
    """The rule of a check: for how many days its answer is good, and what the case does while there is none."""

    valid_days: int
    when_down: WhenDown
    wait_days: int


class CheckView(BaseModel):
    """One check of a case. `verdict` is null before there is any; `taken_over` says that an earlier answer serves."""

    check_name: str
    register_name: str
    about: str = Field(description="borrower, guarantor …")
    verdict: Verdict | None
    reference: str | None
    answered_at: datetime | None
    valid_until: date | None
    past: bool = Field(description="the case waits for a decision, to which this answer counts no more")
    taken_over: bool
    rule: RuleView


class ChecksView(BaseModel):
    """Every check of a loan's case, in the order in which they are asked for."""

    checks: list[CheckView]


@router.get("/authorisation-texts")
def list_authorisation_texts(_actor: Acting) -> TextsView:
    """The texts by which people authorise the lender to look them up, in both languages."""
    return TextsView(current=CURRENT.version, texts=[_text(one) for one in TEXTS.values()])


@router.get("/loans/{loan}/checks", responses=refusals(403, 404))
def list_checks(loan: LoanNumber, actor: Acting, look: Looking) -> ChecksView:
    """What the registers said about the people of a loan; not for borrowers, whom others' records do not concern."""
    require(actor, Action.SEE_CHECKS)
    with look() as work:
        return _shown(work, actor, work.loans.seen_by(actor, loan))


@router.post("/loans/{loan}/checks/again", status_code=202, responses=refusals(403, 404, 409))
def ask_checks_again(loan: LoanNumber, actor: Acting, context: Context) -> ChecksView:
    """Has the registers asked again whose answers are past their days, and the case graded anew. Gives the checks as
    they stand until then; the task closes with them and a new one follows.
    """
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        ask_again(work, actor, found)
        return _shown(work, actor, found)


@router.get("/loans/{loan}/authorisations", responses=refusals(404))
def list_authorisations(loan: LoanNumber, actor: Acting, look: Looking) -> AuthorisationsView:
    """Who agreed to be looked up for a loan."""
    with look() as work:
        return _people(work, actor, work.loans.seen_by(actor, loan))


@router.post("/loans/{loan}/authorisations", status_code=201, responses=refusals(403, 404, 409))
def authorise(loan: LoanNumber, asked: AuthorisationAsked, actor: Acting, context: Context) -> AuthorisationsView:
    """Records that a person agrees; registers that waited for it are asked."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        authorisations.give(work, actor, found, asked.party, sensitive=asked.sensitive)
        return _people(work, actor, found)


@router.post("/loans/{loan}/authorisations/withdrawal", responses=refusals(403, 404, 409))
def take_authorisation_back(
    loan: LoanNumber, asked: WithdrawalAsked, actor: Acting, context: Context
) -> AuthorisationsView:
    """Records that a person agrees no more: from now on nothing is asked or read that it covered."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        authorisations.take_back(work, actor, found, asked.party, asked.kind)
        return _people(work, actor, found)


@router.post("/loans/{loan}/authorisations/link", status_code=202, responses=refusals(403, 404, 409, 429))
def send_authorisation_link(loan: LoanNumber, asked: LinkAsked, actor: Acting, context: Context) -> AuthorisationsView:
    """Sends a co-signer a message with a link to the page on which he reads the text and agrees by code."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        authorisation_links.ask(work, actor, found, asked.party)
        return _people(work, actor, found)


def _text(text: AuthorisationText) -> TextView:
    declared = {
        kind.value: DeclarationView(scope=list(one.scope), zh=one.zh, en=one.en)
        for kind, one in text.declarations.items()
    }
    return TextView(
        version=text.version, separate=text.separate, last_day=text.last_day, sha256=text.sha256, **declared
    )


def _people(work: UnitOfWork, actor: Actor, loan: Loan) -> AuthorisationsView:
    return AuthorisationsView(people=[_person(actor, loan, one) for one in words_of(work, loan.number)])


def _person(actor: Actor, loan: Loan, person: PartyWord) -> PersonView:
    return PersonView(
        party=person.party.id,
        role=person.party.role,
        check_name=person.name,
        name=masked_name(person.party.name),
        registers=_word(actor, loan, person.words[AuthorisationKind.REGISTERS]),
        sensitive=_word(actor, loan, person.words[AuthorisationKind.SENSITIVE]),
    )


def _word(actor: Actor, loan: Loan, word: Authorisation | None) -> WordView | None:
    if word is None:
        return None
    told = {"scope": word.scope.split(","), "given_through": told_who(actor, loan, word.given_through)}
    return WordView.model_validate(word.model_dump() | told)


def _shown(work: UnitOfWork, actor: Actor, loan: Loan) -> ChecksView:
    shown = [one for one in checks_view(work, loan.number, loan.product) if may_see_check(actor, one.name)]
    return ChecksView(checks=[_check(one) for one in shown])


def _check(check: Check) -> CheckView:
    name, row = CheckName.parse(check.name), check.row
    return CheckView(
        check_name=check.name,
        register_name=name.register,
        about=name.party,
        verdict=row.verdict if row else None,
        reference=row.reference if row else None,
        answered_at=row.answered_at if row else None,
        valid_until=check.valid_until,
        past=check.is_past,
        taken_over=check.is_reused,
        rule=RuleView.model_validate(check.rule, from_attributes=True),
    )
