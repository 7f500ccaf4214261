"""Every stored spelling in words. Sentences are marked here and translated where they are shown."""

from collections.abc import Mapping
from typing import Any

from lending.errors import LendingError
from lending.events import PrepaymentEffect
from models.accounts import CardResult, MandateSource, MandateStatus
from models.changes import REVERSAL, ChangeKind, ChangeStatus
from models.customers import PartyRole
from models.loans import Stage
from models.notices import ReplyChannel
from models.payments import PaymentKind, PaymentStatus, ProposalKind, ToldBy
from models.reconciliation import DifferenceKind
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services.bulk_decisions import NotSimple
from services.errors import AboveAuthority
from services.matching import Reason
from services.reveals import Revealed
from web.audit_words import REPLAY_COLOURS, REPLAYS, RUN_ENDS, RUN_SOURCES, STEP_COLOURS, STEPS, STORY_DIFFERENCES
from web.check_labels import ANSWERS as ANSWERS
from web.check_labels import AUTHORISATION_METHODS, AUTHORISATIONS, RESULTS, VERDICT_COLOURS, VERDICTS
from web.check_labels import CHECKS as CHECKS
from web.collateral_words import CONDITIONS, ENTER_EVIDENCE, EVIDENCE
from web.document_words import STANDING_COLOURS, STANDINGS
from web.fact_words import CIRCUMSTANCES, CORE_FACTS, STUDENT_FACTS
from web.language import Language, marked
from web.limit_words import LICENCES, LIMIT_KINDS, TENORS
from web.policy_words import (
    FACTS,
    POLICY_ANSWERS,
    POLICY_COLOURS,
    POLICY_KINDS,
    POLICY_OUTCOMES,
    POLICY_PARTS,
    POLICY_SCOPES,
    POLICY_STATES,
    POLICY_STEPS,
)
from web.proving_words import FINDINGS
from web.refusal_words import NO_AUTHORITY, NOT_SIMPLE, REFUSALS
from web.screening_words import LISTING_COLOURS, LISTINGS, SCREENINGS
from web.sign_in_words import METHODS as SIGN_INS
from web.warning_words import BEHAVIOUR_FACTS, URGENCIES, URGENCY_COLOURS, WARNING_CAUSES

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
    TaskKind.DOCUMENT: marked("Documents in doubt"),
    TaskKind.DOCUMENT_AGAIN: marked("Get a document anew"),
    TaskKind.EARLY_WARNING: marked("Early warning"),
    TaskKind.REGISTRATION: marked("Register the mortgage"),
    TaskKind.INSURANCE: marked("Insurance of the vehicle"),
    TaskKind.EVIDENCE: marked("Confirm a proof"),
    TaskKind.RELEASE: marked("Release the mortgage"),
}
CHANGES = {
    ChangeKind.DEFERRAL: marked("Deferral"),
    ChangeKind.RESTRUCTURING: marked("Restructuring"),
    ChangeKind.RATE_CHANGE: marked("Change of rate"),
    ChangeKind.WAIVER: marked("Waiver"),
    ChangeKind.FEE: marked("Fee"),
    ChangeKind.WRITE_OFF: marked("Write-off"),
    ChangeKind.CORRECTION: marked("Money posted by hand"),
    REVERSAL: marked("Reversal of a payment"),
    "cash": marked("Posting of cash"),
    "other_account": marked("Posting of money on another account"),
    "set_off": marked("Posting of a set-off"),
    "court": marked("Posting of money from the court"),
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
PREPAYMENTS = {
    "settle": marked("Pay everything back"),
    PrepaymentEffect.REDUCE_INSTALLMENT: marked("Pay a part, for lower installments"),
    PrepaymentEffect.REDUCE_TERM: marked("Pay a part, for fewer installments"),
    PrepaymentEffect.ADVANCE_DUE: marked("Pay the next installments ahead"),
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
    Role.CO_SIGNER: marked("Co-signer"),
    Role.AGENT: marked("Sales agent"),
    Role.MANAGER: marked("Loan manager"),
    Role.RISK: marked("Risk lead"),
    Role.FINANCE: marked("Finance"),
    Role.AUDITOR: marked("Auditor"),
    Role.ADMIN: marked("Administrator"),
    Role.INTEGRATOR: marked("Integrator"),
    Role.SYSTEM: marked("System"),
    Role.STRANGER: marked("Stranger"),
}
ROLE_DUTIES = {
    Role.AGENT: marked("Completes cases, hands in documents and follows up overdue loans of own customers."),
    Role.MANAGER: marked("Decides applications of the team and sees its loans."),
    Role.RISK: marked("Decides what is escalated and sees all loans."),
    Role.FINANCE: marked("Sees to failed payouts and unmatched money; never changes the terms of a loan."),
    Role.AUDITOR: marked("Reads everything, changes nothing."),
    Role.ADMIN: marked("Reads loans, tasks and rules; decides no loan."),
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
    "written_off": marked("Written off"),
    "paid": marked("Paid"),
    "overdue": marked("Overdue"),
    "due": marked("Due"),
    "partly": marked("Partly paid"),
    "ahead": marked("To come"),
}
INSTALLMENT_COLOURS = {
    "written_off": "red",
    "paid": "green",
    "overdue": "red",
    "due": "yellow",
    "partly": "blue",
    "ahead": "secondary",
}
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
CHOICES = (
    METHODS
    | CIRCUMSTANCES
    | {
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
        "at_school": marked("At the school"),
        "at_home": marked("At the place of origin, with a parent"),
    }
)
DOCUMENTS = {
    "id_card": marked("ID card"),
    "income_proof": marked("Proof of income"),
    "bank_statement": marked("Bank statement"),
    "admission_letter": marked("Admission letter"),
    "hardship_proof": marked("Proof of hardship"),
    "driving_licence": marked("Driving licence"),
    "vehicle_invoice": marked("Vehicle invoice"),
    "vehicle_registration": marked("Registration of the mortgage"),
    "insurance_policy": marked("Insurance policy"),
    "debit_mandate": marked("Mandate to debit"),
    "authorisation": marked("Authorisation to be looked up"),
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
REVEALED = {
    Revealed.ID_NUMBER: marked("ID number"),
    Revealed.MOBILE: marked("Mobile number"),
    Revealed.ACCOUNT: marked("Account"),
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
CHANNELS = {
    "sms": marked("Text message"),
    ReplyChannel.CALL: marked("Call"),
    ReplyChannel.VISIT: marked("Visit"),
    ReplyChannel.MESSAGE: marked("Message"),
}
BANK_REASONS = {
    "account_closed": marked("the account is closed"),
    "name_mismatch": marked("the name does not belong to the account"),
    "account_blocked": marked("the account is blocked"),
    "declined_by_bank": marked("the bank gave no reason"),
    "insufficient_funds": marked("the balance is too small"),
    "unknown_account": marked("there is no such account"),
    "not_sent": marked("not sent, because another payout failed"),
    "closer_look": marked("held back until risk has looked at it"),
    "outcome_unknown": marked("the bank has not said what became of it"),
    "account_unknown": marked("there is no such account"),
    "account_changed": marked("another account took its place"),
    "mandate_missing": marked("there was no mandate"),
    "mandate_unknown": marked("the bank does not know the mandate"),
    "mandate_exceeded": marked("the mandate does not cover so much"),
    "mandate_refused": marked("the bank does not take the mandate"),
}
OTHER_BANK_REASON = marked("a reason of the bank's own (%(code)s)")
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
_GROUPS: Mapping[str, Mapping[Any, str]] = {
    "stage": STAGES,
    "task": TASK_KINDS,
    "change": CHANGES,
    "change_status": CHANGE_STATUSES,
    "prepayment": PREPAYMENTS,
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
    "authorisation": AUTHORISATIONS,
    "authorisation_method": AUTHORISATION_METHODS,
    "condition": CONDITIONS,
    "evidence": EVIDENCE,
    "enter_evidence": ENTER_EVIDENCE,
    "card_result": CARD_RESULTS,
    "mandate": MANDATES,
    "revealed": REVEALED,
    "mandate_source": MANDATE_SOURCES,
    "account_kind": ACCOUNT_KINDS,
    "direction": DIRECTIONS,
    "told_by": TOLD_BY,
    "proposal": PROPOSALS,
    "match_reason": MATCH_REASONS,
    "difference": DIFFERENCES,
    "policy_kind": POLICY_KINDS,
    "policy_scope": POLICY_SCOPES,
    "policy_answer": POLICY_ANSWERS,
    "policy_state": POLICY_STATES,
    "policy_step": POLICY_STEPS,
    "policy_part": POLICY_PARTS,
    "policy_outcome": POLICY_OUTCOMES,
    "fact": FACTS | CORE_FACTS | STUDENT_FACTS | BEHAVIOUR_FACTS,
    "limit_kind": LIMIT_KINDS,
    "licence": LICENCES,
    "tenor": TENORS,
    "listing": LISTINGS,
    "screening": SCREENINGS,
    "sign_in": SIGN_INS,
    "standing": STANDINGS,
    "urgency": URGENCIES,
    "story_difference": STORY_DIFFERENCES,
    "run_source": RUN_SOURCES,
    "run_end": RUN_ENDS,
    "replay": REPLAYS,
    "finding": FINDINGS,
    "step_outcome": STEPS,
    "warning_cause": WARNING_CAUSES,
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
    "policy_state": POLICY_COLOURS,
    "listing": LISTING_COLOURS,
    "standing": STANDING_COLOURS,
    "urgency": URGENCY_COLOURS,
    "replay": REPLAY_COLOURS,
    "step_outcome": STEP_COLOURS,
}


def label(spelling: str, group: str, language: Language) -> str:
    """A stored spelling in words; one that a new module brought stands for itself."""
    sentence = _GROUPS[group].get(spelling)
    if sentence is None and group == "bank_reason":
        return language.say(OTHER_BANK_REASON, code=spelling)
    return language.say(sentence) if sentence else str(spelling)


def colour(spelling: str, group: str) -> str:
    """The colour of a badge, never its only sign."""
    return _COLOURS[group].get(spelling, "secondary")


def refusal(error: LendingError, language: Language) -> str:
    """A refusal as a person reads it."""
    known = REFUSALS.get(error.code)
    if isinstance(error, NotSimple):
        known = NOT_SIMPLE[error.cause]
    elif isinstance(error, AboveAuthority) and not error.most_fen:
        known = NO_AUTHORITY
    return language.say(known) if known else str(error)
