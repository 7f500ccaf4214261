"""Every address of the API asked as everybody: who may what says one table, and every refusal is on record."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from temporalio.client import Client

from api.app import create_app
from api.context import ApiContext, NoticeReader
from api.permitted import PERMITTED
from books.session import Books
from books.sign_in import secret_digest
from engine.commands import LoanCommands
from models.audit import AuditEntry
from models.sign_in import AccessToken
from models.staff import Role, Scope, Staff
from services.permissions import ANY_SCOPE, OPEN, SCOPE_OF, TABLE
from services.permitted_routes import RouteWithoutAction, require_entries, route_names
from services.refusals import COUNTED, MOST_EACH, refusal_log
from services.staff import demo_key
from tests.api.serving import Caller, serving
from tests.servers.routes import Address, addresses
from tests.services.people import add as add_staff
from tests.services.procedure import Procedure


@dataclass(frozen=True)
class Asker:
    """Somebody who asks: his key or token, what he is, and what his token is good for."""

    id: str
    role: Role
    key: str = field(repr=False)
    scopes: frozenset[Scope] | None = None

    def may(self, name: str) -> bool:
        """What the table says of him at a route."""
        action = PERMITTED[name]
        if action is OPEN:
            return True
        in_scope = self.scopes is None or action in ANY_SCOPE or SCOPE_OF.get(action) in self.scopes
        return self.role in TABLE[action] and in_scope


DEMO = {
    "agent-lin": Role.AGENT,
    "agent-tang": Role.AGENT,
    "manager-zhao": Role.MANAGER,
    "manager-feng": Role.MANAGER,
    "risk-qian": Role.RISK,
    "finance-sun": Role.FINANCE,
    "auditor-wei": Role.AUDITOR,
    "admin-gu": Role.ADMIN,
    "integrator-demo": Role.INTEGRATOR,
}
KEYLESS = {"borrower-one": Role.BORROWER, "borrower-two": Role.BORROWER, "co-signer": Role.CO_SIGNER}
"""Roles that no demo person has."""


def made_app(books: Books) -> FastAPI:
    """The application itself, to be read and not served."""
    return create_app(ApiContext(books, LoanCommands(cast(Client, None)), cast(NoticeReader, None)))


def everybody(books: Books) -> list[Asker]:
    """People of every role, two where row scope tells them apart, and a machine with each scope alone."""
    askers = [Asker(name, role, demo_key(name)) for name, role in DEMO.items()]
    procedure = Procedure(books)
    customers = {name: procedure.loan(procedure.apply()).customer_id for name in KEYLESS}
    with books.begin() as work:
        for name, role in KEYLESS.items():
            customer = customers[name] if role is Role.BORROWER else None
            add_staff(
                work, Staff(id=name, name="?", role=role, customer_id=customer, key_hash=secret_digest(f"key-{name}"))
            )
            askers.append(Asker(customer or name, role, f"key-{name}"))
        for scope in Scope:
            token = f"lwt_{scope}"
            account = f"machine-{scope.name.lower()}"
            add_staff(
                work, Staff(id=account, name="?", role=Role.INTEGRATOR, key_hash=secret_digest(account), scopes=scope)
            )
            ends_at = work.now + timedelta(hours=1)
            work.session.add(
                AccessToken(
                    digest=secret_digest(token), staff_id=account, scopes=scope, created_at=work.now, ends_at=ends_at
                )
            )
            askers.append(Asker(account, Role.INTEGRATOR, token, frozenset({scope})))
    return askers


def ask(api: Caller, address: Address, key: str | None) -> httpx.Response:
    """Asks for something that is not there, so that whoever may ask changes nothing."""
    kinds = {"kind": "receipt"}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return api.client.request(address.method, api.url + address.filled(**kinds), headers=headers)


def refusals(books: Books) -> list[AuditEntry]:
    """All refusals on record."""
    refusal_log(books).flush()
    return on_record(books)


def on_record(books: Books) -> list[AuditEntry]:
    """Those that are written down by now."""
    with books.read() as work:
        return [entry for entry in work.audit.page(limit=1000) if entry.refused]


def test_every_address_answers_everybody_as_the_table_says_and_records_each_refusal(books: Books) -> None:
    routes = addresses(made_app(books))
    assert len(routes) > 80
    wrong: list[object] = []
    expected: Counter[str] = Counter()
    with serving(books) as api:
        for asker in everybody(books):
            for address in routes:
                answer = ask(api, address, asker.key)
                may = asker.may(address.name)
                if may and answer.status_code in (401, 403) and PERMITTED[address.name] is not OPEN:
                    wrong.append((asker, address, answer.text))
                if not may:
                    expected[asker.id] += 1
                    if (answer.status_code, answer.headers["content-type"]) != (403, "application/problem+json"):
                        wrong.append((asker, address, answer.status_code, answer.text))
    assert not wrong
    kept = [entry for entry in refusals(books) if (entry.reason or "").startswith(("not_allowed", "scope", "refus"))]
    listed = Counter(entry.actor_id for entry in kept if entry.act != COUNTED)
    counted = Counter[str]()
    for entry in kept:
        if entry.act == COUNTED:
            counted[entry.actor_id] += (entry.after or {})["count"]
    for who, many in expected.items():
        assert listed[who] >= min(many, 1), who
        assert listed[who] + counted[who] >= many, who


def test_nobody_gets_past_the_door_without_a_key(books: Books) -> None:
    with serving(books) as api:
        asked = [one for one in addresses(made_app(books)) if PERMITTED[one.name] is not OPEN]
        for address in asked:
            for key in (None, "no-such-key", "lwt_" + "A" * 43):
                answer = ask(api, address, key)
                assert answer.status_code == 401, address
                assert set(answer.json()) == {"type", "title", "status", "detail", "code", "fields", "request_id"}


def test_a_refusal_is_on_record_with_who_what_and_from_where(books: Books) -> None:
    with serving(books) as api:
        answer = api.get("/ledger/trial-balance", "agent-lin", headers={"X-Request-Id": "asked-1"})
    assert answer.json()["detail"] == "the role agent may not see the flow of funds and the ledger"
    (entry,) = refusals(books)
    assert (entry.actor_id, entry.role, entry.act) == ("agent-lin", "agent", "show_trial_balance")
    assert (entry.after, entry.address, entry.request_id) == ({"action": "see_funds"}, "127.0.0.1", "asked-1")
    assert (entry.reason or "").startswith("not_allowed: ")


def test_the_refusal_comes_before_anything_that_was_sent_is_looked_at(books: Books) -> None:
    with serving(books) as api:
        answer = api.post("/limits?no=such", {"kind": "?"}, "agent-lin")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_a_flood_of_refusals_is_counted_and_not_listed(books: Books) -> None:
    with serving(books) as api:
        for _ in range(MOST_EACH + 30):
            assert api.get("/ledger/months", "agent-lin").status_code == 403
        assert api.get("/ledger/months", "agent-he").status_code == 403
    found = refusals(books)
    assert Counter((one.actor_id, one.act) for one in found) == {
        ("agent-lin", "list_months"): MOST_EACH,
        ("agent-he", "list_months"): 1,
        ("agent-lin", COUNTED): 1,
    }
    (counted,) = [one for one in found if one.act == COUNTED]
    assert counted.after == {"count": 30, "last": "list_months"}
    assert counted.address == "127.0.0.1"


def test_who_serves_writes_counts_down_while_nobody_is_refused(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed later does not take them with it."""
    # Long enough for more than MOST_EACH requests on a machine that is busy.
    monkeypatch.setattr("services.refusals.WINDOW_SECONDS", 5.0)
    monkeypatch.setattr("api.app.CATCH_UP_SECONDS", 0.1)
    deadline = time.monotonic() + 30
    with serving(books) as api:
        for _ in range(MOST_EACH + 100):
            api.get("/ledger/months", "agent-lin")
        while not any(one.act == COUNTED for one in on_record(books)):
            assert time.monotonic() < deadline, "the counts were not written down"
            time.sleep(0.05)


@pytest.fixture
def with_made_up_route(books: Books) -> FastAPI:
    """An application to which somebody adds a route, as a module would, and says nowhere who may use it."""
    app = made_app(books)
    inner, outer = APIRouter(), APIRouter(prefix="/campaigns")

    @inner.get("/offers", name="list_offers")
    def list_offers() -> str:
        return "for whom?"

    outer.include_router(inner)
    app.include_router(outer)
    return app


def test_an_application_with_a_route_that_the_table_does_not_name_does_not_start(with_made_up_route: FastAPI) -> None:
    with pytest.raises(RouteWithoutAction, match="list_offers"):
        require_entries(with_made_up_route.router.routes, PERMITTED)


async def test_serving_such_an_application_fails_by_its_name(with_made_up_route: FastAPI) -> None:
    with pytest.raises(RouteWithoutAction, match="list_offers"):
        async with with_made_up_route.router.lifespan_context(with_made_up_route):
            pass


def test_the_table_names_no_route_that_there_is_not(books: Books) -> None:
    names = list(route_names(made_app(books).router.routes))
    assert sorted(names) == sorted(set(names))
    assert PERMITTED.keys() == set(names)


def test_every_action_of_a_machine_has_its_scope() -> None:
    of_machines = {action for action, roles in TABLE.items() if Role.INTEGRATOR in roles}
    assert of_machines == SCOPE_OF.keys() | ANY_SCOPE
    assert not SCOPE_OF.keys() & ANY_SCOPE
