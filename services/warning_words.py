"""Why a loan is on the list of early warnings, and what to do next, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from lending import behaviour


@dataclass(frozen=True)
class Cause:
    """Why a loan is warned of, by language, and what whoever owns the customer does next.

    The latter only of what changed: a reason of the card has none.
    """

    code: str
    en: str
    zh: str
    next_en: str = ""
    next_zh: str = ""


_CALL = (
    "Look at the reasons and call the borrower before the next installment falls due.",
    "查看原因，并在下一还款日前致电借款人。",
)

CAUSES: Mapping[str, Cause] = {
    cause.code: cause
    for cause in (
        Cause(
            behaviour.TWO_FAILED_DEBITS,
            "Two or more debits failed within the month.",
            "当月扣款失败两次及以上。",
            "Call the borrower, ask why, and agree on a day by which the account is topped up.",
            "致电借款人了解原因，约定还款日并提醒备足账户余额。",
        ),
        Cause(
            behaviour.DEBITS_STOPPED,
            "The account cannot be debited any more.",
            "扣款账户已无法扣款。",
            "Get another account with a mandate, or a transfer.",
            "请借款人更换账户并签署扣款授权，或改为转账还款。",
        ),
        Cause(
            behaviour.BLACKLISTED,
            "The credit bureau lists the person as a defaulter.",
            "征信显示为失信人员。",
            "Have risk look at the loan, and offer no further credit.",
            "请风险部门复核该笔借款，暂停新增授信。",
        ),
        Cause(
            behaviour.OTHER_LOAN_LATE,
            "Another loan of the same person is 30 days late or more.",
            "本人名下其他借款逾期30天及以上。",
            "Speak about all loans at once and agree on one plan.",
            "就名下全部借款一并沟通，商定统一还款方案。",
        ),
        Cause(
            behaviour.HARDSHIP_REPORTED,
            "The borrower asked for a deferral.",
            "借款人申请了延期还款。",
            "Decide on the wish in time, ask about the income, and see whether the plan of payments still fits.",
            "及时答复申请，了解收入情况，评估还款计划是否需要调整。",
        ),
        Cause(
            behaviour.UNREACHABLE,
            "Three or more messages that asked for money stayed without an answer or a payment.",
            "三次及以上催款短信未获回复，也未还款。",
            "Try another channel, and check whether the mobile number still belongs to the borrower.",
            "尝试其他联系方式，并核实手机号是否仍为本人使用。",
        ),
        Cause(
            behaviour.BAND_FELL, "The behaviour score fell into a band that warns.", "行为评分降至预警等级。", *_CALL
        ),
        Cause(
            behaviour.POINTS_DROPPED,
            "The behaviour score fell sharply since last month.",
            "行为评分较上月明显下降。",
            *_CALL,
        ),
    )
}
"""The words of every cause; the sentences of reasons are those of the card."""
