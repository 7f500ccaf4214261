"""The catalogue that policies are read with."""

import pytest

from services.products import install
from tests.modules.applications import CATALOGUE


@pytest.fixture(autouse=True)
def catalogue() -> None:
    """Installed for each test, whichever ran before it in this process."""
    install(CATALOGUE)
