"""docker-compose.yml, checked without a Docker engine: what it refers to is there, and only known settings are set."""

import re
from typing import Any

import pytest
import yaml

from settings import Settings
from simulators.settings import SERVICES as SIMULATED
from tests.servers.shared import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "loanwright"]


def known_settings() -> set[str]:
    """Names in the environment that settings.py reads, and those of the simulators."""
    own = {str(field.validation_alias or f"LOANWRIGHT_{name.upper()}") for name, field in Settings.model_fields.items()}
    simulators = {f"LOANWRIGHT_{service.upper()}_CREDENTIAL" for service in SIMULATED}
    return own | simulators | {"LOANWRIGHT_BANK_NOTICE_URL"}


def test_every_process_of_the_product_is_there() -> None:
    assert set(OURS) == {"simulators", "migrate", "api", "worker"}
    assert SERVICES["api"]["deploy"]["replicas"] == SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", OURS)
def test_only_known_settings_are_set(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= known_settings()


@pytest.mark.parametrize("name", ["api", "worker"])
def test_every_setting_of_the_product_can_be_given(name: str) -> None:
    own = {str(field.validation_alias or f"LOANWRIGHT_{name.upper()}") for name, field in Settings.model_fields.items()}
    assert own <= set(SERVICES[name]["environment"])


def test_simulators_get_neither_the_books_nor_the_keys() -> None:
    given = set(SERVICES["simulators"]["environment"])
    assert not given & {"LOANWRIGHT_DATABASE_URL", "LOANWRIGHT_KEYS", "LOANWRIGHT_SESSION_SECRET"}


@pytest.mark.parametrize("name", SERVICES)
def test_who_waits_for_health_waits_for_a_service_that_tells_it(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "on-failure"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_ports_open_on_this_machine_only(name: str) -> None:
    service = SERVICES[name]
    assert name in OURS or re.search(r":\d+[.\w-]*$", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEYS))(.*?)\}", TEXT)
    assert {name for name, _ in secrets} == {
        "BOOKS_PASSWORD",
        "ENGINE_PASSWORD",
        "LOANWRIGHT_BANK_NOTICE_SECRET",
        "LOANWRIGHT_BANK_SIGNING_SECRET",
        "LOANWRIGHT_KEYS",
        "LOANWRIGHT_SESSION_SECRET",
    }
    assert all(rest.startswith(":?") for _, rest in secrets)


def test_the_image_gets_every_room_and_no_tests() -> None:
    let_in = set(re.findall(r"^!([\w.-]+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    rooms = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert rooms <= let_in
    assert not let_in & {"tests", "bench", "docs"}
