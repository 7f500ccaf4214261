"""What a document of each kind has to be besides right: a side with a name, a picture, good on the day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from models.documents import ReadingVerdict
from models.loans import Stage
from models.tasks import Outcome, TaskKind
from services.document_lists import DocumentStanding, what_holds
from services.documents import hand_in
from services.documents_comparing import Comparison, compare
from services.errors import InvalidDocument
from tests.modules.applications import DAY
from tests.services.document_files import taken
from tests.services.procedure import AGENT, Procedure
from tests.services.test_document_lists import documents_facts, needed
from tests.services.test_document_people import card_of, form_of
from tests.services.test_documents_comparing import FORM, NUMBER, read
from tests.services.test_documents_reading import FILE, NOTHING, concluded, give, word

FRONT = ("姓名 欧阳测试", f"公民身份号码 {NUMBER}")
ISSUER = "签发机关 云川市公安局"
BACK = ("中华人民共和国居民身份证", ISSUER, "有效期限 2020.01.01-2040.01.01")
LICENCE = ("中华人民共和国机动车驾驶证", "姓名 欧阳测试", f"证号 {NUMBER}")
LETTER = ("收入证明", "兹证明 欧阳测试，")
EARNS = "月收入 10,000.00 元"


def compared(kind: str, *lines: str, form: Mapping[str, Any] = FORM, method: str = "scan") -> Comparison:
    """On the day of the applications, before any register has answered."""
    return compare(kind, read(*lines, method=method), form, {}, DAY)


def state(found: Comparison, field: str) -> list[str]:
    return [check.state.value for check in found.checks if check.field == field]


# -- sides of a card ---------------------------------------------------------------------------------------------------


def test_the_back_of_an_identity_card_is_a_side_of_its_own() -> None:
    found = compared("id_card", *BACK)
    assert (found.verdict, found.is_doubtful) == (ReadingVerdict.OTHER_SIDE, False)
    assert compared("id_card", *FRONT).verdict is ReadingVerdict.AGREES
    assert compared("id_card", *FRONT, *BACK).verdict is ReadingVerdict.AGREES


@pytest.mark.parametrize(
    "lines",
    [
        ("安全乘车证 请在有效期至2030年前使用",),
        ("机动车驾驶证 有效期限 2020.01.01-2030.01.01 张三",),
        ("居民身份证", ISSUER, "云川市示例区远帆路12号"),
        ("居民身份证", ISSUER, "有效期限 二〇二〇年起"),
        ("会员卡 有效期限 2020.01.01-2040.01.01",),
    ],
)
def test_what_only_resembles_a_back_is_for_a_person(lines: tuple[str, ...]) -> None:
    found = compared("id_card", *lines)
    assert (found.verdict, found.is_doubtful) == (ReadingVerdict.WRONG_KIND, True)


def test_a_front_whose_label_was_not_read_is_in_doubt_and_no_back() -> None:
    found = compared("id_card", "姓名 欧阳测试", NUMBER, *BACK)
    assert (found.verdict, found.is_doubtful) == (ReadingVerdict.WRONG_KIND, True)


@pytest.mark.parametrize(
    ("kind", "lines"), [("id_card", FRONT), ("id_card", BACK), ("driving_licence", LICENCE)], ids=["front", "back", ""]
)
def test_a_card_that_was_typed_is_for_a_person(kind: str, lines: tuple[str, ...]) -> None:
    found = compared(kind, *lines, method="text")
    assert (state(found, "photograph"), found.is_doubtful) == (["missing"], True)
    assert not compared(kind, *lines).is_doubtful
    assert not compared("income_proof", *LETTER, EARNS, method="text").is_doubtful


@pytest.mark.parametrize(
    ("days", "agrees"),
    [
        (f"2016.01.05-{DAY:%Y.%m.%d}", ["agrees"]),
        (f"2016.01.05-{DAY - timedelta(days=1):%Y.%m.%d}", ["differs"]),
        ("2001.01.01-2011.01.01", ["differs"]),
        ("2016-01-05 至 2036-01-05", ["agrees"]),
        ("2016.01.05-长期", ["agrees"]),
        (f"{DAY:%Y.%m.%d}-2036.01.05", ["agrees"]),
        (f"{DAY + timedelta(days=1):%Y.%m.%d}-2036.01.05", ["differs"]),
        ("至2025年12月31日", ["differs"]),
        ("至2026年12月31日", ["agrees"]),
        ("6年", ["missing"]),
        ("2016.13.05-2036.13.05", ["missing"]),
    ],
)
def test_a_card_is_good_on_the_day(days: str, agrees: list[str]) -> None:
    for kind, lines in (("id_card", (*FRONT, ISSUER)), ("driving_licence", LICENCE)):
        found = compared(kind, *lines, f"有效期限 {days}")
        assert (state(found, "valid"), found.is_doubtful) == (agrees, agrees != ["agrees"])
    assert state(compared("id_card", *FRONT), "valid") == []


def test_a_back_that_has_expired_is_a_back_in_doubt() -> None:
    found = compared("id_card", ISSUER, "有效期限 2001.01.01-2011.01.01")
    assert (found.verdict, state(found, "valid"), found.is_doubtful) == (ReadingVerdict.OTHER_SIDE, ["differs"], True)


def test_a_back_alone_completes_no_list_also_if_a_person_took_it(procedure: Procedure) -> None:
    loan = procedure.apply(amount="5000")
    procedure.verify(loan)
    concluded(procedure, give(procedure, loan, kind="id_card"), read(*BACK))
    assert documents_facts(procedure, loan) == (False, False, False)
    assert needed(procedure, loan).standing("id_card") is DocumentStanding.MISSING
    expired = give(procedure, loan, FILE + b"expired", kind="id_card")
    concluded(procedure, expired, read(ISSUER, "有效期限 2001.01.01-2011.01.01"))
    assert documents_facts(procedure, loan) == (False, False, True)
    word(procedure, loan, expired)
    assert documents_facts(procedure, loan) == (False, False, False)
    front = give(procedure, loan, FILE + b"front", kind="id_card")
    concluded(procedure, front, card_of(form_of(procedure, loan)))
    assert documents_facts(procedure, loan) == (True, False, False)


@pytest.mark.parametrize(("has_front", "stage"), [(False, Stage.APPROVAL), (True, Stage.ACCEPTANCE)])
def test_nobody_gets_an_offer_by_the_fast_lane_for_the_back_of_a_card(
    procedure: Procedure, has_front: bool, stage: Stage
) -> None:
    loan = procedure.apply(amount="5000")
    procedure.verify(loan)
    shown = card_of(form_of(procedure, loan)) if has_front else read(*BACK)
    concluded(procedure, give(procedure, loan, kind="id_card"), shown)
    assert procedure.grade(loan).stage is stage


def test_a_back_does_not_release_what_a_refused_front_holds(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.day += timedelta(days=1)
    front = give(procedure, loan, kind="id_card")
    concluded(procedure, front, NOTHING)
    word(procedure, loan, front, Outcome.REFUSE)
    for n, (shown, is_held) in enumerate(((read(*BACK), True), (card_of(form_of(procedure, loan)), False))):
        concluded(procedure, give(procedure, loan, FILE + b"%d" % n, kind="id_card"), shown)
        with procedure.books.read() as work:
            assert bool(what_holds(work, work.loans.get(loan))) is is_held


# -- hardship ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (("云川小馆 今日菜单", "宫保鸡丁 32.00元 鱼香肉丝 28.00元"), ReadingVerdict.WRONG_KIND),
        (("家庭经济困难证明", "兹证明该生家庭经济困难。"), ReadingVerdict.DIFFERS),
        (("家庭经济困难证明", "兹证明 王伟，家庭经济困难。"), ReadingVerdict.DIFFERS),
        (("演示单位", "兹证明 欧阳测试，系我单位员工。"), ReadingVerdict.WRONG_KIND),
        (("家庭经济困难证明", "兹证明 欧阳测试 家庭经济困难。"), ReadingVerdict.AGREES),
        (("残疾人证", "姓名 欧阳测试", "残疾类别 肢体"), ReadingVerdict.AGREES),
        (("城乡居民最低生活保障证", "持证人 欧阳测试"), ReadingVerdict.AGREES),
    ],
)
def test_a_proof_of_hardship_is_one_and_names_somebody(lines: tuple[str, ...], verdict: ReadingVerdict) -> None:
    found = compared("hardship_proof", *lines)
    assert (found.verdict, found.is_doubtful) == (verdict, verdict is not ReadingVerdict.AGREES)


def test_a_menu_as_a_proof_of_hardship_becomes_a_task(procedure: Procedure) -> None:
    loan = procedure.apply("student", circumstances=["orphan"])
    document = give(procedure, loan, kind="hardship_proof")
    assert concluded(procedure, document, read("云川小馆 今日菜单", "宫保鸡丁 32.00元")).doubtful
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]


# -- income ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "agrees"),
    [
        (f"{DAY}", ["agrees"]),
        (f"{DAY - timedelta(days=90)}", ["agrees"]),
        (f"{DAY - timedelta(days=91)}", ["differs"]),
        ("2009年5月1日", ["differs"]),
        ("2009年5月", ["differs"]),
        ("2025年9月", ["differs"]),
        ("2025年10月", ["agrees"]),
        (f"{DAY + timedelta(days=1)}", ["differs"]),
        ("自2015年3月1日起任职，合同至2028年2月29日", ["differs"]),
        ("自2015年3月1日起任职，2026年1月3日出具", ["agrees"]),
        ("特此证明", []),
    ],
)
def test_a_proof_of_income_is_no_older_than_ninety_days(stamp: str, agrees: list[str]) -> None:
    found = compared("income_proof", *LETTER, EARNS, stamp)
    assert (state(found, "issued"), found.is_doubtful) == (agrees, agrees == ["differs"])


@pytest.mark.parametrize(
    ("lines", "income", "stands"),
    [
        (("月收入3000.00元 去年奖金合计120000.00元",), "differs", "3000.00元"),
        (("去年奖金合计120000.00元",), "missing", "120000.00元"),
        (("10,000.00元",), "missing", "10,000.00元"),
        (("工资及奖金 120,000.00元",), "missing", "120,000.00元"),
        (("月收入 120,000.00元",), "differs", "120,000.00元"),
        (("年收入 10,000.00元",), "differs", "10,000.00元"),
        (("月收入", "贷款 5,000.00元", "10,000.00元"), "missing", "10,000.00元"),
        (("年收入 12万元",), "agrees", "12万元"),
        (("全年税前总收入为人民币 120,000.00元",), "agrees", "120,000.00元"),
        (("平均月收入（税后）为", "人民币 10,000.00 元"), "agrees", "10,000.00元"),
        (("年收人 120,000.00元，月收人 10,000.00元",), "agrees", "120,000.00元"),
        (("应发工资 11,900.00 扣款 1,900.00 实发工资 10,000.00",), "agrees", "10,000.00"),
        (("月薪 10,000 元",), "agrees", "10,000元"),
        (("monthly salary 10,000.00",), "agrees", "10,000.00"),
    ],
)
def test_an_income_is_what_the_paper_calls_one(lines: tuple[str, ...], income: str, stands: str) -> None:
    found = compared("income_proof", *LETTER, *lines)
    (check,) = (one for one in found.checks if one.field == "income")
    assert (check.state.value, check.read, found.is_doubtful) == (income, stands, income != "agrees")


@pytest.mark.parametrize(("line", "income"), [("收入稳定", "missing"), ("奖金 500.00元", "missing"), (EARNS, "agrees")])
def test_where_nobody_knows_an_income_the_paper_says_one(line: str, income: str) -> None:
    nobody_knows = {"name": FORM["name"], "id_number": NUMBER}
    assert state(compared("income_proof", *LETTER, line, form=nobody_knows), "income") == [income]


# -- statements --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["micro", "auto"])
def test_a_bank_statement_may_be_handed_in_and_is_looked_at(procedure: Procedure, code: str) -> None:
    loan = procedure.apply(code)
    form = form_of(procedure, loan)

    def statement(last: date) -> tuple[str, ...]:
        days = f"{last - timedelta(days=89)} 至 {last}"
        return ("交易明细", f"户名 {form['name']}", f"账号 {form['bank_card']}", days)

    for n, (last, doubtful) in enumerate(((DAY, False), (DAY - timedelta(days=120), True))):
        document = give(procedure, loan, FILE + b"%d" % n, kind="bank_statement")
        assert concluded(procedure, document, read(*statement(last))).doubtful is doubtful
    assert "bank_statement" not in needed(procedure, loan).required


def test_a_student_has_no_bank_statement_to_hand_in(procedure: Procedure) -> None:
    loan = procedure.apply("student")
    with procedure.at() as work, pytest.raises(InvalidDocument):
        hand_in(work, AGENT, work.loans.get(loan), "bank_statement", "x.png", taken(FILE, "image/png"))
