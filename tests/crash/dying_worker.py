"""The worker as it is, but dead the moment one act is committed: `python -m tests.crash.dying_worker FLAG`.

The file FLAG names the act, as the service's function is named. It is removed first, so that the worker that is
started next lives; beside it the key of the committed act is left.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from activities.acts import Order, Result, once
from books.session import Books, UnitOfWork
from cli import worker_command

CODE = 9


def committed_key(flag: Path) -> Path:
    """Where the key of the act is left after whose commit the worker died."""
    return flag.with_suffix(".key")


def main() -> None:
    """Works until told to stop, or until the flag says to die."""
    flag = Path(sys.argv[1])

    def once_and_die(
        books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]
    ) -> Result:
        result = once(books, order, act, result_type)
        if flag.exists() and flag.read_text() == act.__name__:
            committed_key(flag).write_text(order.key)
            flag.unlink()
            os._exit(CODE)
        return result

    with patch("activities.loan.once", once_and_die):
        worker_command()


if __name__ == "__main__":
    main()
