"""Entrusted payment: from which amount a payout goes straight to whom the borrower buys from, not to his own card."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from lending.dated import UNNAMED, Scope, Source, rule_in_force
from lending.errors import LendingError
from lending.money import yuan


@dataclass(frozen=True, slots=True)
class OwnCardRule:
    """The most of a payout that may go to the borrower's own card, in fen; above it the payee is named and paid."""

    scope: Scope
    most_fen: int
    source: Source = UNNAMED


class EntrustedPaymentRequired(LendingError):
    """So much money must go straight to a named payee."""

    code: ClassVar[str] = "entrusted_payment_required"
    http_status: ClassVar[int] = 409

    def __init__(self, own_fen: int, rule: OwnCardRule) -> None:
        self.own_fen, self.rule = own_fen, rule
        source = f", {rule.source.en}" if rule.source.en else ""
        super().__init__(
            f"{yuan(own_fen)} would go to the borrower's own card; above {yuan(rule.most_fen)} the money goes straight "
            f"to a named payee (the rule of {rule.scope.since}{source})"
        )


def own_card_rule(
    rules: Iterable[OwnCardRule], on: date, product: str | None = None, licence: str | None = None
) -> OwnCardRule:
    """The rule for a payout of that day (see `rule_in_force`)."""
    return rule_in_force(rules, on, product, licence)


def require_entrusted(own_fen: int, rule: OwnCardRule) -> None:
    """Refuses more than the rule allows on the borrower's own card with `EntrustedPaymentRequired`."""
    if own_fen > rule.most_fen:
        raise EntrustedPaymentRequired(own_fen, rule)
