"""The words of screenings."""

from models.screening import ListingStatus
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
