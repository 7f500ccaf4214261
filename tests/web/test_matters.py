"""What tasks are about, in both languages."""

import pytest

from web.language import language
from web.matters import matter


@pytest.mark.parametrize(
    ("about", "english", "chinese"),
    [
        ("past due since 2026-02-05", "Past due since 5 Feb 2026", "自2026年2月5日起逾期"),
        (
            "write_off of 12000.00 proposed; the loan is not past due",
            "Write-off, ¥12,000.00 Nobody is late with this loan",
            "核销，¥12,000.00 该笔贷款目前没有逾期",
        ),
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
