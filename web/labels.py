"""Every stored spelling in words. Sentences are marked here and translated where they are shown."""

from collections.abc import Mapping
from typing import Any

from models.accounts import CardResult, MandateSource, MandateStatus
from models.changes import ChangeKind, ChangeStatus
from models.customers import PartyRole
from models.loans import Stage
from models.payments import PaymentKind, PaymentStatus, ProposalKind, ToldBy
from models.reconciliation import DifferenceKind
from models.staff import Role
from models.tasks import Outcome, TaskKind
from models.verification import Verdict
from services.matching import Reason
from web.language import Language, marked

STAGES = {
    Stage.APPLICATION: marked("Application"),
    Stage.VERIFICATION: marked("Verification"),
    Stage.GRADING: marked("Grading"),
    Stage.APPROVAL: marked("Approval"),
    Stage.RETURNED: marked("Sent back"),
    Stage.ACCEPTANCE: marked("Contract"),
    Stage.DISBURSEMENT: marked("Disbursement"),
    Stage.PAYOUT_FAILED: marked("Payout failed"),
    Stage.REPAYMENT: marked("Repayment"),
    Stage.SETTLED: marked("Settled"),
    Stage.REFUSED: marked("Refused"),
    Stage.WITHDRAWN: marked("Withdrawn"),
    Stage.EXPIRED: marked("Expired"),
}
STAGE_COLOURS = {
    Stage.APPLICATION: "blue",
    Stage.VERIFICATION: "blue",
    Stage.GRADING: "blue",
    Stage.APPROVAL: "indigo",
    Stage.RETURNED: "yellow",
    Stage.ACCEPTANCE: "indigo",
    Stage.DISBURSEMENT: "cyan",
    Stage.PAYOUT_FAILED: "red",
    Stage.REPAYMENT: "teal",
    Stage.SETTLED: "green",
    Stage.REFUSED: "secondary",
    Stage.WITHDRAWN: "secondary",
    Stage.EXPIRED: "secondary",
}
TASK_KINDS = {
    TaskKind.APPROVAL: marked("Approval"),
    TaskKind.COMPLETION: marked("Complete the case"),
    TaskKind.PAYOUT_PROBLEM: marked("Payout problem"),
    TaskKind.OVERDUE: marked("Overdue follow-up"),
    TaskKind.UNMATCHED_MONEY: marked("Unmatched money"),
    TaskKind.TROUBLE: marked("Needs a look"),
    TaskKind.CHANGE: marked("Change to a loan"),
    TaskKind.TAKEOVER: marked("Takeover of a loan"),
    TaskKind.ACCOUNT: marked("Get an account that can be used"),
    TaskKind.ACCOUNT_CHANGE: marked("Another account"),
}
CHANGES = {
    ChangeKind.DEFERRAL: marked("Deferral"),
    ChangeKind.RESTRUCTURING: marked("Restructuring"),
    ChangeKind.RATE_CHANGE: marked("Change of rate"),
    ChangeKind.WAIVER: marked("Waiver"),
    ChangeKind.FEE: marked("Fee"),
    ChangeKind.WRITE_OFF: marked("Write-off"),
    ChangeKind.CORRECTION: marked("Money posted by hand"),
    "reversal": marked("Reversal of a payment"),
}
CHANGE_STATUSES = {
    ChangeStatus.OPEN: marked("Waits for a decision"),
    ChangeStatus.APPLIED: marked("Made"),
    ChangeStatus.REFUSED: marked("Refused"),
    ChangeStatus.WITHDRAWN: marked("Taken back"),
    ChangeStatus.EXPIRED: marked("Expired"),
    ChangeStatus.LAPSED: marked("No longer needed"),
}
CHANGE_COLOURS = {
    ChangeStatus.OPEN: "indigo",
    ChangeStatus.APPLIED: "green",
    ChangeStatus.REFUSED: "red",
    ChangeStatus.WITHDRAWN: "secondary",
    ChangeStatus.EXPIRED: "secondary",
    ChangeStatus.LAPSED: "secondary",
}
DEFERRED = {"principal": marked("Principal only"), "all": marked("Principal and interest")}
COMPONENTS = {
    "penalty": marked("Penalty interest"),
    "fee": marked("Fees"),
    "interest": marked("Interest"),
    "principal": marked("Principal"),
    "subsidy": marked("Paid by the state"),
}
CHANNELS_OF_MONEY = {
    "cash": marked("In cash"),
    "other_account": marked("To another account of ours"),
    "set_off": marked("Set off against what we owe"),
    "court": marked("Through the court"),
}
OUTCOMES = {
    Outcome.APPROVE: marked("Approve"),
    Outcome.REFUSE: marked("Refuse"),
    Outcome.RETURN: marked("Send back"),
}
DECIDED = {
    Outcome.APPROVE: marked("Approved"),
    Outcome.REFUSE: marked("Refused"),
    Outcome.RETURN: marked("Sent back"),
}
PAYOUT_OUTCOMES = {
    Outcome.APPROVE: marked("Try the payout again"),
    Outcome.REFUSE: marked("Give the payout up"),
}
OUTCOME_COLOURS = {Outcome.APPROVE: "green", Outcome.REFUSE: "red", Outcome.RETURN: "yellow"}
ROLES = {
    Role.BORROWER: marked("Borrower"),
    Role.AGENT: marked("Sales agent"),
    Role.MANAGER: marked("Loan manager"),
    Role.RISK: marked("Risk lead"),
    Role.FINANCE: marked("Finance"),
    Role.AUDITOR: marked("Auditor"),
    Role.ADMIN: marked("Administrator"),
    Role.INTEGRATOR: marked("Integrator"),
    Role.SYSTEM: marked("System"),
}
ROLE_DUTIES = {
    Role.AGENT: marked("Enters applications, completes cases, follows up overdue loans of own customers."),
    Role.MANAGER: marked("Decides applications of the team and sees its loans."),
    Role.RISK: marked("Decides what is escalated and sees all loans."),
    Role.FINANCE: marked("Sees to failed payouts and unmatched money; never changes the terms of a loan."),
    Role.AUDITOR: marked("Reads everything, changes nothing."),
    Role.ADMIN: marked("Looks after people, roles and products; decides no loan."),
}
VERDICTS = {
    Verdict.PASSED: marked("Passed"),
    Verdict.FAILED: marked("Failed"),
    Verdict.DOUBTFUL: marked("Doubtful"),
    Verdict.UNAVAILABLE: marked("Not answered"),
}
VERDICT_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.DOUBTFUL: "yellow",
    Verdict.UNAVAILABLE: "secondary",
}
PARTIES = {
    PartyRole.BORROWER: marked("Borrower"),
    PartyRole.JOINT_BORROWER: marked("Joint borrower"),
    PartyRole.GUARANTOR: marked("Guarantor"),
    PartyRole.PAYEE: marked("Payee"),
}
PAYMENT_KINDS = {
    PaymentKind.DISBURSEMENT: marked("Payout"),
    PaymentKind.RECALL: marked("Payout taken back"),
    PaymentKind.INSTALLMENT: marked("Installment drawn"),
    PaymentKind.PREPAYMENT: marked("Prepayment"),
    PaymentKind.SUBSIDY: marked("Interest paid by the state"),
    PaymentKind.DEPOSIT: marked("Transfer received"),
    PaymentKind.REALLOCATION: marked("Unmatched money, booked"),
    PaymentKind.REFUND: marked("Unmatched money, sent back"),
    PaymentKind.CHARGEBACK: marked("Debit taken back by the bank"),
}
PAYMENT_STATUSES = {
    PaymentStatus.ORDERED: marked("Ordered"),
    PaymentStatus.SENT: marked("Sent"),
    PaymentStatus.PENDING: marked("With the bank"),
    PaymentStatus.SETTLED: marked("Done"),
    PaymentStatus.DECLINED: marked("Declined"),
    PaymentStatus.RETURNED: marked("Returned"),
}
PAYMENT_COLOURS = {
    PaymentStatus.ORDERED: "secondary",
    PaymentStatus.SENT: "blue",
    PaymentStatus.PENDING: "blue",
    PaymentStatus.SETTLED: "green",
    PaymentStatus.DECLINED: "red",
    PaymentStatus.RETURNED: "yellow",
}
INSTALLMENTS = {
    "paid": marked("Paid"),
    "overdue": marked("Overdue"),
    "due": marked("Due"),
    "partly": marked("Partly paid"),
    "ahead": marked("To come"),
}
INSTALLMENT_COLOURS = {"paid": "green", "overdue": "red", "due": "yellow", "partly": "blue", "ahead": "secondary"}
WAITS_FOR = {
    "registers": marked("the registers"),
    "bank": marked("the bank"),
    Role.BORROWER.value: marked("the borrower"),
    Role.AGENT.value: marked("the sales agent"),
    Role.MANAGER.value: marked("the loan manager"),
    Role.RISK.value: marked("the risk lead"),
    Role.FINANCE.value: marked("finance"),
}
METHODS = {
    "level_payment": marked("Level payment"),
    "equal_principal": marked("Equal principal"),
    "flat": marked("Flat interest"),
    "interest_only": marked("Interest only"),
    "bullet": marked("Bullet"),
}
CHOICES = METHODS | {
    "consumption": marked("Consumption"),
    "business": marked("Business"),
    "new": marked("New"),
    "new_energy": marked("New energy"),
    "used": marked("Used"),
    "associate": marked("Associate degree"),
    "bachelor": marked("Bachelor's degree"),
    "master": marked("Master's degree"),
    "doctor": marked("Doctorate"),
    "month": marked("Every month"),
    "week": marked("Every week"),
    "quarter": marked("Every quarter"),
    "fixed": marked("Fixed"),
    "floating": marked("Floating with the loan prime rate"),
    "yes": marked("Yes"),
    "no": marked("No"),
}
CHECKS = {
    "identity": marked("Identity register"),
    "bureau": marked("Credit bureau"),
    "enrolment": marked("Student register"),
    "vehicle": marked("Vehicle register"),
}
ANSWERS = {
    "result": marked("Result"),
    "found": marked("Record found"),
    "overdue_count_24m": marked("Times overdue in 24 months"),
    "worst_dpd": marked("Most days past due"),
    "open_loans": marked("Open loans"),
    "debt_fen": marked("Debts"),
    "monthly_payment_fen": marked("Paid on debts a month"),
    "monthly_income_fen": marked("Income a month"),
    "history_months": marked("Months of credit history"),
    "blacklisted": marked("On the list of defaulters"),
    "enrolled": marked("Enrolled"),
    "full_time": marked("Full-time"),
    "school": marked("School"),
    "degree": marked("Degree"),
    "graduates_on": marked("Graduates on"),
    "model": marked("Vehicle model"),
    "price_fen": marked("Price"),
    "new": marked("New vehicle"),
    "mortgaged": marked("Mortgaged"),
    "dealer_matches": marked("Sold by this dealer"),
    "owner_matches": marked("Owned by the borrower"),
}
"""Facts of a register's answer that an approver reads, in their order. Others, such as accounts, are not shown."""

RESULTS = {
    "match": marked("Name, ID number and mobile belong together"),
    "mismatch": marked("They do not belong together"),
    "not_found": marked("No such person"),
}
DOCUMENTS = {
    "id_card": marked("ID card"),
    "income_proof": marked("Proof of income"),
    "bank_statement": marked("Bank statement"),
    "admission_letter": marked("Admission letter"),
    "driving_licence": marked("Driving licence"),
    "vehicle_invoice": marked("Vehicle invoice"),
    "debit_mandate": marked("Mandate to debit"),
    "contract": marked("Loan contract"),
    "statement": marked("Statement"),
    "receipt": marked("Receipt"),
    "settlement_certificate": marked("Settlement certificate"),
}
CARD_RESULTS = {
    CardResult.MATCH: marked("Belongs to him"),
    CardResult.MISMATCH: marked("Does not belong to him"),
    CardResult.NOT_FOUND: marked("No such account"),
    CardResult.CLOSED: marked("The account is closed"),
    "waiting": marked("Not answered yet"),
}
CARD_COLOURS = {
    CardResult.MATCH: "green",
    CardResult.MISMATCH: "red",
    CardResult.NOT_FOUND: "red",
    CardResult.CLOSED: "red",
    "waiting": "yellow",
}
MANDATES = {
    MandateStatus.ORDERED: marked("On its way to the bank"),
    MandateStatus.ACTIVE: marked("In force"),
    MandateStatus.REFUSED: marked("Refused by the bank"),
    MandateStatus.ENDED: marked("Ended"),
}
MANDATE_COLOURS = {
    MandateStatus.ORDERED: "blue",
    MandateStatus.ACTIVE: "green",
    MandateStatus.REFUSED: "red",
    MandateStatus.ENDED: "secondary",
}
MANDATE_SOURCES = {
    MandateSource.CONTRACT: marked("The contract"),
    MandateSource.PAPER: marked("A mandate of its own"),
    MandateSource.TAKEOVER: marked("Taken over with the loan"),
}
CHANNELS = {"sms": marked("Text message"), "wecom": marked("WeCom"), "call": marked("Call"), "note": marked("Note")}
BANK_REASONS = {
    "account_closed": marked("the account is closed"),
    "name_mismatch": marked("the name does not belong to the account"),
    "insufficient_funds": marked("the balance is too small"),
    "unknown_account": marked("there is no such account"),
    "not_sent": marked("not sent, because another payout failed"),
    "outcome_unknown": marked("the bank has not said what became of it"),
    "account_unknown": marked("there is no such account"),
    "account_changed": marked("another account took its place"),
    "mandate_missing": marked("there was no mandate"),
    "mandate_unknown": marked("the bank does not know the mandate"),
    "mandate_exceeded": marked("the mandate does not cover so much"),
    "mandate_refused": marked("the bank does not take the mandate"),
}
ACCOUNT_KINDS = {
    "asset": marked("Asset"),
    "liability": marked("Liability"),
    "equity": marked("Equity"),
    "income": marked("Income"),
    "expense": marked("Expense"),
    "memorandum": marked("Memorandum"),
}
DIRECTIONS = {"in": marked("In"), "out": marked("Out")}
TOLD_BY = {ToldBy.NOTICE: marked("by a notice"), ToldBy.STATEMENT: marked("by the statement")}
PROPOSALS = {ProposalKind.TO_LOAN: marked("Book to a loan"), ProposalKind.REFUND: marked("Send back to the payer")}
MATCH_REASONS = {
    Reason.LOAN_NUMBER: marked("the text names it"),
    Reason.MOBILE: marked("the text has its borrower's mobile"),
    Reason.PARTYS_ACCOUNT: marked("from the account of a party"),
    Reason.ACCOUNT_SEEN: marked("this account paid for it before"),
    Reason.SAME_NAME: marked("the same name"),
    Reason.SIMILAR_NAME: marked("a similar name"),
    Reason.SETTLES: marked("the sum clears the loan"),
    Reason.NEXT_DUE: marked("the sum falls due next"),
    Reason.OVERDUE: marked("the sum is overdue"),
}
DIFFERENCES = {
    DifferenceKind.MISSING_AT_BANK: marked("Missing at the bank"),
    DifferenceKind.MISSING_IN_BOOKS: marked("No notice told of it"),
    DifferenceKind.AMOUNT_DIFFERS: marked("Another amount"),
    DifferenceKind.DATE_DIFFERS: marked("Another date"),
    DifferenceKind.TWICE: marked("Booked twice"),
    DifferenceKind.REVERSED: marked("Taken back by the bank"),
    DifferenceKind.OPENING_BREAKS: marked("The opening balance does not follow the day before"),
    DifferenceKind.CLOSING_BREAKS: marked("The closing balance does not lead to the day after"),
    DifferenceKind.STATEMENT_GAP: marked("No statement came"),
    DifferenceKind.STATEMENT_REFUSED: marked("The statement breaks the rules"),
    DifferenceKind.STATEMENT_CORRECTED: marked("The bank corrected its statement"),
}
REFUSALS = {
    "not_signed_in": marked("Please sign in first."),
    "foreign_form": marked("This form has expired or was sent from another site. Open the page again and repeat."),
    "page_not_found": marked("There is no page at this address."),
    "idempotency_conflict": marked("This form was sent before with other content. Open the page again and repeat."),
    "form_too_large": marked("What was sent is too large for any of our forms. Shorten it and send it again."),
    "unknown_borrower": marked("No loan has this number and these four digits."),
    "too_many_tries": marked("Too many wrong tries. Wait a quarter of an hour."),
    "unknown_loan": marked("There is no such loan, or you may not see it."),
    "unknown_task": marked("There is no such task, or you may not see it."),
    "not_allowed": marked("Your role may not do this."),
    "own_case": marked("You entered this application, so another person must decide it."),
    "task_closed": marked("This task is done already."),
    "task_taken": marked("A colleague has taken this task."),
    "proposal_pending": marked("A proposal waits for a second person. Confirm or refuse it first."),
    "nothing_proposed": marked("Nothing is proposed that could be confirmed or refused."),
    "own_proposal": marked("You proposed this, so another person must confirm it."),
    "refund_impossible": marked("The bank did not say whose account the money came from, so it cannot be sent back."),
    "change_pending": marked("A change of this loan waits for its decision already."),
    "change_stale": marked("The loan has moved on since this was proposed. Refuse it, or have it proposed anew."),
    "change_closed": marked("This proposal does not wait for a decision any more."),
    "unknown_change": marked("There is no such proposal."),
    "own_change": marked("You proposed this or have agreed to it, so another person must decide it."),
    "beyond_authority": marked("Nobody here may decide so much."),
    "invalid_change": marked("This change cannot be made: look at what is asked for, and at where the loan stands."),
    "loan_in_trouble": marked("The loan waits for help. Ask again when it goes on."),
    "debit_under_way": marked("A debit of this loan is under way. Ask again when it is done."),
    "not_signed": marked("Not everybody has signed the contract yet."),
    "contract_not_ready": marked("The contract is being made. Try again in a moment."),
    "already_signed": marked("This person has signed already."),
    "too_many_codes": marked("A code was sent a moment ago. Look at the messages, or wait a minute."),
    "other_document": marked("The contract has changed. Read it and have a new code sent."),
    "ill_formed_code": marked("A code has six digits."),
    "wrong_code": marked("That is not the code that was sent. After five wrong tries a new one is needed."),
    "code_expired": marked("This code is not good any more. Have a new one sent."),
    "code_used_up": marked("The code was entered wrongly too often. Have a new one sent."),
    "unknown_party": marked("This person does not sign this contract."),
    "paper_not_ready": marked("This paper is being made. Look again in a moment."),
    "too_many_papers": marked("This loan has as many papers as it may have."),
    "invalid_paper": marked("This paper cannot be made as asked for."),
    "wrong_stage": marked("The loan has moved on, and this is not possible any more."),
    "invalid_decision": marked("The decision is not complete. See the marked fields."),
    "invalid_prepayment": marked("This prepayment cannot be taken: one is under way already, or nothing is left."),
    "prepayment_declined": marked("The bank declined the prepayment. Nothing was taken from the account."),
    "outcome_unknown": marked("The bank has not answered yet. The prepayment is booked as soon as it does."),
    "loan_not_running": marked("The loan takes no orders now: it has just been entered, or it is closed."),
    "engine_busy": marked("Too many orders to this loan at once. Try again in a moment."),
    "engine_unavailable": marked("The system did not answer in time. Look at the loan before you try again."),
    "books_unavailable": marked("The books did not answer. Try again in a moment."),
    "invalid_month": marked("A month is written with year and month, such as 2026-01."),
    "period_not_over": marked("This month is not over yet; it can be closed from the day after its last."),
    "period_closed": marked("This month is closed already, or nothing was ever booked in it."),
    "earlier_period_open": marked("An earlier month is still open. Close it first."),
    "month_end_outstanding": marked("The end of this month is not posted for every loan yet. Try again when it is."),
    "unknown_ledger_account": marked("The chart of accounts has no such account."),
    "invalid_period": marked("A period begins before it ends and has at most a year."),
    "consent_missing": marked(
        "The guarantors have not agreed to this, and would not answer for it. Have it proposed anew with their consent."
    ),
    "cost_above_cap": marked(
        "The loan would cost more a year than the rule in force allows. Both figures stand beside the decision."
    ),
    "entrusted_payment_required": marked(
        "So much money may not go to the borrower's own card: the payee must be named and is paid directly."
    ),
    "payout_does_not_add_up": marked(
        "The payees of this product would not receive exactly what is lent. The product's module must be corrected."
    ),
    "no_rule_in_force": marked("No rule of the law is recorded for this product and day, so it cannot be allowed."),
    "account_not_verified": marked("The account is not checked yet. Try again in a moment."),
    "account_refused": marked("The account does not belong to the borrower or is closed. Another one is needed."),
    "too_many_checks": marked("The account was checked too often today. Ask again tomorrow."),
    "no_mandate": marked("No mandate to debit the account is in force. Transfer the money, or have a mandate signed."),
    "no_mandate_paper": marked("No mandate waits for a signature."),
    "invalid_account": marked("The account cannot be taken: look at its digits, and at the consent or confirmation."),
    "unknown_account_party": marked("Nobody of this id has an account in this loan."),
    "account_in_use": marked("Money may be on its way to or from this account. Wait for the bank's answer."),
    "account_change_pending": marked("A change of account waits for its decision already."),
    "payee_unknown": marked("The register names no account to pay to. Send the case back and have it asked again."),
}
"""Refusals by their code. One without a sentence here is shown in its own English words."""

_GROUPS: Mapping[str, Mapping[Any, str]] = {
    "stage": STAGES,
    "task": TASK_KINDS,
    "change": CHANGES,
    "change_status": CHANGE_STATUSES,
    "deferred": DEFERRED,
    "component": COMPONENTS,
    "channel_of_money": CHANNELS_OF_MONEY,
    "outcome": OUTCOMES,
    "decided": DECIDED,
    "payout_outcome": PAYOUT_OUTCOMES,
    "role": ROLES,
    "duty": ROLE_DUTIES,
    "verdict": VERDICTS,
    "party": PARTIES,
    "payment": PAYMENT_KINDS,
    "payment_status": PAYMENT_STATUSES,
    "installment": INSTALLMENTS,
    "waits_for": WAITS_FOR,
    "choice": CHOICES,
    "method": METHODS,
    "check": CHECKS,
    "answer": ANSWERS,
    "result": RESULTS,
    "document": DOCUMENTS,
    "channel": CHANNELS,
    "bank_reason": BANK_REASONS,
    "card_result": CARD_RESULTS,
    "mandate": MANDATES,
    "mandate_source": MANDATE_SOURCES,
    "account_kind": ACCOUNT_KINDS,
    "direction": DIRECTIONS,
    "told_by": TOLD_BY,
    "proposal": PROPOSALS,
    "match_reason": MATCH_REASONS,
    "difference": DIFFERENCES,
}
_COLOURS: Mapping[str, Mapping[Any, str]] = {
    "stage": STAGE_COLOURS,
    "decided": OUTCOME_COLOURS,
    "change_status": CHANGE_COLOURS,
    "verdict": VERDICT_COLOURS,
    "payment_status": PAYMENT_COLOURS,
    "installment": INSTALLMENT_COLOURS,
    "card_result": CARD_COLOURS,
    "mandate": MANDATE_COLOURS,
}


def label(spelling: str, group: str, language: Language) -> str:
    """A stored spelling in words; one that a new module brought stands for itself."""
    sentence = _GROUPS[group].get(spelling)
    return language.say(sentence) if sentence else str(spelling)


def colour(spelling: str, group: str) -> str:
    """The colour of a badge, never its only sign."""
    return _COLOURS[group].get(spelling, "secondary")


def refusal(code: str, sentence: str, language: Language) -> str:
    """A refusal as a person reads it."""
    known = REFUSALS.get(code)
    return language.say(known) if known else sentence
