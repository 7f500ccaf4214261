"""The words of the rules: states, parts, classes of the migration matrix, and the facts that rows compare."""

from models.policies import PolicyPart, PolicyState, PolicyStepKind
from web.language import marked

POLICY_STATES = {
    PolicyState.DRAFT: marked("Draft with problems"),
    PolicyState.CHECKED: marked("Checked"),
    PolicyState.BACKTESTED: marked("Back-tested"),
    PolicyState.SCHEDULED: marked("Waits for its first day"),
    PolicyState.IN_FORCE: marked("In force"),
    PolicyState.CHALLENGER: marked("Challenger"),
    PolicyState.RETIRED: marked("Retired"),
}
POLICY_COLOURS = {
    PolicyState.DRAFT: "red",
    PolicyState.CHECKED: "blue",
    PolicyState.BACKTESTED: "indigo",
    PolicyState.SCHEDULED: "cyan",
    PolicyState.IN_FORCE: "green",
    PolicyState.CHALLENGER: "yellow",
    PolicyState.RETIRED: "secondary",
}
POLICY_STEPS = {
    PolicyStepKind.CHECKED: marked("Checked"),
    PolicyStepKind.BACKTESTED: marked("Back-tested"),
    PolicyStepKind.PUBLISHED: marked("Published"),
    PolicyStepKind.RETIRED: marked("Retired"),
}
POLICY_PARTS = {
    PolicyPart.CHAMPION: marked("To decide every case"),
    PolicyPart.CHALLENGER: marked("As challenger"),
}
POLICY_OUTCOMES = {"refer": marked("To a person"), "refuse": marked("Refused"), "refused": marked("Refused")}
FACTS = {
    "outcome": marked("Outcome"),
    "grade": marked("Grade"),
    "limit_fen": marked("Limit"),
    "limit": marked("Limit"),
    "rate": marked("Rate"),
    "annual_rate_percent": marked("Rate"),
    "reasons": marked("Reasons"),
    "day": marked("Business date"),
    "amount_fen": marked("Amount"),
    "term": marked("Term in months"),
    "identity_known": marked("The identity register answered"),
    "identity_matches": marked("Name and ID number belong together"),
    "enrolment_known": marked("The student register answered"),
    "full_time_student": marked("Full-time student"),
    "school_matches": marked("The school is as stated"),
    "degree_matches": marked("The degree is as stated"),
    "graduation_matches": marked("The graduation date is as stated"),
    "degree": marked("Degree"),
    "household_income_fen": marked("Household income a year"),
    "bureau_known": marked("The credit bureau answered"),
    "bureau_found": marked("Has a credit record"),
    "blacklisted": marked("On the list of defaulters"),
    "worst_dpd": marked("Most days past due"),
    "overdue_count_24m": marked("Times overdue in 24 months"),
    "history_months": marked("Months of credit history"),
    "income_known": marked("Income is known"),
    "debt_ratio_bp": marked("Share of income for debts"),
    "stated_to_known_income_bp": marked("Stated income to known income"),
    "vehicle_known": marked("The vehicle register answered"),
    "vehicle_found": marked("The vehicle is registered"),
    "dealer_licensed": marked("The dealer is licensed"),
    "dealer_matches": marked("Sold by this dealer"),
    "mortgaged": marked("Mortgaged"),
    "condition": marked("Condition"),
    "condition_matches": marked("The condition is as stated"),
    "ltv_bp": marked("Loan to value"),
}
