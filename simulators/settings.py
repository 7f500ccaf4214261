"""What the simulated outside world is started with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

from lending.errors import LendingError
from simulators.people import DEFAULT_BASE_DATE, DEFAULT_PEOPLE, DEFAULT_SEED

SERVICES = ("identity", "bureau", "enrolment", "vehicles", "screening", "cards", "bank", "sms", "control")
DEFAULT_LENDER_ACCOUNT = "6200000000000000001"
PROTOCOLS = ("iso20022", "direct")


class ProtocolUnknown(LendingError):
    """A language that the bank does not speak."""

    code = "protocol_unknown"
    http_status = 422


@dataclass(frozen=True)
class SimulatorSettings:
    """Population, place of the bank's file, credentials by service, and where the bank sends its notices.

    `protocol` is the language of the notices; orders are taken in both.
    """

    data_dir: Path
    seed: int = DEFAULT_SEED
    people: int = DEFAULT_PEOPLE
    base_date: date = DEFAULT_BASE_DATE
    credentials: Mapping[str, str] = field(
        default_factory=lambda: {service: f"demo-{service}" for service in SERVICES}, repr=False
    )
    lender_account: str = DEFAULT_LENDER_ACCOUNT
    protocol: str = "iso20022"
    signing_secret: str = field(default="demo-orders", repr=False)
    notice_secret: str = field(default="demo-notices", repr=False)
    notice_url: str | None = None
    first_retry_seconds: float = 0.5
    longest_retry_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ProtocolUnknown(f"LOANWRIGHT_BANK_PROTOCOL is one of {', '.join(PROTOCOLS)}")

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] = os.environ,
        *,
        data_dir: Path,
        seed: int = DEFAULT_SEED,
        people: int = DEFAULT_PEOPLE,
        base_date: date = DEFAULT_BASE_DATE,
        notice_url: str | None = None,
    ) -> Self:
        """Secrets and the notice address from the environment, so that they appear in no list of processes.

        Read are LOANWRIGHT_<SERVICE>_CREDENTIAL and, after LOANWRIGHT_BANK_, ACCOUNT, PROTOCOL, SIGNING_SECRET,
        NOTICE_SECRET and, where no `notice_url` is given, NOTICE_URL.
        """
        return cls(
            data_dir=data_dir,
            seed=seed,
            people=people,
            base_date=base_date,
            credentials={
                service: environment.get(f"LOANWRIGHT_{service.upper()}_CREDENTIAL", f"demo-{service}")
                for service in SERVICES
            },
            lender_account=environment.get("LOANWRIGHT_BANK_ACCOUNT", DEFAULT_LENDER_ACCOUNT),
            protocol=environment.get("LOANWRIGHT_BANK_PROTOCOL", "iso20022"),
            signing_secret=environment.get("LOANWRIGHT_BANK_SIGNING_SECRET", "demo-orders"),
            notice_secret=environment.get("LOANWRIGHT_BANK_NOTICE_SECRET", "demo-notices"),
            notice_url=notice_url or environment.get("LOANWRIGHT_BANK_NOTICE_URL"),
        )
