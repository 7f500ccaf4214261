"""What tasks are about, in both languages."""

import pytest

from web.language import language
from web.matters import matter


@pytest.mark.parametrize(
    ("about", "english", "chinese"),
    [
        ("31 days past due, 1039.43 due", "31 days past due, ¥1,039.43 due", "逾期31天，应还¥1,039.43"),
        (
            "the settled loan has 0.50 too much: refund it",
            "The settled loan has ¥0.50 too much: refund it",
            "已结清的贷款多收¥0.50，请退款",
        ),
        ("payout failed: account_closed", "The payout failed: the account is closed", "放款失败：账户已销户"),
        (
            "bank reference X9: no loan is named",
            "Bank reference X9: no loan is named",
            "银行流水号X9：no loan is named",
        ),
        (
            "grade_refused; ask_without_outcome",
            "A step of the loan was refused. Look into it. The loan went on without an answer from outside."
            " Look into it.",
            "贷款流程中的一个步骤被拒绝，请核查。 贷款流程未收到外部系统的答复而继续，请核查。",
        ),
        ("something new", "something new", "something new"),
    ],
)
def test_the_notes_of_the_procedure_are_said_in_the_visitors_language(about: str, english: str, chinese: str) -> None:
    assert matter(about, language("en")) == english
    assert matter(about, language("zh")) == chinese
