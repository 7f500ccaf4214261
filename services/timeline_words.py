"""The steps of a loan's workflow in business words, in both languages. `{…}` are figures of the step."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One sentence in English and Chinese."""

    en: str
    zh: str

    def with_figures(self, figures: Mapping[str, "Words | str"]) -> "Words":
        """The sentence with its figures; one that is not known is a dash."""
        return Words(_filled(self.en, figures, "en"), _filled(self.zh, figures, "zh"))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "–"


def _filled(sentence: str, figures: Mapping[str, Words | str], language: str) -> str:
    return sentence.format_map(
        _Known({name: one if isinstance(one, str) else str(getattr(one, language)) for name, one in figures.items()})
    )


STEPS: Mapping[str, Words] = {
    "started.run": Words("The process of the loan begins at the stage {stage}", "贷款流程启动，当前阶段：{stage}"),
    "started.continued": Words("The process goes on in its run {runs}", "流程在第{runs}段继续"),
    "ended.completed": Words("The process has ended: {stage}", "流程结束：{stage}"),
    "ended.continued_as_new": Words("The run ends here and goes on in the next one", "本段结束，流程由下一段继续"),
    "ended.failed": Words("The process broke off: {sentence}", "流程异常中止：{sentence}"),
    "ended.terminated": Words("The process was ended by hand in the engine", "流程被人工终止"),
    "ended.cancelled": Words("The process was called off in the engine", "流程被取消"),
    "ended.timed_out": Words("The process ran out of its time", "流程超时终止"),
    "activity.ask_register": Words("Asked a register: {check}: {verdict}", "查询外部数据：{check}，结果：{verdict}"),
    "activity.pay_out": Words("Paid out through the bank: {amount}, {status}", "通过银行放款{amount}元：{status}"),
    "activity.pay_in": Words(
        "Drew a prepayment through the bank: {amount}, {status}", "银行扣划提前还款{amount}元：{status}"
    ),
    "activity.collect": Words(
        "Drew installment {installment} through the bank: {amount}, {status}",
        "银行扣划第{installment}期还款{amount}元：{status}",
    ),
    "activity.collect.subsidy": Words(
        "Claimed the state's interest subsidy: {amount}, {status}", "申领财政贴息{amount}元：{status}"
    ),
    "activity.recall_payout": Words(
        "Asked the bank for a payout back: {amount}, {status}", "请求银行退回放款{amount}元：{status}"
    ),
    "local.grade_case": Words("Graded the case by the rules; now at {stage}", "按规则评级，进入{stage}"),
    "local.escalate_task": Words(
        "Nobody decided in time: the task went to the next role", "逾期未审批，任务上报上一级"
    ),
    "local.expire_completion": Words(
        "Closed the case, because what was missing did not come in time", "补件逾期，申请关闭"
    ),
    "local.record_decision": Words("Recorded the decision; now at {stage}", "记录审批决定，进入{stage}"),
    "local.propose_change": Words("Recorded a proposed change", "记录变更申请"),
    "local.take_back_change": Words("A proposed change was taken back", "变更申请撤回"),
    "local.expire_change": Words(
        "A proposed change fell away, because nobody decided it", "变更申请逾期未审批，自动失效"
    ),
    "local.complete_case": Words("The case was completed; now at {stage}", "补件完成，进入{stage}"),
    "local.accept_contract": Words("Recorded the acceptance; now at {stage}", "记录借款人接受合同，进入{stage}"),
    "local.withdraw_loan": Words("Recorded the withdrawal; now at {stage}", "记录借款人撤回申请，进入{stage}"),
    "local.expire_offer": Words("Closed the offer, because it was not accepted in time", "要约逾期未接受，关闭"),
    "local.book_payout": Words("Booked the payout and opened the account", "放款入账，贷款账户开立"),
    "local.record_payout_failure": Words("The payout failed: a person has the case", "放款失败，转人工处理"),
    "local.order_prepayment": Words("Ordered a prepayment of {amount}", "登记提前还款{amount}元"),
    "local.advance_account": Words("Brought the account up to date; now at {stage}", "账户记至当日，当前阶段：{stage}"),
    "local.look_up_position": Words("Took up what the books say: {stage}", "按账册恢复流程位置：{stage}"),
    "local.report_trouble": Words("Asked a person to have a look", "请人工介入处理"),
    "local.sweep_closed_loan": Words("Handed money of the last moment to finance", "贷款关闭后到账的款项转财务处理"),
    "update.decide": Words("A decision came in: {outcome}", "收到审批决定：{outcome}"),
    "update.accept": Words("The acceptance of the contract came in", "收到接受合同的指令"),
    "update.complete": Words("Word came in that the case is complete", "收到补件完成的指令"),
    "update.withdraw": Words("The withdrawal came in", "收到撤回申请的指令"),
    "update.prepay": Words("A prepayment was asked for: {asked_amount}", "收到提前还款的指令：{asked_amount}"),
    "update.propose_change": Words("A change was proposed: {change}", "收到变更申请：{change}"),
    "update.take_back_change": Words("A proposal was to be taken back", "收到撤回变更申请的指令"),
    "signal.money_moved": Words("The bank reported money of this loan", "银行通知本贷款资金变动"),
    "signal.decision_made": Words("A decision was sent: {outcome}", "收到审批决定（异步）：{outcome}"),
    "signal.look_again": Words("The process was told to look at the books again", "通知流程重新读取账册"),
    "timer.timer": Words("Waits until {until}", "等待至{until}"),
    "trouble.task_failed": Words("A step of the process failed and was tried again", "流程步骤执行失败，已重试"),
    "trouble.task_timed_out": Words(
        "The worker did not answer in time; another one took the step up", "执行进程未及时响应，由其他进程接续"
    ),
    "note.core_patch": Words(
        "The process follows the rules of a newer version from here on", "流程自此按新版本规则执行"
    ),
    "note.workflow_execution_cancel_requested": Words(
        "The engine was asked to call the process off", "收到取消流程的请求"
    ),
}
"""Every step that the loan's workflow knows. An event of the engine that is not here is shown by its own name."""

OUTCOMES: Mapping[str, Words] = {
    "open": Words("{step} – under way", "{step}（进行中）"),
    "failed": Words("{step} – without an answer: {sentence}", "{step}（未获结果：{sentence}）"),
    "refused": Words("{step} – refused: {sentence}", "{step}（被拒绝：{sentence}）"),
    "cancelled": Words("{step} – called off", "{step}（已取消）"),
    "put_off": Words("{step} – put off, to be tried again", "{step}（暂缓，稍后重试）"),
}
"""How a step is told that did not simply come out."""
TIMERS: Mapping[str, Words] = {
    "done": Words("The awaited time came: {until}", "等待的时间已到：{until}"),
    "cancelled": Words("Something happened before {until}, which was waited for", "在{until}之前已有进展，不再等待"),
    "open": Words("Waits until {until}", "等待至{until}"),
}

NAMES: Mapping[str, Words] = {
    "application": Words("application", "申请"),
    "verification": Words("verification", "核验"),
    "grading": Words("grading", "评级"),
    "approval": Words("approval", "审批"),
    "returned": Words("returned", "退回补件"),
    "acceptance": Words("acceptance", "待接受"),
    "disbursement": Words("disbursement", "放款"),
    "payout_failed": Words("payout failed", "放款失败"),
    "repayment": Words("repayment", "还款中"),
    "settled": Words("settled", "已结清"),
    "refused": Words("refused", "已拒绝"),
    "withdrawn": Words("withdrawn", "已撤回"),
    "expired": Words("expired", "已失效"),
    "approve": Words("approve", "同意"),
    "refuse": Words("refuse", "拒绝"),
    "return": Words("send back", "退回"),
    "declined": Words("declined", "银行拒绝"),
    "pending": Words("not decided yet", "处理中"),
    "nothing_due": Words("nothing was due", "无应还款项"),
    "passed": Words("passed", "通过"),
    "failed": Words("failed", "未通过"),
    "doubtful": Words("doubtful", "存疑"),
    "unavailable": Words("no answer", "无法查询"),
    "malformed": Words("an unreadable answer", "返回数据有误"),
    "not_authorised": Words("not asked, for want of an authorisation", "未授权，未查询"),
    "identity": Words("identity", "身份"),
    "bureau": Words("credit bureau", "征信"),
    "enrolment": Words("enrolment register", "学籍"),
    "vehicle": Words("vehicle register", "车辆登记"),
    "screening": Words("screening", "名单筛查"),
    "borrower": Words("borrower", "借款人"),
    "joint_borrower": Words("joint borrower", "共同借款人"),
    "guarantor": Words("guarantor", "保证人"),
    "deferral": Words("deferral", "延期还款"),
    "restructuring": Words("restructuring", "重组"),
    "rate_change": Words("change of the rate", "利率调整"),
    "waiver": Words("waiver", "减免"),
    "fee": Words("fee", "费用"),
    "write_off": Words("write-off", "核销"),
    "correction": Words("correction", "更正"),
    "all": Words("all of it", "全部"),
}
"""Spellings of the books as people say them. `settled` of a payment is worded apart."""
SETTLED_PAYMENT = Words("carried out", "成功")


def step_words(code: str) -> Words:
    """The sentence of a step; for what has none its own name."""
    known = STEPS.get(code)
    name = code.partition(".")[2].replace("_", " ")
    return known or Words(f"The engine noted: {name}", f"引擎记录：{name}")


def name(spelling: object) -> Words:
    """A spelling of the books in words; one without a word stays as it is."""
    text = str(spelling)
    return NAMES.get(text) or Words(text, text)
