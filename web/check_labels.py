"""What checks, verdicts and authorisations are called on pages."""

from models.verification import AuthorisationKind, AuthorisationMethod, Verdict
from web.language import marked

VERDICTS = {
    Verdict.PASSED: marked("Passed"),
    Verdict.FAILED: marked("Failed"),
    Verdict.DOUBTFUL: marked("Doubtful"),
    Verdict.UNAVAILABLE: marked("Not answered"),
    Verdict.MALFORMED: marked("Answer cannot be read"),
    Verdict.NOT_AUTHORISED: marked("Not asked: no authorisation"),
}
VERDICT_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.DOUBTFUL: "yellow",
    Verdict.UNAVAILABLE: "secondary",
    Verdict.MALFORMED: "secondary",
    Verdict.NOT_AUTHORISED: "secondary",
}
CHECKS = {
    "identity": marked("Identity register"),
    "bureau": marked("Credit bureau"),
    "enrolment": marked("Student register"),
    "vehicle": marked("Vehicle register"),
    "screening": marked("Screening provider"),
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
    "mileage_km": marked("Kilometres driven"),
    "valuation_fen": marked("Valuation"),
    "dealer_matches": marked("Sold by this dealer"),
    "owner_matches": marked("Owned by the borrower"),
}
"""Facts of a register's answer that an approver reads, in their order. Others, such as accounts, are not shown."""
RESULTS = {
    "match": marked("Name, ID number and mobile belong together"),
    "mismatch": marked("They do not belong together"),
    "not_found": marked("No such person"),
}
AUTHORISATIONS = {
    AuthorisationKind.REGISTERS: marked("Registers may be asked"),
    AuthorisationKind.SENSITIVE: marked("Sensitive data may be used"),
}
AUTHORISATION_METHODS = {
    AuthorisationMethod.CODE: marked("by a code to his mobile"),
    AuthorisationMethod.SIGNED_IN: marked("in his own sign-in"),
    AuthorisationMethod.ATTESTED: marked("attested"),
}
