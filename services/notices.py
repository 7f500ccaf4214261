"""Messages to borrowers. The text is kept as a contact; the outbox carries only the contact's key."""

from books.session import UnitOfWork
from lending.money import yuan
from models.loans import Loan
from models.notices import Contact
from models.outbox import Topic

TEMPLATES = {
    "application_received": "【借款服务】您的申请{loan}已收到，我们会尽快处理。",
    "offer": "【借款服务】您的申请{loan}已通过审批，金额{amount}元，请在{days}天内确认合同。",
    "offer_expired": "【借款服务】您的申请{loan}因逾期未确认已关闭。",
    "returned": "【借款服务】您的申请{loan}需要补充材料，请在{days}天内提交。",
    "refused": "【借款服务】很抱歉，您的申请{loan}未通过审批。原因可在申请页面查看。",
    "withdrawn": "【借款服务】您的申请{loan}已撤回。",
    "paid_out": "【借款服务】您的借款{loan}已放款{amount}元。",
    "reminder": "【借款服务】您的借款{loan}将于{due}还款{amount}元，请确保扣款账户余额充足。",
    "overdue": "【借款服务】您的借款{loan}已逾期{dpd}天，应还{amount}元，请尽快还款。",
    "terms_changed": "【借款服务】您的借款{loan}的还款计划已变更，下一期{due}应还{amount}元。",
    "change_refused": "【借款服务】很抱歉，您对借款{loan}的变更申请未通过。",
    "settled": "【借款服务】您的借款{loan}已结清，感谢您的信任。",
}
"""SMS templates by name. Placeholders take numbers and dates only; no name or account stands in a message."""


def send_sms(work: UnitOfWork, loan: Loan, template: str, key: str, **values: object) -> None:
    """Puts an SMS to the borrower on its way; the key makes it the one message of its act."""
    shown = {
        name: yuan(value) if name == "amount" and isinstance(value, int) else value for name, value in values.items()
    }
    work.write(
        Contact(
            key=key,
            customer_id=loan.customer_id,
            loan=loan.number,
            channel="sms",
            direction="out",
            template=template,
            text=TEMPLATES[template].format(loan=loan.number, **shown),
            at=work.now,
        )
    )
    work.outbox.put(Topic.SMS, f"sms:{key}", {"contact": key}, work.now, loan.number)
