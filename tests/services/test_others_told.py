"""Who answers for a loan beside its borrower: told of arrears and changes, asked before he is burdened further."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from activities.sms import SmsSender
from gateways.connection import open_session
from gateways.sms import SmsGateway
from models.changes import ChangeKind, ChangeStatus
from models.customers import PartyRole
from models.messages import StepKind
from models.notices import Contact
from models.outbox import OutboxRow, Topic
from models.products import JointParty
from models.tasks import Outcome, TaskKind
from services.errors import ConsentMissing, InvalidChange
from services.notices import OTHERS
from services.products import Catalogue, _Installed, catalogue
from tests.modules.applications import id_number
from tests.services.procedure import Procedure
from tests.services.proposals import change, decide, latest, propose, take_back
from tests.simulators.running import Outside, running_outside

MOBILE = "19900000077"
LONGER = {"periods": 2, "component": "principal"}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as found:
        yield found


def answering(procedure: Procedure, monkeypatch: pytest.MonkeyPatch, role: PartyRole) -> str:
    """A running microloan for which somebody answers in this role, seen on 20 January."""
    somebody = JointParty(role, "章三测试", id_number(date(1970, 2, 3), 777), MOBILE)
    checks = {role: ("identity",)}
    micro = replace(catalogue().product("micro"), parties=lambda _form: [somebody], co_signer_checks=checks)
    monkeypatch.setattr(_Installed, "catalogue", Catalogue((micro,)))
    loan = procedure.running()
    procedure.day = date(2026, 1, 20)
    procedure.advance(loan)
    return loan


def told(procedure: Procedure, loan: str) -> list[Contact]:
    """What others were told about a loan, oldest first; nobody reads a sum or a name in it."""
    with procedure.books.read() as work:
        found = [one for one in reversed(work.customers.contacts(loan)) if one.template in OTHERS]
    for one in found:
        assert not re.search(r"元|测试", one.text)
        assert loan in one.text
    return found


@pytest.mark.parametrize(
    ("role", "called"), [(PartyRole.JOINT_BORROWER, "作为共同借款人的"), (PartyRole.GUARANTOR, "作为保证人的")]
)
def test_arrears_are_told_to_who_answers_for_them_on_his_own_mobile(
    procedure: Procedure, outside: Outside, monkeypatch: pytest.MonkeyPatch, role: PartyRole, called: str
) -> None:
    loan = answering(procedure, monkeypatch, role)
    procedure.day = date(2026, 2, 6)
    procedure.advance(loan, StepKind.OVERDUE)
    assert told(procedure, loan) == []
    procedure.day = date(2026, 2, 9)
    procedure.advance(loan, StepKind.OVERDUE)
    (contact,) = told(procedure, loan)
    assert called in contact.text
    assert "已逾期4天" in contact.text

    async def send() -> None:
        async with open_session() as session:
            sender = SmsSender(SmsGateway(session, f"{outside.url}/sms", "demo-sms"))
            with procedure.books.read() as work:
                rows = [row for row in work.session.exec(select(OutboxRow)) if row.topic is Topic.SMS]
                found = sender.look_up(work, rows)
            for row in rows:
                await sender.deliver(row, found[row.id])

    asyncio.run(send())
    (message,) = outside.call("GET", f"/sms/messages?key={contact.key}").json()
    assert (message["mobile"], message["text"]) == (MOBILE, contact.text)
    with procedure.books.read() as work:
        own = next(one for one in work.customers.contacts(loan) if one.template == "overdue")
    (to_borrower,) = outside.call("GET", f"/sms/messages?key={own.key}").json()
    assert to_borrower["mobile"] != MOBILE


def test_changes_and_a_write_off_are_told(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.JOINT_BORROWER)
    change(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "6"})
    change(procedure, loan, ChangeKind.WAIVER, {"amount": "1.00", "component": "principal"})
    procedure.day += timedelta(days=60)
    procedure.advance(loan, StepKind.DUE)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    assert [one.template for one in told(procedure, loan)] == ["others_terms_changed", "others_written_off"]


def test_a_loan_that_nobody_else_answers_for_tells_nobody_else(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = date(2026, 2, 9)
    procedure.advance(loan, StepKind.OVERDUE)
    change(procedure, loan, ChangeKind.DEFERRAL, LONGER)
    assert told(procedure, loan) == []


def test_without_a_guarantors_consent_a_longer_debt_is_not_approved(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.GUARANTOR)
    propose(procedure, loan, ChangeKind.DEFERRAL, LONGER)
    assert procedure.task(loan, TaskKind.CHANGE).about.endswith("proposed; guarantors have not agreed")
    with pytest.raises(ConsentMissing, match="article 695"):
        decide(procedure, loan)
    assert latest(procedure, loan).status is ChangeStatus.OPEN
    decide(procedure, loan, Outcome.REFUSE)
    assert told(procedure, loan) == []


def test_a_guarantors_consent_is_kept_with_the_proposal_and_he_is_told(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.GUARANTOR)
    for never in ("2026-01-21", "soon"):
        with pytest.raises(InvalidChange) as refused:
            propose(procedure, loan, ChangeKind.DEFERRAL, LONGER | {"guarantors_agreed_on": never})
        assert refused.value.fields == {"guarantors_agreed_on": "a date up to 2026-01-20"}
    change(procedure, loan, ChangeKind.DEFERRAL, LONGER | {"guarantors_agreed_on": "2026-01-19"})
    assert latest(procedure, loan).proposal.asked["guarantors_agreed_on"] == "2026-01-19"
    assert [one.template for one in told(procedure, loan)] == ["others_terms_changed"]
    with procedure.books.read() as work:
        assert "guarantors_agreed_on" not in work.loans.events(loan)[-1].body


def test_only_a_heavier_or_longer_debt_needs_the_guarantors_consent(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.GUARANTOR)
    burdensome: list[tuple[ChangeKind, dict[str, Any], bool]] = [
        (ChangeKind.RATE_CHANGE, {"annual_rate_percent": "3"}, False),
        (ChangeKind.RATE_CHANGE, {"annual_rate_percent": "9"}, True),
        (ChangeKind.FEE, {"amount": "10.00"}, True),
        (ChangeKind.RESTRUCTURING, {"extra_periods": 1}, True),
        (ChangeKind.WRITE_OFF, {}, False),
    ]
    for kind, asked, burdens in burdensome:
        proposal = propose(procedure, loan, kind, asked).proposal
        assert ("guarantors" in procedure.task(loan, TaskKind.CHANGE).about) is burdens, kind
        take_back(procedure, loan, proposal)


def test_a_joint_borrower_is_no_guarantor_and_is_not_asked(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.JOINT_BORROWER)
    change(procedure, loan, ChangeKind.DEFERRAL, LONGER)
    assert latest(procedure, loan).status is ChangeStatus.APPLIED
