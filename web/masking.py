"""Personal numbers as the screen shows them: enough to tell them apart, too little to use them."""

from models.columns import Unopened

DOTS = "••••"


def masked_id_number(number: str) -> str:
    """The first three and the last four characters."""
    if isinstance(number, Unopened):
        return number
    return f"{number[:3]}{DOTS}{number[-4:]}"


def masked_mobile(number: str) -> str:
    """The first three and the last four digits."""
    if isinstance(number, Unopened):
        return number
    return f"{number[:3]}{DOTS}{number[-4:]}"


def masked_account(number: str) -> str:
    """The last four digits."""
    if isinstance(number, Unopened):
        return number
    return f"{DOTS} {number[-4:]}"
