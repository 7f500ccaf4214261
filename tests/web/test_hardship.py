"""How much may be lent to a student: each step is told to who decides and to the student, in his language."""

from datetime import date
from typing import Any

import pytest

from tests.modules.applications import id_number
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words

FAMILY: dict[str, Any] = {"household_size": 3, "living_costs": "8000", "circumstances": ["single_parent"]}


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        (
            "en",
            (
                "How much may be lent",
                "16,666.66 yuan a head",
                "Fees of 6,000 yuan and living costs of 8,000 yuan",
                "extreme hardship: 100 % of the need",
                "20,000 yuan are left",
                "the most that may be lent: 14,000 yuan",
            ),
        ),
        ("zh", ("可贷金额", "人均年收入16,666.66元", "合计需求14,000元", "特别困难", "最高可贷14,000元")),
    ],
)
def test_each_step_is_told_to_who_decides_and_to_the_student(
    come: Come, procedure: Procedure, spoken: str, said: tuple[str, ...]
) -> None:
    loan = procedure.graded("student", **FAMILY)
    student = come(language=spoken)
    student.sign_in_as_borrower(loan, "0001")
    for text in (come("manager-zhao", language=spoken).get(f"/loans/{loan}").text, student.get(f"/my/{loan}").text):
        for sentence in said:
            assert sentence in words(text)


def test_what_a_household_states_stands_on_the_case_in_words(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded("student", **FAMILY)
    text = words(come("manager-zhao").get(f"/loans/{loan}").text)
    assert "People in the household 3" in text
    assert "Special circumstances One parent alone" in text


def test_another_product_has_no_such_steps(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded(id_number=id_number(date(1990, 5, 17), 831))
    assert "How much may be lent" not in words(come("manager-zhao").get(f"/loans/{loan}").text)
