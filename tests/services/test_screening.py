"""Who is on a list: the lender's own, which two people keep, a module's, and the provider's."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import PartyRole
from models.screening import (
    Finding,
    ListingDecision,
    ListingOutcome,
    ListingStatus,
    ScreenedParty,
)
from models.staff import Actor, Role
from models.verification import Verdict
from services.errors import NotAllowed
from services.facts import facts_of
from services.listings import (
    InvalidListing,
    ListedAlready,
    ListingDecided,
    ListingState,
    OwnListing,
    UnknownListing,
    decide_listing,
    listing_states,
    propose_entry,
    propose_removal,
)
from services.loans import case_of
from services.products import Catalogue, catalogue, install
from services.screening import findings_in
from services.screening_hooks import Screening
from services.verification import store_answer
from tests.modules.applications import id_number
from tests.services.procedure import ADMIN, AGENT, AUDITOR, MANAGER, RISK, Procedure

OTHER_RISK = Actor("risk-shen", Role.RISK)
PERSON = id_number(sequence=801)
DEALER = "远帆汽车销售服务有限公司"


def propose(procedure: Procedure, *, actor: Actor = RISK, **entry: Any) -> ListingState:
    given = {"name": None, "id_number": None, "valid_from": None, "valid_until": None, "reason": "forged papers"}
    with procedure.at() as work:
        return propose_entry(work, actor, **{**given, **entry})


def decide(
    procedure: Procedure,
    entry: str,
    outcome: ListingOutcome = ListingOutcome.APPROVE,
    *,
    actor: Actor = OTHER_RISK,
) -> ListingState:
    with procedure.at() as work:
        return decide_listing(work, actor, entry, outcome, "looked at the file")


def listed(procedure: Procedure, **entry: Any) -> str:
    found = propose(procedure, **entry).id
    decide(procedure, found)
    return found


def facts(procedure: Procedure, loan: str) -> dict[str, Any]:
    with procedure.at() as work:
        found = work.loans.get(loan)
        return facts_of(work, found, case_of(work, found, procedure.day), procedure.day)


def screened(procedure: Procedure, loan: str) -> tuple[bool, bool]:
    found = facts(procedure, loan)
    return found["screening_hit"], found["screening_known"]


def verified(procedure: Procedure, code: str = "micro", **changes: Any) -> str:
    loan = procedure.apply(code, **changes)
    procedure.verify(loan)
    return loan


# -- the own list ------------------------------------------------------------------------------------------------------


def test_an_entry_counts_once_a_second_person_agreed_and_until_one_agrees_to_remove_it(procedure: Procedure) -> None:
    loan = verified(procedure, id_number=PERSON)
    entry = propose(procedure, id_number=PERSON, name="欧阳测试")
    assert (entry.status, screened(procedure, loan)) == (ListingStatus.OPEN, (False, True))
    assert decide(procedure, entry.id).status is ListingStatus.IN_FORCE
    assert screened(procedure, loan) == (True, True)
    with procedure.at() as work:
        assert propose_removal(work, RISK, entry.id, "a mistake").status is ListingStatus.REMOVING
    assert screened(procedure, loan) == (True, True)
    assert decide(procedure, entry.id, ListingOutcome.REFUSE).status is ListingStatus.IN_FORCE
    with procedure.at() as work:
        propose_removal(work, OTHER_RISK, entry.id, "a mistake, proven")
    assert decide(procedure, entry.id, actor=RISK).status is ListingStatus.REMOVED
    assert screened(procedure, loan) == (False, True)
    with procedure.at() as work:
        (state,) = listing_states(work, AUDITOR)
    assert (state.status, state.removal_reason, state.decided_by) == (
        ListingStatus.REMOVED,
        "a mistake, proven",
        OTHER_RISK.id,
    )


def test_a_refused_entry_never_counts(procedure: Procedure) -> None:
    entry = propose(procedure, id_number=PERSON)
    assert decide(procedure, entry.id, ListingOutcome.REFUSE).status is ListingStatus.REFUSED
    assert screened(procedure, verified(procedure, id_number=PERSON)) == (False, True)
    # The same may be proposed again.
    assert propose(procedure, id_number=PERSON).status is ListingStatus.OPEN


def test_an_entry_counts_on_its_days_only(procedure: Procedure) -> None:
    first, last = procedure.day + timedelta(days=1), procedure.day + timedelta(days=2)
    listed(procedure, id_number=PERSON, valid_from=first, valid_until=last)
    loan = verified(procedure, id_number=PERSON)
    hits = []
    for _ in range(4):
        hits.append(screened(procedure, loan)[0])
        procedure.day += timedelta(days=1)
    assert hits == [False, True, True, False]


def test_a_number_is_certain_and_the_same_name_alone_is_for_a_person_to_look_at(procedure: Procedure) -> None:
    listed(procedure, name="欧阳测试")
    assert screened(procedure, verified(procedure)) == (False, False)
    listed(procedure, name="周担保", id_number=PERSON)
    other = {"guarantor_name": "周担保", "guarantor_mobile": "19900000077"}
    assert screened(
        procedure, verified(procedure, "auto", name="王小明", **other, guarantor_id_number=id_number(sequence=802))
    ) == (False, True)


def test_whoever_signs_beside_and_whoever_is_paid_are_screened_too(procedure: Procedure) -> None:
    listed(procedure, id_number=PERSON)
    guarantor = {"guarantor_name": "周担保", "guarantor_id_number": PERSON, "guarantor_mobile": "19900000077"}
    loan = verified(procedure, "auto", **guarantor)
    assert screened(procedure, loan) == (True, True)
    (found,) = findings_in(facts(procedure, loan))
    assert (found.role, found.source, found.reason) == (PartyRole.GUARANTOR, "own_list", "forged papers")
    listed(procedure, name=" 远帆汽车销售服务 有限公司 ")
    roles = {one.role for one in findings_in(facts(procedure, loan))}
    assert roles == {PartyRole.GUARANTOR, PartyRole.PAYEE}


def test_who_proposed_does_not_decide_and_only_risk_keeps_the_list(procedure: Procedure) -> None:
    entry = propose(procedure, id_number=PERSON)
    with pytest.raises(OwnListing):
        decide(procedure, entry.id, actor=RISK)
    for actor in (AGENT, MANAGER, ADMIN):
        with pytest.raises(NotAllowed):
            propose(procedure, actor=actor, name=DEALER)
        with pytest.raises(NotAllowed):
            decide(procedure, entry.id, actor=actor)
        with procedure.at() as work, pytest.raises(NotAllowed):
            listing_states(work, actor)
    with procedure.at() as work, pytest.raises(NotAllowed):
        propose_removal(work, AUDITOR, entry.id, "no")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({}, "name"),
        ({"name": "人"}, "name"),
        ({"name": "。。。。"}, "name"),
        ({"id_number": "11010519491231002x"}, "id_number"),
        ({"name": DEALER, "reason": " "}, "reason"),
        ({"name": DEALER, "valid_until": date(2020, 1, 1)}, "valid_until"),
        ({"name": DEALER, "valid_from": date(2027, 1, 2), "valid_until": date(2027, 1, 1)}, "valid_until"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_at_its_field(
    procedure: Procedure, entry: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidListing) as refusal:
        propose(procedure, **entry)
    assert refusal.value.fields.keys() == {field}


@pytest.mark.parametrize("entry", [{"reason": "a\x00b"}, {"name": "远\x00帆"}])
def test_signs_that_the_books_cannot_keep_are_refused(procedure: Procedure, entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidListing):
        propose(procedure, **{"name": "示例商行", **entry})
    found = listed(procedure, name="另一商行")
    with procedure.at() as work, pytest.raises(InvalidListing):
        propose_removal(work, RISK, found, "a\x00b")


def test_nobody_is_listed_twice_and_nothing_is_decided_twice(procedure: Procedure) -> None:
    entry = listed(procedure, id_number=PERSON)
    with pytest.raises(ListedAlready):
        propose(procedure, id_number=PERSON)
    with pytest.raises(ListingDecided):
        decide(procedure, entry)
    with procedure.at() as work, pytest.raises(UnknownListing):
        propose_removal(work, RISK, "nothing", "no")
    open_entry = propose(procedure, name=DEALER).id
    with procedure.at() as work, pytest.raises(ListingDecided):
        propose_removal(work, RISK, open_entry, "no")
    with procedure.at() as work:
        removal = propose_removal(work, RISK, entry, "a mistake")
    with procedure.at() as work, pytest.raises(ListingDecided):
        propose_removal(work, OTHER_RISK, removal.id, "a mistake")


def test_the_database_itself_holds_the_list(procedure: Procedure) -> None:
    listed(procedure, id_number=PERSON)
    waiting = propose(procedure, name=DEALER).id
    own = ListingDecision(
        proposal_id=waiting,
        outcome=ListingOutcome.APPROVE,
        reason="me",
        decided_by=RISK.id,
        decided_at=procedure.books.clock.opens_at(procedure.day),
    )
    with pytest.raises(DBAPIError), procedure.at() as work:
        work.write(own)
    for table in ("listing_proposal", "listing_decision"):
        for change in (f"UPDATE {table} SET reason = 'another'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError), procedure.at() as work:
                work.session.execute(text(change))


def test_what_is_done_with_the_list_is_in_the_audit_log_without_anybodys_name(procedure: Procedure) -> None:
    listed(procedure, id_number=PERSON, name="欧阳测试")
    with procedure.at() as work:
        listing_states(work, AUDITOR)
        entries = [one for one in work.audit.page(limit=200) if one.act.startswith("listing")]
    assert [one.act for one in entries] == ["listing_proposed", "listing_decided", "listings_viewed"]
    told = "".join(str((one.before, one.after, one.reason)) for one in entries)
    assert not any(personal in told for personal in (PERSON, "欧阳测试", "forged", "looked at"))


# -- the provider and modules ------------------------------------------------------------------------------------------


def answer(procedure: Procedure, loan: str, check: str, *findings: bool) -> None:
    body: dict[str, Any] = {
        "findings": [{"list": "sanctions", "reason": "made up", "certain": one} for one in findings]
    }
    with procedure.at() as work:
        store_answer(work, loan, check, 2, Verdict.DOUBTFUL if findings else Verdict.PASSED, "SC-1", body)


@pytest.mark.parametrize(
    ("findings", "expected"), [((), (False, True)), ((True,), (True, True)), ((False,), (False, False))]
)
def test_what_the_provider_found_counts(
    procedure: Procedure, findings: tuple[bool, ...], expected: tuple[bool, bool]
) -> None:
    loan = verified(procedure)
    answer(procedure, loan, "screening", *findings)
    assert screened(procedure, loan) == expected


def test_what_it_found_about_a_co_signer_counts(procedure: Procedure) -> None:
    guarantor = {"guarantor_name": "周担保", "guarantor_id_number": PERSON, "guarantor_mobile": "19900000077"}
    loan = verified(procedure, "auto", **guarantor)
    answer(procedure, loan, "screening@guarantor", True)
    (found,) = findings_in(facts(procedure, loan))
    assert (found.source, found.role, found.list_name) == ("provider", PartyRole.GUARANTOR, "sanctions")
    assert screened(procedure, loan) == (True, True)


class ListAway(LendingError):
    """The list of a module cannot be read."""


@pytest.mark.parametrize(("away", "expected"), [(False, (True, True)), (True, (False, False))])
def test_a_modules_list_is_asked_about_everybody(procedure: Procedure, away: bool, expected: tuple[bool, bool]) -> None:
    asked: list[ScreenedParty] = []

    def ask(_work: UnitOfWork, parties: Sequence[ScreenedParty], day: date) -> list[Finding]:
        assert day == procedure.day
        if away:
            raise ListAway("away")
        asked.extend(parties)
        return [Finding("union", parties[0].role, True, "list of the union", "unpaid dues")]

    loan = verified(procedure, "auto")
    before = catalogue()
    install(Catalogue(before.products, (Screening("union", "Union", "协会", ask),)))
    try:
        assert screened(procedure, loan) == expected
    finally:
        install(before)
    assert away or [(one.role, one.id_number is None) for one in asked] == [
        (PartyRole.BORROWER, False),
        (PartyRole.PAYEE, True),
    ]
