"""The same document from two customers is noticed by its text and its number, and honest likeness is not."""

import pytest

from models.documents import Reading
from services.documents_finding import Text
from services.documents_likeness import number_index, text_index
from tests.modules.applications import id_number
from tests.services.procedure import Procedure
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import FILE, concluded, give, reading_of


def proof(number: str, name: str = "欧阳测试") -> tuple[str, ...]:
    return (
        "收入证明",
        f"兹证明 {name}，身份证号码 {number}，",
        "系我单位正式员工，现任软件工程师职务，",
        "平均月收入为人民币 10,000.00 元。",
    )


LETTER = ("云川大学录取通知书", "通知书编号：YC2025-004711", "欧阳测试同学：", "我校决定录取你入我校学习，请按时报到。")


def index(kind: str, *lines: str) -> str | None:
    return text_index(kind, Text(read(*lines)))


def number(kind: str, *lines: str) -> str | None:
    return number_index(kind, Text(read(*lines)))


def test_letters_of_one_employer_for_two_people_are_not_the_same() -> None:
    first, second = id_number(sequence=1), id_number(sequence=2)
    assert index("income_proof", *proof(first)) == index("income_proof", *proof(first))
    assert index("income_proof", *proof(first)) != index("income_proof", *proof(second))
    assert index("income_proof", *proof(first)) != index("income_proof", *proof(first, "周三"))


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("id_card", ("中华人民共和国居民身份证", "签发机关 云川市公安局城东分局", "有效期限 2015.03.02-2035.03.02")),
        ("income_proof", ("收入证明", "兹证明 欧阳测试 为我单位员工。")),
        ("income_proof", ("x" * 100,)),
    ],
)
def test_what_may_honestly_be_the_same_has_no_mark(kind: str, lines: tuple[str, ...]) -> None:
    assert index(kind, *lines) is None


def test_a_schools_number_and_an_account_are_one_in_the_world() -> None:
    assert number("admission_letter", *LETTER) is not None
    other_school = ("白石大学录取通知书", *LETTER[1:])
    assert number("admission_letter", *LETTER) != number("admission_letter", *other_school)
    assert number("admission_letter", LETTER[0], *LETTER[2:]) is None
    assert number("income_proof", *LETTER) is None
    statement = ("交易明细", "户名：欧阳测试", "账号：6990000000000001")
    assert number("bank_statement", *statement) == number("bank_statement", "账号:6990000000000001")
    assert number("bank_statement", *statement) != number("bank_statement", "账号:6990000000000002")
    assert number("bank_statement", "账号：699000000000000") is None


def flagged(procedure: Procedure, kind: str, product: str, first: Reading, second: Reading) -> list[bool]:
    """Whether each of two customers' documents, which are different files, is marked."""
    ours, theirs = procedure.apply(product), procedure.apply(product)
    one, other = (give(procedure, loan, FILE + loan.encode(), kind) for loan in (ours, theirs))
    concluded(procedure, one, first)
    concluded(procedure, other, second)
    return [reading_of(procedure, document).duplicated for document in (one, other)]


def test_the_same_text_or_number_from_another_customer_is_marked_on_both_sides(procedure: Procedure) -> None:
    same = read(*proof(id_number(sequence=1)))
    assert flagged(procedure, "income_proof", "micro", same, same) == [True, True]
    other = read(*proof(id_number(sequence=2)))
    assert flagged(procedure, "income_proof", "micro", read(*proof(id_number(sequence=3))), other) == [False, False]
    again = read(*LETTER[:2], "王小明同学：", *LETTER[3:])
    assert flagged(procedure, "admission_letter", "student", read(*LETTER), again) == [True, True]


def test_the_same_letter_again_from_the_same_customer_is_none(procedure: Procedure) -> None:
    loan = procedure.apply()
    page = read(*proof(id_number(sequence=1)))
    documents = [give(procedure, loan, FILE + b"%d" % n) for n in range(2)]
    for document in documents:
        concluded(procedure, document, page)
    assert not any(reading_of(procedure, document).duplicated for document in documents)
