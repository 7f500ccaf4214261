"""The inbox by API. The engine is away here: what needs it is in test_commands."""

from typing import Any

from sqlmodel import select

from books.session import Books
from models.outbox import OutboxRow, Topic
from models.staff import Role
from models.tasks import Outcome, TaskKind, TaskStatus
from services.bank import record_movement
from services.tasks import open_task
from tests.api.serving import Caller
from tests.books.migrated import books as books
from tests.services.procedure import AGENT, MANAGER, RISK, Procedure, movement

APPROVAL = {"outcome": "approve", "reason": "income and record are in order"}


def task_of(procedure: Procedure, loan: str, kind: TaskKind = TaskKind.APPROVAL) -> str:
    """The id of the loan's open task."""
    return procedure.task(loan, kind).id


def refusals(books: Books) -> list[tuple[str, str, str | None, str | None]]:
    """Act, actor, loan and task of each refusal in the audit log."""
    with books.read() as work:
        return [(one.act, one.actor_id, one.loan, one.subject) for one in work.audit.page() if one.refused]


def test_a_manager_finds_what_waits_for_his_decision(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)

    (task,) = api.get("/tasks?mine=true").json()["items"]

    assert (task["loan"], task["kind"], task["role"], task["status"]) == (loan, "approval", "manager", "open")
    found = api.get(f"/tasks/{task['id']}").json()
    assert [(one["up_to"], one["decided_by"]) for one in found["authority"]] == [("12000.00", "manager")]
    assert found == task | {"decision": None, "money": None, "authority": found["authority"]}


def test_others_tasks_are_not_found(api: Caller, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())

    for who in ("agent-lin", "integrator-demo", "finance-sun"):
        assert api.get("/tasks", who).json()["items"] == []
        assert api.get(f"/tasks/{task}", who).json()["code"] == "unknown_task"
        # A machine acts on no task, whosever it is.
        refused = 403 if who == "integrator-demo" else 404
        for act in ("claim", "release"):
            assert api.post(f"/tasks/{task}/{act}", None, who).status_code == refused
        assert api.post(f"/tasks/{task}/decision", APPROVAL, who).status_code == refused


def test_pages_of_tasks_follow_each_other_without_gap(api: Caller, procedure: Procedure) -> None:
    loans = {procedure.graded() for _ in range(5)}

    seen: list[str] = []
    path = "/tasks?limit=2"
    while True:
        page = api.get(path).json()
        seen += [one["loan"] for one in page["items"]]
        if page["next"] is None:
            break
        path = f"/tasks?limit=2&after={page['next']}"

    assert len(seen) == 5
    assert set(seen) == loans


def test_a_page_that_nobody_named_is_refused(refusing_api: Caller) -> None:
    answer = refusing_api.get(f"/tasks?after=2026-02-31.{'0' * 32}")

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_page")


def test_a_task_is_claimed_released_and_delegated(api: Caller, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())

    assert api.post(f"/tasks/{task}/claim").json()["assignee_id"] == "manager-zhao"
    taken = api.post(f"/tasks/{task}/claim", None, "risk-qian")
    assert (taken.status_code, taken.json()["code"]) == (409, "task_taken")
    assert api.post(f"/tasks/{task}/release").json()["assignee_id"] is None
    assert api.post(f"/tasks/{task}/delegate", {"to": "risk-qian"}).json()["assignee_id"] == "risk-qian"
    wrong = api.post(f"/tasks/{task}/delegate", {"to": "finance-sun"}, "risk-qian")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "not_allowed")


def test_a_decision_by_the_one_who_entered_the_case_is_refused_and_recorded(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.graded(actor=MANAGER)
    task = task_of(procedure, loan)

    answer = api.post(f"/tasks/{task}/decision", APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_case")
    assert refusals(books) == [("decide_task", "manager-zhao", loan, task)]


def test_a_decision_by_the_wrong_role_is_refused_and_recorded(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)

    for who in ("auditor-wei", "admin-gu"):
        answer = api.post(f"/tasks/{task}/decision", APPROVAL, who)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert [one[:2] for one in refusals(books)] == [("decide_task", "auditor-wei"), ("decide_task", "admin-gu")]


def test_an_approval_before_the_documents_are_there_is_refused_and_recorded(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)

    answer = api.post(f"/tasks/{task}/decision", APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (403, "documents_incomplete")
    assert refusals(books) == [("decide_task", "manager-zhao", loan, task)]
    bands = api.get(f"/tasks/{task}").json()["authority"]
    assert [(one["decided_by"], one["reasons"]) for one in bands] == [("risk", ["documents_missing"])]


def test_a_decision_on_a_closed_task_is_refused_and_recorded(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    procedure.decide(loan, Outcome.REFUSE, actor=RISK)

    answer = api.post(f"/tasks/{task}/decision", APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (409, "task_closed")
    assert refusals(books) == [("decide_task", "manager-zhao", loan, task)]
    decided = api.get(f"/tasks/{task}").json()["decision"]
    assert (decided["outcome"], decided["decided_by"]) == ("refuse", "risk-qian")


def test_the_same_decision_again_gets_the_same_answer(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER, reason=APPROVAL["reason"])

    answer = api.post(f"/tasks/{task}/decision", APPROVAL)

    assert (answer.status_code, answer.json()["stage"]) == (200, "acceptance")
    assert refusals(books) == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": "12000.01"}, "amount"),
    ({"amount": "0"}, "amount"),
    ({"amount": "-1"}, "amount"),
    ({"amount": 8000}, "amount"),
    ({"amount": 8000.5}, "amount"),
    ({"amount": "8000.123"}, "amount"),
    ({"outcome": "refuse", "amount": "8000"}, "amount"),
    ({"reason_codes": ["income_not_shown"]}, "reason_codes"),
    ({"outcome": "return", "reason_codes": ["income_not_shown"]}, "reason_codes"),
    ({"outcome": "refuse", "reason_codes": ["because"]}, "reason_codes"),
    ({"outcome": "perhaps"}, "outcome"),
    ({"outcome": "done"}, "outcome"),
    ({"reason": ""}, "reason"),
    ({"reason": "   "}, "reason"),
    ({"reason": "a\x00b"}, "reason"),
    ({"reason": "x" * 501}, "reason"),
    ({"reason": None}, "reason"),
    ({"approved_by": "me"}, "approved_by"),
    ({"lone \ud800 surrogate": 1}, "body"),
]


def test_a_decision_that_is_not_well_formed_names_its_field(api: Caller, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())

    for change, field in WRONG:
        answer = api.post(f"/tasks/{task}/decision", APPROVAL | change)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field]), change


def test_a_refusal_by_a_person_says_why_and_what_would_change_it(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    procedure.decide(loan, Outcome.REFUSE, actor=MANAGER, reason="not enough", reason_codes=("income_not_shown",))

    helping = api.get(f"/loans/{loan}", "integrator-demo").json()["remedies"]
    assert list(helping["reasons"]) == list(helping["sentences"]) == ["income_not_shown"]
    assert helping["sentences"]["income_not_shown"].keys() == {"en", "zh"}
    assert api.get(f"/tasks/{task}").json()["decision"]["reason_codes"] == ["income_not_shown"]
    refusal = {"outcome": "refuse", "reason": "not enough"}
    again = api.post(f"/tasks/{task}/decision", refusal | {"reason_codes": ["income_not_shown"]})
    assert (again.status_code, again.json()["stage"]) == (200, "refused")
    # With other reasons it is another decision.
    assert api.post(f"/tasks/{task}/decision", refusal).json()["code"] == "task_closed"


def test_what_is_done_has_no_reasons_of_a_refusal(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    with books.begin() as work:
        task = open_task(work, work.loans.get(loan), TaskKind.TROUBLE, Role.RISK, procedure.day, "look").id

    body = {"outcome": "done", "reason": "looked", "reason_codes": ["income_not_shown"]}
    answer = api.post(f"/tasks/{task}/decision", body, "risk-qian")

    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["reason_codes"])
    with books.read() as work:
        assert work.tasks.get(task).status is TaskStatus.OPEN


def test_a_decision_that_nobody_waits_for_is_queued_once_for_a_key(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    procedure.complete(loan)

    answers = [
        api.post(f"/tasks/{task}/decision?wait=false", APPROVAL, headers={"Idempotency-Key": "decision-1"})
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    with books.read() as work:
        waiting = work.session.exec(select(OutboxRow).where(OutboxRow.topic == Topic.SIGNAL_LOAN)).all()
    assert [(row.loan, row.payload["decision"]["outcome"]) for row in waiting] == [(loan, "approve")]


def test_a_refused_decision_is_not_queued(api: Caller, books: Books, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded(actor=MANAGER))

    assert api.post(f"/tasks/{task}/decision?wait=false", APPROVAL).status_code == 403
    with books.read() as work:
        assert work.session.exec(select(OutboxRow).where(OutboxRow.topic == Topic.SIGNAL_LOAN)).all() == []


def test_unmatched_money_is_finished_with_a_note_by_finance(api: Caller, books: Books, procedure: Procedure) -> None:
    with books.begin() as work:
        record_movement(work, movement("unknown-1", 5_000, procedure.day, remittance="还款 L26999999"))
    (task,) = api.get("/tasks?kind=unmatched_money", "finance-sun").json()["items"]
    path = f"/tasks/{task['id']}/decision"

    assert api.post(path, APPROVAL, "finance-sun").json()["fields"].keys() == {"outcome"}
    done = api.post(path, {"outcome": "done", "reason": "sent back to the payer"}, "finance-sun")

    assert done.json() == {"loan": None, "stage": None, "sentence": "the follow-up is done", "payment": None}
    assert api.get("/tasks?open=true", "finance-sun").json()["items"] == []
    assert api.get("/tasks?open=false", "finance-sun").json()["items"][0]["status"] == "done"


def test_while_the_engine_is_away_a_decision_says_so_and_nothing_is_decided(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)

    answer = api.post(f"/tasks/{task_of(procedure, loan)}/decision", APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert procedure.open_tasks(loan) == [TaskKind.APPROVAL]


def test_an_agent_decides_no_case_of_his_team(api: Caller, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded(actor=AGENT))

    assert api.post(f"/tasks/{task}/decision", APPROVAL, "agent-lin").status_code == 404
