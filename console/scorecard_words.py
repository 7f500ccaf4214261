"""Reasons of a trained scorecard in both languages, in words that a manager can repeat to the customer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Sentences = Mapping[str, str]
Worded = Callable[[str], tuple[str, Sentences]]
"""The code of the reason that a fact costs points, and its sentence in both languages."""

_REASONS: Mapping[str, tuple[str, str, str]] = {
    "amount_fen": ("amount_high", "The amount applied for is high.", "申请金额较高。"),
    "term": ("term_weighs", "The term applied for weighs on the case.", "申请的期限对评分不利。"),
    "worst_dpd": ("worst_arrears", "A payment on another loan was late.", "其他贷款曾有逾期。"),
    "overdue_count_24m": (
        "arrears_24_months",
        "Payments were late in the last 24 months.",
        "近24个月内有逾期还款。",
    ),
    "history_months": ("short_record", "The credit record is short.", "信用记录时间较短。"),
    "debt_ratio_bp": (
        "debts_by_income",
        "Much of the income would go to debts.",
        "收入中用于偿还债务的比例较高。",
    ),
    "stated_to_known_income_bp": (
        "income_overstated",
        "The stated income is above what the credit bureau knows.",
        "申报收入高于征信机构掌握的收入。",
    ),
    "bureau_found": ("no_record", "The credit bureau knows nothing of the applicant.", "征信机构没有申请人的记录。"),
    "enrolment_known": ("enrolment_open", "The enrolment register did not answer.", "学籍信息未能核实。"),
    "full_time_student": ("full_time_student", "The applicant is a full-time student.", "申请人为全日制在校学生。"),
    "exposure_fen": ("owes_here", "Much is owed to this lender already.", "在本机构的未偿还金额较高。"),
    "open_loans": ("loans_here", "Several loans with this lender are open.", "在本机构有多笔未结清贷款。"),
    "worst_own_dpd": (
        "late_here",
        "Payments to this lender were late in the last 24 months.",
        "近24个月内在本机构的还款曾逾期。",
    ),
    "lent_this_year_fen": ("lent_this_year", "Much was lent this year already.", "本年度已获得的贷款金额较高。"),
    "documents_doubtful": ("documents_doubtful", "Documents are in doubt.", "提交的材料存在疑点。"),
    "documents_unread": ("documents_unread", "Documents wait to be read.", "提交的材料尚未识读。"),
    "documents_complete": ("documents_missing", "Documents are missing.", "提交的材料不完整。"),
}

_UNKNOWN: Mapping[str, tuple[str, str, str]] = {
    "bureau_found": ("no_record", "The credit bureau knows nothing of the applicant.", "征信机构没有申请人的记录。"),
    "bureau_known": ("bureau_silent", "What the credit bureau knows is not there.", "未取得征信信息。"),
    "income_known": ("income_unknown", "The income is not known.", "收入情况未知。"),
    "enrolment_known": ("enrolment_open", "The enrolment register did not answer.", "学籍信息未能核实。"),
}
_NOT_THERE = ("not_known", "Something that the score needs is not known.", "评分所需的部分信息缺失。")


def worded_missing(known_by: Sequence[str]) -> tuple[str, Sentences]:
    """The reason that not knowing a fact costs points, by the facts that say whether it is known."""
    code, en, zh = next((_UNKNOWN[flag] for flag in known_by if flag in _UNKNOWN), _NOT_THERE)
    return code, {"en": en, "zh": zh}


def worded(fact: str) -> tuple[str, Sentences]:
    """The reason of a fact of an application; one without a sentence of its own gets one that names it."""
    code, en, zh = _REASONS.get(
        fact, (fact, f"What is known as {fact} weighs on the case.", f"“{fact}”一项对评分不利。")
    )
    return code, {"en": en, "zh": zh}


def worded_as(content: Mapping[str, Any]) -> Worded:
    """The reasons of another scorecard for the same facts; of a fact that it does not ask, as `worded` has it."""
    sentences = content["reasons"]
    codes = {one["fact"]: one["reason"] for one in content["variables"]}

    def told(fact: str) -> tuple[str, Sentences]:
        return (codes[fact], dict(sentences[codes[fact]])) if fact in codes else worded(fact)

    return told
