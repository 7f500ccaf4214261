"""The words of facts that every case has, and of what a student's household states."""

from web.language import marked

CORE_FACTS = {
    "age_years": marked("Age"),
    "age_at_end_years": marked("Age at the end of the term"),
    "exposure_fen": marked("Owed here already, or approved"),
    "open_loans": marked("Loans that are owed here"),
    "lent_this_year_fen": marked("Lent this year by the same product"),
    "worst_own_dpd": marked("Most days past due here in 24 months"),
    "screening_hit": marked("On a list"),
    "screening_known": marked("Screened on every list"),
    "documents_complete": marked("All documents are there"),
    "documents_unread": marked("A document waits to be read"),
    "documents_doubtful": marked("A document is in doubt"),
    "score": marked("Score"),
    "score_known": marked("Has a score"),
}
CIRCUMSTANCES = {
    "low_income_certificate": marked("Certificate of low income"),
    "orphan": marked("Orphan"),
    "disability": marked("Disability in the family"),
    "natural_disaster": marked("Natural disaster"),
    "single_parent": marked("One parent alone"),
    "serious_illness": marked("Serious illness in the family"),
}
STUDENT_FACTS = CIRCUMSTANCES | {
    "household_size_known": marked("The size of the household is stated"),
    "household_size": marked("People in the household"),
    "income_per_head_fen": marked("Income a head and year"),
    "burdens": marked("Burdens of the household"),
    "fees_fen": marked("Fees a year"),
    "living_costs_known": marked("Living costs are stated"),
    "living_costs_fen": marked("Living costs a year"),
    "hardship_level": marked("Level of hardship"),
    "share_bp": marked("Share of the need that may be lent"),
    "yearly_limit_fen": marked("Yearly limit"),
    "hardship_fen": marked("Most that may be lent by need and year"),
}
