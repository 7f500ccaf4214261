"""Messages to borrowers and to who answers for them. The text is kept as a contact; the outbox carries only its key."""

from datetime import datetime
from typing import Any

from books.session import UnitOfWork
from lending.money import yuan
from models.customers import Party, PartyRole
from models.keys import new_id
from models.loans import Loan
from models.notices import Contact
from models.outbox import Topic
from services.products import catalogue

TEMPLATES = {
    "application_received": "【借款服务】您的申请{loan}已收到，我们会尽快处理。",
    "offer": "【借款服务】您的申请{loan}已通过审批，金额{amount}元，请在{days}天内确认合同。",
    "offer_automatic": "【借款服务】您的申请{loan}已由系统自动审批通过，金额{amount}元，请在{days}天内确认合同。"
    "如有异议请与我们联系，由人工处理。",
    "offer_of_less": "【借款服务】您的申请{loan}获批{amount}元，低于您申请的{applied}元，"
    "请在{days}天内决定是否接受并确认合同。",
    "offer_expired": "【借款服务】您的申请{loan}因逾期未确认已关闭。",
    "returned": "【借款服务】您的申请{loan}需要补充材料{missing}，请在{days}天内提交。",
    "document_refused": "【借款服务】{whose}的{document}（{loan}）未被采用，请在借款页面重新提交。"
    "{whose_en} {document_en} for {loan} was not taken: please hand it in again on the page of your loan.",
    "refused": "【借款服务】很抱歉，您的申请{loan}未通过审批。原因、如何改变以及可否申请人工复核，请见申请页面。",
    "second_look": "【借款服务】您对申请{loan}的人工复核请求已收到，我们的工作人员会重新审查并告知结果。",
    "withdrawn": "【借款服务】您的申请{loan}已撤回。",
    "paid_out": "【借款服务】您的借款{loan}已放款{amount}元。",
    "reminder": "【借款服务】您的借款{loan}将于{due}还款{amount}元，请确保扣款账户余额充足。",
    "reminder_covered": "【借款服务】您的借款{loan}将于{due}到期的款项由已存入的余款支付，届时不再扣款，您无需还款。",
    "overdue": "【借款服务】您的借款{loan}已逾期{dpd}天，应还{amount}元，请尽快还款{retry}。",
    "debit_failed": "【借款服务】您的借款{loan}本次扣款未足额，应还{amount}元，{retry}将再次扣款，请确保余额充足。",
    "account_changed": "【借款服务】您的借款{loan}的银行账户已变更。非本人操作请立即联系我们。",
    "terms_changed": "【借款服务】您的借款{loan}的还款计划已变更，下一期{due}应还{amount}元。",
    "change_refused": "【借款服务】很抱歉，您对借款{loan}的变更申请未通过。",
    "debit_returned": "【借款服务】您的借款{loan}于{due}的扣款{amount}元已被银行退回，该笔还款作废，请尽快还款。",
    "written_off": "【借款服务】您的借款{loan}已作核销处理，债务{amount}元仍然存在，请继续还款或与我们联系。",
    "reopened": "【借款服务】您的借款{loan}的还款被撤销，借款未结清，仍需还款，原结清证明作废。",
    "registration_due": "【借款服务】您的借款{loan}须于{day}前办妥车辆抵押登记，请尽快办理。",
    "insurance_due": "【借款服务】您的借款{loan}须于{day}前提交车辆保险单，并以我方为第一受益人。",
    "insurance_ending": "【借款服务】您的借款{loan}的车辆保险将于{day}到期，请及时续保并提交保险单。",
    "insurance_lapsed": "【借款服务】您的借款{loan}的车辆保险已于{day}到期，请立即续保并提交保险单。",
    "mortgage_released": "【借款服务】您的借款{loan}的车辆抵押登记已于{day}解除，登记证书请妥善保管。",
    "window_closes": "【借款服务】您的借款{loan}：{sentence}",
    "settled": "【借款服务】您的借款{loan}已结清，感谢您的信任。",
}
"""SMS templates by name. Placeholders take numbers, dates and sentences of rules; no name or account stands in one."""
OTHERS = {
    "others_overdue": "【借款服务】您作为{role}的借款{loan}已逾期{dpd}天，请督促还款或与我们联系。",
    "others_terms_changed": "【借款服务】您作为{role}的借款{loan}的还款计划已变更，详情请与我们联系。",
    "others_written_off": "【借款服务】您作为{role}的借款{loan}已作核销处理，债务仍然存在，详情请与我们联系。",
}
"""The same to joint borrowers and guarantors: how late, but no sums, since others may read a text message."""

ANSWER_TOO = {PartyRole.JOINT_BORROWER: "共同借款人", PartyRole.GUARANTOR: "保证人"}
"""Who answers for the debt beside the borrower, and what a message calls him."""


def sms_values(loan: str, customer_id: str, template: str, key: str, text: str, at: datetime) -> dict[str, Any]:
    """The columns of a `Contact` that is a text message about a loan, ready to be inserted."""
    return {
        "id": new_id(),
        "key": key,
        "customer_id": customer_id,
        "loan": loan,
        "channel": "sms",
        "direction": "out",
        "template": template,
        "text": text,
        "at": at,
    }


def send_sms(work: UnitOfWork, loan: Loan, template: str, key: str, **values: object) -> None:
    """Puts an SMS to the borrower on its way; the key makes it the one message of its act."""
    shown = {
        name: yuan(value) if name == "amount" and isinstance(value, int) else value for name, value in values.items()
    }
    text = TEMPLATES[template].format(loan=loan.number, **shown)
    work.write(Contact(**sms_values(loan.number, loan.customer_id, template, key, text, work.now)))
    work.outbox.put(Topic.SMS, f"sms:{key}", {"contact": key}, work.now, loan.number)


def tell_others(work: UnitOfWork, loan: Loan, template: str, key: str, **values: object) -> None:
    """Puts an SMS to each joint borrower and guarantor on its way; `template` is one of `OTHERS`.

    A joint borrower owes the same debt, and a guarantor must know of what can become his: arrears, and changes by
    which he may be bound no further (Civil Code articles 178, 695). Whose mobile nobody stated gets none.
    """
    for party in work.customers.parties(loan.number):
        if party.role in ANSWER_TOO and mobile_of(work, party):
            own = f"{key}:{party.role}:{party.position}"
            text = OTHERS[template].format(role=ANSWER_TOO[party.role], loan=loan.number, **values)
            work.write(Contact(**sms_values(loan.number, loan.customer_id, template, own, text, work.now)))
            payload = {"contact": own, "party": party.id}
            work.outbox.put(Topic.SMS, f"sms:{own}", payload, work.now, loan.number)


def mobile_of(work: UnitOfWork, party: Party) -> str | None:
    """The mobile of a party: his own as a customer, else the one that the application states for him."""
    customer = work.customers.get(party.customer_id) if party.customer_id else None
    if customer is not None:
        return customer.mobile
    loan = work.loans.get(party.loan)
    stated = catalogue().product(loan.product).parties(work.loans.application(loan.number).form)
    return next((one.mobile for one in stated if (one.role, one.name) == (party.role, party.name)), None)
