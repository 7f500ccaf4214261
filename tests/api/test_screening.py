"""The lender's own list by API: masked, for risk and auditors, and under four eyes."""

from tests.api.serving import Caller
from tests.modules.applications import id_number

PERSON = id_number(sequence=821)


def test_two_people_of_risk_put_somebody_on_and_take_him_off(api: Caller) -> None:
    body = {"name": "欧阳测试", "id_number": PERSON, "reason": "forged papers"}
    proposed = api.post("/screening/entries", body, "risk-qian").json()
    assert (proposed["status"], proposed["name"]) == ("open", "欧***")
    assert proposed["id_number"] == f"{PERSON[:3]}***********{PERSON[-4:]}"
    at = f"/screening/entries/{proposed['id']}"
    verdict = {"outcome": "approve", "reason": "read the file"}
    assert api.post(f"{at}/decision", verdict, "risk-qian").json()["code"] == "own_listing"
    assert api.post(f"{at}/decision", verdict, "manager-zhao").status_code == 403
    assert api.post(f"{at}/decision", verdict, "risk-shen").json()["status"] == "in_force"
    assert api.post(f"{at}/decision", verdict, "risk-shen").json()["code"] == "listing_decided"
    assert api.post("/screening/entries", body, "risk-shen").json()["code"] == "listed_already"
    assert api.post(f"{at}/removal", {"reason": "a mistake"}, "risk-shen").json()["status"] == "removing"
    assert api.post(f"{at}/decision", verdict, "risk-qian").json()["status"] == "removed"
    page = api.get("/screening/entries?limit=1", "auditor-wei").json()
    assert [one["id"] for one in page["items"]] == [proposed["id"]]
    assert page["next"] == proposed["id"]
    assert api.get(f"/screening/entries?before={page['next']}", "auditor-wei").json() == {"items": [], "next": None}
    assert api.get("/screening/entries", "agent-lin").status_code == 403


def test_an_entry_that_cannot_be_is_refused_at_its_field(refusing_api: Caller) -> None:
    answer = refusing_api.post("/screening/entries", {"id_number": "1", "reason": "so it is"}, "risk-qian")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_listing")
    assert answer.json()["fields"].keys() == {"id_number"}
    verdict = {"outcome": "refuse", "reason": "so it is"}
    unknown = refusing_api.post(f"/screening/entries/{'0' * 32}/decision", verdict, "risk-qian")
    assert unknown.json()["code"] == "unknown_listing"
