"""Why people refuse an application: in words that a borrower reads, each with what would change it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RefusalReason:
    """A reason by its code, in English and Chinese, and what the borrower can do about it in both."""

    code: str
    en: str
    zh: str
    remedy_en: str
    remedy_zh: str

    @property
    def sentence(self) -> dict[str, str]:
        """The reason by language."""
        return {"en": self.en, "zh": self.zh}

    @property
    def remedy(self) -> dict[str, str]:
        """What would change it, by language."""
        return {"en": self.remedy_en, "zh": self.remedy_zh}


REFUSAL_REASONS = (
    RefusalReason(
        "income_not_shown",
        "The papers do not show the income, or not enough of it.",
        "收入证明不足或无法核实。",
        "Apply anew with papers that show your income, such as bank statements or payslips.",
        "请提供能证明收入的材料（如银行流水、工资单）后重新申请。",
    ),
    RefusalReason(
        "installments_too_heavy",
        "The installments would be too heavy beside what is owed already.",
        "结合现有负债，还款压力过大。",
        "Ask for less or for a longer term, or pay down other debts first.",
        "请减少借款金额、延长期限，或先结清部分其他债务。",
    ),
    RefusalReason(
        "statements_differ",
        "What was stated does not agree with papers or registers.",
        "填写的内容与材料或查询结果不一致。",
        "State it as your papers have it, or have what is wrong corrected where it is kept, and apply anew.",
        "请按材料如实填写，或向信息来源机构申请更正后重新申请。",
    ),
    RefusalReason(
        "documents_not_accepted",
        "A document that is needed is missing or could not be accepted.",
        "所需材料缺失或未能通过审核。",
        "Apply anew and hand in every document, complete, readable and valid.",
        "请重新申请，并提交完整、清晰、有效的全部材料。",
    ),
    RefusalReason(
        "credit_record",
        "The credit record shows arrears, or is too short to judge by.",
        "信用记录存在逾期，或记录过短难以判断。",
        "Settle what is past due and go on paying on time. What is wrong in the record the credit registry corrects.",
        "请结清逾期款项并保持按时还款；记录如有误，可向征信机构提出异议。",
    ),
    RefusalReason(
        "purpose_not_shown",
        "What the money is for is not shown, or is nothing we lend for.",
        "借款用途未能证明，或不属于可放款的范围。",
        "Say what the money is for and show it by an offer, an invoice or a contract.",
        "请说明借款用途，并提供报价单、发票或合同等凭证。",
    ),
    RefusalReason(
        "not_reached",
        "Nobody could be reached, and a question stayed open.",
        "多次未能联系到您，有关问题未能核实。",
        "Apply anew with a number at which you can be reached.",
        "请使用可联系到您的号码重新申请。",
    ),
    # For what may not be told, too: whom a list names learns it from nobody here.
    RefusalReason(
        "case_as_a_whole",
        "The case as a whole does not allow us to lend.",
        "综合评估，暂不符合放款条件。",
        "No single thing decides it. Apply anew when your circumstances have changed.",
        "并非由某一项单独决定；情况有变化后可重新申请。",
    ),
)
"""What every product has; a product may have more."""
