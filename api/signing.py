"""Signing a loan's contract: who has signed, a code for one who signs, and his signature."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber
from models import keys
from models.customers import PartyRole
from models.signatures import Signature
from services.paper_words import masked_name
from services.signing import Signer, Signing, WrongCode, all_signed, request_code, sign, signing_of

router = APIRouter(tags=["signatures"])

PartyId = Annotated[str, Field(pattern=keys.ID_PATTERN, description="a signer's `party`")]


class ContractView(BaseModel):
    """The contract that counts; its `content` is what is signed, `sha256` the digest of it."""

    id: str
    sha256: str
    terms_version: int | None
    content: str


class SignerView(BaseModel):
    """One who signs. Name and mobile are masked."""

    party: str
    role: PartyRole
    name: str
    mobile: str = Field(description="where his codes go")
    signed_at: datetime | None


class SignaturesView(BaseModel):
    """How far the signing is. `contract` is null while it is being made; `problem` says what keeps it back."""

    contract: ContractView | None
    problem: str | None
    complete: bool = Field(description="whether all have signed, so that the offer can be accepted")
    signers: list[SignerView]


class CodeAsked(Asked):
    """Who is to get a code."""

    party: PartyId


class CodeView(BaseModel):
    """A code that is on its way, and until when it is good."""

    party: str
    expires_at: datetime


class SignatureAsked(Asked):
    """A code as the signer read it, and the digest of the contract that he was shown."""

    party: PartyId
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", description="six digits, from the signer's text message")]
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="`sha256` of the contract")]


class SignatureView(BaseModel):
    """A signature that is kept, and whether it was the last one."""

    party: str
    document: str
    document_sha256: str
    signed_at: datetime
    complete: bool


@router.get("/loans/{loan}/signatures", responses=refusals(404))
def list_signatures(loan: LoanNumber, actor: Acting, look: Looking) -> SignaturesView:
    """The contract that counts now, and who has signed it."""
    with look() as work:
        return _view(loan, signing_of(work, work.loans.seen_by(actor, loan)))


@router.post("/loans/{loan}/signing-codes", status_code=202, responses=refusals(403, 404, 409, 429))
def send_signing_code(loan: LoanNumber, asked: CodeAsked, actor: Acting, context: Context) -> CodeView:
    """Sends a signer a code by SMS, good for five minutes; codes that he was sent before sign nothing any more.

    It goes to his own mobile, whoever asks for it, and is never in an answer.
    """
    with context.books.begin() as work:
        code = request_code(work, actor, work.loans.seen_by(actor, loan), asked.party)
        return CodeView(party=code.party_id, expires_at=code.expires_at)


@router.post(
    "/loans/{loan}/signatures",
    status_code=201,
    responses={
        200: {"model": SignatureView, "description": "the party had signed this contract before"},
        **refusals(403, 404, 409),
    },
)
def sign_contract(
    loan: LoanNumber, asked: SignatureAsked, actor: Acting, context: Context, request: Request, response: Response
) -> SignatureView:
    """The signature of a party under the contract whose digest he was shown. A wrong code counts as a try of five."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        signed = sign(
            work,
            actor,
            found,
            asked.party,
            asked.code,
            document_sha256=asked.document_sha256,
            user_agent=request.headers.get("user-agent"),
        )
        is_new = isinstance(signed, Signature) and signed.signed_at == work.now
        complete = all_signed(work, found)
    # Raised only now: the try is committed.
    if isinstance(signed, WrongCode):
        raise signed
    if not is_new:
        response.status_code = 200
    return SignatureView(
        party=signed.party_id,
        document=signed.document_id,
        document_sha256=signed.document_sha256,
        signed_at=signed.signed_at,
        complete=complete,
    )


def _view(loan: str, signing: Signing) -> SignaturesView:
    document = signing.contract
    contract = document and ContractView(
        id=document.id,
        sha256=document.sha256,
        terms_version=document.terms_version,
        content=f"/api/v1/loans/{loan}/documents/{document.id}/content",
    )
    return SignaturesView(
        contract=contract,
        problem=signing.problem,
        complete=signing.is_complete,
        signers=[_signer(one) for one in signing.signers],
    )


def _signer(one: Signer) -> SignerView:
    return SignerView(
        party=one.party.id,
        role=one.party.role,
        name=masked_name(one.party.name),
        mobile=one.mobile,
        signed_at=one.signed_at,
    )
