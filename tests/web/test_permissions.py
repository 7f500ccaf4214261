"""Every page asked as everybody: who may what says one table, and every refusal is on record."""

from collections import Counter

import pytest
from fastapi import Request

from books.session import Books
from models.audit import AuditEntry
from models.staff import Role
from services.permissions import OPEN
from services.permitted_routes import RouteWithoutAction, require_entries, route_names
from services.refusals import COUNTED, refusal_log
from tests.servers.routes import addresses
from tests.services.procedure import Procedure
from tests.web.asking import FROM_ANOTHER_SITE, STAFF, ask, borrower, made_web
from tests.web.conftest import Come
from web.permitted import PERMITTED, roles_of


def refusals(books: Books) -> list[AuditEntry]:
    """All refusals on record."""
    refusal_log(books).flush()
    with books.read() as work:
        return [entry for entry in work.audit.page(limit=1000) if entry.refused]


def test_every_page_answers_everybody_as_the_table_says_and_records_each_refusal(
    books: Books, come: Come, procedure: Procedure
) -> None:
    routes = [one for one in addresses(made_web(books)) if PERMITTED[one.name] is not OPEN]
    assert len(routes) > 90
    people = [(name, role, come(name), "/loans") for name, role in STAFF.items()]
    for _ in range(2):
        loan = procedure.apply()
        people.append((procedure.loan(loan).customer_id, Role.BORROWER, borrower(come, procedure, loan), f"/my/{loan}"))
    wrong: list[object] = []
    expected: Counter[str] = Counter()
    for name, role, visitor, home in people:
        token = visitor.token(home)
        for address in routes:
            answer = ask(visitor, address, token)
            roles = roles_of(address.name, address.endpoint)
            may = roles is not None and role in roles
            if may and (answer.status_code in (401, 403) or "/sign-in" in answer.headers.get("location", "")):
                wrong.append((name, address, answer.status_code))
            if not may:
                expected[name] += 1
                if answer.status_code != 403:
                    wrong.append((name, address, answer.status_code))
    assert not wrong
    listed, counted = Counter[str](), Counter[str]()
    for entry in refusals(books):
        if entry.act == COUNTED:
            counted[entry.actor_id] += (entry.after or {})["count"]
        else:
            listed[entry.actor_id] += 1
    for name, many in expected.items():
        assert listed[name] > 0
        assert listed[name] + counted[name] >= many


def test_a_stranger_is_sent_to_the_sign_in_from_every_page(books: Books, come: Come) -> None:
    visitor = come()
    token = visitor.token()
    for address in addresses(made_web(books)):
        if PERMITTED[address.name] is not OPEN:
            answer = ask(visitor, address, token)
            goes_to = answer.headers.get("location", "").partition("?")[0]
            # No script of another page can follow to the sign-in.
            is_shut = answer.status_code == 401 and address.name == FROM_ANOTHER_SITE
            assert is_shut or (answer.status_code, goes_to) == (303, "/sign-in"), address
    # Temporal's pages alone ask without leading anybody to the sign-in.
    assert {entry.act for entry in refusals(books)} == {FROM_ANOTHER_SITE}


def test_a_page_that_the_table_does_not_name_is_found_at_the_start_and_answers_nobody(books: Books) -> None:
    app = made_web(books)

    @app.get("/offers", name="offers_of_a_module")
    def offers(request: Request) -> str:
        return str(request.url)

    with pytest.raises(RouteWithoutAction, match="offers_of_a_module"):
        require_entries(app.router.routes, PERMITTED)


def test_the_table_names_no_page_that_there_is_not(books: Books) -> None:
    names = list(route_names(made_web(books).router.routes))
    assert sorted(names) == sorted(set(names))
    assert PERMITTED.keys() == set(names)


def test_the_table_can_be_read_by_who_answers_for_it(come: Come) -> None:
    text = come("auditor-wei").get("/permissions").text
    assert "change the rules" in text
    assert "变更规则" in come("admin-gu", language="zh").get("/permissions").text
    assert come("agent-lin").get("/permissions").status_code == 403
    assert "/permissions" not in come("agent-lin").get("/loans").text
