"""What Alembic runs: the steps, on the connection and in the transaction of `migrate`."""

from __future__ import annotations

from alembic import context

from finops.state.migrate import VERSIONS
from finops.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSIONS,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
