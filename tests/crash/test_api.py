"""The API is killed while applications come in."""

import asyncio

import httpx
from sqlmodel import col, select

from models.loans import Application
from models.outbox import OutboxRow, Topic
from services.staff import demo_key
from tests.crash.house import APPLICANTS, House, micro_application

APPLICATIONS = 200
ANSWERED_BEFORE_THE_KILL = 60
AT_ONCE = 50


async def test_an_api_killed_while_200_applications_come_in_has_lost_none_it_answered_and_doubles_none(
    house: House,
) -> None:
    house.api.start()
    async with _caller(house) as caller:
        first = _Answers()
        await asyncio.gather(*(_hand_in(caller, n, first, kill=house) for n in range(APPLICATIONS)))
        assert ANSWERED_BEFORE_THE_KILL <= len(first.loans) < APPLICATIONS
        assert set(first.statuses.values()) == {202}
        known = _in_the_books(house)
        assert set(first.loans.values()) <= known

        house.api.start()
        again = _Answers()
        await asyncio.gather(*(_hand_in(caller, n, again) for n in range(APPLICATIONS)))
    assert len(again.loans) == APPLICATIONS
    assert {n: again.loans[n] for n in first.loans} == first.loans
    assert {again.statuses[n] for n in first.loans} == {200}
    assert list(again.statuses.values()).count(200) == len(known)
    assert len(set(again.loans.values())) == APPLICATIONS
    assert _in_the_books(house) == set(again.loans.values())
    assert _to_be_started(house) == sorted(again.loans.values())


class _Answers:
    """What the API answered, by the number of the application."""

    def __init__(self) -> None:
        self.loans: dict[int, str] = {}
        self.statuses: dict[int, int] = {}


def _caller(house: House) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{house.api_port}/api/v1",
        headers={"Authorization": f"Bearer {demo_key('integrator-demo')}"},
        limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
        timeout=30,
    )


async def _hand_in(caller: httpx.AsyncClient, n: int, answers: _Answers, *, kill: House | None = None) -> None:
    try:
        answer = await caller.post(
            "/applications", json=micro_application(APPLICANTS[n]), headers={"Idempotency-Key": f"application-{n}"}
        )
    except httpx.TransportError:
        return
    assert answer.status_code in (200, 202), answer.text
    answers.statuses[n] = answer.status_code
    answers.loans[n] = answer.json()["loan"]
    if kill is not None and len(answers.loans) == ANSWERED_BEFORE_THE_KILL:
        kill.api.kill()


def _in_the_books(house: House) -> set[str]:
    with house.books.read() as work:
        return set(work.session.exec(select(Application.loan)))


def _to_be_started(house: House) -> list[str | None]:
    with house.books.read() as work:
        query = select(OutboxRow.loan).where(OutboxRow.topic == Topic.START_LOAN).order_by(col(OutboxRow.loan))
        return list(work.session.exec(query))
