"""`python -m simulators`: serves the simulated outside world until it is stopped."""

import argparse
from datetime import date
from pathlib import Path

import uvicorn

from lending.errors import LendingError
from simulators.people import DEFAULT_BASE_DATE, DEFAULT_PEOPLE, DEFAULT_SEED
from simulators.reception import SeverableProtocol
from simulators.server import create_app
from simulators.settings import SimulatorSettings


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description="The outside world, simulated.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--data-dir", type=Path, required=True, help="directory of the bank's file")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--people", type=int, default=DEFAULT_PEOPLE, help="1 to 10000")
    parser.add_argument("--base-date", type=date.fromisoformat, default=DEFAULT_BASE_DATE)
    parser.add_argument("--notice-url", help="where the bank sends its notices; else LOANWRIGHT_BANK_NOTICE_URL")
    arguments = parser.parse_args()
    try:
        settings = SimulatorSettings.from_environment(
            data_dir=arguments.data_dir,
            seed=arguments.seed,
            people=arguments.people,
            base_date=arguments.base_date,
            notice_url=arguments.notice_url,
        )
        app = create_app(settings)
    except LendingError as refusal:
        parser.error(str(refusal))
    # No access log: paths carry account numbers. Keep-alive is longer than any client's, so that none writes into a
    # connection that is just being closed.
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        http=SeverableProtocol,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
