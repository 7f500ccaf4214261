"""What a loan's addresses tell whom: nobody outside who of the lender acted and in which words, nobody who may not know
of lists that somebody stands on one.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from books.session import Books
from books.sign_in import secret_digest
from models.changes import ChangeKind
from models.collateral import ConditionKind
from models.notices import ReplyChannel
from models.sign_in import AccessToken
from models.staff import Role, Scope, Staff
from models.tasks import Task, TaskKind
from services.contacts import enter_reply
from services.documents import hand_in
from services.staff import demo_key
from tests.api.serving import Caller
from tests.api.test_permissions import made_app
from tests.servers.routes import addresses
from tests.services.document_files import A_PDF, taken
from tests.services.people import add as add_staff
from tests.services.procedure import AGENT, INTEGRATOR, MANAGER, Procedure
from tests.services.proposals import change
from tests.services.test_account_changes import decide as decide_account
from tests.services.test_account_changes import propose as propose_account
from tests.services.test_screening import PERSON, listed
from tests.services.vehicles import confirmed

SAID = "lost my job in May and my wife is ill"
WORDS = (
    "income and record are in order",
    "agreed with the borrower",
    "the bank replaced his card",
    "spoke to him on the phone",
    "letter 2026-17",
    "compared with the document",
)
"""What people of the lender gave as their reasons."""
OPEN_FILES = frozenset({"show_document"})
"""Papers and files, which are no answers of ours."""


def tasks_of(procedure: Procedure, loan: str) -> list[str]:
    with procedure.books.read() as work:
        return [one.id for one in work.session.exec(select(Task).where(Task.loan == loan).order_by(Task.id))]


def every_get(api: Caller, procedure: Procedure, loan: str, key: str) -> Iterator[tuple[str, Any]]:
    """Every GET of a loan and of its tasks that this person may ask, by its path without ids, with its answer."""
    asked = [one for one in addresses(made_app(procedure.books)) if one.method == "GET"]
    about = [one for one in asked if re.search(r"{loan}|{task_id}", one.path) and one.name not in OPEN_FILES]
    assert len(about) > 14
    for address in about:
        for task in tasks_of(procedure, loan) if "{task_id}" in address.path else [""]:
            path = address.filled(loan=loan, task_id=task)
            query = "?from=2026-02-01" if address.name == "settlement_figures" else ""
            answer = api.client.get(api.url + path + query, headers={"Authorization": f"Bearer {key}"})
            # Of tasks one sees those of one's own.
            hidden = (403, 404) if "{task_id}" in address.path else (403, 409)
            assert answer.status_code in (200, *hidden), (path, answer.text)
            if answer.status_code == 200:
                yield address.path, answer.json()
    listed_tasks = api.client.get(
        f"{api.url}/api/v1/tasks?open=false&loan={loan}", headers={"Authorization": f"Bearer {key}"}
    )
    if listed_tasks.status_code == 200:
        yield "/tasks", listed_tasks.json()


def eventful(procedure: Procedure) -> str:
    """A used car of a machine's customer about which all roles decided, proposed, confirmed and heard something."""
    loan = procedure.graded("auto", actor=INTEGRATOR)
    procedure.decide(loan)
    propose_account(procedure, loan, role="payee", account="6230000000000000029")
    decide_account(procedure, loan)
    with procedure.at() as work:
        found = work.loans.get(loan)
        hand_in(work, AGENT, found, "id_card", "card.pdf", taken(A_PDF))
    procedure.pay_out(loan)
    confirmed(procedure, loan, ConditionKind.INSURANCE)
    change(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1, "component": "principal"})
    with procedure.at() as work:
        enter_reply(work, MANAGER, work.loans.get(loan), ReplyChannel.CALL, work.today, SAID, "1")
    return loan


@pytest.fixture
def outside(books: Books, procedure: Procedure) -> tuple[str, dict[str, str]]:
    """An eventful loan, and the keys of those of it who are not of the lender."""
    loan = eventful(procedure)
    with books.begin() as work:
        key, own = secret_digest("key-borrower"), procedure.loan(loan).customer_id
        add_staff(work, Staff(id="borrower", name="?", role=Role.BORROWER, customer_id=own, key_hash=key))
        ends = work.now + timedelta(minutes=5)
        digest, scopes = secret_digest("lwt_reads"), Scope.LOANS_READ.value
        work.session.add(
            AccessToken(digest=digest, staff_id=INTEGRATOR.id, scopes=scopes, created_at=work.now, ends_at=ends)
        )
    keys = {"machine": demo_key(INTEGRATOR.id), "its token": "lwt_reads", "borrower": "key-borrower"}
    return loan, keys


def test_no_address_tells_outside_who_of_the_lender_acted_or_in_which_words(
    api: Caller, procedure: Procedure, outside: tuple[str, dict[str, str]]
) -> None:
    loan, keys = outside
    with procedure.books.read() as work:
        machines = {INTEGRATOR.id, "borrower"}
        staff = [one for one in work.staff.names() if one not in machines and one != "system"]
    assert {"agent-lin", "manager-zhao", "risk-qian"} <= set(staff)
    seen = list(every_get(api, procedure, loan, demo_key("risk-qian")))
    told = {word for word in WORDS if word in json.dumps(seen)}
    assert told == set(WORDS), "what is to be kept back is told nobody at all"
    for who, key in keys.items():
        paths = []
        for path, body in every_get(api, procedure, loan, key):
            paths.append(path)
            text = json.dumps(body, ensure_ascii=False)
            assert not [one for one in staff if f'"{one}"' in text], (who, path)
            assert not [word for word in WORDS if word in text], (who, path)
        assert "/api/v1/loans/{loan}/changes" in paths, who


def test_what_a_borrower_said_is_told_who_follows_the_loan_up_and_him_and_no_machine(
    api: Caller, procedure: Procedure, outside: tuple[str, dict[str, str]]
) -> None:
    loan, keys = outside
    for who in ("auditor-wei", "admin-gu", "finance-sun"):
        keys[who] = demo_key(who)
    borrower = keys.pop("borrower")
    for who, key in keys.items():
        for path, body in every_get(api, procedure, loan, key):
            assert SAID not in json.dumps(body), (who, path)
    assert "replies_read" not in procedure.acts(loan)
    # That he said something, on which day and how, stays known.
    (reply,) = [one for one in api.get(f"/loans/{loan}/contacts", "auditor-wei").json()["items"] if not one["text"]]
    assert (reply["direction"], reply["channel"], reply["text"]) == ("in", "call", None)
    for key in (borrower, demo_key("manager-zhao")):
        answers = every_get(api, procedure, loan, key)
        assert [path for path, body in answers if SAID in json.dumps(body)] == ["/api/v1/loans/{loan}/contacts"]
    looks = [one for one in procedure.entries(loan) if one.act == "replies_read"]
    assert [(one.actor_id, one.after) for one in looks] == [("manager-zhao", {"replies": 1})]
    assert SAID not in str([one.model_dump() for one in procedure.entries(loan)])


def read_as(api: Caller, procedure: Procedure, loan: str, who: str) -> list[str]:
    """All that somebody is told of a case, without what differs between any two: ids, times and numbers of people."""
    told = []
    for path, body in every_get(api, procedure, loan, demo_key(who)):
        for band in body.pop("authority", ()):
            # That a person of risk has to look is known to whom the case is not given; not why.
            assert (band["row"], set(band["reasons"]) - {"closer_look", "simple_case"}) == (None, set())
        text = json.dumps(body, ensure_ascii=False, sort_keys=True).replace(loan, "L").replace(PERSON, "N")
        told.append(path + re.sub(r'[0-9a-f]{32,64}|"[0-9]{4}-[0-9]{2}-[0-9]{2}T[^"]*"', "#", text))
    return told


def test_no_address_tells_of_a_list_who_may_not_know_of_it(api: Caller, procedure: Procedure) -> None:
    plain, found = (procedure.graded(actor=AGENT, **form) for form in ({}, {"id_number": PERSON}))
    for loan in (plain, found):
        procedure.complete(loan)
    listed(procedure, id_number=PERSON)
    for _ in ("while it waits", "once it is decided"):
        for who in ("agent-lin", "manager-zhao", "finance-sun", "admin-gu"):
            assert read_as(api, procedure, plain, who) == read_as(api, procedure, found, who), who
        for loan in (plain, found):
            if procedure.open_tasks(loan):
                procedure.decide(loan, reason="on the list of 2024, cleared by the branch")


def test_who_may_know_of_lists_reads_by_which_row_a_case_would_go(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT, id_number=PERSON)
    listed(procedure, id_number=PERSON)
    task = procedure.task(loan, TaskKind.APPROVAL).id
    rows = {
        who: [one["row"] for one in api.get(f"/tasks/{task}", who).json()["authority"]]
        for who in ("risk-qian", "auditor-wei", "manager-zhao", "admin-gu")
    }
    assert rows["risk-qian"] == rows["auditor-wei"]
    assert None not in rows["risk-qian"]
    assert set(rows["manager-zhao"]) == set(rows["admin-gu"]) == {None}
    for who, status in (("risk-qian", 200), ("auditor-wei", 200), ("admin-gu", 403)):
        assert api.get(f"/policies/replays/{loan}", who).status_code == status
