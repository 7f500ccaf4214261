"""The paper by which a borrower lets another account of his be debited, where no contract says so: signed by code.

It is a plain text of one page. The contract was signed for the account of its day, and another account must not be
debited on a colleague's word alone.
"""

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Party
from models.documents import Document
from models.loans import CLOSED, Loan
from models.signatures import Signature, SigningCode
from models.staff import Actor
from services import mandates
from services.errors import NotAllowed
from services.paper_words import day_in_words, masked_account
from services.signing import MANDATE, WrongCode, check_may_sign_for, send_code, sign_document, text_paper

TEXT = """委托扣款授权书

借款编号：{loan}
授权书编号：{number}
付款人：{name}
付款账户：{account}

本人授权贷款人按借款合同及其后的变更，在还款日、提前还款日和逾期后的约定日期，从上述账户扣划应还款项。
本授权自签署之日起生效，至借款结清之日或上述账户再次变更之日止；此前就其他账户作出的授权同时终止。

{day}
"""


class NoMandatePaper(LendingError):
    """No mandate waits for a signature."""

    code = "no_mandate_paper"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"no mandate of loan {loan} waits for a signature")


def prepare(work: UnitOfWork, loan: Loan, party: Party, number: str) -> Document:
    """Writes the paper for the account that the borrower has now; `number` makes it one of its kind."""
    text = TEXT.format(
        loan=loan.number,
        number=number,
        name=party.name,
        account=masked_account(party.account or ""),
        day=day_in_words(work.today, "zh"),
    )
    document = text_paper(work, loan, MANDATE, text, f"{loan.number}-{number[:8]}.txt")
    mandates.note_unsigned(work, loan.number)
    return document


def waiting_paper(work: UnitOfWork, loan: Loan) -> Document | None:
    """The paper that waits for the borrower's signature: the newest one, unless it is signed or of an older account.

    None of a closed loan, which nobody debits any more.
    """
    if loan.stage in CLOSED:
        return None
    party = work.customers.borrower(loan.number)
    papers = [one for one in work.documents.of_loan(loan.number) if one.kind == MANDATE]
    newest = max(papers, key=lambda one: one.id, default=None)
    if newest is None or work.signatures.of_document(newest.id) or mandates.is_standing(work, loan.number, party):
        return None
    return newest


def request_code(work: UnitOfWork, actor: Actor, loan: Loan) -> SigningCode:
    """Sends the borrower a code to sign the paper with. Raises NotAllowed, NoMandatePaper and TooManyCodes."""
    loan, document = _to_sign(work, actor, loan)
    return send_code(work, actor, loan, work.customers.borrower(loan.number), document)


def sign(
    work: UnitOfWork, actor: Actor, loan: Loan, digits: str, *, document_sha256: str, user_agent: str | None = None
) -> Signature | WrongCode:
    """The borrower's signature, with which the bank is told of the mandate.

    A wrong code is **returned**, for the try must be committed: raise it afterwards. Raises NotAllowed, NoMandatePaper,
    OtherDocument, CodeExpired and TooManyTries.
    """
    loan, document = _to_sign(work, actor, loan)
    party = work.customers.borrower(loan.number)
    signed = sign_document(
        work, actor, loan, party, document, digits, document_sha256=document_sha256, user_agent=user_agent
    )
    if isinstance(signed, Signature):
        mandates.order_by_paper(work, loan, party, signed)
    return signed


def _to_sign(work: UnitOfWork, actor: Actor, loan: Loan) -> tuple[Loan, Document]:
    # Held until the end: the account cannot change while its mandate is signed.
    loan = work.loans.get(loan.number)
    check_may_sign_for(work, actor, loan)
    if any(verdict is not None and verdict.given_by == actor.id for _, verdict in work.accounts.changes(loan.number)):
        raise NotAllowed("whoever decided on an account does not sign its mandate in the borrower's name")
    document = waiting_paper(work, loan)
    if document is None:
        raise NoMandatePaper(loan.number)
    return loan, document
