"""Signing on the pages, with the engine away: what the borrower and his agent see, enter and are refused."""

import re

import pytest
from sqlmodel import col, select

from models.signatures import SigningCode
from models.verification import Verdict
from services.verification import store_answer
from tests.services.papers import JOINT
from tests.services.procedure import MANAGER, Procedure
from tests.services.signatures import make_contract
from tests.web.conftest import Come
from tests.web.serving import Visitor, hidden, words

HTMX = {"HX-Request": "true"}


class Desk:
    """An offer whose contract is made, and a visitor at its page."""

    def __init__(
        self,
        come: Come,
        procedure: Procedure,
        *,
        staff: str | None = None,
        joint: bool = False,
        loan: str | None = None,
    ) -> None:
        self.procedure = procedure
        self.loan = loan or (procedure.offered("student", **JOINT) if joint else procedure.offered())
        self.contract = make_contract(procedure.books, self.loan, blank=True)
        procedure.own(self.loan, staff)
        self.visitor: Visitor = come(staff)
        self.home = f"/loans/{self.loan}" if staff else f"/my/{self.loan}"
        if staff is None:
            self.visitor.sign_in_as_borrower(self.loan, "0001")

    def page(self) -> str:
        """The page's markup."""
        return self.visitor.get(self.home).text

    def parties(self) -> list[str]:
        """The signers in their order."""
        with self.procedure.books.read() as work:
            found = sorted(work.customers.parties(self.loan), key=lambda one: (one.position, one.role))
        return [one.id for one in found if one.role.value in ("borrower", "joint_borrower")]

    def code(self) -> str:
        """The newest code of the loan."""
        with self.procedure.books.read() as work:
            query = select(SigningCode).where(SigningCode.loan == self.loan).order_by(col(SigningCode.id).desc())
            found = work.session.exec(query).first()
        assert found is not None
        assert found.code is not None
        return found.code

    def ask(self, party: str) -> str:
        """Asks for a code without scripts; what the page says then."""
        answer = self.visitor.post(f"/signing/{self.loan}/codes", seen_at=self.home, party=party)
        assert [one.status_code for one in answer.history] == [303]
        return words(answer.text)

    def sign(self, party: str, code: str, **headers: str) -> tuple[int, str]:
        """Enters a code; status and words of the answer."""
        fields = {"csrf": hidden(self.page(), "csrf"), "party": party, "code": code}
        sent = self.visitor.client.post(
            f"/signing/{self.loan}/signatures",
            data=fields | {"document_sha256": self.contract.sha256},
            headers=headers,
        )
        return sent.status_code, words(sent.text)

    def signed(self) -> int:
        """How many have signed."""
        with self.procedure.books.read() as work:
            return len(work.signatures.of_loan(self.loan))


def test_while_the_contract_is_made_the_page_says_so_and_looks_again(come: Come, procedure: Procedure) -> None:
    loan = procedure.offered()
    visitor = come()
    visitor.sign_in_as_borrower(loan, "0001")
    page = visitor.get(f"/my/{loan}").text
    assert "The contract is being made." in words(page)
    assert f'hx-get="/signing/{loan}"' in page
    make_contract(procedure.books, loan, blank=True)
    fragment = visitor.get(f"/signing/{loan}", headers=HTMX).text
    assert "Read the contract (PDF)" in fragment
    assert f'hx-get="/signing/{loan}"' not in fragment


def test_the_borrower_reads_the_contract_asks_for_a_code_and_signs(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure)
    (party,) = desk.parties()
    link = re.search(r'href="(/papers/[^"]+)"', desk.page())
    assert link is not None
    paper = desk.visitor.get(link.group(1))
    assert (paper.content, paper.headers["Content-Type"]) == (desk.contract.content, "application/pdf")
    assert procedure.acts(desk.loan)[-1] == "document_viewed"

    assert "Send a code to 199****0001" in words(desk.page())
    assert "Code from the message to 199****0001" in desk.ask(party)
    # The engine is away: the signature is kept, only the acceptance has to be sent again.
    status, said = desk.sign(party, desk.code(), **HTMX)
    assert status == 503
    assert "The system did not answer in time." in said
    assert desk.signed() == 1
    page = words(desk.page())
    assert "Accept the offer" in page
    assert "Send a code" not in page


def test_at_the_agents_desk_each_party_signs_with_a_code_of_his_own(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure, staff="agent-lin", joint=True)
    borrower, joint = desk.parties()
    desk.ask(borrower)
    first = desk.code()
    status, said = desk.sign(joint, first, **HTMX)
    assert (status, "This code is not good any more." in said) == (409, True)
    status, said = desk.sign(borrower, f"{first[:3]} {first[3:]}", **HTMX)
    assert (status, "The signature is kept." in said) == (200, True)
    assert "Send a code to 199****0002" in said
    desk.ask(joint)
    assert desk.sign(joint, desk.code(), **HTMX)[0] == 503
    assert desk.signed() == 2


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "has not confirmed who the co-signer is"), ("zh", "共同签约人的身份未经核实")],
)
def test_a_co_signer_whom_no_register_confirmed_is_sent_no_code_and_the_page_says_why(
    come: Come, procedure: Procedure, language: str, sentence: str
) -> None:
    desk = Desk(come, procedure, staff="agent-lin", joint=True)
    borrower, joint = desk.parties()
    with procedure.at() as work:
        store_answer(work, desk.loan, "identity@joint_borrower", 2, Verdict.FAILED, "r", {"result": "mismatch"})
    desk.visitor.client.headers["Accept-Language"] = language
    fields = {"csrf": hidden(desk.page(), "csrf"), "party": joint}
    answer = desk.visitor.client.post(f"/signing/{desk.loan}/codes", data=fields, headers=HTMX)
    assert (answer.status_code, sentence in words(answer.text)) == (409, True)
    with procedure.books.read() as work:
        assert work.session.exec(select(SigningCode)).first() is None
    desk.ask(borrower)
    assert desk.code()


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("12345", 422, "A code has six digits."),
        ("abcdef", 422, "A code has six digits."),
        ("", 422, "A code has six digits."),
        (None, 409, "That is not the code that was sent."),
    ],
)
def test_a_wrong_code_is_told_where_it_was_entered(
    come: Come, procedure: Procedure, code: str | None, status: int, sentence: str
) -> None:
    desk = Desk(come, procedure)
    (party,) = desk.parties()
    desk.ask(party)
    wrong = f"{(int(desk.code()) + 1) % 1_000_000:06d}" if code is None else code
    for headers in (HTMX, {}):
        answered, said = desk.sign(party, wrong, **headers)
        assert (answered, sentence in said) == (status, True)
    assert desk.signed() == 0
    with procedure.books.read() as work:
        kept = work.signatures.newest_code(party)
    assert kept is not None
    assert kept.tries == (2 if code is None else 0)


def test_who_decided_or_only_looks_on_finds_nothing_to_press(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER)
    make_contract(procedure.books, loan, blank=True)
    for staff in ("manager-zhao", "finance-sun", "auditor-wei"):
        page = words(come(staff).get(f"/loans/{loan}").text)
        assert "not signed yet" in page
        assert "Send a code" not in page
    procedure.own(loan, "agent-lin")
    assert "Send a code" in words(come("agent-lin").get(f"/loans/{loan}").text)


def test_another_borrower_reads_and_signs_nothing(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure)
    stranger = Desk(come, procedure)
    (party,) = desk.parties()
    desk.ask(party)
    visitor = stranger.visitor
    token = hidden(visitor.get(stranger.home).text, "csrf")
    fields = {"csrf": token, "party": party, "code": desk.code(), "document_sha256": desk.contract.sha256}
    assert visitor.get(f"/papers/{desk.loan}/{desk.contract.id}").status_code == 404
    assert visitor.get(f"/papers/{stranger.loan}/{desk.contract.id}").status_code == 404
    for act in ("codes", "signatures", "acceptance"):
        assert visitor.client.post(f"/signing/{desk.loan}/{act}", data=fields).status_code == 404
    assert desk.signed() == 0


def test_an_unsigned_offer_is_not_accepted_from_any_page(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure)
    for path in (f"/my/{desk.loan}/acceptance", f"/signing/{desk.loan}/acceptance"):
        answer = desk.visitor.post(path, seen_at=desk.home)
        assert answer.status_code == 409
        assert "Not everybody has signed the contract yet." in words(answer.text)


def test_papers_stand_on_the_page_and_a_statement_can_be_asked_for(come: Come, procedure: Procedure) -> None:
    desk = Desk(come, procedure)
    procedure.pay_out(desk.loan)
    procedure.day = procedure.account(desk.loan).rows[0].due
    procedure.collect(desk.loan)
    procedure.advance(desk.loan)
    page = desk.page()
    assert "Loan contract (PDF)" in words(page)
    key = re.search(r'name="payment" value="([^"]+)"', page)
    assert key is not None
    desk.visitor.post(f"/papers/{desk.loan}", seen_at=desk.home)
    told = desk.visitor.post(f"/papers/{desk.loan}", seen_at=desk.home, payment=key.group(1))
    assert [one.status_code for one in told.history] == [303]
    with procedure.books.read() as work:
        assert [one.kind for one in work.papers.of_loan(desk.loan)] == ["contract", "statement", "receipt"]
    assert "Statement, is being made" in words(told.text)
    assert 'name="payment"' not in told.text
