"""A query parameter that an address does not know is refused by its name, and nothing is done."""

from tests.api.serving import Caller
from tests.books.migrated import books as books
from tests.services.procedure import Procedure


def test_a_slip_in_preview_does_not_become_a_proposal(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    body = {"periods": 2, "reason": "out of work until April"}
    answer = api.post(f"/loans/{loan}/deferral?previw=true", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")
    assert answer.json()["fields"] == {"previw": "is not known here"}
    assert api.get(f"/loans/{loan}/changes").json() == {"items": []}


def test_lists_refuse_a_filter_that_they_do_not_have(api: Caller, procedure: Procedure) -> None:
    procedure.running()
    assert api.get("/loans?stage=repayment&limit=5").status_code == 200
    assert sorted(api.get("/loans?stages=repayment&limits=5").json()["fields"]) == ["limits", "stages"]
    assert api.get("/tasks?open=true&mine=false").status_code == 200
    assert api.get("/tasks?open_only=true").status_code == 422
