"""Early warnings in words: urgency, what changed, and the facts that behaviour and reminders go by."""

from lending import behaviour
from web.language import marked

URGENCIES = {"serious": marked("Serious"), "watch": marked("To be watched")}
URGENCY_COLOURS = {"serious": "red", "watch": "yellow"}
WARNING_CAUSES = {
    behaviour.TWO_FAILED_DEBITS: marked("two failed debits"),
    behaviour.DEBITS_STOPPED: marked("the account cannot be debited"),
    behaviour.BLACKLISTED: marked("listed as a defaulter"),
    behaviour.OTHER_LOAN_LATE: marked("another loan is late"),
    behaviour.HARDSHIP_REPORTED: marked("a deferral was asked for"),
    behaviour.UNREACHABLE: marked("messages stay unanswered"),
    behaviour.BAND_FELL: marked("the score is low"),
    behaviour.POINTS_DROPPED: marked("the score fell sharply"),
}
BEHAVIOUR_FACTS = {
    "months_on_book": marked("Months since the payout"),
    "dpd": marked("Days past due"),
    "times_late_3m": marked("Installments late in 3 months"),
    "times_late_6m": marked("Installments late in 6 months"),
    "times_late_12m": marked("Installments late in 12 months"),
    "worst_dpd_1m": marked("Most days past due in a month"),
    "worst_dpd_3m": marked("Most days past due in 3 months"),
    "worst_dpd_6m": marked("Most days past due in 6 months"),
    "worst_dpd_12m": marked("Most days past due in 12 months"),
    "unpaid_installments": marked("Installments unpaid"),
    "unpaid_trend_3m": marked("Installments unpaid, more than 3 months ago"),
    "paid_early_bp": marked("Installments paid early"),
    "paid_in_parts_bp": marked("Installments paid in parts"),
    "repaid_bp": marked("Principal repaid"),
    "failed_debits_1m": marked("Failed debits in a month"),
    "failed_debits_3m": marked("Failed debits in 3 months"),
    "failed_debits_12m": marked("Failed debits in 12 months"),
    "debits_stopped": marked("The account cannot be debited"),
    "unanswered_3m": marked("Messages unanswered in 3 months"),
    "account_changed_6m": marked("Account changed in 6 months"),
    "contact_changed_12m": marked("Another mobile given in 12 months"),
    "deferral_asked_12m": marked("Deferral asked for in 12 months"),
    "restructured_12m": marked("Deferred or restructured in 12 months"),
    "other_loans": marked("Other loans"),
    "other_outstanding_fen": marked("Principal of other loans"),
    "other_dpd": marked("Days past due of other loans"),
    "bureau_months": marked("Months since the credit bureau answered"),
    "bureau_debt_bp": marked("Share of income for debts, by the credit bureau"),
    "bureau_blacklisted": marked("On the credit bureau's list of defaulters"),
    "first_installment": marked("The first installment is to come"),
    "was_late": marked("Was late before"),
    "high_risk": marked("High risk"),
}
