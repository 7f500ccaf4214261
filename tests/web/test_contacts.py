"""The page of what was said with a borrower, on which staff enter what they heard."""

from datetime import timedelta

from models.staff import Actor, Role
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words
from web.labels import label
from web.language import language

ELSEWHERE = Actor("agent-tang", Role.AGENT)


def test_what_the_borrower_said_is_entered_and_stands_on_his_page_and_ours(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    agent, page = come("manager-zhao"), f"/loans/{loan}/contacts"
    assert f'href="{page}"' in agent.get(f"/loans/{loan}").text
    on = today(agent.get(page).text)
    answer = agent.post(page, seen_at=page, channel="visit", on=on, text="工资十号到账")
    assert answer.url.path == page
    assert "Visit · from the borrower" in words(answer.text)
    assert "工资十号到账" in words(answer.text)
    assert "Entered what the borrower said" in words(agent.get(f"/loans/{loan}").text)
    borrower = come(language="zh")
    borrower.sign_in_as_borrower(loan, "0001")
    said = words(borrower.get(f"/my/{loan}").text)
    assert ("到访 · 来自您" in said, "工资十号到账" in said) == (True, True)
    assert borrower.get(page).status_code == 403


def today(page: str) -> str:
    """The day that the form begins with."""
    return page.split('name="on" value="', 1)[1].split('"', 1)[0]


def test_the_same_form_twice_is_one_entry(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    agent, page = come("risk-qian"), f"/loans/{loan}/contacts"
    fields = {"channel": "call", "on": today(agent.get(page).text), "text": "pays on Friday", "command_id": "1" * 32}
    for _ in range(2):
        agent.post(page, seen_at=page, **fields)
    assert procedure.acts(loan).count("reply_entered") == 1


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    agent, page = come("manager-zhao"), f"/loans/{loan}/contacts"
    empty = agent.post(page, seen_at=page)
    said = words(empty.text)
    assert empty.status_code == 422
    for sentence in ("Choose one of these.", "Today, or a day of the last 30.", "Write a sentence of at most 300"):
        assert sentence in said
    tomorrow = (procedure.day + timedelta(days=40_000)).isoformat()
    late = agent.post(page, seen_at=page, channel="call", on=tomorrow, text="pays on Friday")
    assert (late.status_code, "Today, or a day of the last 30." in words(late.text)) == (422, True)
    assert 'value="pays on Friday"' in late.text
    fax = agent.post(page, seen_at=page, channel="fax", on=tomorrow, text="pays")
    assert (fax.status_code, "Choose one of these." in words(fax.text)) == (422, True)
    assert "reply_entered" not in procedure.acts(loan)


def test_who_only_looks_on_has_no_form_and_is_refused(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    auditor, page = come("auditor-wei"), f"/loans/{loan}/contacts"
    shown = auditor.get(page)
    assert (shown.status_code, 'name="channel"' in shown.text) == (200, False)
    assert "All messages" in words(auditor.get(f"/loans/{loan}").text)
    assert auditor.post(page, seen_at="/loans", channel="call", on="2026-01-05", text="x").status_code == 403


def test_a_loan_of_another_team_is_not_there(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=ELSEWHERE)
    agent, page = come("agent-lin"), f"/loans/{loan}/contacts"
    assert agent.get(page).status_code == 404
    fields = {"channel": "call", "on": procedure.day.isoformat(), "text": "x"}
    assert agent.post(page, seen_at="/loans", **fields).status_code == 404
    assert "reply_entered" not in procedure.acts(loan)


def test_every_channel_has_words_in_both_languages() -> None:
    assert [label(one, "channel", language("zh")) for one in ("sms", "call", "visit", "message")] == [
        "短信",
        "电话",
        "到访",
        "消息",
    ]
