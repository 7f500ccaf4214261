"""What is lent on a thing that is bought: the value that a share of it is reckoned on."""

from lending.errors import LendingError


class InvalidFinancing(LendingError):
    """A price or value is none; `field` names which."""

    code = "invalid_financing"
    http_status = 422

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field}: must be more than zero", fields={field: "must be more than zero"})


def lending_value(price_fen: int, *, invoice_fen: int | None = None, assessed_fen: int | None = None) -> int:
    """What a bought thing is taken to be worth, in fen: the lowest of price, invoice, and register or valuation.

    Whoever lends a share of the price lends too much where the price is above what the thing would bring, so neither
    side's figure alone counts. What is not known is left out. Refused (InvalidFinancing): a figure of zero or less.
    """
    figures = {"price": price_fen, "invoice": invoice_fen, "value": assessed_fen}
    known = {field: fen for field, fen in figures.items() if fen is not None}
    for field, fen in known.items():
        if fen <= 0:
            raise InvalidFinancing(field)
    return min(known.values())
