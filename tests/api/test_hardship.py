"""The steps to what may be lent to a student, by API."""

from tests.api.serving import Caller
from tests.services.procedure import Procedure


def test_a_loan_tells_how_its_sum_was_found(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded("student", household_size=3, living_costs="8000")
    steps = api.get(f"/loans/{loan}").json()["hardship_steps"]
    assert [step["name"] for step in steps] == ["income_per_head", "need", "level", "yearly_limit", "amount"]
    assert steps[1]["figures"] == {"fees": "6000.00", "living": "8000.00", "need": "14000.00"}
    assert steps[2]["figures"] == {"share_bp": 10_000, "share": "14000.00"}
    assert steps[4]["figures"]["amount"] == "14000.00"
    assert "14,000" in steps[4]["en"]
    assert "14,000元" in steps[4]["zh"]
    assert api.get(f"/loans/{procedure.graded()}").json()["hardship_steps"] == []
