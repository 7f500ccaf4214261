"""What may be done once, or so often, is done once or so often when several do it at the same moment."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models import ledger
from models.limits import LimitKind, LimitOutcome
from models.screening import ListingOutcome
from models.staff import Actor, Role, Scope
from models.verification import Verdict
from services import absences, chart, limit_changes, listings, staff
from services.sign_in_machines import MOST_SECRETS, add_secret
from services.verification import store_answer
from tests.modules.applications import ANSWERS
from tests.services.procedure import ADMIN, AGENT, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure

AT_ONCE = 6
OTHER_RISK = Actor("risk-shen", Role.RISK)
MACHINE = "machine-one"
PERSON = "110000199005170014"

Act = Callable[[UnitOfWork, int], object]


def at_once(procedure: Procedure, act: Act) -> Counter[str]:
    """How often an act was done and with which codes it was refused, each by a process of its own."""
    houses = [Books(procedure.books.url) for _ in range(AT_ONCE)]
    start, opens = Barrier(AT_ONCE), procedure.books.clock.opens_at(procedure.day)

    def go(place: int) -> str:
        start.wait(timeout=20)
        try:
            with houses[place].begin(opens) as work:
                act(work, place)
        except LendingError as refused:
            return refused.code
        except IntegrityError:
            return "tried again"
        return "done"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = Counter(pool.map(go, range(AT_ONCE)))
    for house in houses:
        house.close()
    return answers


def test_secrets_of_a_machine_are_as_many_as_it_may_have(procedure: Procedure) -> None:
    with procedure.at() as work:
        staff.add_machine(work, ADMIN, MACHINE, "machine", frozenset({Scope.LOANS_READ}))

    def add(work: UnitOfWork, _: int) -> object:
        account = work.staff.get(MACHINE)
        assert account is not None
        return add_secret(work, ADMIN, account)

    answers = at_once(procedure, add)
    with procedure.at() as work:
        assert answers["done"] + answers["too_many_secrets"] == AT_ONCE
        assert len(work.sign_in.secrets_of(MACHINE, work.now)) <= MOST_SECRETS


def test_a_person_is_entered_as_away_once(procedure: Procedure) -> None:
    def enter(work: UnitOfWork, _: int) -> object:
        return absences.enter(work, MANAGER, MANAGER.id, "manager-feng", procedure.day, procedure.day, "ill")

    assert at_once(procedure, enter) == {"done": 1, "invalid_absence": AT_ONCE - 1}


def test_two_do_not_become_each_others_deputies(procedure: Procedure) -> None:
    def enter(work: UnitOfWork, place: int) -> object:
        who, deputy = (RISK, OTHER_RISK) if place % 2 else (OTHER_RISK, RISK)
        return absences.enter(work, who, who.id, deputy.id, procedure.day, procedure.day, "ill")

    answers = at_once(procedure, enter)
    assert (answers["done"], answers["deputy_away"] > 0) == (1, True)


def test_the_same_limit_waits_once_and_is_decided_once(procedure: Procedure) -> None:
    row = {"on": str(procedure.day - timedelta(days=1)), "tenor": "one_year", "percent": "3.33"}

    def propose(work: UnitOfWork, _: int) -> object:
        return limit_changes.propose_limit(work, RISK, LimitKind.PRIME_RATE, row, "published")

    assert at_once(procedure, propose) == {"done": 1, "limit_repeated": AT_ONCE - 1}
    with procedure.books.read() as work:
        (waiting,) = [one.id for one in limit_changes.limit_states(work) if one.status == "open"]

    def decide(work: UnitOfWork, place: int) -> object:
        outcome = LimitOutcome.APPROVE if place % 2 else LimitOutcome.REFUSE
        return limit_changes.decide_limit(work, OTHER_RISK, waiting, outcome, "compared")

    assert at_once(procedure, decide) == {"done": 1, "limit_decided": AT_ONCE - 1}


def test_the_same_person_is_put_on_the_list_once_and_decided_on_once(procedure: Procedure) -> None:
    about: dict[str, Any] = {"name": "张三", "id_number": PERSON, "reason": "cheated us"}
    about |= {"valid_from": None, "valid_until": None}

    def propose(work: UnitOfWork, _: int) -> object:
        return listings.propose_entry(work, RISK, **about)

    assert at_once(procedure, propose) == {"done": 1, "listed_already": AT_ONCE - 1}
    with procedure.at() as work:
        (entry,) = [one.id for one in listings.listing_states(work, RISK) if one.id_number == PERSON]

    def decide(work: UnitOfWork, _: int) -> object:
        return listings.decide_listing(work, OTHER_RISK, entry, ListingOutcome.APPROVE, "read the file")

    assert at_once(procedure, decide) == {"done": 1, "listing_decided": AT_ONCE - 1}

    def remove(work: UnitOfWork, _: int) -> object:
        return listings.propose_removal(work, RISK, entry, "a mistake")

    assert at_once(procedure, remove) == {"done": 1, "listing_decided": AT_ONCE - 1}


def test_an_account_has_one_version_from_a_day(procedure: Procedure) -> None:
    def revise(work: UnitOfWork, _: int) -> None:
        begins = procedure.day + timedelta(days=5)
        chart.revise_account(work, FINANCE, ledger.INTEREST_INCOME, begins, {"name_en": "Interest"})

    assert at_once(procedure, revise) == {"done": 1, "invalid_rule": AT_ONCE - 1}


@pytest.mark.parametrize(("ahead", "is_taken"), [(366, True), (367, False), (2_900_000, False)])
def test_a_rule_begins_within_a_year(procedure: Procedure, ahead: int, is_taken: bool) -> None:
    """One from the last of all days would keep every other version of its account out for ever."""
    begins = procedure.day + timedelta(days=ahead)
    with procedure.at() as work:
        if is_taken:
            chart.revise_account(work, FINANCE, ledger.INTEREST_INCOME, begins, {"name_en": "Interest"})
            return
        with pytest.raises(chart.InvalidRule, match="within 366 days"):
            chart.revise_account(work, FINANCE, ledger.INTEREST_INCOME, begins, {"name_en": "Interest"})
    with procedure.at() as work:
        chart.revise_account(
            work, FINANCE, ledger.INTEREST_INCOME, procedure.day + timedelta(days=5), {"name_en": "Interest"}
        )


def test_answers_of_all_registers_are_written_while_one_of_them_says_who_the_borrower_is(procedure: Procedure) -> None:
    """Two loans of somebody, entered by two: each register of each answers at once, and nobody waits for ever."""
    person: dict[str, Any] = {"id_number": PERSON}
    senders = ((AGENT, "9000"), (INTEGRATOR, "8000"))
    loans = [procedure.apply(actor=actor, amount=amount, **person) for actor, amount in senders]

    def answer(work: UnitOfWork, place: int) -> None:
        check = ("identity", "bureau", "enrolment")[place // 2]
        body = ANSWERS["micro"][check]
        store_answer(work, loans[place % 2], check, 1, Verdict.PASSED, f"r{place}", body)

    answers = at_once(procedure, answer)
    # Of two who are known at the same moment the second is tried again, as every activity is.
    assert answers["done"] + answers["tried again"] == AT_ONCE
    assert answers["tried again"] <= 1
