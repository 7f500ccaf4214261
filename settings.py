"""Every setting, read once from the environment; the README's table is the same list."""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set. Names in the environment carry the prefix LOANWRIGHT_, but for Temporal's own two."""

    model_config = SettingsConfigDict(env_prefix="LOANWRIGHT_", populate_by_name=True, extra="ignore")

    database_url: str = Field("sqlite:///data/loanwright.db", description="SQLite file or postgresql+psycopg://…")
    temporal_address: str = Field("127.0.0.1:7233", validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field("default", validation_alias="TEMPORAL_NAMESPACE")
    day_seconds: float = Field(
        86_400, gt=0, le=86_400, description="length of a business day; shorter for demonstrations"
    )
    start_date: date | None = Field(None, description="first business date when the day is shortened; today otherwise")
    modules: Annotated[tuple[str, ...], NoDecode] = Field(
        ("modules.auto", "modules.micro", "modules.student"),
        description="products and capabilities to load, with commas",
    )

    outside_url: str = Field("http://127.0.0.1:8700", description="base address of registers, bank and SMS gateway")
    identity_credential: SecretStr = SecretStr("demo-identity")
    bureau_credential: SecretStr = SecretStr("demo-bureau")
    enrolment_credential: SecretStr = SecretStr("demo-enrolment")
    vehicles_credential: SecretStr = SecretStr("demo-vehicles")
    bank_credential: SecretStr = SecretStr("demo-bank")
    sms_credential: SecretStr = SecretStr("demo-sms")
    bank_account: str = Field("6200000000000000001", description="the lender's own account at the bank")
    state_account: str = Field("6990009000000026", description="account that pays the state's interest subsidy")
    state_name: str = Field("国家助学贷款贴息专户", description="holder of that account, as the bank knows it")
    bank_notice_secret: SecretStr = Field(SecretStr("demo-notices"), description="signs the bank's call-backs")
    outside_timeout_seconds: float = Field(10, gt=0, description="longest wait for one outside call")

    opening_balance_fen: int = Field(50_000_000_000, ge=0, description="what the lender's account holds at the start")
    temporal_ui_url: str = Field("", description="address of the Temporal UI, linked from the loan page")

    session_secret: SecretStr = Field(SecretStr("demo-session"), description="signs the session cookie of the pages")
    dispatch_per_second: int = Field(50, gt=0, description="most workflows the dispatcher starts in a second")
    log_level: str = "info"

    @field_validator("modules", mode="before")
    @classmethod
    def _with_commas(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, or None on another database."""
        prefix = "sqlite:///"
        return Path(self.database_url.removeprefix(prefix)) if self.database_url.startswith(prefix) else None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
