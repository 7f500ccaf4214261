"""Asset quality by rules that are data: which class a loan is in, and what is set aside for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from lending.account import FIVE_CLASS_2023, Classification, ClassThreshold, classify
from lending.dated import Scope, rule_in_force


@dataclass(frozen=True, slots=True)
class ClassificationRule:
    """From how many days past due on a loan is of which class, where the rule holds."""

    scope: Scope
    thresholds: tuple[ClassThreshold, ...]


@dataclass(frozen=True, slots=True)
class ProvisionRule:
    """What share of a loan's balance is set aside for each class, in percent, where the rule holds."""

    scope: Scope
    percent: Mapping[Classification, Decimal]


SHIPPED_CLASSES = (ClassificationRule(Scope(date(2023, 7, 1)), FIVE_CLASS_2023),)
"""Rules to begin with: risk classification of commercial banks' financial assets, in force since 1 July 2023."""

SHIPPED_PROVISIONS = (
    ProvisionRule(
        Scope(date(2002, 1, 1)),
        {
            Classification.NORMAL: Decimal(1),
            Classification.SPECIAL_MENTION: Decimal(2),
            Classification.SUBSTANDARD: Decimal(25),
            Classification.DOUBTFUL: Decimal(50),
            Classification.LOSS: Decimal(100),
        },
    ),
)
"""Rules to begin with: the general and the special provisions of the central bank's guidance of 2002."""


def class_on(rules: Iterable[ClassificationRule], day: date, dpd: int, licence: str | None = None) -> Classification:
    """The class of a loan that is so many days past due, by the rule in force for the licence on a day."""
    return classify(dpd, rule_in_force(rules, day, licence=licence).thresholds)


def provision_fen(
    rules: Iterable[ProvisionRule],
    day: date,
    classification: Classification,
    balance_fen: int,
    product: str | None = None,
    licence: str | None = None,
) -> int:
    """What is to be set aside for a balance of that class, in fen, a half rounded up."""
    rule = rule_in_force(rules, day, product, licence)
    share = rule.percent[classification] / 100 * balance_fen
    return int(share.quantize(Decimal(1), ROUND_HALF_UP))
