"""Authority, absences, second looks and bulk decisions by API. The engine is away here."""

from typing import Any

import pytest

from engine import corrections
from models.loans import Stage
from models.messages import Progress
from models.tasks import TaskKind
from tests.api.serving import Caller
from tests.services.procedure import Procedure
from tests.services.test_authority import LARGE, graded

AWAY = {"deputy": "manager-feng", "from": "2026-01-05", "to": "2026-01-09", "reason": "annual leave"}


def task_of(procedure: Procedure, loan: str) -> str:
    return procedure.task(loan, TaskKind.APPROVAL).id


def refused(procedure: Procedure) -> str:
    loan = procedure.apply(amount="30000", term="6", monthly_income="10000")
    procedure.verify(loan, bureau={"monthly_income_fen": 1_000_000, "monthly_payment_fen": 300_000})
    procedure.grade(loan)
    return loan


def test_a_task_says_who_may_approve_how_much(api: Caller, procedure: Procedure) -> None:
    loan = graded(procedure, LARGE)
    procedure.complete(loan)
    task = task_of(procedure, loan)
    found = api.get(f"/tasks/{task}", "risk-qian").json()
    assert (found["people"], found["confirms"]) == (2, None)
    assert [(one["up_to"], one["decided_by"], one["people"]) for one in found["authority"]] == [
        ("100000.00", "manager", 1),
        ("150000.00", "risk", 1),
        ("160000.00", "risk", 2),
    ]
    assert found["authority"][-1]["policy"] == "authority-loans/1"


def test_an_absence_is_entered_listed_and_called_off(api: Caller) -> None:
    entered = api.post("/absences", AWAY, "manager-zhao")
    assert entered.status_code == 201
    absence = entered.json()
    assert absence == {"id": absence["id"], "who": "manager-zhao", "entered_by": "manager-zhao", **AWAY}
    assert api.get("/absences", "auditor-wei").json() == [absence]
    assert api.get("/absences", "integrator-demo").status_code == 403
    again = api.post("/absences", AWAY, "manager-zhao")
    assert (again.status_code, again.json()["code"]) == (422, "invalid_absence")
    circle = api.post("/absences", AWAY | {"deputy": "manager-zhao"}, "manager-feng")
    assert (circle.status_code, circle.json()["code"]) == (409, "deputy_away")
    assert api.post("/absences", AWAY | {"who": "risk-qian"}, "manager-feng").status_code == 403
    called_off = f"/absences/{absence['id']}/call-off"
    assert api.post(called_off, None, "manager-feng").status_code == 403
    assert api.post(called_off, None, "manager-zhao").status_code == 200
    assert api.post(called_off, None, "manager-zhao").json()["code"] == "unknown_absence"
    assert api.get("/absences").json() == []


def test_a_refused_loan_says_what_would_help_and_is_looked_at_once(api: Caller, procedure: Procedure) -> None:
    loan = refused(procedure)
    status = api.get(f"/loans/{loan}", "integrator-demo").json()
    assert "ask_for_a_person" in status["actions"]
    helping = status["remedies"]
    assert list(helping["sentences"]) == list(status["reason_sentences"]) == ["debt_ratio_too_high"]
    assert helping["possible"] == {"amount": "20000.00", "currency": "CNY", "term": 6}
    assert helping["with_other_term"] == {"amount": "30000.00", "currency": "CNY", "term": 12}
    assert helping["look_until"] == "2026-02-04"

    look = f"/loans/{loan}/second-look"
    assert api.post(look, None, "risk-qian").json()["code"] == "not_allowed"
    for _ in range(2):
        asked = api.post(look, {"words": "income has risen"}, "integrator-demo")
        assert (asked.status_code, asked.json()) == (
            200,
            {"loan": loan, "stage": "approval", "asked_on": "2026-01-05"},
        )
    assert procedure.loan(loan).stage is Stage.APPROVAL
    assert api.get(f"/loans/{loan}", "integrator-demo").json()["remedies"] is None
    assert api.post(f"/loans/{procedure.graded()}/second-look", None, "integrator-demo").json()["code"] == "wrong_stage"


def test_of_several_only_simple_ones_reach_the_engine(api: Caller, procedure: Procedure) -> None:
    simple, larger, gone = procedure.graded(), procedure.graded(amount="25000", term="36"), procedure.graded()
    without = procedure.graded()
    for loan in (simple, larger):
        procedure.complete(loan)
    tasks = [task_of(procedure, loan) for loan in (simple, larger, gone, without)]
    procedure.decide(gone)
    body: dict[str, Any] = {"tasks": [*tasks, tasks[0], "0" * 32], "reason": "all in order"}
    answer = api.post("/tasks/decisions", body)
    assert answer.status_code == 200
    found = answer.json()
    assert found["approved"] == 0
    assert [(one["task"], one["code"]) for one in found["items"]] == [
        (tasks[0], "engine_unavailable"),
        (tasks[1], "not_simple"),
        (tasks[2], "task_closed"),
        (tasks[3], "not_simple"),
        ("0" * 32, "unknown_task"),
    ]
    with procedure.books.read() as work:
        kept = [one.subject for one in work.audit.page() if one.act == "decision_refused"]
    assert sorted(kept) == sorted([*tasks[1:], "0" * 32])  # type: ignore[type-var]  # each has one


def test_what_breaks_at_one_case_hides_nothing_of_the_others(
    api: Caller, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = (procedure.graded() for _ in range(2))
    for loan in (broken, whole):
        procedure.complete(loan)

    async def decide(_books: object, _commands: object, loan: str, _order: object) -> Progress:
        if loan == broken:
            raise RuntimeError("a mistake of ours")
        return Progress(stage=Stage.ACCEPTANCE)

    monkeypatch.setattr(corrections, "decide", decide)
    tasks = [task_of(procedure, loan) for loan in (broken, whole)]
    found = api.post("/tasks/decisions", {"tasks": tasks, "reason": "all in order"}).json()
    assert [(one["code"], one["stage"]) for one in found["items"]] == [("decision_unknown", None), (None, "acceptance")]
    assert found["approved"] == 1


def test_a_list_has_an_end(api: Caller) -> None:
    for tasks in ([], ["0" * 32] * 51, ["rubbish"]):
        assert api.post("/tasks/decisions", {"tasks": tasks, "reason": "x"}).status_code == 422
    assert api.post("/tasks/decisions", {"tasks": ["0" * 32], "reason": ""}).status_code == 422
