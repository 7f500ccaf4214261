"""Search and values in full by API."""

from tests.api.serving import Caller
from tests.books.migrated import books as books
from tests.services.procedure import AGENT, Procedure


def test_customers_and_their_loans_are_found_with_masked_numbers(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT, name="欧阳晓光")
    (customer,) = api.post("/customers/search", {"query": "ouyang"}, "agent-lin").json()["items"]
    assert (customer["name"], customer["loans"]) == ("欧阳晓光", [loan])
    assert customer["mobile"][3:7] == "****"
    assert customer["id_number"][3:14] == "*" * 11
    answer = api.post("/loans/search", {"query": "欧阳晓光"}, "risk-qian").json()
    assert [(one["loan"], one["name"], one["stage"], one["amount"]) for one in answer["items"]] == [
        (loan, "欧阳晓光", "application", "12000.00")
    ]
    assert answer["after"] is None
    assert api.post("/loans/search", {"query": "欧阳晓光"}, "agent-he").json()["items"] == []


def test_a_name_is_told_in_full_to_who_works_with_customers_or_their_money(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()
    names = {}
    for who in ("manager-zhao", "risk-qian", "finance-sun", "integrator-demo", "auditor-wei"):
        (customer,) = api.post("/customers/search", {"query": "欧阳测试"}, who).json()["items"]
        (found,) = api.post("/loans/search", {"query": "欧阳测试"}, who).json()["items"]
        assert (found["loan"], found["name"]) == (loan, customer["name"])
        names[who] = found["name"]
    assert names.pop("auditor-wei") == "欧***"
    assert set(names.values()) == {"欧阳测试"}


def test_what_nobody_can_be_found_by_is_refused_at_its_field(api: Caller) -> None:
    for query in ("王", "12345", "%"):
        refused = api.post("/customers/search", {"query": query}, "risk-qian")
        assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_search")
        assert list(refused.json()["fields"]) == ["query"]
    assert api.get("/customers/search?query=王小", "risk-qian").status_code in (404, 405)


def test_a_value_in_full_is_for_who_works_with_it_and_says_why(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    asked = {"field": "mobile", "reason": "the borrower asked to be called"}
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
    assert api.post(f"/loans/{loan}/reveals", asked, "agent-lin").json()["value"] == customer.mobile
    assert api.post(f"/loans/{loan}/reveals", asked, "agent-he").status_code == 404
    assert api.post(f"/loans/{loan}/reveals", asked, "finance-sun").status_code == 403
    assert api.post(f"/loans/{loan}/reveals", asked, "integrator-demo").status_code == 403
    short = api.post(f"/loans/{loan}/reveals", asked | {"reason": "abc"}, "agent-lin")
    assert (short.status_code, short.json()["code"]) == (422, "reason_missing")
