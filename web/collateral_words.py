"""Collateral in words: what is asked of it, and what is entered as a proof."""

from models.collateral import ConditionKind
from web.language import marked

CONDITIONS = {
    ConditionKind.REGISTRATION: marked("The mortgage is registered"),
    ConditionKind.INSURANCE: marked("The vehicle is insured, with the lender named first"),
    ConditionKind.RELEASE: marked("The mortgage is released and the certificate handed back"),
    "dealer": marked("The lender works with the dealer again"),
    "documents": marked("The lender has looked at every document"),
    "documents_refused": marked("What was not taken is handed in again"),
}
"""What is asked; beside the kinds, what else keeps a payout back."""
EVIDENCE = {
    ConditionKind.REGISTRATION: marked("Registration of the mortgage"),
    ConditionKind.INSURANCE: marked("Insurance policy"),
    ConditionKind.RELEASE: marked("Release of the mortgage"),
}
ENTER_EVIDENCE = {
    ConditionKind.REGISTRATION: marked("Enter the registration"),
    ConditionKind.INSURANCE: marked("Enter the insurance"),
    ConditionKind.RELEASE: marked("Enter the release"),
}
