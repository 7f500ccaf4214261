"""Whose a document is: compared with him, read by his word, counted for him, and known again under his name."""

from collections.abc import Mapping
from typing import Any

import pytest

from models.customers import PartyRole
from models.documents import Document, DocumentReading, Reading, ReadingVerdict
from models.tasks import Outcome, TaskKind
from models.verification import AuthorisationKind
from services.authorisations import give as agree
from services.authorisations import take_back
from services.document_lists import DocumentStanding
from services.document_people import may_read, people_of
from services.documents import hand_in
from services.documents_reading import conclude, decide
from services.errors import InvalidDecision, InvalidDocument
from tests.modules.applications import id_number
from tests.modules.test_auto import GUARANTOR
from tests.modules.test_student import PARENT
from tests.services.document_files import taken
from tests.services.procedure import AGENT, INTEGRATOR, MANAGER, Procedure
from tests.services.test_document_lists import documents_facts, needed
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import concluded, reading_of

CO_SIGNERS = (PartyRole.JOINT_BORROWER, PartyRole.GUARANTOR)
FILE = b"\x89PNG a paper of somebody"


def party_of(procedure: Procedure, loan: str, role: PartyRole) -> str:
    """The id of the person with a role."""
    with procedure.books.read() as work:
        return next(one.id for one in work.customers.parties(loan) if one.role is role)


def give(
    procedure: Procedure, loan: str, kind: str, role: PartyRole = PartyRole.BORROWER, content: bytes = FILE
) -> str:
    """A document of one person of a loan."""
    party = party_of(procedure, loan, role)
    with procedure.at() as work:
        file = taken(content + kind.encode(), "image/png")
        return hand_in(work, AGENT, work.loans.get(loan), kind, "x.png", file, party).id


def agreed(procedure: Procedure, code: str, **changes: Any) -> str:
    """A loan all of whose people let their documents be read by machine."""
    loan = procedure.apply(code, **changes)
    with procedure.at() as work:
        parties = [one.id for one in work.customers.parties(loan) if one.role in CO_SIGNERS]
        for party in parties:
            agree(work, INTEGRATOR, work.loans.get(loan), party, sensitive=True)
    return loan


def card_of(form: Mapping[str, Any], prefix: str = "") -> Reading:
    """An identity card of somebody of a form."""
    return read("姓名 " + form[f"{prefix}name"], "公民身份号码 " + form[f"{prefix}id_number"])


def form_of(procedure: Procedure, loan: str) -> Mapping[str, Any]:
    with procedure.books.read() as work:
        return work.loans.application(loan).form


def nobodys(procedure: Procedure, document: str) -> None:
    """As documents of earlier versions are: nobody has said whose it is."""
    with procedure.at() as work:
        row = work.session.get_one(Document, document)
        row.party_id = None
        work.session.add(row)


@pytest.mark.parametrize(
    ("code", "people", "role", "prefix"),
    [
        ("student", PARENT, PartyRole.JOINT_BORROWER, "joint_borrower_"),
        ("auto", GUARANTOR, PartyRole.GUARANTOR, "guarantor_"),
    ],
)
def test_a_co_signers_card_is_compared_with_him_and_does_not_stand_for_the_borrowers(
    procedure: Procedure, code: str, people: Mapping[str, Any], role: PartyRole, prefix: str
) -> None:
    loan = agreed(procedure, code, **people)
    procedure.verify(loan)
    card = card_of(people, prefix)
    passed_off = concluded(procedure, give(procedure, loan, "id_card", content=b"\x89PNG 1"), card)
    assert (passed_off.verdict, passed_off.doubtful) == (ReadingVerdict.DIFFERS, True)
    with procedure.at() as work:
        decide(work, MANAGER, work.loans.get(loan), passed_off.document_id, Outcome.REFUSE, "another person's card")
    before = needed(procedure, loan)

    his = concluded(procedure, give(procedure, loan, "id_card", role), card)

    assert (his.verdict, his.doubtful) == (ReadingVerdict.AGREES, False)
    found = needed(procedure, loan)
    assert found.missing == before.missing
    assert "id_card" in found.missing
    own = concluded(
        procedure, give(procedure, loan, "id_card", content=b"\x89PNG 2"), card_of(form_of(procedure, loan))
    )
    assert (own.verdict, "id_card" in needed(procedure, loan).missing) == (ReadingVerdict.AGREES, False)


def test_a_doubt_about_a_co_signers_document_is_one_of_the_case_and_not_of_the_borrowers_kind(
    procedure: Procedure,
) -> None:
    loan = agreed(procedure, "student", **PARENT)
    procedure.verify(loan)
    concluded(procedure, give(procedure, loan, "id_card"), card_of(form_of(procedure, loan)))
    unread = give(procedure, loan, "id_card", PartyRole.JOINT_BORROWER, b"\x89PNG 1")
    assert documents_facts(procedure, loan) == (False, True, False)
    concluded(procedure, unread, read("姓名 王伟", "公民身份号码 " + id_number(sequence=7)))
    found = needed(procedure, loan)
    assert found.standing("id_card") is DocumentStanding.HANDED_IN
    assert (found.are_unread, found.are_doubtful) == (False, True)


def test_a_paper_about_the_household_counts_in_the_name_of_the_joint_borrower(procedure: Procedure) -> None:
    loan = agreed(procedure, "student", circumstances=["low_income_certificate"], **PARENT)
    procedure.verify(loan)
    assert "hardship_proof" in needed(procedure, loan).missing
    paper = read("城乡居民最低生活保障证", "持证人：" + PARENT["joint_borrower_name"])
    row = concluded(procedure, give(procedure, loan, "hardship_proof", PartyRole.JOINT_BORROWER), paper)
    assert (row.verdict, "hardship_proof" in needed(procedure, loan).missing) == (ReadingVerdict.AGREES, False)


def test_a_guarantors_income_is_compared_with_what_the_bureau_knows_of_him(procedure: Procedure) -> None:
    loan = agreed(procedure, "auto", **GUARANTOR)
    bureau = {"bureau": {"monthly_income_fen": 2_000_000}, "bureau@guarantor": {"monthly_income_fen": 300_000}}
    procedure.verify(loan, **bureau)
    proof = read("收入证明", f"兹证明 {GUARANTOR['guarantor_name']}，月收入 10,000.00 元。")
    row = concluded(procedure, give(procedure, loan, "income_proof", PartyRole.GUARANTOR), proof)
    assert row.found is not None
    told = [(one["field"], one["source"], one["expected"], one["state"]) for one in row.found["checks"]]
    assert told == [
        ("name", "form", GUARANTOR["guarantor_name"], "agrees"),
        ("income", "bureau", "3000.00", "differs"),
    ]


def test_everybody_of_a_loan_has_his_own_part_of_the_form(procedure: Procedure) -> None:
    loan = procedure.apply("auto", **GUARANTOR)
    with procedure.books.read() as work:
        borrower, guarantor = people_of(work, work.loans.get(loan))
    assert (borrower.spelling, guarantor.spelling) == ("borrower", "guarantor")
    assert borrower.form["bank_card"]
    assert guarantor.form.keys() == {"name", "id_number", "vin", "dealer", "vehicle_price"}
    assert guarantor.form["name"] == GUARANTOR["guarantor_name"]


def test_a_document_is_of_a_person_of_its_loan_and_of_one_alone(procedure: Procedure) -> None:
    loan, other = procedure.apply("student", **PARENT), procedure.apply()
    document = give(procedure, loan, "id_card")
    assert give(procedure, loan, "id_card") == document
    with pytest.raises(InvalidDocument) as refused:
        give(procedure, loan, "id_card", PartyRole.JOINT_BORROWER)
    assert refused.value.fields == {"party": "this file is another person's"}
    foreign = party_of(procedure, other, PartyRole.BORROWER)
    for party in (foreign, "nobody"):
        with procedure.at() as work, pytest.raises(InvalidDocument) as unknown:
            hand_in(work, AGENT, work.loans.get(loan), "id_card", "x.png", taken(b"\x89PNG"), party)
        assert unknown.value.fields.keys() == {"party"}


def test_a_machine_reads_a_document_by_the_word_of_the_very_person(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    own = give(procedure, loan, "id_card")
    parents = give(procedure, loan, "id_card", PartyRole.JOINT_BORROWER, b"\x89PNG 1")
    unknown = give(procedure, loan, "hardship_proof")
    nobodys(procedure, unknown)

    def readable() -> list[bool]:
        with procedure.books.read() as work:
            return [may_read(work, work.session.get_one(Document, one)) for one in (own, parents, unknown)]

    joint = party_of(procedure, loan, PartyRole.JOINT_BORROWER)
    assert readable() == [True, False, False]
    with procedure.at() as work:
        agree(work, INTEGRATOR, work.loans.get(loan), joint, sensitive=False)
    assert readable() == [True, False, False]
    with procedure.at() as work:
        agree(work, INTEGRATOR, work.loans.get(loan), joint, sensitive=True)
    assert readable() == [True, True, True]
    with procedure.at() as work:
        mine = work.customers.borrower(loan).id
        take_back(work, INTEGRATOR, work.loans.get(loan), mine, AuthorisationKind.SENSITIVE)
    assert readable() == [False, True, False]


def test_of_two_sisters_the_mothers_card_is_no_duplicate_and_a_strangers_use_of_it_is(procedure: Procedure) -> None:
    first, second, stranger = (agreed(procedure, "student", **PARENT) for _ in range(3))
    card = card_of(PARENT, "joint_borrower_")
    for loan in (first, second):
        row = concluded(procedure, give(procedure, loan, "id_card", PartyRole.JOINT_BORROWER), card)
        assert (row.duplicated, row.doubtful) == (False, False)
    row = concluded(procedure, give(procedure, stranger, "id_card"), card)
    assert row.duplicated
    with procedure.books.read() as work:
        assert [one.duplicated for loan in (first, second) for one in work.documents.readings(loan)] == [True, True]


def test_a_document_of_nobody_is_asked_about_and_taken_for_the_one_who_is_named(procedure: Procedure) -> None:
    loan = agreed(procedure, "student", **PARENT)
    procedure.verify(loan)
    document = give(procedure, loan, "id_card")
    nobodys(procedure, document)
    row = concluded(procedure, document, card_of(PARENT, "joint_borrower_"))
    # It fits the parent, and that is what the person who looks at it is shown.
    assert (row.verdict, row.doubtful) == (ReadingVerdict.AGREES, True)
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]
    joint = party_of(procedure, loan, PartyRole.JOINT_BORROWER)
    for party in (None, party_of(procedure, procedure.apply(), PartyRole.BORROWER)):
        with procedure.at() as work, pytest.raises(InvalidDecision) as refused:
            decide(work, MANAGER, work.loans.get(loan), document, Outcome.APPROVE, "her mother's card", party)
        assert refused.value.fields.keys() == {"party"}
    with procedure.at() as work:
        decide(work, MANAGER, work.loans.get(loan), document, Outcome.APPROVE, "her mother's card", joint)
    assert procedure.open_tasks(loan) == []
    assert "id_card" in needed(procedure, loan).missing
    assert procedure.entries(loan)[-1].after == {"kind": "id_card", "outcome": "approve", "party": joint}


def test_what_nobody_said_it_was_and_is_not_taken_needs_no_name(procedure: Procedure) -> None:
    loan = agreed(procedure, "student", **PARENT)
    document = give(procedure, loan, "id_card")
    nobodys(procedure, document)
    concluded(procedure, document, card_of(PARENT, "joint_borrower_"))
    with procedure.at() as work:
        decide(work, MANAGER, work.loans.get(loan), document, Outcome.REFUSE, "it says nothing")
    assert reading_of(procedure, document).outcome is Outcome.REFUSE


def test_an_invoice_that_is_read_anew_is_kept_as_it_was_read_first(procedure: Procedure) -> None:
    loan = procedure.apply("auto", **GUARANTOR)
    form = form_of(procedure, loan)
    document = give(procedure, loan, "vehicle_invoice")

    def invoice(price: str) -> Reading:
        lines = ("发票号码：25112000000012345678", "开票日期：2026年1月3日", f"购买方名称：{form['name']}", form["vin"])
        return read("机动车销售统一发票", *lines, f"价税合计 ￥{price}", form["dealer"])

    concluded(procedure, document, invoice("100,000.00"))
    with procedure.at() as work:
        row = work.session.get_one(DocumentReading, document)
        row.done_at = None
        work.session.add(row)
    with procedure.at() as work:
        conclude(work, document, invoice("90,000.00"))
    with procedure.books.read() as work:
        assert [one.amount_fen for one in work.collateral.invoices(loan)] == [10_000_000]
