"""Why a loan is on the list of early warnings, and what to do next, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from lending import behaviour


@dataclass(frozen=True)
class Said:
    """One thing in both languages."""

    en: str
    zh: str


@dataclass(frozen=True)
class CauseWords:
    """A cause of a warning, and what whoever owns the customer does about it."""

    because: Said
    next_step: Said


_CALL = Said(
    "Look at the reasons and call the borrower before the next installment falls due.",
    "查看原因，并在下一还款日前致电借款人。",
)

CAUSES: Mapping[str, CauseWords] = {
    behaviour.TWO_FAILED_DEBITS: CauseWords(
        Said("Two or more debits failed within the month.", "当月扣款失败两次及以上。"),
        Said(
            "Call the borrower, ask why, and agree on a day by which the account is topped up.",
            "致电借款人了解原因，约定还款日并提醒备足账户余额。",
        ),
    ),
    behaviour.DEBITS_STOPPED: CauseWords(
        Said("The account cannot be debited any more.", "扣款账户已无法扣款。"),
        Said("Get another account with a mandate, or a transfer.", "请借款人更换账户并签署扣款授权，或改为转账还款。"),
    ),
    behaviour.BLACKLISTED: CauseWords(
        Said("The credit bureau lists the person as a defaulter.", "征信显示为失信人员。"),
        Said("Have risk look at the loan, and offer no further credit.", "请风险部门复核该笔借款，暂停新增授信。"),
    ),
    behaviour.OTHER_LOAN_LATE: CauseWords(
        Said("Another loan of the same person is 30 days late or more.", "本人名下其他借款逾期30天及以上。"),
        Said("Speak about all loans at once and agree on one plan.", "就名下全部借款一并沟通，商定统一还款方案。"),
    ),
    behaviour.HARDSHIP_REPORTED: CauseWords(
        Said("The borrower asked for a deferral.", "借款人申请了延期还款。"),
        Said(
            "Decide on the wish in time, ask about the income, and see whether the plan of payments still fits.",
            "及时答复申请，了解收入情况，评估还款计划是否需要调整。",
        ),
    ),
    behaviour.UNREACHABLE: CauseWords(
        Said(
            "Three or more messages that asked for money stayed without an answer or a payment.",
            "三次及以上催款短信未获回复，也未还款。",
        ),
        Said(
            "Try another channel, and check whether the mobile number still belongs to the borrower.",
            "尝试其他联系方式，并核实手机号是否仍为本人使用。",
        ),
    ),
    behaviour.BAND_FELL: CauseWords(
        Said("The behaviour score fell into a band that warns.", "行为评分降至预警等级。"), _CALL
    ),
    behaviour.POINTS_DROPPED: CauseWords(
        Said("The behaviour score fell sharply since last month.", "行为评分较上月明显下降。"), _CALL
    ),
}
"""Words for every cause; the sentences of reasons are those of the card."""
