"""Who plays what in the demonstration: by the references of `examples/applications.csv`, all of made-up people."""

from enum import StrEnum


class Part(StrEnum):
    """What becomes of a loan besides being repaid."""

    ASKS_FOR_TIME = "asks_for_time"
    GETS_ANOTHERS_MONEY = "gets_anothers_money"
    SENDS_TO_THE_WRONG_LOAN = "sends_to_the_wrong_loan"
    IS_LET_OFF_PENALTY = "is_let_off_penalty"
    IS_CHARGED_A_FEE = "is_charged_a_fee"
    PAYS_IN_CASH = "pays_in_cash"
    GETS_A_NEW_SCHEDULE = "gets_a_new_schedule"
    STOPS_PAYING = "stops_paying"


PARTS = {
    "EX-005": Part.ASKS_FOR_TIME,
    "EX-009": Part.GETS_ANOTHERS_MONEY,
    "EX-011": Part.SENDS_TO_THE_WRONG_LOAN,
    "EX-018": Part.IS_LET_OFF_PENALTY,
    "EX-019": Part.IS_CHARGED_A_FEE,
    "EX-020": Part.PAYS_IN_CASH,
    "EX-021": Part.GETS_A_NEW_SCHEDULE,
    "EX-022": Part.STOPS_PAYING,
    "EX-043": Part.STOPS_PAYING,
}
"""References and parts. In a file of other references nobody has one."""


def part_of(idempotency_key: str) -> Part | None:
    """The part of a loan, by the key under which the import took its application in."""
    return PARTS.get(idempotency_key.rpartition(":")[2])
