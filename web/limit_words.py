"""The words of limits and published rates: kinds, states, licences, and what their forms ask for."""

from lending.floating_clause import Tenor
from models.limits import LimitKind
from web.language import marked

LIMIT_KINDS = {
    LimitKind.PRIME_RATE: marked("Loan prime rate"),
    LimitKind.COST_CAP: marked("Highest cost a year"),
    LimitKind.OWN_CARD: marked("Most to the borrower's own card"),
}
TENORS = {Tenor.ONE_YEAR: marked("One year"), Tenor.OVER_FIVE_YEARS: marked("Over five years")}
LICENCES = {
    "bank": marked("Banks"),
    "consumer_finance": marked("Consumer finance companies"),
    "auto_finance": marked("Auto finance companies"),
    "microloan": marked("Microloan companies"),
}
