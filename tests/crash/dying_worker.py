"""The worker as it is, but dead the moment one act is committed: `python -m tests.crash.dying_worker FLAG`.

The file FLAG names the operation. It is removed first, so that the worker that is started next lives.
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


def main() -> None:
    """Works until told to stop, or until the flag says to die."""
    flag = Path(sys.argv[1])

    def once_and_die(
        books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]
    ) -> Result:
        result = once(books, order, act, result_type)
        operation = order.key.split(":")[1]
        if flag.exists() and flag.read_text() == operation:
            flag.unlink()
            os._exit(CODE)
        return result

    with patch("activities.loan.once", once_and_die):
        worker_command()


if __name__ == "__main__":
    main()
