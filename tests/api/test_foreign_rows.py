"""Rows of others, asked for by their own ids: the answer is that of rows that there are not, to the letter."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.permitted import PERMITTED
from books.session import Books
from books.sign_in import secret_digest
from models.staff import Actor, Role, Staff
from models.tasks import TaskKind
from services.documents import hand_in
from services.permissions import TABLE, Action
from services.staff import demo_key
from tests.api.serving import Caller, serving
from tests.api.test_changes import BODIES as CHANGES
from tests.api.test_permissions import made_app, refusals
from tests.servers.routes import NO_ID, NO_LOAN, Address, addresses
from tests.services.document_files import A_PDF, taken
from tests.services.people import add as add_staff
from tests.services.procedure import AGENT, Procedure

ELSEWHERE = Actor("agent-tang", Role.AGENT)
PARTY = "?party"
"""Stands for the id of a party."""
REASON = {"reason": "because"}
CODE = {"code": "123456", "document_sha256": "0" * 64}
BODIES: Mapping[str, dict[str, Any]] = {
    **{f"propose_{name.replace('-', '_')}": body for name, body in CHANGES.items()},
    "propose_account": {"party": PARTY, "account": "6230000000000000011", **REASON},
    "decide_account": {"outcome": "approve", **REASON},
    "sign_mandate": CODE,
    "enter_registration": {"number": "1", "issuer": "office", "dated": "2026-01-05", "document": NO_ID},
    "enter_insurance": {
        "number": "1",
        "issuer": "insurer",
        "from": "2026-01-05",
        "to": "2027-01-04",
        "insured": "1000.00",
        "lender_first": True,
        "document": NO_ID,
    },
    "enter_release": {"number": "1", "dated": "2026-01-05"},
    "enter_reply": {"channel": "call", "on": "2026-01-05", "text": "pays on Friday"},
    "review_evidence": {"outcome": "approve", **REASON},
    "decide_document": {"outcome": "approve", **REASON},
    "order_paper": {},
    "send_signing_code": {"party": PARTY},
    "sign_contract": {"party": PARTY, **CODE},
    "delegate_task": {"to": "agent-he"},
    "decide_task": {"outcome": "approve", **REASON},
    "authorise": {"party": PARTY, "sensitive": True},
    "take_authorisation_back": {"party": PARTY, "kind": "registers"},
    "send_authorisation_link": {"party": PARTY},
    "reveal_value": {"field": "mobile", **REASON},
}
"""Bodies that nothing is wrong with, by the name of the route."""
QUERIES = {"settlement_figures": "?from=2026-02-01"}


@dataclass(frozen=True)
class Row:
    """A loan with what hangs on it; or the names of nothing."""

    loan: str = NO_LOAN
    task: str = NO_ID
    document: str = NO_ID
    party: str = NO_ID


def row_of(procedure: Procedure, loan: str) -> Row:
    """A case that waits for its decision, with a document that was handed in."""
    task = procedure.task(loan, TaskKind.APPROVAL).id
    with procedure.at() as work:
        kept = hand_in(work, ELSEWHERE, work.loans.get(loan), "id_card", "card.pdf", taken(A_PDF))
        (party, *_) = work.customers.parties(loan)
        return Row(loan, task, kept.id, party.id)


@pytest.fixture
def theirs(procedure: Procedure) -> Row:
    """A case of an agent of another team."""
    return row_of(procedure, procedure.graded(actor=ELSEWHERE))


@pytest.fixture
def outsiders(books: Books, procedure: Procedure) -> dict[str, Role]:
    """Everybody for whom the case is another's, by his key."""
    own = procedure.loan(procedure.apply()).customer_id
    with books.begin() as work:
        add_staff(
            work,
            Staff(id="borrower", name="?", role=Role.BORROWER, customer_id=own, key_hash=secret_digest("key-borrower")),
        )
    staff = {"agent-lin": Role.AGENT, "manager-zhao": Role.MANAGER, "integrator-demo": Role.INTEGRATOR}
    return {demo_key(name): role for name, role in staff.items()} | {"key-borrower": Role.BORROWER}


def ask(api: Caller, address: Address, key: str, row: Row) -> httpx.Response:
    """A whole request about a row."""
    path = address.filled(loan=row.loan, task_id=row.task, document_id=row.document, kind="receipt") + QUERIES.get(
        address.name, ""
    )
    headers = {"Authorization": f"Bearer {key}"}
    if address.name == "upload_document":
        file = {"file": ("card.pdf", A_PDF, "application/pdf")}
        return api.client.post(api.url + path, data={"kind": "id_card"}, files=file, headers=headers)
    body = BODIES.get(address.name)
    sent = None if body is None else {name: row.party if value == PARTY else value for name, value in body.items()}
    return api.client.request(address.method, api.url + path, json=sent, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    """What an answer says, without the ids in it."""
    text = re.sub(r'"request_id": "[^"]*"', "", answer.text)
    return answer.status_code, re.sub(r"L[0-9]{8,12}|[0-9a-f]{32}", "#", text)


def test_a_row_of_another_is_answered_as_one_that_there_is_not(
    books: Books, theirs: Row, outsiders: dict[str, Role]
) -> None:
    about_rows = [one for one in addresses(made_app(books)) if "{loan}" in one.path or "{task_id}" in one.path]
    assert len(about_rows) > 50
    with serving(books) as api:
        for key, role in outsiders.items():
            for address in about_rows:
                action = PERMITTED[address.name]
                if isinstance(action, Action) and role in TABLE[action]:
                    foreign, missing = ask(api, address, key, theirs), ask(api, address, key, Row())
                    assert foreign.status_code == 404, (role, address, foreign.text)
                    assert told(foreign) == told(missing), (role, address)
    with books.read() as work:
        assert not [entry for entry in work.audit.of_loan(theirs.loan) if entry.refused]


def test_what_hangs_on_anothers_loan_is_not_found_under_ones_own(
    books: Books, procedure: Procedure, theirs: Row
) -> None:
    mine = row_of(procedure, procedure.graded(actor=AGENT))
    key = demo_key("agent-lin")
    mixed = Row(mine.loan, theirs.task, theirs.document, theirs.party)
    nothing = Row(mine.loan)
    names = {"propose_account", "send_signing_code", "sign_contract", "authorise", "take_authorisation_back"}
    parts = ("{task_id}", "{document_id}")
    with serving(books) as api:
        for address in addresses(made_app(books)):
            if any(part in address.path for part in parts) or address.name in names:
                foreign, missing = ask(api, address, key, mixed), ask(api, address, key, nothing)
                assert told(foreign) == told(missing), address
                assert foreign.status_code in (403, 404, 409, 422), (address, foreign.text)


def test_lists_and_filters_tell_nothing_of_anothers_rows(books: Books, theirs: Row, outsiders: dict[str, Role]) -> None:
    lists = (
        "/loans",
        "/loans?after=L99999999&product=micro",
        "/tasks?open=false",
        f"/tasks?loan={theirs.loan}",
        "/tasks?kind=approval",
        "/early-warnings",
        "/dealers",
        "/limits",
    )
    with serving(books) as api:
        for key in outsiders:
            headers = {"Authorization": f"Bearer {key}"}
            for path in lists:
                text = api.client.get(f"{api.url}/api/v1{path}", headers=headers).text
                assert theirs.loan not in text, path
                assert theirs.task not in text, path
            bulk = api.client.post(
                f"{api.url}/api/v1/tasks/decisions", json={"tasks": [theirs.task], **REASON}, headers=headers
            )
            assert theirs.loan not in bulk.text


def test_who_asks_for_anothers_loan_is_on_record_and_its_own_people_do_not_read_of_it(
    books: Books, theirs: Row
) -> None:
    with serving(books) as api:
        assert api.get(f"/loans/{theirs.loan}", "agent-lin").status_code == 404
        assert api.get(f"/loans/{NO_LOAN}", "agent-lin").status_code == 404
        acts = [one["act"] for one in api.get(f"/loans/{theirs.loan}/history", "manager-feng").json()["items"]]
    assert "show_loan" not in acts
    assert [(one.actor_id, one.act, one.loan, one.subject) for one in refusals(books)] == [
        ("agent-lin", "show_loan", None, theirs.loan),
        ("agent-lin", "show_loan", None, NO_LOAN),
    ]
