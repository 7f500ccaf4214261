"""The words of screenings and of what a household states."""

from models.screening import ListingStatus
from services.document_lists import DocumentStanding
from web.language import marked

LISTINGS = {
    ListingStatus.OPEN: marked("Waits for a second person"),
    ListingStatus.IN_FORCE: marked("On the list"),
    ListingStatus.REMOVING: marked("On the list, to be taken off"),
    ListingStatus.REMOVED: marked("Taken off"),
    ListingStatus.REFUSED: marked("Not put on"),
}
LISTING_COLOURS = {
    ListingStatus.OPEN: "yellow",
    ListingStatus.IN_FORCE: "red",
    ListingStatus.REMOVING: "orange",
    ListingStatus.REMOVED: "secondary",
    ListingStatus.REFUSED: "secondary",
}
SCREENINGS = {
    "own_list": marked("The lender's own list"),
    "provider": marked("Screening provider"),
}
STANDINGS = {
    DocumentStanding.HANDED_IN: marked("Handed in"),
    DocumentStanding.MISSING: marked("Missing"),
    DocumentStanding.UNREAD: marked("Not read yet"),
    DocumentStanding.IN_DOUBT: marked("In doubt"),
}
STANDING_COLOURS = {
    DocumentStanding.HANDED_IN: "green",
    DocumentStanding.MISSING: "red",
    DocumentStanding.UNREAD: "blue",
    DocumentStanding.IN_DOUBT: "yellow",
}
CIRCUMSTANCES = {
    "low_income_certificate": marked("Certificate of low income"),
    "orphan": marked("Orphan"),
    "disability": marked("Disability in the family"),
    "natural_disaster": marked("Natural disaster"),
    "single_parent": marked("One parent alone"),
    "serious_illness": marked("Serious illness in the family"),
}
