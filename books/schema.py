"""Bringing a database to the newest version of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(url: str, revision: str = "head") -> None:
    """Runs the migrations that a database still lacks; on one that has them all it does nothing."""
    command.upgrade(alembic_config(url), revision)


def alembic_config(url: str) -> Config:
    """Alembic's settings for a database, without a file of its own."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # A percent sign in a password would otherwise be read as the beginning of a substitution.
    config.set_section_option("alembic", "sqlalchemy.url", url.replace("%", "%%"))
    return config
