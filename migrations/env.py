"""Alembic's entry: the same tables as the models, on the database that the caller names."""

from alembic import context
from sqlalchemy import engine_from_config, pool

from models.tables import METADATA


def run() -> None:
    """Runs the migrations on the given connection, or on one of the configured address."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        context.configure(connection=connection, target_metadata=METADATA, render_as_batch=False)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = engine_from_config(
        context.config.get_section("alembic", {}), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    with engine.connect() as opened:
        context.configure(connection=opened, target_metadata=METADATA)
        with context.begin_transaction():
            context.run_migrations()


run()
