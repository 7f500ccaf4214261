"""Rows of others on pages, asked for by their own ids: every page answers as for rows that there are not."""

import re
from collections.abc import Mapping

import httpx

from books.session import Books
from models.staff import Role
from tests.api.test_foreign_rows import ELSEWHERE, Row, row_of
from tests.servers.routes import Address, addresses
from tests.services.document_files import A_PDF
from tests.services.procedure import AGENT, Procedure
from tests.web.asking import KINDS, TAKES_A_FILE, borrower, made_web
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from web.permitted import roles_of

REASON = "because of that"
CODE = {"code": "123456", "document_sha256": "0" * 64}
FIELDS: Mapping[str, Mapping[str, str]] = {
    "propose_account": {"account": "6230000000000000011", "reason": REASON},
    "judge_account": {"verdict": "confirm", "reason": REASON},
    "authorise": {"sensitive": "yes"},
    "take_authorisation_back": {"kind": "registers"},
    "prepayment": {"amount": "100.00"},
    "propose_change": {"periods": "1", "component": "principal", "reason": REASON, "act": "propose"},
    "ask_for_deferral": {"periods": "1", "component": "principal", "act": "propose"},
    "decide_document": {"outcome": "approve", "reason": REASON},
    "hand_in_document": {"kind": "id_card"},
    "my_hand_in": {"kind": "id_card"},
    "mandate_signature": CODE,
    "signature": CODE,
    "decision": {"outcome": "approve", "reason": REASON},
    "completion": {"reason": REASON},
    "task_note": {"reason": REASON},
    "enter_reply": {"channel": "phone", "text": REASON},
    "reveal_value": {"field": "mobile", "reason": REASON},
    "ask_quote": {"kind": "settlement", "act": "keep"},
    "ask_my_quote": {"kind": "settlement", "act": "keep"},
    "review_evidence": {"outcome": "approve", "reason": REASON},
    "propose_money": {"kind": "repayment", "reason": REASON},
    "judge_money": {"verdict": "confirm", "reason": REASON},
}
"""Forms that nothing is wrong with, as far as they are asked before the row is."""
ROWS = ("{number}", "{task_id}")
BY_DOCUMENT = "{document_id}"
UNDER_A_LOAN = frozenset({"document_id", "evidence_id", "proposal"})
"""Parts of addresses that name a row of the loan that stands in the same address."""
OF_THE_HOUSE = frozenset(
    {
        "absence",
        "backtest_id",
        "code",
        "entry_id",
        "id",
        "kind",
        "limit_id",
        "month",
        "n",
        "name",
        "path:path",
        "version",
    }
)
"""Parts that name nobody's row: rules, books, lists and a log of which all who may open the page see everything. Who is
away all of the staff read.
"""
SECRETS = frozenset({"token"})
"""Parts that nobody knows but to whom they were sent."""
TAKE_A_PARTY = frozenset({"authorise", "propose_account", "signature", "signing_code", "take_authorisation_back"})

AS_A_PART = frozenset({"signing"})
"""Pages that show something to a page of ours alone, and send everybody else back to the loan."""


def ask(visitor: Visitor, address: Address, token: str, row: Row) -> httpx.Response:
    """Asks a page for a row, with a form that can be read."""
    kind = KINDS.get(address.name, "none")
    path = address.filled(
        number=row.loan, task_id=row.task, document_id=row.document, kind=kind, name=kind if kind != "none" else "x"
    )
    if address.method == "GET":
        headers = {"HX-Request": "true"} if address.name in AS_A_PART else None
        return visitor.client.get(path, headers=headers, follow_redirects=False)
    fields = {"csrf": token, "party": row.party, **FIELDS.get(address.name, {})}
    files = {"file": ("card.pdf", A_PDF)} if address.name in TAKES_A_FILE else None
    return visitor.client.post(path, data=fields, files=files, follow_redirects=False)


def told(answer: httpx.Response) -> tuple[int, str]:
    """What a page says, without the ids on it."""
    return answer.status_code, re.sub(r"L[0-9]{8,12}|[0-9a-f]{32}", "#", words(answer.text))


def parts_of(address: Address) -> set[str]:
    """The names of what is filled in in an address."""
    return set(re.findall(r"{([^}]+)}", address.path))


def test_every_part_of_an_address_is_known_as_somebodys_row_or_nobodys(books: Books) -> None:
    """A page that names a row in a new way is asked for in the walk below, or somebody says why it need not be."""
    pages = addresses(made_web(books))
    rows = {part.strip("{}") for part in ROWS}
    assert {part for one in pages for part in parts_of(one)} == rows | UNDER_A_LOAN | OF_THE_HOUSE | SECRETS
    assert all("number" in parts_of(one) for one in pages if parts_of(one) & UNDER_A_LOAN)


def test_no_page_tells_of_anothers_row(books: Books, come: Come, procedure: Procedure) -> None:
    theirs, own = row_of(procedure, procedure.graded(actor=ELSEWHERE)), procedure.graded(actor=AGENT)
    before = procedure.acts(theirs.loan)
    visitors = [
        (Role.AGENT, come("agent-lin"), "/loans"),
        (Role.MANAGER, come("manager-zhao"), "/loans"),
        (Role.BORROWER, borrower(come, procedure, own), f"/my/{own}"),
    ]
    about_rows = [one for one in addresses(made_web(books)) if any(part in one.path for part in ROWS)]
    asked, wrong = set(), []
    for role, visitor, home in visitors:
        token = visitor.token(home)
        for address in about_rows:
            if role not in (roles_of(address.name, address.endpoint) or ()):
                continue
            foreign, missing = ask(visitor, address, token, theirs), ask(visitor, address, token, Row())
            asked.add(address.name)
            if foreign.status_code != 404 or told(foreign) != told(missing):
                wrong.append((role, address.name, foreign.status_code, missing.status_code, told(foreign)[1][:200]))
    assert not wrong
    assert len(asked) > 50
    assert procedure.acts(theirs.loan) == before


def test_no_page_takes_somebody_of_anothers_loan_as_one_of_ones_own(
    books: Books, come: Come, procedure: Procedure
) -> None:
    mine, theirs = (row_of(procedure, procedure.graded(actor=actor)) for actor in (AGENT, ELSEWHERE))
    agent = come("agent-lin")
    token = agent.token("/loans")
    takes_party = [one for one in addresses(made_web(books)) if one.name in TAKE_A_PARTY]
    assert {one.name for one in takes_party} == TAKE_A_PARTY
    for address in takes_party:
        foreign = ask(agent, address, token, Row(mine.loan, party=theirs.party))
        missing = ask(agent, address, token, Row(mine.loan))
        assert foreign.status_code in (403, 404, 409, 422), address
        assert told(foreign) == told(missing), address


def test_no_page_shows_anothers_document_under_ones_own_loan(books: Books, come: Come, procedure: Procedure) -> None:
    mine, theirs = (row_of(procedure, procedure.graded(actor=actor)) for actor in (AGENT, ELSEWHERE))
    agent = come("agent-lin")
    token = agent.token("/loans")
    by_document = [one for one in addresses(made_web(books)) if BY_DOCUMENT in one.path]
    assert len(by_document) > 3
    for address in by_document:
        mixed, nothing = (
            Row(mine.loan, mine.task, theirs.document, mine.party),
            Row(mine.loan, mine.task, party=mine.party),
        )
        foreign, missing = ask(agent, address, token, mixed), ask(agent, address, token, nothing)
        assert foreign.status_code == 404, address
        assert told(foreign) == told(missing), address
