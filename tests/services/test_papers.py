"""Papers: every figure is the books', nothing personal stands there in full, and the same is always the same."""

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from structlog.testing import capture_logs

from activities.papers import PaperPress
from lending.schedules import build_schedule
from lending.terms import Terms
from models.changes import ChangeKind
from models.papers import PaperKind, PaperLanguage
from models.staff import Actor
from services.documents import MOST_DOCUMENTS, PaperNotReady, UnknownDocument, hand_in, look_at
from services.errors import NotAllowed
from services.paper_contents import Lender, contents
from services.paper_typesetting import PaperFontMissing, Typesetter, typesetter
from services.paper_words import masked_account, masked_id_number, sum_in_digits, sum_in_words
from services.papers import (
    LEASE,
    MOST_PAPERS,
    NothingToSign,
    NotPrintable,
    TooManyPapers,
    order_contract,
    order_statement,
)
from tests.books.migrated import seeded_file
from tests.modules.applications import CUSTOMER, DAY
from tests.servers.shared import SharedServers
from tests.services.document_files import taken
from tests.services.papers import JOINT, contract, lines_of, made, offer_anew, squeezed, text_of
from tests.services.procedure import ADMIN, AGENT, AUDITOR, INTEGRATOR, Procedure
from tests.services.proposals import change

ZH, EN = PaperLanguage.CHINESE, PaperLanguage.ENGLISH
HOSTILE = (
    '#import "x": *',
    "#panic()",
    "$x^2$ $$",
    "*bold* _it_ `raw`",
    "= Title",
    "<label> @ref",
    "// no comment /* none */",
    "\\ --- ~ ' \"",
    "]] #[x] }{",
)


@pytest.fixture
def one_procedure(servers: SharedServers, tmp_path: Path) -> Iterator[Procedure]:
    """On one database only, for what the databases have no part in."""

    with seeded_file(servers, tmp_path) as books:
        yield Procedure(books)


def joint(procedure: Procedure) -> str:
    """A student's offer with a joint borrower."""
    return procedure.offered("student", **JOINT)


# -- the contract ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", PaperLanguage)
@pytest.mark.parametrize("product", ["micro", "auto", "student"])
def test_the_contract_shows_every_row_of_the_schedule_to_the_fen(
    procedure: Procedure, product: str, language: PaperLanguage
) -> None:
    loan = procedure.offered(product)
    document = contract(procedure, loan, language)
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
    assert terms is not None
    schedule = build_schedule(Terms.parse(terms.body))
    lines = lines_of(document.content)
    for row in schedule.rows:
        state = [row.subsidy] if schedule.totals.subsidy else []
        sums = [row.principal, row.interest, *state, row.total, row.balance]
        assert " ".join([str(row.n), row.due.isoformat(), *map(sum_in_digits, sums)]) in lines
    shown = squeezed(document.content)
    for total in (schedule.totals.principal, schedule.totals.interest, schedule.totals.total):
        assert f"¥{sum_in_digits(total)}" in shown
    assert sum_in_words(schedule.totals.principal) in shown


def test_the_contract_names_cost_rate_parties_payees_and_clauses(procedure: Procedure) -> None:
    loan = procedure.offered("auto")
    shown = squeezed(contract(procedure, loan).content)
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        (vehicle,) = work.customers.collateral(loan)
    assert terms is not None
    rate = str(terms.body["annual_rate_percent"])
    for words in (
        f"年化综合资金成本{float(rate):.2f}%",
        f"年利率{rate}%",
        f"借款人{CUSTOMER['name']}",
        "远帆汽车销售服务有限公司****0003",
        "费用、罚息、利息、本金",
        "1.5倍计收罚息",
        "自其账户****0001扣收",
        vehicle.identifier,
        f"{loan}-C1",
        "第1版条款",
        "签名：",
    ):
        assert words in shown


def test_the_english_contract_says_the_same_and_which_one_counts(procedure: Procedure) -> None:
    loan = procedure.offered()
    english = " ".join(text_of(contract(procedure, loan, EN).content).split())
    assert "1.5 times the contract rate" in english
    assert "fees, penalty interest, interest, principal" in english
    assert "The Chinese text is the one that counts" in english
    (chinese,) = {line for line in lines_of(contract(procedure, loan).content) if line.startswith("12 2027-01-05")}
    assert chinese in lines_of(contract(procedure, loan, EN).content)


def test_everyone_who_signs_is_named_and_nobodys_numbers_stand_there_in_full(procedure: Procedure) -> None:
    loan = joint(procedure)
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
    assert customer is not None
    for language in PaperLanguage:
        shown = squeezed(contract(procedure, loan, language).content)
        for number in (customer.id_number, customer.mobile, CUSTOMER["bank_card"], "6990000000000002"):
            assert number not in shown
            assert number[:-4][-6:] not in shown.replace(loan, "")
        for number in (JOINT["joint_borrower_id_number"], JOINT["joint_borrower_mobile"]):
            assert number not in shown
        assert masked_id_number(customer.id_number) in shown
        assert masked_id_number(JOINT["joint_borrower_id_number"]) in shown
        assert JOINT["joint_borrower_name"] in shown


ODD_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"method": "equal_principal"}, "还款方式为等额本金"),
    ({"method": "flat"}, "还款方式为等本等息"),
    ({"method": "interest_only"}, "还款方式为先息后本"),
    ({"method": "bullet"}, "还款方式为到期一次还本付息"),
    ({"day_count": "30/360"}, "每年360天"),
    ({"day_count": "actual/365"}, "一年以365天计"),
    ({"day_count": "actual/360"}, "一年以360天计"),
    ({"day_count": "actual/364"}, "一年以364天计"),
    ({"day_count": "actual/actual"}, "当年实际天数"),
    (
        {
            "annual_rate_percent": None,
            "daily_rate_percent": "0.02",
            "day_count": "daily_rate",
            "payment_basis": "schedule",
        },
        "日利率0.02%",
    ),
    ({"period": {"unit": "week", "every": 2}, "first_due_date": "2026-01-19"}, "每2周一期"),
    ({"principal_grace_periods": 3}, "前3期不还本金"),
    ({"interest_free_periods": 2}, "前2期免息"),
    ({"interest_deferral_periods": 2}, "前2期的利息延至其后一次还款时支付"),
    ({"business_days": "following"}, "以附件一所列日期为准"),
    ({"subsidised_until": "2026-04-05"}, "2026年4月5日及以前的利息由财政贴息承担"),
    ({"fees": [{"amount": "12.34", "n": 2, "name": "抵押登记费"}]}, "·抵押登记费¥12.34，随第2期支付。"),
    ({"fees": [{"amount": "8.00", "due": "2026-02-01"}]}, "·费用¥8.00，于2026年2月1日支付。"),
    ({"fees": [{"amount": "3.00"}]}, "·费用¥3.00，随每期支付。"),
    ({"fees": []}, "不收取任何费用"),
    ({"late": None}, "甲方不加收罚息"),
    ({"late": {"penalty_annual_rate_percent": "18"}}, "自还款日次日起按年利率18%计收罚息"),
    ({"late": {"penalty_multiple": "1.3", "compound": True}}, "按罚息利率计收复利"),
    ({"late": {"penalty_multiple": "1.5", "grace_days": 3}}, "还款日后3日内还清的，不收罚息"),
    ({"late": {"penalty_multiple": "1.5", "max_annual_rate_percent": "24"}}, "罚息利率不超过年利率24%"),
    ({"late": {"penalty_multiple": "1.5", "max_percent_of_overdue": "50"}}, "不超过该期逾期本金的50%"),
    ({"allocation_by": "component"}, "各期同一项目清偿完毕后再清偿下一项目"),
]


@pytest.mark.parametrize(("changes", "clause"), ODD_TERMS, ids=lambda one: str(one)[:40])
def test_whatever_the_terms_say_the_contract_says_in_words(
    one_procedure: Procedure, changes: dict[str, Any], clause: str
) -> None:
    loan = one_procedure.offered()
    with one_procedure.books.read() as work:
        first = work.loans.terms(loan)
    assert first is not None
    body = {name: value for name, value in {**first.body, **changes}.items() if value is not None}
    offer_anew(one_procedure, loan, Terms.parse(body).to_json())
    assert clause in squeezed(contract(one_procedure, loan).content)
    assert contract(one_procedure, loan, EN).size_bytes > 0


def test_terms_that_only_amend_the_contract_make_no_other_one(procedure: Procedure) -> None:
    loan = procedure.running()
    before = contract(procedure, loan)
    change(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1, "component": "principal"})
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
    assert terms is not None
    assert terms.version == 2
    assert contract(procedure, loan).id == before.id


def test_there_is_no_contract_without_terms(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work, pytest.raises(NothingToSign):
        order_contract(work, work.loans.get(loan), DAY)


def test_a_version_of_the_terms_has_one_contract_however_often_it_is_asked_for(procedure: Procedure) -> None:
    loan = procedure.offered()
    first, again = contract(procedure, loan), contract(procedure, loan)
    assert (first.id, first.sha256) == (again.id, again.sha256)
    assert (first.kind, first.language, first.terms_version, first.media_type) == (
        "contract",
        "zh",
        1,
        "application/pdf",
    )
    assert contract(procedure, loan, EN).id != first.id
    assert procedure.acts(loan).count("paper_issued") == 2
    assert PdfReader(io.BytesIO(first.content)).metadata is not None


# -- one and the same --------------------------------------------------------------------------------------------------


def contents_of(procedure: Procedure, order_id: str) -> dict[str, Any]:
    with procedure.books.read() as work:
        order = work.papers.get(order_id)
        assert order is not None
        return contents(work, order, Lender())


def test_the_same_paper_has_the_same_bytes_in_another_process_and_on_another_day(procedure: Procedure) -> None:
    loan = procedure.offered()
    papers = [contract(procedure, loan)]
    procedure.pay_out(loan)
    procedure.day = procedure.account(loan).rows[0].due
    procedure.collect(loan)
    procedure.advance(loan)
    with procedure.at() as work:
        order = order_statement(work, INTEGRATOR, work.loans.get(loan), DAY, procedure.day, ZH)
    papers.append(made(procedure, order))
    procedure.day = procedure.account(loan).rows[1].due
    procedure.collect(loan)
    procedure.advance(loan)
    program = (
        "import json, sys; from services.paper_typesetting import Typesetter\n"
        "sys.stdout.buffer.write(Typesetter().pdf(json.load(sys.stdin)))"
    )
    for paper in papers:
        spelled = json.dumps(contents_of(procedure, paper.id))
        other = subprocess.run(
            [sys.executable, "-c", program],
            input=spelled.encode(),
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": "77", "TZ": "America/Lima", "SOURCE_DATE_EPOCH": "0"},
        )
        assert other.stdout == paper.content


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markup_in_a_name_is_text_and_nothing_else(one_procedure: Procedure, hostile: str) -> None:
    loan = one_procedure.offered()
    with one_procedure.at() as work:
        order = order_contract(work, work.loans.get(loan), DAY)
    told = contents_of(one_procedure, order.id)
    told["borrower"]["name"] = hostile
    told["parties"][0]["name"] = hostile
    told["payees"][0]["name"] = hostile
    told["lender"] = hostile
    told["collateral"] = [{"model": hostile, "identifier": hostile, "value": "1.00"}]
    told["fees"] = [{"name": hostile, "amount": "1.00", "due": "", "n": ""}]
    shown = squeezed(typesetter().pdf(told))
    # Header, parties, payees, collateral (twice), the fee, and twice where people sign.
    assert shown.count("".join(hostile.split())) >= 8


def test_a_sign_that_the_font_does_not_have_keeps_the_paper_back(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.at() as work:
        party = work.session.merge(work.customers.borrower(loan))
        party.name = "𠮷某"
        work.session.add(party)
        order = order_contract(work, work.loans.get(loan), DAY)
    with pytest.raises(NotPrintable) as refused:
        typesetter().pdf(contents_of(procedure, order.id))
    assert "𠮷" not in str(refused.value)
    press = PaperPress(procedure.books)
    with capture_logs() as logs:
        assert press.make_all() == 1
    assert [one["error"] for one in logs] == ["not_printable"]
    assert "𠮷" not in str(logs)
    with procedure.at() as work, pytest.raises(PaperNotReady, match="not_printable"):
        look_at(work, AUDITOR, work.loans.get(loan), order.id)
    with procedure.books.read() as work:
        kept = work.papers.get(order.id)
    assert kept is not None
    assert (kept.attempts, kept.last_error, kept.done_at) == (1, "not_printable", None)
    assert not press.make_one()


def test_a_missing_font_is_said_in_plain_words_and_no_paper_is_lost(procedure: Procedure, tmp_path: Path) -> None:
    with pytest.raises(PaperFontMissing, match="make setup"):
        Typesetter(tmp_path)
    loan = procedure.offered()
    with procedure.at() as work:
        order = order_contract(work, work.loans.get(loan), DAY)
    with pytest.raises(PaperFontMissing):
        PaperPress(procedure.books, fonts=tmp_path).make_all()
    assert made(procedure, order).size_bytes > 0


def test_a_paper_is_made_by_one_press_and_by_another_only_when_the_lease_is_over(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.at() as work:
        order_contract(work, work.loans.get(loan), DAY)
    with procedure.books.begin() as work:
        now = work.now
        assert work.papers.claim(now, LEASE) is not None
        assert work.papers.claim(now, LEASE) is None
    assert PaperPress(procedure.books).make_all() == 0
    with procedure.books.begin() as work:
        taken_up = work.papers.claim(now + LEASE, LEASE)
        assert taken_up is not None
        assert taken_up.attempts == 2


def test_a_press_works_until_it_is_stopped_and_stops_by_itself_without_its_font(
    procedure: Procedure, tmp_path: Path
) -> None:
    loan = procedure.offered()
    with procedure.at() as work:
        order = order_contract(work, work.loans.get(loan), DAY)

    def wait_until_made() -> None:
        give_up_at = time.monotonic() + 30
        while True:
            with procedure.books.read() as work:
                if work.documents.get(order.id) is not None:
                    return
            assert time.monotonic() < give_up_at
            time.sleep(0.05)

    async def press() -> None:
        working = asyncio.create_task(PaperPress(procedure.books, clock=lambda: order.asked_at).run())
        await asyncio.to_thread(wait_until_made)
        assert not working.done()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        with capture_logs() as logs:
            await asyncio.wait_for(PaperPress(procedure.books, fonts=tmp_path).run(), 30)
        assert [one["event"] for one in logs] == ["papers_stopped"]

    asyncio.run(press())


# -- as documents ------------------------------------------------------------------------------------------------------


def test_looking_at_a_document_is_recorded_and_only_its_own_loan_shows_it(procedure: Procedure) -> None:
    loan, other = procedure.offered(), procedure.offered()
    document = contract(procedure, loan)
    with procedure.at() as work:
        assert look_at(work, AUDITOR, work.loans.get(loan), document.id).content == document.content
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.actor_id, entry.subject) == ("document_viewed", AUDITOR.id, document.id)
    for number, wanted in ((other, document.id), (loan, "0" * 32)):
        with procedure.at() as work, pytest.raises(UnknownDocument):
            look_at(work, AUDITOR, work.loans.get(number), wanted)
    assert "document_viewed" not in procedure.acts(other)


def test_papers_of_the_lender_take_no_room_from_what_may_be_handed_in(one_procedure: Procedure) -> None:
    loan = one_procedure.offered()
    contract(one_procedure, loan)
    with one_procedure.at() as work:
        for n in range(MOST_DOCUMENTS):
            hand_in(work, AGENT, work.loans.get(loan), "id_card", "x.pdf", taken(b"%%PDF-%d" % n))
        assert work.documents.handed_in(loan) == MOST_DOCUMENTS


@pytest.mark.parametrize("actor", [AUDITOR, ADMIN], ids=lambda actor: actor.role)
def test_who_changes_nothing_has_no_papers_made(one_procedure: Procedure, actor: Actor) -> None:
    loan = one_procedure.running()
    with one_procedure.at() as work, pytest.raises(NotAllowed):
        order_statement(work, actor, work.loans.get(loan), DAY, DAY, ZH)


def test_papers_of_one_loan_have_an_end(one_procedure: Procedure) -> None:
    loan = one_procedure.running()
    one_procedure.day += timedelta(days=MOST_PAPERS)
    with one_procedure.at() as work:
        found = work.loans.get(loan)
        for n in range(MOST_PAPERS):
            order_statement(work, AGENT, found, DAY, DAY + timedelta(days=n), ZH)
        with pytest.raises(TooManyPapers):
            order_statement(work, AGENT, found, DAY, DAY, EN)
        assert order_statement(work, AGENT, found, DAY, DAY, ZH).kind is PaperKind.STATEMENT
        assert order_contract(work, found, DAY).kind is PaperKind.CONTRACT


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "人民币零元整"),
        (5, "人民币伍分"),
        (30, "人民币叁角整"),
        (140950, "人民币壹仟肆佰零玖元伍角整"),
        (600714, "人民币陆仟零柒元壹角肆分"),
        (168032, "人民币壹仟陆佰捌拾元零叁角贰分"),
        (1640902, "人民币壹万陆仟肆佰零玖元零贰分"),
        (10700053, "人民币壹拾万柒仟元零伍角叁分"),
        (10005000000, "人民币壹亿零伍万元整"),
        (10000000001, "人民币壹亿元零壹分"),
    ],
)
def test_sums_in_words_follow_the_rules_for_bills(fen: int, words: str) -> None:
    assert sum_in_words(fen) == words


def test_a_sum_below_zero_has_no_words() -> None:
    with pytest.raises(ValueError, match="below zero"):
        sum_in_words(-1)


@pytest.mark.parametrize(
    ("mask", "number", "shown"),
    [
        (masked_id_number, "110000199005170012", "110***********0012"),
        (masked_id_number, "1234567", "*******"),
        (masked_account, "6990000000000001", "**** 0001"),
        (masked_account, "1234", "****"),
    ],
)
def test_a_mask_shows_too_little_to_use(mask: Callable[[str], str], number: str, shown: str) -> None:
    assert mask(number) == shown
