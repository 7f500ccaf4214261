"""Where a command speaks: sentences on standard error, what was asked for on standard output."""

from rich.console import Console

# No markup: names of people, files and columns may hold brackets.
say = Console(stderr=True, markup=False)
out = Console(markup=False)
