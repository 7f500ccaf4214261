"""Every setting, read once from the environment; the README's table is the same list."""

import logging
import re
from base64 import b64decode
from datetime import date
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "LOANWRIGHT_"
DATABASES = ("postgresql+psycopg", "postgresql", "sqlite")
_KEY = r"[a-z0-9][a-z0-9-]{0,15}:[A-Za-z0-9+/]{43}="
_KEYS = re.compile(rf"{_KEY}(,{_KEY})*")
CHOSEN_HERE = ("bank_notice_secret", "bank_signing_secret", "index_key", "session_secret")
"""Secrets that this house chooses itself. Credentials outside are as long as their givers make them."""
SHORTEST_SECRET = 16
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


class InvalidSetting(ValueError):
    """The environment sets something that cannot be; the sentence names it and repeats no value."""


class Settings(BaseSettings):
    """What an operator may set. Names in the environment carry the prefix LOANWRIGHT_, but for Temporal's own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, populate_by_name=True, extra="ignore")

    database_url: str = Field("sqlite:///data/loanwright.db", description="SQLite file or postgresql+psycopg://…")
    temporal_address: str = Field("127.0.0.1:7233", validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field("default", validation_alias="TEMPORAL_NAMESPACE")
    temporal_tls: bool = Field(False, validation_alias="TEMPORAL_TLS", description="speak TLS with the engine")
    temporal_tls_cert: Path | None = Field(None, validation_alias="TEMPORAL_TLS_CERT", description="file; our own")
    temporal_tls_key: Path | None = Field(None, validation_alias="TEMPORAL_TLS_KEY", description="file; of our own")
    temporal_tls_ca: Path | None = Field(
        None, validation_alias="TEMPORAL_TLS_CA", description="file; who vouches for the engine, else the system's list"
    )
    temporal_tls_server_name: str = Field(
        "", validation_alias="TEMPORAL_TLS_SERVER_NAME", description="in the engine's certificate, if not its host"
    )
    temporal_api_key: SecretStr | None = Field(
        None, validation_alias="TEMPORAL_API_KEY", description="sent with every call to the engine, over TLS"
    )
    temporal_clear_payloads: bool = Field(
        True,
        validation_alias="TEMPORAL_CLEAR_PAYLOADS",
        description="read payloads that earlier versions left unsealed; false once the last of their runs has ended",
    )
    temporal_retention_days: int = Field(
        30,
        ge=7,
        le=3650,
        validation_alias="TEMPORAL_RETENTION_DAYS",
        description="how long the engine keeps ended runs, for `loanwright namespace`",
    )
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
    screening_credential: SecretStr = SecretStr("demo-screening")
    cards_credential: SecretStr = SecretStr("demo-cards")
    bank_credential: SecretStr = SecretStr("demo-bank")
    sms_credential: SecretStr = SecretStr("demo-sms")
    bank_account: str = Field("6200000000000000001", description="the lender's own account at the bank")
    bank_account_name: str = Field("本行放款专户", description="holder of that account, as the bank knows it")
    bank_clearing_code: str = Field(
        "999100000018", pattern=r"^[0-9]{12}$", description="the bank's number in CNAPS, twelve digits"
    )
    bank_protocol: Literal["iso20022", "direct"] = Field("iso20022", description="how the bank is spoken to")
    bank_signing_secret: SecretStr = Field(SecretStr("demo-orders"), description="signs what goes over the direct link")
    state_account: str = Field("6990009000000026", description="account that pays the state's interest subsidy")
    state_name: str = Field("国家助学贷款贴息专户", description="holder of that account, as the bank knows it")
    bank_notice_secret: SecretStr = Field(SecretStr("demo-notices"), description="signs the bank's call-backs")
    outside_timeout_seconds: float = Field(10, gt=0, description="longest wait for one outside call")

    breaker_failures: int = Field(5, gt=0, description="failures in a row after which a register is left alone")
    breaker_rest_seconds: float = Field(30, gt=0, description="how long, before one call may try it again")

    lender_name: str = Field(
        "远川消费金融有限公司（演示）", min_length=1, description="whose papers they are, in Chinese"
    )
    lender_name_english: str = Field(
        "Yuanchuan Consumer Finance Co., Ltd. (demonstration)", min_length=1, description="the same in English"
    )
    pages_url: str = Field(
        "http://127.0.0.1:8080", pattern=r"^https?://[^/]+$", description="where borrowers reach the pages, for links"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further names under which API and pages are reached, with commas"
    )
    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1",), description="addresses or networks of proxies in front, whose word on the visitor's is believed"
    )
    opening_balance_fen: int = Field(50_000_000_000, ge=0, description="what the lender's account holds at the start")
    temporal_ui_url: str = Field("", description="address of the Temporal UI, linked from the loan page")

    keys: SecretStr = Field(
        SecretStr("demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDE="),
        description="the ring of personal data: NAME:BASE64 of 32 bytes, with commas; the first seals, all open",
    )
    index_key: SecretStr = Field(
        SecretStr("loanwright-blind-index"),
        description="makes the digests for exact search: 16 letters or more; the newest first, earlier ones after it",
    )
    retention_years: int = Field(
        10, ge=1, le=100, description="how long a customer's data is kept after the last loan, before it may be erased"
    )
    signing_key: SecretStr = Field(
        SecretStr("demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIHNpZ24wMDE="),
        description="signs files that leave the house: NAME:BASE64 of 32 bytes (Ed25519)",
    )
    evidence_folder: Path | None = Field(
        None, description="where the signed root of the audit log is written, a file a day; none without it"
    )
    evidence_public_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="public keys (Base64) of signing keys of before: what they signed is believed still"
    )
    session_secret: SecretStr = Field(SecretStr("demo-session"), description="makes the tokens of the pages' forms")
    webhooks_inside: bool = Field(
        False, description="lets events be sent to addresses inside the house and without encryption"
    )
    demo: bool = Field(False, description="made-up people and open keys; never beside real people's data")
    oidc_issuer: str = Field("", description="identity provider of the staff; passwords alone without it")
    oidc_client_id: str = Field("", description="what we are called there")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="what we show there")
    oidc_claim: str = Field("preferred_username", min_length=1, description="claim that holds the id of a person here")
    staff_token_minutes: int = Field(15, ge=1, le=480, description="how long a person's token for the API is good")
    dispatch_per_second: int = Field(50, gt=0, description="most workflows the dispatcher starts in a second")
    log_level: str = "info"

    @field_validator("modules", "allowed_hosts", "proxies", "evidence_public_keys", mode="before")
    @classmethod
    def _with_commas(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # No word for everybody: whoever is believed chooses the address under which his tries are counted.
        for one in value:
            try:
                network = ip_network(one)
            except ValueError as error:
                raise ValueError("must be addresses or networks, such as 10.0.0.7,172.16.0.0/12") from error
            if network.prefixlen == 0:
                raise ValueError("must not name every address: visitors would choose the one that they are known by")
        return value

    @field_validator("start_date", mode="before")
    @classmethod
    def _as_a_calendar_shows_it(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError as error:
                raise ValueError("must be a date YYYY-MM-DD, such as 2026-01-05") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _of_a_database_we_know(cls, value: str) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            url = None
        if url is None or url.drivername not in DATABASES:
            raise ValueError("must be sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")
        if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("must name a file, such as sqlite:///data/loanwright.db")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _over_tls(cls, value: str) -> str:
        # In clear on this machine only, where nobody else listens.
        if value and re.fullmatch(r"https://\S+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/\S*)?", value) is None:
            raise ValueError("must be the https:// address of an identity provider")
        return value

    @field_validator("temporal_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        # An empty variable counts as none, as it does where the engine is started here.
        address = value or "127.0.0.1:7233"
        found = _ADDRESS.fullmatch(address)
        if found is None or not 0 < int(found[2]) < 2**16:
            raise ValueError("must be HOST:PORT, such as 127.0.0.1:7233")
        return address

    @field_validator("temporal_tls_cert", "temporal_tls_key", "temporal_tls_ca", "temporal_api_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # A compose file that passes a variable on sets it to nothing where it is not set.
        return None if value == "" else value

    @field_validator("signing_key")
    @classmethod
    def _key_with_name(cls, value: SecretStr) -> SecretStr:
        if re.fullmatch(_KEY, value.get_secret_value()) is None:
            raise ValueError("must be NAME:BASE64 of 32 bytes")
        return value

    @field_validator("evidence_folder", mode="before")
    @classmethod
    def _nowhere(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("keys")
    @classmethod
    def _keys_with_names(cls, value: SecretStr) -> SecretStr:
        if _KEYS.fullmatch(value.get_secret_value()) is None:
            raise ValueError("must be NAME:BASE64 of 32 bytes, several with commas, the newest first")
        return value

    @field_validator("index_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(key.strip()) < SHORTEST_SECRET for key in value.get_secret_value().split(",")):
            raise ValueError(f"must be {SHORTEST_SECRET} letters or more, earlier keys after it with commas")
        return value

    @field_validator("log_level")
    @classmethod
    def _of_a_known_level(cls, value: str) -> str:
        if value.upper() not in logging.getLevelNamesMapping():
            raise ValueError("must be one of: debug, info, warning, error, critical")
        return value

    @property
    def index_keys(self) -> tuple[bytes, ...]:
        """The keys of the digests for exact search, the first one first."""
        return tuple(key.strip().encode() for key in reversed(self.index_key.get_secret_value().split(",")))

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, or None on another database."""
        prefix = "sqlite:///"
        return Path(self.database_url.removeprefix(prefix)) if self.database_url.startswith(prefix) else None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process; InvalidSetting names every one that cannot be."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(_sentence(str(one["loc"][0]), one["msg"]) for one in error.errors(include_input=False))
        raise InvalidSetting(f"{wrong}. Correct the environment.") from error


def require_own_secrets(settings: Settings) -> None:
    """Refuses (InvalidSetting) secrets that everybody can read in this file or guess, unless this is a demonstration.

    One key of a ring is enough: what is sealed with it opens for everybody, and whatever anybody seals opens here. A
    public key is one in every place, whatever it is public for.
    """
    if settings.demo:
        return
    fields = {
        name: field
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, SecretStr) and field.default.get_secret_value()
    }
    public = {secret for field in fields.values() for secret in _secrets_in(field.default)}
    known, weak = [], []
    for name, field in fields.items():
        given: SecretStr = getattr(settings, name)
        variable = str(field.validation_alias or PREFIX + name.upper())
        if _secrets_in(given) & public:
            known.append(variable)
        elif len(given.get_secret_value().strip()) < (SHORTEST_SECRET if name in CHOSEN_HERE else 1):
            weak.append(variable)
    wrong = []
    if known:
        wrong.append(f"these secrets still have the values that everybody knows: {', '.join(sorted(known))}")
    if weak:
        wrong.append(f"these secrets are empty or too short: {', '.join(sorted(weak))}")
    if wrong:
        raise InvalidSetting(
            f"{'; '.join(wrong)}. Set them, those that this house chooses to {SHORTEST_SECRET} letters or more, or "
            f"{PREFIX}DEMO=true for a demonstration with made-up people."
        )


def _secrets_in(setting: SecretStr) -> set[bytes]:
    """The secrets themselves: keys without their names, since one under another name is the same."""
    parts = [part.strip() for part in setting.get_secret_value().split(",")]
    return {b64decode(part.partition(":")[2]) if re.fullmatch(_KEY, part) else part.encode() for part in parts}


def _sentence(name: str, message: str) -> str:
    variable = name if name.isupper() else PREFIX + name.upper()
    return f"{variable} {message.removeprefix('Value error, ').replace('Input should', 'should', 1)}"
