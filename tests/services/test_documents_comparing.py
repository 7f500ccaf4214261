"""What is found on a document, and how it compares with the form and the registers."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from models.documents import Reading, ReadingVerdict, Word
from services.documents_comparing import FieldState, compare
from services.documents_finding import Text
from tests.modules.applications import DAY, id_number

NUMBER = id_number()
OTHER_NUMBER = id_number(sequence=13)
FORM: Mapping[str, Any] = {"name": "欧阳测试", "id_number": NUMBER, "monthly_income": 1_000_000}
CAR = {**FORM, "vin": "1M8GDM9AXKP042788", "vehicle_price": 10_000_000, "dealer": "远帆汽车销售服务有限公司"}
STUDENT = {**FORM, "school": "云川大学", "joint_borrower_name": "王示例", "joint_borrower_id_number": OTHER_NUMBER}
PROOF = ("收入证明", f"兹证明 欧阳测试，身份证号码 {NUMBER}，", "平均月收入为人民币 10,000.00 元。")


def read(*lines: str, confidence: int = 93, method: str = "scan") -> Reading:
    """A page that says so, in words of a sign each, as a recogniser gives them."""
    words = tuple(
        tuple(Word(sign, 1, (100 + 20 * x, 100 * y, 18, 40), confidence) for x, sign in enumerate(line))
        for y, line in enumerate(lines, 1)
    )
    return Reading(method, 1, words)


def states(kind: str, reading: Reading, form: Mapping[str, Any] = FORM, **answers: Any) -> dict[str, str]:
    """What became of each field."""
    return {check.field: check.state.value for check in compare(kind, reading, form, answers).checks}


def test_a_document_that_says_what_the_form_says_agrees() -> None:
    found = compare("income_proof", read(*PROOF), FORM, {})
    assert (found.verdict, found.confidence, found.is_doubtful) == (ReadingVerdict.AGREES, 93, False)
    assert [check.field for check in found.checks] == ["name", "id_number", "income"]


def test_each_field_has_its_place_on_the_page() -> None:
    name, number, income = compare("income_proof", read(*PROOF), FORM, {}).checks
    assert (name.page, name.box) == (1, (180, 200, 78, 40))
    assert (number.read, income.read) == (NUMBER, "10,000.00元")
    assert income.box is not None
    assert income.box[1] == 300


@pytest.mark.parametrize(
    ("lines", "field", "state", "stands"),
    [
        (("收入证明", f"兹证明 王伟，身份证号码 {NUMBER}", "10,000.00元"), "name", "differs", "王伟"),
        (("收入证明", f"欧阳测试，{OTHER_NUMBER}", "10,000.00元"), "id_number", "differs", OTHER_NUMBER),
        (("收入证明", f"欧阳测试，{NUMBER}", "月收入 6,500.00元"), "income", "differs", "6,500.00元"),
        (("收入证明", f"欧阳测试，{NUMBER}", "收入稳定"), "income", "missing", None),
        (("收入证明", "系我单位正式员工", "10,000.00元"), "name", "missing", None),
    ],
)
def test_every_difference_is_shown_with_what_stands_there(
    lines: tuple[str, ...], field: str, state: str, stands: str | None
) -> None:
    found = compare("income_proof", read(*lines), FORM, {})
    check = next(one for one in found.checks if one.field == field)
    assert (found.verdict, check.state, check.read) == (ReadingVerdict.DIFFERS, state, stands)
    assert found.is_doubtful


@pytest.mark.parametrize(
    ("stands", "agrees"),
    [
        ("姓名 欧阳测试", True),
        ("姓名 欧阳测试 性别 男", True),
        ("欧阳测试同学：", True),
        ("兹证明欧阳测试系我单位员工", True),
        ("姓名 欧阳测试明", False),
        ("姓名 欧阳", False),
        ("姓名 测试", False),
        ("兹证明欧阳测试明系我单位员工", False),
    ],
)
def test_a_longer_or_shorter_name_is_another_name(stands: str, agrees: bool) -> None:
    assert (states("bank_statement", read("交易明细对账单一份", stands))["name"] == "agrees") is agrees


@pytest.mark.parametrize(
    ("stands", "found"),
    [
        (NUMBER, [NUMBER]),
        (f"NO:{NUMBER[:9]} {NUMBER[9:]}.", [NUMBER]),
        (NUMBER.replace("0", "O"), [NUMBER]),
        (NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2"), []),
        (f"{NUMBER}7", []),
    ],
)
def test_an_id_number_is_one_by_its_check_digit(stands: str, found: list[str]) -> None:
    assert [one.value for one in Text(read(stands)).id_numbers()] == found


@pytest.mark.parametrize(
    ("stands", "fen"),
    [
        ("￥10,000.00", [1_000_000]),
        ("6.000.00元", [600_000]),
        ("月薪 8500 元", [850_000]),
        ("年薪 12万元", [12_000_000]),
        ("2020.03.01", []),
        ("发票号码 00012345", []),
        ("3,000 元，另 500.50", [300_000, 50_050]),
    ],
)
def test_sums_are_told_from_other_numbers(stands: str, fen: list[int]) -> None:
    assert [one for one, _ in Text(read(stands)).amounts()] == fen


def test_dates_of_no_calendar_are_no_dates() -> None:
    dates = Text(read("2026年1月3日", "2026-02-30", "1990/5/17")).dates()
    assert [day.isoformat() for day, _ in dates] == ["2026-01-03", "1990-05-17"]


@pytest.mark.parametrize("income", ["9,600.00", "10,400.00", "120,000.00"])
def test_an_income_may_be_rounded_or_of_a_year(income: str) -> None:
    lines = ("收入证明", f"欧阳测试，{NUMBER}", f"收入 {income} 元")
    assert states("income_proof", read(*lines))["income"] == "agrees"


def test_the_price_of_a_vehicle_is_to_the_fen() -> None:
    lines = [
        "机动车销售统一发票",
        "发票号码：25112000000012345678",
        f"购买方名称：欧阳测试 {NUMBER}",
        "1M8GDM9AXKP042788",
        "远帆汽车销售服务有限公司",
    ]
    assert set(states("vehicle_invoice", read(*lines, "￥100,000.00"), CAR).values()) == {"agrees"}
    assert states("vehicle_invoice", read(*lines, "￥100,000.01"), CAR)["price"] == "differs"


def test_one_sign_misread_in_a_long_name_of_a_dealer_agrees_and_two_do_not() -> None:
    def dealer(stands: str) -> str:
        return states("vehicle_invoice", read("机动车销售统一发票", stands), CAR)["dealer"]

    assert dealer("远帆汽车销售服务有眼公司") == "agrees"
    assert dealer("远帆汽车修理服务有眼工司") == "missing"


def test_a_school_is_compared_with_form_and_register() -> None:
    letter = read("录取通知书", "欧阳测试同学：", "云川大学")
    found = compare("admission_letter", letter, STUDENT, {"enrolment": {"school": "远山大学"}})
    schools = [(one.source, one.state, one.read) for one in found.checks if one.field == "school"]
    assert schools == [("form", FieldState.AGREES, "云川大学"), ("enrolment", FieldState.DIFFERS, "云川大学")]


def test_a_document_of_the_joint_borrower_is_not_the_borrowers() -> None:
    card = read("姓名 王示例", f"公民身份号码 {OTHER_NUMBER}")
    assert compare("id_card", card, STUDENT, {}).verdict is ReadingVerdict.DIFFERS


def test_another_kind_of_document_is_told_by_what_it_lacks() -> None:
    assert compare("id_card", read(*PROOF), FORM, {}).verdict is ReadingVerdict.WRONG_KIND


@pytest.mark.parametrize(
    "reading",
    [Reading("none", 0, ()), read("收入证明"), read(*PROOF, confidence=30)],
    ids=["nothing", "hardly anything", "guesses"],
)
def test_what_cannot_be_read_is_for_a_person(reading: Reading) -> None:
    found = compare("income_proof", reading, FORM, {})
    assert (found.verdict, found.is_doubtful) == (ReadingVerdict.UNREADABLE, True)


def test_what_agrees_but_was_read_with_little_confidence_is_for_a_person() -> None:
    found = compare("income_proof", read(*PROOF, confidence=59), FORM, {})
    assert (found.verdict, found.confidence, found.is_doubtful) == (ReadingVerdict.AGREES, 59, True)


def test_a_kind_that_another_module_brings_is_looked_through_for_the_person() -> None:
    assert compare("passport", read("护照 PASSPORT", f"欧阳测试 {NUMBER}"), FORM, {}).verdict is ReadingVerdict.AGREES
    assert compare("passport", read("护照 PASSPORT", OTHER_NUMBER), FORM, {}).verdict is ReadingVerdict.DIFFERS
    assert states("passport", read("护照 PASSPORT", "云川市公安局出入境管理处")) == {"name": "missing"}


# -- bounds ------------------------------------------------------------------------------------------------------------


def state_of(kind: str, field: str, *lines: str, form: Mapping[str, Any] = FORM, **answers: Any) -> list[str]:
    """What became of a field, by whoever expects it."""
    found = compare(kind, read(*lines), form, answers, DAY)
    return [check.state.value for check in found.checks if check.field == field]


@pytest.mark.parametrize(
    ("income", "agrees"),
    [
        ("9,500.00", True),
        ("9,499.99", False),
        ("10,500.00", True),
        ("10,500.01", False),
        ("114,000.00", True),
        ("113,999.99", False),
        ("126,000.00", True),
        ("126,000.01", False),
    ],
)
def test_an_income_may_differ_by_five_percent_and_no_more(income: str, agrees: bool) -> None:
    found = state_of("income_proof", "income", "收入证明", f"欧阳测试，{NUMBER}", f"收入 {income} 元")
    assert found == ["agrees" if agrees else "differs"]


@pytest.mark.parametrize(
    ("known_fen", "states"),
    [
        (None, ["agrees"]),
        (0, ["agrees"]),
        (1_250_000, ["agrees", "agrees"]),
        (1_250_001, ["agrees", "differs"]),
        (833_334, ["agrees", "agrees"]),
        (833_333, ["agrees", "differs"]),
    ],
)
def test_an_income_is_compared_with_what_the_bureau_knows_too(known_fen: int | None, states: list[str]) -> None:
    bureau = {"monthly_income_fen": known_fen}
    assert state_of("income_proof", "income", *PROOF, bureau=bureau) == states
    sources = [one.source for one in compare("income_proof", read(*PROOF), FORM, {"bureau": bureau}).checks[2:]]
    assert sources == ["form", "bureau"][: len(states)]


REGISTER = {"school": "云川大学", "started": "2023-09-01", "graduates_on": "2027-06-30"}
LETTER = ("录取通知书", "欧阳测试同学：", "云川大学")
STUDIES = {**STUDENT, "graduation_date": "2027-06-30"}


@pytest.mark.parametrize(
    ("line", "field", "states"),
    [
        ("请于2023年9月1日报到", "enrolled_on", ["agrees"]),
        ("入学时间：2023年9月", "enrolled_on", ["agrees"]),
        ("报到时间为 2023-10-02", "enrolled_on", ["agrees"]),
        ("报到时间为 2023-10-03", "enrolled_on", ["differs"]),
        ("2023年8月1日入学", "enrolled_on", ["agrees"]),
        ("2023年7月31日入学", "enrolled_on", ["differs"]),
        ("2022年9月1日入学", "enrolled_on", ["differs"]),
        ("2023年10月入学", "enrolled_on", ["agrees"]),
        ("2023年11月入学", "enrolled_on", ["differs"]),
        ("2023年13月入学", "enrolled_on", []),
        ("2023年7月5日", "enrolled_on", []),
        ("预计2027年6月毕业", "graduates_on", ["agrees", "agrees"]),
        ("毕业时间预计为2027年7月31日", "graduates_on", ["agrees", "agrees"]),
        ("毕业时间预计为2027年8月1日", "graduates_on", ["differs", "differs"]),
        ("2026年6月毕业", "graduates_on", ["differs", "differs"]),
        ("学制四年", "graduates_on", []),
    ],
)
def test_dates_of_a_letter_are_compared_with_form_and_register(line: str, field: str, states: list[str]) -> None:
    assert state_of("admission_letter", field, *LETTER, line, form=STUDIES, enrolment=REGISTER) == states


def test_a_letter_and_the_register_may_know_another_year_than_the_form() -> None:
    form = {**STUDIES, "graduation_date": "2028-06-30"}
    found = compare("admission_letter", read(*LETTER, "2027年6月30日毕业"), form, {"enrolment": REGISTER}, DAY)
    studies = [(one.source, one.state, one.expected) for one in found.checks if one.field == "graduates_on"]
    assert studies == [
        ("form", FieldState.DIFFERS, "2028-06-30"),
        ("enrolment", FieldState.AGREES, "2027-06-30"),
    ]
    assert found.verdict is ReadingVerdict.DIFFERS


CARD_OF = {**FORM, "bank_card": "6990000000000001"}


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("账号：6990000000000001", "agrees"),
        ("卡号 6990********0001", "agrees"),
        ("账号：6990000000000002", "differs"),
        ("卡号 6990****1234", "differs"),
        ("没有账号", "missing"),
    ],
)
def test_a_statement_is_of_the_account_of_the_form(line: str, state: str) -> None:
    lines = ("交易明细", "户名 欧阳测试", line)
    assert state_of("bank_statement", "account", *lines, form=CARD_OF) == [state]
    assert state_of("bank_statement", "account", *lines, form=FORM) == []
    (check,) = (one for one in compare("bank_statement", read(*lines), CARD_OF, {}).checks if one.field == "account")
    assert len(check.expected) == 4


@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        (DAY - timedelta(days=80), DAY, "agrees"),
        (DAY - timedelta(days=79), DAY, "differs"),
        (DAY - timedelta(days=170), DAY - timedelta(days=90), "agrees"),
        (DAY - timedelta(days=171), DAY - timedelta(days=91), "differs"),
        (DAY - timedelta(days=90), DAY + timedelta(days=1), "differs"),
    ],
)
def test_a_statement_covers_three_months_and_is_no_older_than_three(first: date, last: date, state: str) -> None:
    assert state_of("bank_statement", "period", "交易明细", "欧阳测试", f"{first} 至 {last}") == [state]


def test_a_statement_without_a_day_has_no_period_and_without_today_none_is_asked() -> None:
    assert state_of("bank_statement", "period", "交易明细对账单", "欧阳测试") == ["missing"]
    found = compare("bank_statement", read("交易明细对账单", "欧阳测试"), FORM, {})
    assert [one.field for one in found.checks] == ["name"]


@pytest.mark.parametrize(("days", "state"), [(0, "agrees"), (365, "agrees"), (366, "differs"), (-1, "differs")])
def test_an_invoice_is_good_for_a_year(days: int, state: str) -> None:
    lines = ("机动车销售统一发票", "发票号码：12345678", f"开票日期：{DAY - timedelta(days=days)}")
    assert state_of("vehicle_invoice", "invoice_date", *lines, form=CAR) == [state]


def test_sixty_percent_is_sure_enough() -> None:
    for confidence, is_doubtful in ((60, False), (59, True)):
        assert compare("income_proof", read(*PROOF, confidence=confidence), FORM, {}).is_doubtful is is_doubtful


def test_what_was_read_with_half_the_confidence_is_a_guess() -> None:
    for confidence, is_readable in ((50, True), (49, False)):
        verdict = compare("income_proof", read(*PROOF, confidence=confidence), FORM, {}).verdict
        assert (verdict is not ReadingVerdict.UNREADABLE) is is_readable


def test_ten_signs_are_enough_to_read() -> None:
    assert compare("id_card", read("公民身份号码12345"[:10]), FORM, {}).verdict is ReadingVerdict.DIFFERS
    assert compare("id_card", read("公民身份号码12345"[:9]), FORM, {}).verdict is ReadingVerdict.UNREADABLE


@pytest.mark.parametrize(
    ("dealer", "stands", "state"),
    [
        ("远帆汽车修理", "远帆汽车修埋", "missing"),
        ("远帆汽车修理厂", "远帆汽车修埋厂", "agrees"),
        ("远帆汽车修理厂", "远帆汽车修埋广", "missing"),
        ("远帆汽车", "远帆气车", "missing"),
        ("远帆汽车", "远帆汽车", "agrees"),
    ],
)
def test_one_sign_of_seven_may_be_misread(dealer: str, stands: str, state: str) -> None:
    lines = ("机动车销售统一发票", "价税合计 100,000.00", stands)
    assert state_of("vehicle_invoice", "dealer", *lines, form={**CAR, "dealer": dealer}) == [state]
