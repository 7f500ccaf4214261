"""What the pages of a loan tell whom: names to who works with people or their money, replies to who follows a loan up,
and nobody who may not know of lists that somebody stands on one.
"""

import re
from collections.abc import Iterator

import pytest

from books.session import Books
from models.customers import PartyRole
from models.notices import ReplyChannel
from services.contacts import enter_reply
from services.paper_words import masked_name
from tests.api.test_told_outside import tasks_of
from tests.modules.test_auto import GUARANTOR
from tests.servers.routes import addresses
from tests.services.procedure import AGENT, MANAGER, Procedure
from tests.services.test_account_changes import changed
from tests.services.test_documents import give
from tests.services.test_screening import PERSON, listed
from tests.web.asking import made_web
from tests.web.conftest import Come
from tests.web.serving import Visitor, words

SAID = "lost my job in May and my wife is ill"
LISTS = ("/", "/loans", "/inbox?show=all", "/warnings")
PAPERS = frozenset({"paper", "document_file", "document_picture"})
"""Files, and the lender's papers: who opens one is recorded."""
NOT_FOR_THEM = ("agent-lin", "manager-zhao", "finance-sun", "admin-gu")


def pages_of(books: Books, procedure: Procedure, visitor: Visitor, loan: str) -> Iterator[tuple[str, str]]:
    """Every page of a loan and of its tasks that this visitor may open, by its path without ids."""
    about = [one for one in addresses(made_web(books)) if one.method == "GET" and one.name not in PAPERS]
    about = [one for one in about if re.search(r"{number}|{task_id}", one.path) and not one.path.startswith("/my/")]
    assert len(about) > 15
    for address in about:
        for task in tasks_of(procedure, loan) if "{task_id}" in address.path else [""]:
            path = address.filled(number=loan, task_id=task, kind="deferral", name="deferral")
            answer = visitor.client.get(path, headers={"HX-Request": "true"} if address.name == "signing" else None)
            assert answer.status_code < 500, path
            if answer.status_code == 200:
                yield address.path, answer.text


@pytest.fixture
def vehicle(procedure: Procedure) -> str:
    """A vehicle's loan with a guarantor and a payee, a card that was handed in, and a mandate that waits."""
    loan = procedure.graded("auto", actor=AGENT, **GUARANTOR)
    give(procedure, loan)
    procedure.decide(loan)
    procedure.pay_out(loan)
    changed(procedure, loan)
    return loan


def names_of(procedure: Procedure, loan: str) -> dict[PartyRole, str]:
    with procedure.books.read() as work:
        names = {one.role: one.name for one in work.customers.parties(loan)}
    assert names.keys() == {PartyRole.BORROWER, PartyRole.GUARANTOR, PartyRole.PAYEE}
    return names


def test_no_page_names_anybody_to_who_works_neither_with_him_nor_with_his_money(
    books: Books, come: Come, procedure: Procedure, vehicle: str
) -> None:
    names = names_of(procedure, vehicle)
    # The payee is a firm, which the application and its vehicle name as the dealer.
    people = {name for role, name in names.items() if role is not PartyRole.PAYEE}
    for who in ("auditor-wei", "admin-gu"):
        visitor = come(who)
        seen = [*pages_of(books, procedure, visitor, vehicle), *((path, visitor.get(path).text) for path in LISTS)]
        for path, page in seen:
            assert not [name for name in people if name in page], (who, path)
        named = dict(seen)
        for path in ("/loans/{number}", "/loans/{number}/accounts", "/loans/{number}/authorisations"):
            assert masked_name("欧阳测试") in named[path], (who, path)
        assert all(masked_name(name) in named["/loans/{number}"] for name in names.values()), who
    found = come("auditor-wei").post("/loans/search", seen_at="/loans", query="欧阳测试")
    assert (masked_name("欧阳测试") in found.text, vehicle in found.text) == (True, True)
    assert "欧阳测试" not in found.text.partition("<table")[2]


@pytest.mark.parametrize("who", ["agent-lin", "manager-zhao", "risk-qian", "finance-sun"])
def test_who_works_with_people_or_their_money_reads_their_names(
    come: Come, procedure: Procedure, vehicle: str, who: str
) -> None:
    visitor = come(who)
    page = visitor.get(f"/loans/{vehicle}").text
    assert [name for name in names_of(procedure, vehicle).values() if name not in page] == []
    assert "欧阳测试" in visitor.get(f"/loans/{vehicle}/accounts").text


def test_what_the_borrower_said_is_read_where_the_look_is_recorded_and_by_nobody_else(
    books: Books, come: Come, procedure: Procedure
) -> None:
    loan = procedure.running(actor=AGENT)
    for n in ("1", "2"):
        with procedure.at() as work:
            enter_reply(work, MANAGER, work.loans.get(loan), ReplyChannel.CALL, work.today, f"{SAID} {n}", n)
    for who in ("auditor-wei", "admin-gu", "finance-sun"):
        seen = list(pages_of(books, procedure, come(who), loan))
        assert not [path for path, page in seen if SAID in page], who
        assert "What he said is for those who follow the loan up." in dict(seen)["/loans/{number}/contacts"]
    assert "replies_read" not in procedure.acts(loan)
    agent = come("agent-lin")
    assert SAID not in agent.get(f"/loans/{loan}").text
    assert f'<a href="/loans/{loan}/contacts">Read what he said</a>' in agent.get(f"/loans/{loan}").text
    for looks in (1, 2):
        assert words(agent.get(f"/loans/{loan}/contacts").text).count(SAID) == 2
        entries = [one for one in procedure.entries(loan) if one.act == "replies_read"]
        assert [(one.actor_id, one.after) for one in entries] == [("agent-lin", {"replies": 2})] * looks


def without_ids(path: str, page: str, loan: str) -> str:
    """What a page says, but for names of rows, numbers of people, times, and who may approve the case."""
    page = re.sub(r'<section[^>]*"authority-title".*?</section>|<div id="act".*?</main>', "", page, flags=re.S)
    said = re.sub(r"[0-9]{3}••••[0-9X]{4}|•••• [0-9]{4}|[0-9]{2}:[0-9]{2}(:[0-9]{2})?", "#", words(page))
    return path + said.replace(loan, "L")


def test_pages_of_a_case_with_somebody_on_a_list_read_as_those_of_one_without(
    books: Books, come: Come, procedure: Procedure
) -> None:
    plain, found = (procedure.graded(actor=AGENT, **form) for form in ({}, {"id_number": PERSON}))
    for loan in (plain, found):
        procedure.complete(loan)
    listed(procedure, id_number=PERSON)
    visitors = {who: come(who) for who in NOT_FOR_THEM}
    for _ in ("while it waits", "once it is decided"):
        for who, visitor in visitors.items():
            read = [
                [without_ids(path, page, loan) for path, page in pages_of(books, procedure, visitor, loan)]
                for loan in (plain, found)
            ]
            assert read[0] == read[1], who
        for loan in (plain, found):
            if procedure.open_tasks(loan):
                procedure.decide(loan, reason="on the list of 2024, cleared by the branch")


def test_by_which_row_a_case_was_graded_is_for_who_may_know_of_lists(come: Come, procedure: Procedure) -> None:
    listed(procedure, id_number=PERSON)
    loan = procedure.graded(actor=AGENT, id_number=PERSON)
    for who in (*NOT_FOR_THEM, "risk-qian", "auditor-wei"):
        page = come(who).get(f"/loans/{loan}").text
        steps = page.partition('id="steps-title"')[2].partition("</section>")[0]
        told = (">Row<" in steps, "/policies/replays/" in steps)
        assert told == ((who not in NOT_FOR_THEM),) * 2, who
        columns = steps.count('<td class="lw-num">') / (steps.count("<tr>") - 1)
        assert columns == (1 if who in NOT_FOR_THEM else 2), "a version, and the row"
        assert ("#row-" in steps) == (who not in NOT_FOR_THEM), who
    for who, status in (("admin-gu", 403), ("risk-qian", 200)):
        assert come(who).get(f"/policies/replays/{loan}").status_code == status
