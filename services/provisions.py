"""What is set aside for loans that may not come back, by class."""

from collections.abc import Iterator, Mapping

from lending.account import Classification
from lending.money import Rounding, round_ratio
from models import ledger as chart
from services.account_figures import Moved, net
from services.ledger import Line, signed_line


def provision(principal_fen: int, classification: Classification, rates: Mapping[Classification, int]) -> int:
    """The provision for a loan in fen: its principal times its class's rate in basis points, rounded half up.

    KeyError for a class without a rate: a loan must not lose its provision because a rate was forgotten.
    """
    return round_ratio(principal_fen * rates[classification], 10_000, Rounding.HALF_UP)


def provision_lines(moved: Moved, classification: Classification, provision_fen: int) -> Iterator[Line]:
    """The change from what a loan's postings set aside: into its class, and out of every other."""
    for one, allowance in chart.ALLOWANCES.items():
        wanted = provision_fen if one is classification else 0
        posted = net(moved, chart.PROVISION_EXPENSE, allowance)
        yield from signed_line(f"provision_{one}", chart.PROVISION_EXPENSE, allowance, wanted - posted)
