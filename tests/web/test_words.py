"""Languages, labels, formats and masks."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

import httpx
import pytest
from babel.messages.pofile import read_po

from lending.errors import LendingError
from models.customers import PartyRole
from models.loans import CLOSED, Stage
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import Outcome, TaskKind
from models.verification import Verdict
from tests.modules.applications import CATALOGUE
from tests.web.conftest import Come
from tests.web.serving import Visitor
from web import formats, labels
from web.language import CATALOGUES, language
from web.masking import masked_account, masked_id_number, masked_mobile
from web.refusal_words import REFUSALS
from web.stages import PLACE, SENTENCES
from web.translations import sentences

PLACEHOLDER = re.compile(r"%\(\w+\)s")
ZH, EN = language("zh"), language("en")


def _first(forms: object) -> str:
    """The sentence itself, or its singular where it has a plural."""
    return str(forms[0]) if isinstance(forms, tuple | list) else str(forms)


def test_every_sentence_has_its_chinese_with_the_same_values() -> None:
    with (CATALOGUES / "zh" / "LC_MESSAGES" / "messages.po").open("rb") as text:
        chinese = read_po(text)

    spoken = {_first(message.id) for message in sentences() if message.id}
    translated = {_first(message.id): _first(message.string) for message in chinese if message.id}
    assert translated.keys() == spoken
    for sentence, said in translated.items():
        assert said, sentence
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(sentence)), sentence


@pytest.mark.parametrize(
    ("spellings", "group"),
    [
        (Stage, "stage"),
        (TaskKind, "task"),
        (Outcome, "outcome"),
        (Outcome, "decided"),
        (Role, "role"),
        (Verdict, "verdict"),
        (PartyRole, "party"),
        (PaymentKind, "payment"),
        (PaymentStatus, "payment_status"),
    ],
)
def test_every_stored_spelling_has_words_in_both_languages(spellings: type[StrEnum], group: str) -> None:
    for spelling in spellings:
        english, chinese = labels.label(spelling, group, EN), labels.label(spelling, group, ZH)
        assert english != spelling.value
        assert chinese != english


def test_what_products_ask_and_check_has_words() -> None:
    for product in CATALOGUE.products:
        for check in product.checks:
            assert check in labels.CHECKS
        for document in product.documents:
            assert document in labels.DOCUMENTS
        for field in product.form_fields:
            for choice in field.choices:
                assert choice in labels.CHOICES


def test_a_spelling_that_a_new_module_brings_stands_for_itself() -> None:
    assert labels.label("passport", "document", EN) == "passport"


def test_every_stage_has_a_place_on_the_bar_or_is_an_end() -> None:
    assert set(SENTENCES) == set(Stage)
    assert {stage for stage in Stage if stage not in PLACE} == CLOSED - {Stage.SETTLED}


NEVER_ON_A_PAGE = frozenset(
    {
        *("account_not_computable", "asked_elsewhere", "code_refused", "lending_error", "still_verified"),
        *("bad_webhook_address", "too_many_webhooks", "unknown_webhook"),
        *("duplicate_application", "invalid_application", "invalid_request"),
        *("invalid_case", "too_much_work", "invalid_amount", "invalid_apr_input", "currency_mismatch"),
        *("invalid_claim", "invalid_financing", "invalid_scorecard", "fact_of_another_type", "invalid_warning_rule"),
        # A page says it of the file.
        "invalid_document",
        *("list_not_asked", "not_authorised", "notice_conflict", "not_taken_back", "statement_rejected"),
        *("invalid_takeover", "taken_over_otherwise", "invalid_rule", "invalid_erasure", "invalid_module"),
        *("invalid_person", "unknown_person", "last_of_role", "team_without_manager", "standing_not_proved"),
        *("too_many_secrets", "invalid_scope", "scope_missing", "wrong_client"),
        *("not_erasable", "unknown_customer", "other_index_key", "other_ring_key"),
        *("history_damaged", "sealed_meanwhile", "no_evidence"),
        *("not_a_bundle", "not_as_deposited", "not_sealed", "payloads_not_opened", "payloads_not_read"),
    }
)
"""Refusals that only integrators, the operator, auditors' programs and workflows read, and what others derive from."""


def _below(kind: type[LendingError]) -> Iterator[type[LendingError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def test_every_refusal_that_a_page_may_show_has_words_of_its_own() -> None:
    rooms = ("web", "services", "engine", "books", "models", "lending")
    known = {one.code for one in _below(LendingError) if one.__module__.partition(".")[0] in rooms}

    assert known - REFUSALS.keys() - NEVER_ON_A_PAGE == set()


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "¥0.00"), (5, "¥0.05"), (123_456_789, "¥1,234,567.89"), (-150, "-¥1.50")]
)
def test_money_has_two_places_and_thousands(fen: int, text: str) -> None:
    assert formats.money(fen, EN) == formats.money(fen, ZH) == text


@pytest.mark.parametrize(("rate", "text"), [("7.20", "7.2%"), ("2.80", "2.8%"), ("4", "4.0%"), ("0.035", "0.035%")])
def test_rates_have_the_places_they_need(rate: str, text: str) -> None:
    assert formats.percent(Decimal(rate), EN) == text


def test_dates_are_written_as_each_language_writes_them() -> None:
    day = date(2026, 3, 4)
    assert formats.day(day, ZH) == "2026年3月4日"
    assert formats.day(day, EN) == "4 Mar 2026"
    assert formats.short_day(day, ZH) == formats.short_day(day, EN) == "2026-03-04"


def test_instants_are_shown_in_shanghai() -> None:
    assert formats.instant(datetime(2026, 1, 5, 17, 30, 1, tzinfo=UTC), EN) == "2026-01-06 01:30:01"


def test_masks_leave_what_tells_people_apart() -> None:
    assert masked_id_number("11010519491231002X") == "110••••002X"
    assert masked_mobile("19912345678") == "199••••5678"
    assert masked_account("6990000000000001") == "•••• 0001"


@pytest.mark.parametrize(
    ("accepted", "html"), [("zh-CN,zh;q=0.9", "zh-CN"), ("en-US,en;q=0.8", "en"), ("fr", "zh-CN"), ("", "zh-CN")]
)
def test_the_language_is_what_the_browser_prefers_else_chinese(pages: str, accepted: str, html: str) -> None:
    answer = httpx.get(f"{pages}/sign-in", headers={"Accept-Language": accepted}, verify=False)

    assert f'<html lang="{html}">' in answer.text


def test_the_language_can_be_changed_on_every_page_and_stays(come: Come) -> None:
    visitor: Visitor = come("manager-zhao")

    answer = visitor.post("/language", seen_at="/loans", language="zh", next="/loans?stage=approval")

    assert str(answer.url).endswith("/loans?stage=approval")
    assert '<html lang="zh-CN">' in answer.text
    assert '<html lang="zh-CN">' in visitor.get("/inbox").text
    assert visitor.post("/language", seen_at="/", language="xx", next="//evil.example").url.path == "/"
