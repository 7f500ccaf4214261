"""Authorisations and checks by API: what integrators send, attest and see."""

from datetime import timedelta

from books.session import Books
from models.tasks import TaskKind
from models.verification import Verdict
from services.authorisation_texts import CURRENT
from services.verification import store_miss
from tests.api.serving import Caller
from tests.modules.applications import application
from tests.services.procedure import Procedure
from tests.services.test_authorisations import PARENT

AGENT, FINANCE, AUDITOR, INTEGRATOR = "agent-lin", "finance-sun", "auditor-wei", "integrator-demo"


def body(consent: object) -> dict[str, object]:
    return {"product": "student", "form": application("student", **PARENT), "consent": consent}


def people(api: Caller, loan: str) -> dict[str, dict[str, object]]:
    found = api.get(f"/loans/{loan}/authorisations", INTEGRATOR).json()["people"]
    return {one["check_name"]: one for one in found}


def test_a_newer_text_takes_the_separate_word_and_those_that_the_sender_attests(api: Caller) -> None:
    consent = {"version": "2026-11", "sensitive": False, "co_signers": {"joint_borrower": {"sensitive": True}}}
    answer = api.apply(body(consent), "first")
    assert answer.status_code == 202, answer.text
    found = people(api, answer.json()["loan"])
    assert found["borrower"]["sensitive"] is None
    for word in (found["borrower"]["registers"], found["joint_borrower"]["sensitive"]):
        assert isinstance(word, dict)
        assert (word["granted"], word["text_version"], word["text_sha256"], word["method"]) == (
            True,
            "2026-11",
            CURRENT.sha256,
            "attested",
        )
    # The same body again is the same application.
    assert api.apply(body(consent), "first").status_code == 200


def test_a_consent_without_the_separate_word_is_refused_at_its_field(refusing_api: Caller) -> None:
    for consent, field in (
        ("2026-11", "consent.sensitive"),
        ({"version": "2026-11"}, "consent.sensitive"),
        ({"version": "2026-11", "sensitive": True, "co_signers": {"guarantor": {}}}, "consent.co_signers"),
        (["2026-01"], "consent"),
    ):
        answer = refusing_api.apply(body(consent), "wrong")
        assert (answer.status_code, answer.json()["fields"].keys()) == (422, {field})


def test_the_texts_are_there_to_be_shown(api: Caller) -> None:
    shown = api.get("/authorisation-texts", INTEGRATOR).json()
    assert shown["current"] == CURRENT.version
    texts = [(one["version"], one["separate"], one["last_day"]) for one in shown["texts"]]
    assert texts == [("2026-01", False, "2026-12-31"), ("2026-11", True, None)]
    assert shown["texts"][-1]["registers"]["scope"] == ["identity", "bureau", "enrolment", "vehicle"]


def test_a_word_is_given_taken_back_and_asked_for(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    parent = people(api, loan)["joint_borrower"]
    assert PARENT["joint_borrower_name"] != parent["name"]
    path = f"/loans/{loan}/authorisations"
    sent = api.post(f"{path}/link", {"party": parent["party"]}, INTEGRATOR)
    assert sent.status_code == 202
    given = api.post(path, {"party": parent["party"], "sensitive": False}, INTEGRATOR)
    assert given.status_code == 201
    for status in (200, 409):
        back = api.post(f"{path}/withdrawal", {"party": parent["party"], "kind": "registers"}, INTEGRATOR)
        assert back.status_code == status
    assert back.json()["code"] == "nothing_authorised"
    assert api.post(path, {"party": parent["party"], "sensitive": True}, FINANCE).status_code == 403
    assert api.post(path, {"party": "f" * 32, "sensitive": True}, INTEGRATOR).status_code == 404


def test_the_checks_of_a_case_are_shown_with_their_rules(api: Caller, procedure: Procedure, books: Books) -> None:
    loan = procedure.apply("student", **PARENT)
    procedure.verify(loan)
    with procedure.at() as work:
        store_miss(work, loan, "identity@joint_borrower", 1, Verdict.NOT_AUTHORISED)
    shown = {one["check_name"]: one for one in api.get(f"/loans/{loan}/checks", INTEGRATOR).json()["checks"]}
    identity, parents = shown["identity"], shown["identity@joint_borrower"]
    assert (identity["verdict"], identity["reference"], identity["taken_over"]) == ("passed", "ref-identity", False)
    assert (identity["valid_until"], identity["rule"]["valid_days"]) == ("2027-01-04", 365)
    assert (parents["verdict"], parents["about"], parents["valid_until"]) == ("not_authorised", "joint_borrower", None)
    assert shown["enrolment"]["rule"] == {"valid_days": 30, "when_down": "wait", "wait_days": 2}
    # Who stands on a list is for those who may see the lists.
    seen = {one["register_name"] for one in api.get(f"/loans/{loan}/checks", AUDITOR).json()["checks"]}
    assert "screening" in seen
    assert "screening" not in {one["register_name"] for one in shown.values()}
    with books.read() as work:
        form = work.loans.application(loan).form
    assert form["id_number"] not in api.get(f"/loans/{loan}/checks", INTEGRATOR).text


def test_answers_past_their_days_are_asked_again_by_who_may_decide(api: Caller, procedure: Procedure) -> None:
    procedure.day -= timedelta(days=1)
    loan = procedure.graded()
    procedure.day += timedelta(days=1)
    path = f"/loans/{loan}/checks"
    task = procedure.task(loan, TaskKind.APPROVAL).id
    decision = {"outcome": "approve", "reason": "clean record"}
    refused = api.post(f"/tasks/{task}/decision", decision, "manager-zhao")
    assert (refused.status_code, refused.json()["code"]) == (403, "documents_incomplete")
    procedure.complete(loan)
    refused = api.post(f"/tasks/{task}/decision", decision, "manager-zhao")
    assert (refused.status_code, refused.json()["code"]) == (403, "answers_expired")
    assert api.post(f"{path}/again", {}, AUDITOR).status_code == 403
    answer = api.post(f"{path}/again", {}, "risk-qian")
    assert answer.status_code == 202
    assert [one["check_name"] for one in answer.json()["checks"] if one["past"]] == ["screening"]
    assert api.post(f"{path}/again", {}, "manager-zhao").status_code == 202
    fresh = procedure.graded()
    assert api.post(f"/loans/{fresh}/checks/again", {}, "manager-zhao").json()["code"] == "nothing_to_ask"
