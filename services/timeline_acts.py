"""What people and the system did beside the workflow, by the acts of the audit log, in both languages."""

from collections.abc import Mapping

from services.timeline_words import Words

ACTS: Mapping[str, Words] = {
    "application_submitted": Words("The application was entered", "提交贷款申请"),
    "authorisation_asked_for": Words("Somebody was asked to authorise look-ups", "发送查询授权请求"),
    "authorisation_given": Words("Look-ups were authorised", "给予查询授权"),
    "authorisation_taken_back": Words("The authorisation was taken back", "撤回查询授权"),
    "verified_again": Words("The case was sent to verification again", "重新发起核验"),
    "registers_asked_again": Words("Registers were to be asked again", "要求重新查询外部数据"),
    "register_answered": Words("A register answered", "外部数据已返回结果"),
    "register_answer_taken_over": Words("A register's earlier answer was taken over", "沿用外部数据此前的结果"),
    "register_without_answer": Words("A register gave no answer", "外部数据未返回结果"),
    "case_graded": Words("The case was graded by the rules", "按规则完成评级"),
    "challenger_failed": Words("A challenger version could not judge the case", "挑战者规则未能评级"),
    "second_look_asked": Words("People were asked to look at the refusal by the rules", "申请人工复核规则拒绝"),
    "approval_decided": Words("The application was decided on", "审批决定"),
    "decision_refused": Words("A decision was refused", "审批决定被拒绝"),
    "acceptance_refused": Words("An acceptance was refused", "接受合同被拒绝"),
    "task_claimed": Words("Somebody took the task", "领取任务"),
    "task_released": Words("The task was given back", "退回任务"),
    "task_delegated": Words("The task was handed to a colleague", "转派任务"),
    "task_escalated": Words("The task went to the next role", "任务上报上一级"),
    "task_reminded": Words("Somebody was reminded of the task", "任务提醒"),
    "case_completed": Words("The case was completed", "补件完成"),
    "completion_expired": Words("The case was closed, because it was not completed in time", "补件逾期，申请关闭"),
    "conditions_laid_down": Words("What the vehicle needs was laid down", "确定车辆抵押条件"),
    "condition_overdue": Words("A condition was not met in time", "抵押条件逾期未满足"),
    "evidence_entered": Words("A proof was handed in", "提交证明"),
    "evidence_reviewed": Words("A second person looked at a proof", "复核证明"),
    "insurance_lapsed": Words("The vehicle's insurance has run out", "车辆保险到期"),
    "document_handed_in": Words("A document was handed in", "提交材料"),
    "document_read": Words("A document was read by machine", "材料自动识别"),
    "document_compared_again": Words("A document was compared with newer answers", "材料与新的核查结果重新比对"),
    "document_duplicated": Words("The same document was found elsewhere", "发现重复材料"),
    "document_decided": Words("A doubtful document was decided on", "存疑材料人工认定"),
    "reply_entered": Words("What the borrower said was entered", "登记借款人的回复"),
    "replies_read": Words("What the borrower said was read", "查阅借款人的回复内容"),
    "document_viewed": Words("A document was opened", "查阅材料"),
    "paper_ordered": Words("A paper was asked for", "申请出具文书"),
    "paper_issued": Words("A paper was issued", "出具文书"),
    "signing_code_requested": Words("A code to sign with was sent", "发送签署验证码"),
    "signing_refused": Words("A signature was refused", "签署被拒绝"),
    "contract_signed": Words("A party signed the contract", "签署合同"),
    "mandate_signed": Words("The mandate to debit was signed", "签署扣款授权"),
    "contract_accepted": Words("The contract was accepted", "接受合同"),
    "offer_expired": Words("The offer was closed, because it was not accepted in time", "要约逾期关闭"),
    "offer_kept_open": Words("The offer was kept open", "要约保留"),
    "loan_withdrawn": Words("The application was withdrawn", "撤回申请"),
    "account_check_requested": Words("The account is being checked", "发起账户核验"),
    "account_checked": Words("The account was checked", "账户核验完成"),
    "account_check_failed": Words("The account could not be checked", "账户核验失败"),
    "account_change_proposed": Words("Another account was proposed", "申请变更账户"),
    "account_changed": Words("The other account was confirmed", "账户变更生效"),
    "account_change_refused": Words("The other account was refused", "账户变更被拒绝"),
    "mandate_ordered": Words("The bank is told of the mandate to debit", "向银行登记扣款授权"),
    "mandate_active": Words("The mandate to debit is in force", "扣款授权生效"),
    "mandate_refused": Words("The bank refused the mandate", "银行拒绝扣款授权"),
    "mandate_ended": Words("The mandate to debit has ended", "扣款授权终止"),
    "debit_without_mandate": Words("A debit had no mandate", "无扣款授权，未能扣款"),
    "loan_paid_out": Words("The loan was paid out", "放款完成"),
    "payout_failed": Words("The payout failed", "放款失败"),
    "payout_problem_decided": Words("The failed payout was decided on", "处理放款失败"),
    "payment_settled": Words("The bank carried out a payment", "银行付款成功"),
    "payment_declined": Words("The bank declined a payment", "银行拒绝付款"),
    "payment_returned": Words("The bank took a debit back", "扣款被银行退回"),
    "deposit_matched": Words("A transfer came in", "收到转账还款"),
    "money_proposed": Words("Unmatched money was proposed for this loan", "提出将待查款项归入本贷款"),
    "money_confirmed": Words("Unmatched money was booked to this loan", "待查款项归入本贷款"),
    "money_proposal_refused": Words("Unmatched money does not belong to this loan", "待查款项未归入本贷款"),
    "prepayment_quoted": Words("A prepayment was quoted", "提前还款测算"),
    "prepayment_ordered": Words("A prepayment was ordered", "登记提前还款"),
    "account_advanced": Words("The account was brought up to date", "账户记账更新"),
    "rate_reset": Words("The rate was reset by the contract", "按合同调整利率"),
    "change_proposed": Words("A change was proposed", "提出变更"),
    "change_decided": Words("A change was decided on", "变更审批"),
    "change_applied": Words("A change was carried out", "变更生效"),
    "change_refused": Words("A change was refused", "变更被拒绝"),
    "change_withdrawn": Words("A change was taken back", "撤回变更"),
    "change_expired": Words("A proposed change fell away", "变更申请逾期失效"),
    "loan_reopened": Words("The loan was taken up again", "贷款重新启用"),
    "loan_taken_over": Words("The loan was taken over from another system", "接收存量贷款"),
    "trouble_reported": Words("A person was asked to have a look", "请求人工介入"),
    "behaviour_not_scored": Words("The borrower's behaviour could not be scored", "行为评分未能完成"),
    "sessions_ended": Words("The borrower was signed out everywhere", "结束借款人的全部登录会话"),
    "audit_exported": Words("Entries of the audit log were downloaded", "下载审计日志"),
    "run_archived": Words("The history of a run was archived", "流程历史归档"),
    "month_end": Words("The month's end was booked", "月末计提入账"),
    "bank_reported": Words("The bank reported a movement", "银行通知资金变动"),
    "posted": Words("Something was posted", "记账"),
    "recorded": Words("Something was written down", "登记"),
}
DECIDED, FINISHED = "_decided", "_finished"


def act_words(act: str) -> Words:
    """The sentence of an act; one without a sentence is named by its own spelling."""
    known = ACTS.get(act)
    if known is not None:
        return known
    if act.endswith(DECIDED):
        return Words("A task was decided on", "任务审批")
    if act.endswith(FINISHED):
        return Words("A task was finished", "任务完成")
    plain = act.replace("_", " ")
    return Words(f"Act of the audit log: {plain}", f"审计记录：{plain}")
