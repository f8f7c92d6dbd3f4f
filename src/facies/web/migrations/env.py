"""What Alembic runs for a migration: within the connection that it was given."""

from __future__ import annotations

from alembic import context

from facies.web.schema import METADATA


def migrate() -> None:
    """Run the migrations that are due."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file
    migrate()
