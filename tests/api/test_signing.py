"""Signing by API: who may, what is refused, and that no code is ever told to whoever calls."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx import Response
from sqlmodel import col, select

from books.session import Books
from models.loans import Stage
from models.outbox import OutboxRow, Topic
from models.signatures import SigningCode
from tests.api.serving import Caller
from tests.services.papers import JOINT
from tests.services.procedure import MANAGER, Procedure
from tests.services.signatures import make_contract

SYSTEM = "integrator-demo"
NOBODY = "0" * 32


class Desk:
    """One offer whose contract is made, and who signs it by API."""

    def __init__(self, api: Caller, procedure: Procedure, loan: str) -> None:
        self.api = api
        self.books: Books = procedure.books
        self.loan = loan
        self.sha256 = make_contract(self.books, self.loan, blank=True).sha256

    def look(self, who: str = SYSTEM) -> Any:
        """How far the signing is."""
        return self.api.get(f"/loans/{self.loan}/signatures", who).json()

    def party(self, role: str = "borrower") -> str:
        """The id of a signer."""
        (found,) = [one["party"] for one in self.look()["signers"] if one["role"] == role]
        return str(found)

    def ask(self, role: str = "borrower", who: str = SYSTEM) -> Response:
        """Asks for a code."""
        return self.api.post(f"/loans/{self.loan}/signing-codes", {"party": self.party(role)}, who)

    def code(self, role: str = "borrower") -> str:
        """The code that the signer was sent last, as he reads it."""
        party = self.party(role)
        with self.books.read() as work:
            query = select(SigningCode).where(SigningCode.party_id == party).order_by(col(SigningCode.id).desc())
            found = work.session.exec(query).first()
        assert found is not None
        assert found.code is not None
        return found.code

    def sign(self, code: str, role: str = "borrower", who: str = SYSTEM, **other: str) -> Response:
        """Enters a code."""
        body = {"party": self.party(role), "code": code, "document_sha256": self.sha256} | other
        return self.api.post(f"/loans/{self.loan}/signatures", body, who, headers={"User-Agent": "a browser"})

    def refusals(self) -> list[tuple[str, str]]:
        """What the audit log has of refusals: act and code."""
        with self.books.read() as work:
            return [(one.act, (one.reason or "").split(":")[0]) for one in work.audit.of_loan(self.loan) if one.refused]


@pytest.fixture
def desk(api: Caller, procedure: Procedure) -> Desk:
    """A microloan at acceptance."""
    return Desk(api, procedure, procedure.offered())


@pytest.fixture
def two(api: Caller, procedure: Procedure) -> Desk:
    """A student loan at acceptance, which a joint borrower signs as well."""
    return Desk(api, procedure, procedure.offered("student", **JOINT))


def other(digits: str) -> str:
    """A code of the same form that is not this one."""
    return f"{(int(digits) + 1) % 1_000_000:06d}"


def test_each_signer_is_shown_masked_and_signs_for_himself(two: Desk) -> None:
    desk = two
    shown = desk.look()
    assert [(one["role"], one["name"], one["mobile"], one["signed_at"]) for one in shown["signers"]] == [
        ("borrower", "欧***", "199****0001", None),
        ("joint_borrower", "王**", "199****0002", None),
    ]
    assert (shown["contract"]["sha256"], shown["complete"], shown["problem"]) == (desk.sha256, False, None)

    asked = desk.ask()
    assert (asked.status_code, set(asked.json())) == (202, {"party", "expires_at"})
    code = desk.code()
    wrong = desk.sign(code, "joint_borrower")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "code_expired")
    first = desk.sign(code)
    assert (first.status_code, first.json()["complete"]) == (201, False)
    assert desk.sign(code).status_code == 200

    desk.ask("joint_borrower")
    last = desk.sign(desk.code("joint_borrower"), "joint_borrower")
    assert (last.status_code, last.json()["complete"]) == (201, True)
    assert desk.look()["complete"]
    with desk.books.read() as work:
        told = [str(one.model_dump()) for one in work.audit.of_loan(desk.loan)]
        payloads = [one.payload for one in work.session.exec(select(OutboxRow)) if one.topic is Topic.SIGNING_CODE]
        kept = work.signatures.of_loan(desk.loan)
    for secret in (code, desk.code("joint_borrower")):
        assert not [one for one in (*told, *map(str, payloads), asked.text, first.text, last.text) if secret in one]
    assert {(one.address, one.entered_by) for one in kept} == {("127.0.0.1", SYSTEM)}
    assert all(one.user_agent_sha256 for one in kept)


def test_an_offer_that_not_all_have_signed_cannot_be_accepted(api: Caller, procedure: Procedure, two: Desk) -> None:
    desk = two

    def refused() -> str:
        answer = api.post(f"/loans/{desk.loan}/acceptance", None, SYSTEM)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_signed")
        return str(answer.json()["detail"])

    assert refused() == f"2 signatures are missing under the contract of loan {desk.loan}: borrower, joint borrower"
    desk.ask()
    desk.sign(desk.code())
    assert refused() == f"1 signature is missing under the contract of loan {desk.loan}: joint borrower"
    assert desk.refusals() == [("accept_offer", "not_signed")] * 2
    assert procedure.loan(desk.loan).stage is Stage.ACCEPTANCE
    desk.ask("joint_borrower")
    desk.sign(desk.code("joint_borrower"), "joint_borrower")
    # The engine is away: what is refused now is not refused for want of a signature.
    assert api.post(f"/loans/{desk.loan}/acceptance", None, SYSTEM).json()["code"] == "engine_unavailable"


def test_a_wrong_code_is_refused_and_its_try_is_kept(desk: Desk) -> None:
    desk.ask()
    code = desk.code()
    for left in (4, 3, 2, 1, 0):
        answer = desk.sign(other(code))
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_code")
        assert f"{left} tries are left" in answer.json()["detail"]
        assert other(code) not in answer.text
    last = desk.sign(code)
    assert (last.status_code, last.json()["code"]) == (409, "code_used_up")
    assert not desk.look()["complete"]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"document_sha256": "0" * 64}, 409, "other_document"),
        ({"party": NOBODY}, 404, "unknown_party"),
        ({"code": "12345"}, 422, "invalid_request"),
        ({"code": "１２３４５６"}, 422, "invalid_request"),
        ({"document_sha256": "x"}, 422, "invalid_request"),
    ],
    ids=["another-document", "a-stranger", "too-short", "not-ascii", "no-digest"],
)
def test_what_does_not_fit_signs_nothing(desk: Desk, wrong: dict[str, str], status: int, code: str) -> None:
    desk.ask()
    answer = desk.sign(**{"code": desk.code()} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not desk.look()["complete"]


def test_a_code_is_used_once_and_none_is_sent_without_a_pause(desk: Desk) -> None:
    assert desk.sign("000000").json()["code"] == "code_expired"
    assert desk.ask().status_code == 202
    again = desk.ask()
    assert (again.status_code, again.json()["code"]) == (429, "too_many_codes")
    assert "Retry-After" in again.headers
    assert desk.sign(desk.code()).status_code == 201
    assert desk.ask().json()["code"] == "already_signed"


def test_two_who_enter_the_same_code_at_once_make_one_signature(desk: Desk) -> None:
    desk.ask()
    code = desk.code()
    with ThreadPoolExecutor(4) as hands:
        statuses = sorted(one.status_code for one in hands.map(lambda _: desk.sign(code), range(4)))
    assert statuses == [200, 200, 200, 201]
    with desk.books.read() as work:
        assert len(work.signatures.of_loan(desk.loan)) == 1


def test_two_signers_at_the_same_instant_both_sign(two: Desk) -> None:
    roles = ("borrower", "joint_borrower")
    for role in roles:
        two.ask(role)
    codes = [two.code(role) for role in roles]
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(two.sign, codes, roles))
    assert [one.status_code for one in answers] == [201, 201]
    assert sorted(one.json()["complete"] for one in answers) == [False, True]


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [("finance-sun", 403, "not_allowed"), ("auditor-wei", 403, "not_allowed"), ("agent-he", 404, "unknown_loan")],
)
def test_nobody_else_signs_for_the_borrower(procedure: Procedure, desk: Desk, who: str, status: int, code: str) -> None:
    procedure.own(desk.loan, "agent-lin")
    desk.ask()
    answers = [
        desk.ask(who=who),
        desk.sign(desk.code(), who=who),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(status, code)] * 2


def test_the_agent_of_the_case_signs_with_his_customer_but_never_who_decided_it(
    api: Caller, procedure: Procedure, desk: Desk
) -> None:
    procedure.own(desk.loan, "agent-lin")
    assert desk.ask(who="agent-lin").status_code == 202
    assert desk.sign(desk.code(), who="agent-lin").status_code == 201
    loan = procedure.graded()
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER)
    answer = Desk(api, procedure, loan).ask(who="manager-zhao")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert "whoever decided on a loan" in answer.json()["detail"]


def test_while_the_contract_is_made_nothing_can_be_signed(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()
    shown = api.get(f"/loans/{loan}/signatures", SYSTEM).json()
    assert (shown["contract"], shown["complete"]) == (None, False)
    answer = api.post(f"/loans/{loan}/signing-codes", {"party": shown["signers"][0]["party"]}, SYSTEM)
    assert (answer.status_code, answer.json()["code"]) == (409, "contract_not_ready")
