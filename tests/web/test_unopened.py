"""A sealed value that somebody damaged: what shows it says so, and everything else goes on."""

import pytest

from books.sealing import VAULT
from books.session import Books
from models.columns import UNOPENED
from models.staff import Role
from services.refusals import refusal_log
from tests.api.test_foreign_rows import Row, row_of
from tests.servers.routes import addresses
from tests.services.audit_log import tamper
from tests.services.damage import damage_all_about, damage_one
from tests.services.procedure import AGENT, RISK, Procedure
from tests.web.asking import KINDS, made_web
from tests.web.conftest import Come
from tests.web.serving import Visitor
from web.pages import CANNOT_BE_OPENED
from web.permitted import roles_of

VISITORS = {
    "agent-lin": Role.AGENT,
    "manager-zhao": Role.MANAGER,
    "risk-qian": Role.RISK,
    "finance-sun": Role.FINANCE,
    "auditor-wei": Role.AUDITOR,
    "admin-gu": Role.ADMIN,
}
SAYS_SO = "damaged or was tampered with"
ENGINE_AWAY = 503


def walked(books: Books, visitor: Visitor, role: Role, row: Row) -> dict[str, str]:
    """What each page that is looked at answers to one of a role, where it is not all right."""
    found = {}
    for address in addresses(made_web(books)):
        if address.method == "GET" and role in (roles_of(address.name, address.endpoint) or ()):
            kind = KINDS.get(address.name, "none")
            path = address.filled(
                number=row.loan, task_id=row.task, document_id=row.document, kind=kind, name=kind, absence=""
            )
            answer = visitor.client.get(path, follow_redirects=False)
            if answer.status_code >= 500 and answer.status_code != ENGINE_AWAY:
                found[address.name] = "says so" if SAYS_SO in answer.text else "fails"
    return found


def refused(books: Books) -> list[tuple[str, str, str]]:
    """Who was refused what, and the code of why."""
    refusal_log(books).flush()
    with books.read() as work:
        entries = [one for one in work.audit.page(limit=1000) if one.refused]
    return [(one.actor_id, one.act, (one.reason or "").split(":")[0]) for one in entries]


def test_no_page_fails_by_what_is_damaged_about_another_customer_or_a_colleague(
    books: Books, come: Come, procedure: Procedure
) -> None:
    mine, damaged = (row_of(procedure, procedure.graded(actor=AGENT, name=name)) for name in ("王完好", "李损坏"))
    damage_all_about(books, procedure.loan(damaged.loan).customer_id)
    damage_one(books, "staff", "name", "agent-tang")
    wrong = {}
    for name, role in VISITORS.items():
        visitor = come(name)
        wrong[name, "of the other"] = walked(books, visitor, role, mine)
        # A page about the damaged case itself that has to compute with it says clearly why it cannot.
        about = walked(books, visitor, role, damaged)
        wrong[name, "of the damaged"] = {page: said for page, said in about.items() if said != "says so"}
    assert not {who: found for who, found in wrong.items() if found}


@pytest.mark.parametrize(("language", "words"), [("en", CANNOT_BE_OPENED), ("zh", UNOPENED)])
def test_a_list_says_what_cannot_be_opened_and_tells_the_others_rightly(
    books: Books, come: Come, procedure: Procedure, language: str, words: str
) -> None:
    loan, damaged = (procedure.graded(actor=AGENT, name=name) for name in ("王完好", "李损坏"))
    damage_one(books, "customer", "name", procedure.loan(damaged).customer_id)
    visitor = come("risk-qian", language=language)
    for page in ("/loans", "/inbox?show=all"):
        text = visitor.get(page).text
        assert text.count(words) == 1, page
        assert "王完好" in text
        assert loan in text
        assert damaged in text
        assert "李损坏" not in text
    assert words in visitor.get(f"/loans/{damaged}").text
    assert words not in visitor.get(f"/loans/{loan}").text


def test_what_cannot_be_opened_is_on_record_once_however_often_it_is_shown(
    books: Books, come: Come, procedure: Procedure
) -> None:
    for _ in range(3):
        loan = procedure.graded(actor=AGENT)
    damage_one(books, "customer", "name", procedure.loan(loan).customer_id)
    for name in ("risk-qian", "manager-zhao"):
        visitor = come(name)
        for _ in range(3):
            visitor.get("/loans")
    assert refused(books) == [("risk-qian", "loans", "seal_broken")]


def test_a_data_key_that_does_not_open_leaves_the_others_names_on_the_list(
    books: Books, come: Come, procedure: Procedure
) -> None:
    for name in ("王完好", "李损坏", "赵完好"):
        damaged = procedure.graded(actor=AGENT, name=name) if name == "李损坏" else procedure.graded(name=name) and ""
        if damaged:
            loan = damaged
    customer = procedure.loan(loan).customer_id
    tamper(books, f"UPDATE data_key SET ring_key = 'gone' WHERE id = '{customer}'")
    books.engine.get_execution_options()[VAULT].forget(customer)
    text = come("risk-qian").get("/loans").text
    assert "王完好" in text
    assert "赵完好" in text
    assert text.count(CANNOT_BE_OPENED) == 1
    assert refused(books) == [("risk-qian", "loans", "key_missing")]


def test_whose_own_name_is_damaged_goes_on_working(books: Books, come: Come, procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    visitor = come(RISK.id)
    damage_one(books, "staff", "name", RISK.id)
    answer = visitor.get(f"/loans/{loan}")
    assert answer.status_code == 200
    assert CANNOT_BE_OPENED in answer.text
