"""Registers asked as a worker asks them, over a real connection: about whom, how often, and what is no answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from sqlmodel import col, select

from activities.accounts import CardCheckSender
from activities.documents import ReadingDesk
from activities.registers import RegisterActs, Registers
from activities.secrets import AuthorisationLinkSender
from books.session import Books
from gateways.breaker import Breakers, ServiceResting, set_breakers
from gateways.connection import open_session
from gateways.errors import OutsideUnavailable
from models.messages import CheckOrder, CheckOutcome
from models.outbox import OutboxRow, Topic
from models.tasks import TaskKind
from models.verification import AuthorisationKind, RegisterState, Verdict
from services.authorisation_links import owner_of
from services.authorisations import give, may_use, take_back
from services.documents import hand_in
from services.documents_intake import PNG
from services.loans import case_of
from services.verification import AskedElsewhere
from tests.gateways.calling import Gateways
from tests.gateways.conftest import outside as outside
from tests.gateways.conftest import shared_outside as shared_outside
from tests.modules.applications import CUSTOMER, DAY
from tests.services.document_files import income_proof, png, taken
from tests.services.procedure import AGENT, Procedure
from tests.simulators.running import PEOPLE, Outside

SOMEBODY, PARENT = [one for one in PEOPLE.people if one.enrolment is None and not one.account_closed][:2]
HIM: dict[str, Any] = {
    "name": SOMEBODY.name,
    "id_number": SOMEBODY.id_number,
    "mobile": SOMEBODY.mobile,
    "bank_card": SOMEBODY.account,
}
HIS_GUARANTOR: dict[str, Any] = {
    "guarantor_name": PARENT.name,
    "guarantor_id_number": PARENT.id_number,
    "guarantor_mobile": PARENT.mobile,
}
Ask = Callable[["Worker"], Awaitable[CheckOutcome]]


class Worker:
    """What one worker process has: a session, breakers, and the acts on its own connection to the books."""

    def __init__(self, books: Books, session: aiohttp.ClientSession, url: str) -> None:
        set_breakers(session, Breakers(failures_to_open=3, rest_seconds=60))
        self.gateways = of = Gateways(session, url, 2)
        self.acts = RegisterActs(books, Registers(of.identity, of.bureau, of.enrolment, of.vehicles, of.screening))

    async def ask(self, loan: str, check: str, round_: int = 1, *, waits: bool = False) -> CheckOutcome:
        """One try of the activity."""
        order = CheckOrder(loan=loan, check=check, day=DAY, round=round_, waits=waits)
        return await self.acts.ask_register(order)


def works(books: Books, outside: Outside, *asks: Ask) -> list[str]:
    """What comes of these questions, one after the other in one process: a verdict, or the kind of its failure."""

    async def one_by_one() -> list[str]:
        seen = []
        async with open_session() as session:
            worker = Worker(books, session, outside.url)
            for ask in asks:
                try:
                    seen.append((await ask(worker)).verdict.value)
                except (OutsideUnavailable, AskedElsewhere) as error:
                    seen.append(error.code)
        return seen

    return asyncio.run(one_by_one())


def about(loan: str, check: str, round_: int = 1, *, waits: bool = False) -> Ask:
    return lambda worker: worker.ask(loan, check, round_, waits=waits)


def asked(outside: Outside, operation: str) -> int:
    """The simulator's own count of a question."""
    counted: int = outside.answer("GET", "/control/calls").get(operation, 0)
    return counted


def verdicts(procedure: Procedure, loan: str) -> list[tuple[str, Verdict]]:
    with procedure.books.read() as work:
        return [(one.check_name, one.verdict) for one in work.documents.answers(loan)]


def test_a_guarantor_is_never_asked_about_before_he_agrees(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply("auto", **HIM, **HIS_GUARANTOR)
    checks = ("identity@guarantor", "bureau@guarantor")
    before = asked(outside, "identity/checks"), asked(outside, "bureau/reports")
    seen = works(procedure.books, outside, *(about(loan, check) for check in checks * 2))
    assert seen == ["not_authorised"] * 4
    assert (asked(outside, "identity/checks"), asked(outside, "bureau/reports")) == before
    assert verdicts(procedure, loan) == [(check, Verdict.NOT_AUTHORISED) for check in checks]
    with procedure.at() as work:
        party = next(one.id for one in work.customers.parties(loan) if one.role == "guarantor")
        give(work, AGENT, work.loans.get(loan), party, sensitive=False)
    assert works(procedure.books, outside, *(about(loan, check) for check in checks)) == ["passed", "passed"]
    assert (asked(outside, "identity/checks"), asked(outside, "bureau/reports")) == (before[0] + 1, before[1] + 1)
    with procedure.books.read() as work:
        assert case_of(work, work.loans.get(loan), DAY).answers["identity@guarantor"]["result"] == "match"


def test_after_a_withdrawal_nothing_more_is_asked(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply(**HIM)
    assert works(procedure.books, outside, about(loan, "identity")) == ["passed"]
    before = sum(outside.answer("GET", "/control/calls").values())
    with procedure.at() as work:
        mine = work.customers.borrower(loan).id
        for kind in AuthorisationKind:
            take_back(work, AGENT, work.loans.get(loan), mine, kind)
    seen = works(procedure.books, outside, about(loan, "bureau"), about(loan, "enrolment"), about(loan, "identity", 2))
    assert seen == ["not_authorised"] * 3
    deliver_card_check(procedure, outside, loan)
    counted = {
        name: count for name, count in outside.answer("GET", "/control/calls").items() if not name.startswith("control")
    }
    assert sum(counted.values()) <= before
    assert "account" in procedure.open_tasks(loan)


def deliver_card_check(procedure: Procedure, outside: Outside, loan: str) -> None:
    """The check of the borrower's account, as the dispatcher delivers it."""

    async def deliver() -> None:
        async with open_session() as session:
            sender = CardCheckSender(procedure.books, Gateways(session, outside.url, 2).cards)
            with procedure.books.read() as work:
                found = select(OutboxRow).where(col(OutboxRow.loan) == loan, OutboxRow.topic == Topic.CARD_CHECK)
                row = work.session.exec(found).one()
                question = sender.look_up(work, [row]).get(row.id)
            await sender.deliver(row, question)

    asyncio.run(deliver())


def test_a_second_loan_and_a_second_round_do_not_ask_again(procedure: Procedure, outside: Outside) -> None:
    first, second = procedure.apply(**HIM), procedure.apply(**HIM, amount="13000")
    before = asked(outside, "bureau/reports")
    asks = (about(first, "bureau"), about(first, "bureau"), about(second, "bureau"), about(second, "bureau", 2))
    assert works(procedure.books, outside, *asks) == ["passed"] * 4
    assert asked(outside, "bureau/reports") == before + 1


def test_two_loans_in_two_workers_at_the_same_moment_ask_once(procedure: Procedure, outside: Outside) -> None:
    loans = procedure.apply(**HIM), procedure.apply(**HIM, amount="13000")
    books = procedure.books, Books(procedure.books.url)
    before = asked(outside, "bureau/reports")
    outside.plan_fault("bureau", "slow", delay_ms=300)

    async def until_answered(worker: Worker, loan: str) -> str:
        # As the engine does: what may be tried again is, after a pause.
        while True:
            try:
                return (await worker.ask(loan, "bureau")).verdict.value
            except AskedElsewhere:
                await asyncio.sleep(0.1)

    async def both() -> list[str]:
        async with open_session() as one, open_session() as other:
            workers = [Worker(house, session, outside.url) for house, session in zip(books, (one, other), strict=True)]
            waits = [until_answered(worker, loan) for worker, loan in zip(workers, loans, strict=True)]
            return await asyncio.gather(*waits)

    assert asyncio.run(both()) == ["passed", "passed"]
    books[1].close()
    assert asked(outside, "bureau/reports") == before + 1


@pytest.mark.parametrize("check", ["identity", "bureau", "enrolment"])
def test_nonsense_is_the_registers_error_and_never_the_applicants(
    procedure: Procedure, outside: Outside, check: str
) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault(check, "nonsense")
    assert works(procedure.books, outside, about(loan, check), about(loan, check)) == ["malformed", "passed"]
    assert verdicts(procedure, loan) == [(check, Verdict.MALFORMED), (check, Verdict.PASSED)]


def test_where_the_product_waits_nonsense_is_asked_again_as_a_register_that_is_down(
    procedure: Procedure, outside: Outside
) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault("enrolment", "nonsense")
    waiting = about(loan, "enrolment", waits=True)
    assert works(procedure.books, outside, waiting, waiting) == ["outside_unavailable", "passed"]
    assert verdicts(procedure, loan) == [("enrolment", Verdict.PASSED)]


def test_a_register_that_is_down_is_left_alone_and_figures_show_it(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault("bureau", "error_503", times=9)
    before = asked(outside, "bureau/reports")
    seen = works(procedure.books, outside, *(about(loan, "bureau") for _ in range(5)))
    assert seen == ["outside_unavailable"] * 3 + [ServiceResting.code] * 2
    assert asked(outside, "bureau/reports") == before + 3
    assert verdicts(procedure, loan) == []
    with procedure.books.read() as work:
        (state,) = work.session.exec(select(RegisterState))
    assert (state.service, state.is_open) == ("bureau", True)


def test_a_slow_register_is_given_up_in_time_and_may_be_asked_again(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault("bureau", "slow", delay_ms=3000)
    assert works(procedure.books, outside, about(loan, "bureau"), about(loan, "bureau")) == [
        "outside_unavailable",
        "passed",
    ]


def test_the_link_goes_to_the_co_signers_own_mobile_and_is_forgotten(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply("auto", **HIM, **HIS_GUARANTOR)

    with procedure.books.read() as work:
        row = work.session.exec(select(OutboxRow).where(OutboxRow.topic == Topic.AUTHORISATION_LINK)).one()

    async def deliver() -> None:
        async with open_session() as session:
            gateway = Gateways(session, outside.url, 2).sms
            sender = AuthorisationLinkSender(procedure.books, gateway, "https://pages.example")
            for _ in range(2):
                with procedure.books.read() as work:
                    link = sender.look_up(work, [row]).get(row.id)
                await sender.deliver(row, link)

    asyncio.run(deliver())
    (message,) = outside.answer("GET", f"/sms/messages?key={row.key}")
    assert message["mobile"] == PARENT.mobile
    token = message["text"].partition("https://pages.example/authorise/")[2]
    with procedure.books.read() as work:
        assert owner_of(work, token).name == "guarantor"
        assert work.customers.contacts(loan)[0].text.count("******") == 1


def test_no_machine_reads_the_documents_of_who_did_not_agree_to_that(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        mine = work.customers.borrower(loan).id
        take_back(work, AGENT, work.loans.get(loan), mine, AuthorisationKind.SENSITIVE)
        assert not may_use(work, loan, "id_document")
        number = str(work.loans.application(loan).form["id_number"])
        picture = taken(png(income_proof(str(CUSTOMER["name"]), number)), PNG)
        document = hand_in(work, AGENT, work.loans.get(loan), "income_proof", "", picture).id
    desk = ReadingDesk(procedure.books, clock=lambda: procedure.books.clock.opens_at(DAY))
    assert desk.read_all() == 1
    with procedure.books.read() as work:
        reading = work.documents.reading(document)
    assert reading is not None
    assert (reading.method, reading.doubtful) == ("none", True)
    assert TaskKind.DOCUMENT in procedure.open_tasks(loan)


def test_of_two_that_are_asked_together_the_one_that_answered_is_not_asked_again(
    procedure: Procedure, outside: Outside
) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault("screening", "error_503", times=1)
    before = asked(outside, "identity/checks"), asked(outside, "screening/checks")
    both = about(loan, "identity+screening")
    assert works(procedure.books, outside, both, both) == ["outside_unavailable", "passed"]
    assert verdicts(procedure, loan) == [("identity", Verdict.PASSED), ("screening", Verdict.PASSED)]
    assert asked(outside, "identity/checks") == before[0] + 1
    assert asked(outside, "screening/checks") == before[1] + 2


def test_what_each_of_two_came_to_is_told_apart(procedure: Procedure, outside: Outside) -> None:
    loan = procedure.apply(**HIM)
    outside.plan_fault("screening", "nonsense")

    async def ask(worker: Worker) -> CheckOutcome:
        outcome = await worker.ask(loan, "identity+screening")
        assert [(one.check, one.verdict) for one in outcome.parts] == [
            ("identity", Verdict.PASSED),
            ("screening", Verdict.MALFORMED),
        ]
        return outcome

    assert works(procedure.books, outside, ask) == ["passed"]
