"""What is found on a document, and how it compares with the form and the registers."""

from collections.abc import Mapping
from typing import Any

import pytest

from models.documents import Reading, ReadingVerdict, Word
from services.documents_comparing import FieldState, compare
from services.documents_finding import Text
from tests.modules.applications import id_number

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


def test_a_document_may_be_that_of_the_joint_borrower() -> None:
    card = read("姓名 王示例", f"公民身份号码 {OTHER_NUMBER}")
    assert compare("id_card", card, STUDENT, {}).verdict is ReadingVerdict.AGREES
    mixed = read("姓名 王示例", f"公民身份号码 {NUMBER}")
    assert compare("id_card", mixed, STUDENT, {}).verdict is ReadingVerdict.DIFFERS


def test_another_kind_of_document_is_told_by_what_it_lacks() -> None:
    assert compare("id_card", read(*PROOF), FORM, {}).verdict is ReadingVerdict.WRONG_KIND


def test_the_back_of_an_identity_card_has_no_name_to_compare() -> None:
    back = read("中华人民共和国居民身份证", "签发机关 云川市公安局", "有效期限 2020.01.01-2040.01.01")
    found = compare("id_card", back, FORM, {})
    assert (found.verdict, found.checks, found.is_doubtful) == (ReadingVerdict.AGREES, (), False)


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
