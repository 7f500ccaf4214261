"""The score of a case by the scorecard in force: a policy named `scorecard-<product>`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from books.session import UnitOfWork
from lending.scorecard import Scorecard, Scored
from models.policies import PolicyKind
from services.policy_kinds import BEHAVIOUR_CARD, name_of, scope_of

BEHAVIOUR = scope_of(BEHAVIOUR_CARD)
"""The scope of the scorecard of running loans; all others are products."""

_cards: dict[str, Scorecard] = {}
"""By id of the version, whose content never changes."""


def scorecard_name(scope: str) -> str:
    """The name of the scorecard of a product, or of `behaviour`."""
    return name_of(PolicyKind.SCORECARD, scope)


def score_of(work: UnitOfWork, scope: str, day: date, facts: Mapping[str, Any]) -> Scored | None:
    """The score of a case by the version in force on a day; None where no scorecard is.

    `scope` is a product's code, or `behaviour`. Facts that are missing fall into the missing bins; one of another type
    than the card says is FactOfAnotherType.
    """
    champion = work.policies.in_force(scorecard_name(scope), day).champion
    return None if champion is None else score_by(work, champion.policy_id, facts)


def score_facts(scored: Scored | None) -> dict[str, Any]:
    """What a score, or that there is none, is to the tables that are asked after it."""
    return {"score": 0 if scored is None else scored.points, "score_known": scored is not None}


def score_by(work: UnitOfWork, policy_id: str, facts: Mapping[str, Any]) -> Scored:
    """The score of a case by one version, whether in force or not."""
    return replace(scorecard(work, policy_id).score(facts), policy_id=policy_id)


def scorecard(work: UnitOfWork, policy_id: str) -> Scorecard:
    """A version in the books, ready to score; its content is read once a process."""
    card = _cards.get(policy_id)
    if card is None:
        card = _cards[policy_id] = Scorecard.parse(work.policies.get(policy_id).content)
    return card
