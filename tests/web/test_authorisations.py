"""Authorisations on pages: at the desk, on the borrower's own page, and behind the link that a co-signer gets."""

import re

import pytest

from models.customers import PartyRole
from models.signatures import SigningCode
from models.verification import AuthorisationKind, AuthorisationMethod, Verdict
from services.verification import store_miss
from tests.services.procedure import AGENT, Procedure
from tests.services.test_authorisations import BOTH, PARENT, apply, link_of
from tests.web.conftest import Come
from tests.web.serving import Visitor, words

REGISTERS, SENSITIVE = AuthorisationKind


def case(procedure: Procedure) -> str:
    """A student loan of agent Lin's customer, whose parent has said nothing yet."""
    loan = procedure.apply("student", actor=AGENT, **PARENT)
    procedure.own(loan, "agent-lin")
    return loan


def parent_of(procedure: Procedure, loan: str) -> str:
    with procedure.books.read() as work:
        return next(one.id for one in work.customers.parties(loan) if one.role is PartyRole.JOINT_BORROWER)


def said(procedure: Procedure, loan: str) -> list[tuple[str, AuthorisationKind, bool, AuthorisationMethod]]:
    """What was said beyond what came with the application."""
    with procedure.books.read() as work:
        rows = work.authorisations.of_loan(loan)[2:]
        return [(one.party, one.kind, one.granted, one.method) for one in rows]


def code_of(procedure: Procedure, party: str) -> str:
    """The digits that are on their way to somebody."""
    with procedure.at() as work:
        code: SigningCode | None = work.signatures.newest_code(party)
        assert code is not None
        return code.code or ""


def test_a_co_signer_reads_ticks_and_signs_with_the_code_of_his_mobile(procedure: Procedure, come: Come) -> None:
    loan = case(procedure)
    address = f"/authorise/{link_of(procedure, loan)}"
    parent, visitor = parent_of(procedure, loan), come()
    page = visitor.get(address)
    assert page.status_code == 200
    assert "199****0009" in words(page.text)
    assert str(PARENT["joint_borrower_id_number"]) not in page.text

    nothing = visitor.post(f"{address}/codes", seen_at=address, sensitive="yes")
    assert nothing.status_code == 422
    assert re.search(r'id="registers"[^>]*aria-invalid="true"', nothing.text)
    # What he ticked stays ticked.
    assert re.search(r'id="sensitive"[^>]* checked', nothing.text)

    asked = visitor.post(f"{address}/codes", seen_at=address, registers="yes", sensitive="yes")
    assert asked.status_code == 200
    sha256 = re.search(r'name="document_sha256" value="([0-9a-f]{64})"', asked.text)
    assert sha256 is not None
    digits = code_of(procedure, parent)
    wrong = "000000" if digits != "000000" else "000001"
    refused = visitor.post(f"{address}/signature", seen_at=address, document_sha256=sha256[1], code=wrong)
    assert refused.status_code == 409
    assert 'id="code-problem"' in refused.text
    assert said(procedure, loan) == []

    done = visitor.post(f"{address}/signature", seen_at=address, document_sha256=sha256[1], code=f" {digits} ")
    assert "Your authorisation is recorded" in words(done.text)
    assert said(procedure, loan) == [
        ("joint_borrower", REGISTERS, True, AuthorisationMethod.CODE),
        ("joint_borrower", SENSITIVE, True, AuthorisationMethod.CODE),
    ]
    with procedure.books.read() as work:
        assert work.authorisations.of_loan(loan)[2].address == "127.0.0.1"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_link_that_nobody_was_sent_shows_nothing(come: Come, language: str) -> None:
    answer = come(language=language).get(f"/authorise/{'x' * 32}")
    assert answer.status_code == 404
    assert ("链接" if language == "zh" else "link") in words(answer.text)


def test_a_form_of_another_site_asks_for_no_code(procedure: Procedure, come: Come) -> None:
    loan = case(procedure)
    address = f"/authorise/{link_of(procedure, loan)}/codes"
    answer = come().client.post(address, data={"registers": "yes"})
    assert answer.status_code == 403
    with procedure.at() as work:
        assert work.signatures.newest_code(parent_of(procedure, loan)) is None


def test_an_agent_records_what_a_co_signer_told_him_and_sends_the_link_again(procedure: Procedure, come: Come) -> None:
    loan, agent = case(procedure), come("agent-lin")
    parent, home = parent_of(procedure, loan), f"/loans/{loan}/authorisations"
    assert "not given" in words(agent.get(home).text)
    sent = agent.post(f"/authorisations/{loan}/link", seen_at=home, party=parent)
    assert "on its way" in words(sent.text)
    first = agent.post(f"/authorisations/{loan}", seen_at=home, party=parent, sensitive="yes")
    assert first.status_code == 422
    assert f'id="{parent}-registers-problem"' in first.text
    agent.post(f"/authorisations/{loan}", seen_at=home, party=parent, registers="yes")
    assert said(procedure, loan) == [("joint_borrower", REGISTERS, True, AuthorisationMethod.ATTESTED)]
    again = agent.post(f"/authorisations/{loan}/withdrawal", seen_at=home, party=parent, kind="sensitive")
    assert again.status_code == 409
    assert "no authorisation of this kind" in words(again.text)


def test_a_borrower_takes_his_own_word_back_and_gives_it_again(procedure: Procedure, come: Come) -> None:
    loan = case(procedure)
    visitor = come()
    visitor.sign_in_as_borrower(loan, "0001")
    home = f"/my/{loan}/authorisations"
    page = visitor.get(home)
    # Others speak for themselves: he does not even see what they said.
    assert str(PARENT["joint_borrower_name"]) not in page.text
    with procedure.books.read() as work:
        mine = work.customers.borrower(loan).id
    visitor.post(f"/authorisations/{loan}/withdrawal", seen_at=home, party=mine, kind="registers")
    assert "taken back" in words(visitor.get(home).text)
    visitor.post(f"/authorisations/{loan}", seen_at=home, party=mine, registers="yes", sensitive="yes")
    assert said(procedure, loan) == [
        ("borrower", REGISTERS, False, AuthorisationMethod.SIGNED_IN),
        ("borrower", REGISTERS, True, AuthorisationMethod.SIGNED_IN),
        ("borrower", SENSITIVE, True, AuthorisationMethod.SIGNED_IN),
    ]
    parent = parent_of(procedure, loan)
    for address in (f"/authorisations/{loan}", f"/authorisations/{loan}/withdrawal"):
        refused = visitor.post(address, seen_at=home, party=parent, registers="yes", kind="registers")
        assert refused.status_code == 403


def test_who_does_not_speak_for_the_borrower_looks_on(procedure: Procedure, come: Come) -> None:
    loan = case(procedure)
    auditor = come("auditor-wei")
    home = f"/loans/{loan}/authorisations"
    assert "<button" not in auditor.get(home).text.partition("<main")[2].partition("</main")[0]
    with procedure.books.read() as work:
        mine = work.customers.borrower(loan).id
    assert auditor.post(f"/authorisations/{loan}", seen_at=home, party=mine, registers="yes").status_code == 403


def test_the_case_shows_each_check_with_its_rule_and_what_is_missing(procedure: Procedure, come: Come) -> None:
    loan = case(procedure)
    procedure.verify(loan)
    with procedure.at() as work:
        store_miss(work, loan, "identity@joint_borrower", 1, Verdict.NOT_AUTHORISED)
    procedure.grade(loan, unanswered=("identity@joint_borrower",))
    task = procedure.task(loan, "approval")  # type: ignore[arg-type]  # the spelling of the kind
    shown = words(come("risk-qian").get(f"/tasks/{task.id}").text)
    for sentence in (
        "Identity register: Joint borrower",
        "Not asked: no authorisation",
        "Good for 365 days; if it is down, the case goes on with a mark",
        "if it is down, waited for 2 business days",
        "asked for this loan",
        "ref-identity",
    ):
        assert sentence in shown, sentence


def test_an_account_is_proposed_with_the_separate_word_on_sensitive_data(procedure: Procedure, come: Come) -> None:
    loan = procedure.running()
    procedure.own(loan, "agent-lin")
    page: Visitor = come("agent-lin")
    assert "separately agrees that sensitive data" in words(page.get(f"/loans/{loan}/accounts").text)


def test_an_application_without_the_separate_word_shows_so(procedure: Procedure, come: Come) -> None:
    loan = apply(procedure, "micro", BOTH | {"sensitive": False}, actor=AGENT)
    procedure.own(loan, "agent-lin")
    shown = words(come("agent-lin").get(f"/loans/{loan}/authorisations").text)
    assert shown.count("not given") == 1
