"""A sealed value that somebody damaged: lists of the API say so and give the others, acts that use it are refused."""

from api.permitted import PERMITTED
from books.session import Books
from models.columns import UNOPENED
from services.permissions import TABLE, Action
from services.staff import demo_key
from tests.api.serving import Caller
from tests.api.test_foreign_rows import row_of
from tests.api.test_permissions import DEMO, made_app, refusals
from tests.servers.routes import addresses
from tests.services.damage import damage_all_about, damage_one
from tests.services.procedure import AGENT, Procedure

QUERIES = {"settlement_figures": "?from=2026-02-01"}


def test_nothing_that_is_read_fails_by_what_is_damaged_about_somebody_else(
    books: Books, api: Caller, procedure: Procedure
) -> None:
    mine, damaged = (row_of(procedure, procedure.graded(actor=AGENT)) for _ in range(2))
    damage_all_about(books, procedure.loan(damaged.loan).customer_id)
    damage_one(books, "staff", "name", "agent-tang")
    wrong, asked = [], 0
    for address in addresses(made_app(books)):
        action = PERMITTED[address.name]
        if address.method != "GET" or not isinstance(action, Action):
            continue
        for name, role in DEMO.items():
            for row in (mine, damaged) if role in TABLE[action] else ():
                path = address.filled(loan=row.loan, task_id=row.task, document_id=row.document)
                headers = {"Authorization": f"Bearer {demo_key(name)}"}
                answer = api.client.get(api.url + path + QUERIES.get(address.name, ""), headers=headers)
                asked += 1
                # What is about the damaged case itself may say clearly that it cannot be opened.
                says_so = row is damaged and "{" in address.path and '"code": "seal_broken"' in answer.text
                if answer.status_code >= 500 and answer.status_code != 503 and not says_so:
                    wrong.append((name, address.name, row is damaged, answer.text[:200]))
    assert not wrong
    assert asked > 200


def test_a_search_and_a_list_give_the_others(books: Books, api: Caller, procedure: Procedure) -> None:
    loan, damaged = (procedure.graded(actor=AGENT, name=name) for name in ("王小完", "王小损"))
    damage_one(books, "customer", "mobile", procedure.loan(damaged).customer_id)
    found = api.post("/customers/search", {"query": "王小"}, "manager-zhao").json()["items"]
    assert {one["loans"][0]: one["mobile"] == UNOPENED for one in found} == {loan: False, damaged: True}
    listed = api.get("/loans", "manager-zhao").json()["items"]
    assert {one["loan"] for one in listed} == {loan, damaged}
    assert [(one.act, (one.reason or "").split(":")[0]) for one in refusals(books)] == [
        ("search_customers", "seal_broken")
    ]


def test_an_act_that_uses_the_value_is_refused(books: Books, api: Caller, procedure: Procedure) -> None:
    damaged = procedure.graded(actor=AGENT)
    damage_one(books, "customer", "mobile", procedure.loan(damaged).customer_id)
    answer = api.post(f"/loans/{damaged}/reveals", {"field": "mobile", "reason": "asked by himself"}, "manager-zhao")
    assert (answer.status_code, answer.json()["code"]) == (500, "seal_broken")
