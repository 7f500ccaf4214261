"""Both sides of the interface start with the same secrets, from the same names in the environment."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateways.bank_messages import OwnAccount
from settings import Settings
from simulators.bank.store import LENDER_NAME
from simulators.settings import SERVICES, ProtocolUnknown, SimulatorSettings


def test_the_defaults_are_those_of_the_back_office() -> None:
    ours = {name: known.default for name, known in Settings.model_fields.items()}
    theirs = SimulatorSettings(Path("unused"))
    for service in set(SERVICES) - {"control"}:
        assert ours[f"{service}_credential"] == SecretStr(theirs.credentials[service])
    assert ours["bank_account"] == theirs.lender_account
    assert ours["bank_notice_secret"] == SecretStr(theirs.notice_secret)
    assert ours["bank_signing_secret"] == SecretStr(theirs.signing_secret)
    assert ours["bank_protocol"] == theirs.protocol
    assert ours["bank_account_name"] == LENDER_NAME
    default = OwnAccount()
    assert (default.number, default.name) == (theirs.lender_account, LENDER_NAME)
    assert (default.protocol, default.signing_secret) == (theirs.protocol, theirs.signing_secret)
    assert default.clearing_code == ours["bank_clearing_code"]


def test_the_environment_sets_secrets_account_and_address_under_the_back_offices_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = {
        "LOANWRIGHT_BANK_CREDENTIAL": "b",
        "LOANWRIGHT_BANK_ACCOUNT": "6200000000000000002",
        "LOANWRIGHT_BANK_NOTICE_SECRET": "n",
        "LOANWRIGHT_BANK_SIGNING_SECRET": "s",
        "LOANWRIGHT_BANK_PROTOCOL": "direct",
        "LOANWRIGHT_CARDS_CREDENTIAL": "c",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ours = Settings()
    theirs = SimulatorSettings.from_environment(
        environment | {"LOANWRIGHT_BANK_NOTICE_URL": "http://x/"}, data_dir=Path("unused")
    )
    assert theirs.credentials["bank"] == ours.bank_credential.get_secret_value() == "b"
    assert theirs.credentials["sms"] == "demo-sms"
    assert theirs.lender_account == ours.bank_account == "6200000000000000002"
    assert theirs.notice_secret == ours.bank_notice_secret.get_secret_value() == "n"
    assert theirs.signing_secret == ours.bank_signing_secret.get_secret_value() == "s"
    assert theirs.protocol == ours.bank_protocol == "direct"
    assert theirs.credentials["cards"] == ours.cards_credential.get_secret_value() == "c"
    assert theirs.notice_url == "http://x/"


def test_the_command_lines_address_goes_before_the_environments() -> None:
    environment = {"LOANWRIGHT_BANK_NOTICE_URL": "http://x/"}
    chosen = SimulatorSettings.from_environment(environment, data_dir=Path("unused"), notice_url="http://y/")
    assert chosen.notice_url == "http://y/"


def test_printed_settings_show_no_secret() -> None:
    assert "demo-" not in repr(SimulatorSettings(Path("unused")))


def test_a_language_that_the_bank_does_not_speak_is_refused() -> None:
    with pytest.raises(ProtocolUnknown):
        SimulatorSettings.from_environment({"LOANWRIGHT_BANK_PROTOCOL": "swift"}, data_dir=Path("unused"))
