"""Collateral by API: what is missing, proofs of one person and the word of another, release, dealers."""

from typing import Any

import pytest

from models.collateral import ConditionKind
from tests.api.serving import Caller
from tests.services.procedure import RISK, Procedure
from tests.services.vehicles import confirmed, paper, used_car

AGENT, MANAGER, RISK_LEAD, SYSTEM = "agent-lin", "manager-zhao", "risk-qian", "integrator-demo"
DEALER = "远帆汽车销售服务有限公司"


def registration(procedure: Procedure, loan: str, **changes: Any) -> dict[str, Any]:
    """What an agent enters."""
    document = paper(procedure, loan, "vehicle_registration")
    return {"number": "110000123456", "issuer": "云川市车管所", "dated": "2026-01-05", "document": document} | changes


def insurance(procedure: Procedure, loan: str, **changes: Any) -> dict[str, Any]:
    """What a cover is entered with."""
    cover = {"from": "2026-01-05", "to": "2027-01-04", "insured": "100000.00", "lender_first": True}
    document = paper(procedure, loan, "insurance_policy")
    return {"number": "PZ-1", "issuer": "示例财产保险公司", "document": document} | cover | changes


def test_an_acceptance_says_what_is_awaited_and_the_proofs_bring_it(api: Caller, procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.sign(loan)
    refused = api.post(f"/loans/{loan}/acceptance", {}, AGENT)
    assert (refused.status_code, refused.json()["code"]) == (409, "conditions_not_met")
    assert refused.json()["fields"].keys() == {"registration", "insurance"}

    address = f"/loans/{loan}/collateral"
    shown = api.get(address, AGENT).json()
    assert shown["missing_before_payout"] == ["registration", "insurance"]
    assert [(one["kind"], one["before_payout"], one["met_on"]) for one in shown["conditions"]] == [
        ("registration", True, None),
        ("insurance", True, None),
    ]
    for kind, body in (("registration", registration(procedure, loan)), ("insurance", insurance(procedure, loan))):
        entered = api.post(f"{address}/{kind}", body, AGENT)
        assert (entered.status_code, entered.json()["outcome"]) == (201, None)
        proof = f"{address}/evidence/{entered.json()['id']}/review"
        said = {"outcome": "approve", "reason": "compared with the document"}
        assert api.post(proof, said, AGENT).status_code == 403
        assert api.post(proof, said).json()["outcome"] == "approve"
        assert api.post(proof, said).json()["code"] == "evidence_reviewed"
    shown = api.get(address, AGENT).json()
    assert (shown["missing_before_payout"], shown["registered_on"], shown["insured_until"]) == (
        [],
        "2026-01-05",
        "2027-01-04",
    )
    assert [(one["number"], one["reviewed_by"]) for one in shown["evidence"]] == [
        ("110000123456", MANAGER),
        ("PZ-1", MANAGER),
    ]


def test_a_loan_at_its_signed_offer_waits_for_a_task(api: Caller, procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.sign(loan)
    waits = api.get(f"/loans/{loan}", MANAGER).json()["waits_for"]
    assert (waits["who"], waits["task_kind"]) == ("agent", "registration")


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("registration", {"dated": "2999-01-01"}, "dated"),
        ("registration", {"document": "0" * 32}, "document"),
        ("insurance", {"to": "2026-01-04"}, "until"),
        ("insurance", {"insured": "0.01"}, "insured"),
        ("insurance", {"lender_first": False}, "lender_first"),
    ],
)
def test_what_proves_nothing_is_refused_with_its_field(
    api: Caller, procedure: Procedure, kind: str, change: dict[str, Any], field: str
) -> None:
    loan = used_car(procedure)
    make = registration if kind == "registration" else insurance
    answer = api.post(f"/loans/{loan}/collateral/{kind}", make(procedure, loan, **change), AGENT)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_evidence")
    assert answer.json()["fields"].keys() == {field}


def test_a_settled_loan_is_released_by_api(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running("auto")
    confirmed(procedure, loan, ConditionKind.REGISTRATION)
    key = procedure.prepayment(loan).payment_key
    assert key is not None
    procedure.settle(key)
    body = {"number": "JC-1", "dated": "2026-01-05"}
    early = api.post(f"/loans/{loan}/collateral/release", body)
    assert (early.status_code, early.json()["code"]) == (409, "nothing_asked")
    procedure.advance(loan)
    assert api.post(f"/loans/{loan}/collateral/release", body, SYSTEM).status_code == 403
    assert api.post(f"/loans/{loan}/collateral/release", body).status_code == 201
    shown = api.get(f"/loans/{loan}/collateral").json()
    assert (shown["released_on"], shown["conditions"][-1]["kind"]) == ("2026-01-05", "release")


def test_only_who_sees_all_loans_learns_on_which_others_a_vehicle_is(api: Caller, procedure: Procedure) -> None:
    vin = "1M8GDM9AXKP042788"
    first, second = (procedure.apply("auto", vin=vin) for _ in range(2))
    shown = {who: api.get(f"/loans/{second}/collateral", who).json() for who in (SYSTEM, RISK_LEAD)}
    assert [(one["is_elsewhere"], one["elsewhere"]) for one in shown.values()] == [(True, []), (True, [first])]


def test_a_loan_without_collateral_has_none(api: Caller, procedure: Procedure) -> None:
    shown = api.get(f"/loans/{procedure.apply()}/collateral", SYSTEM).json()
    assert (shown["kind"], shown["conditions"], shown["missing_before_payout"]) == (None, [], [])


def test_risk_blocks_a_dealer_by_api(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered("auto")
    body = {"dealer": DEALER, "blocked": True, "reason": "invoices of cars that do not exist"}
    assert api.post("/dealers", body, MANAGER).status_code == 403
    assert api.post("/dealers", body, RISK_LEAD).json()["set_by"] == RISK.id
    (shown,) = api.get("/dealers", MANAGER).json()["items"]
    assert (shown["dealer"], shown["blocked"]) == (DEALER, True)
    assert api.get("/dealers", SYSTEM).status_code == 403
    assert api.get(f"/loans/{loan}/collateral").json()["missing_before_payout"] == ["dealer"]
