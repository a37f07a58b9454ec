"""Bring a database to the schema of this code, whatever older one it has; refuse a newer one."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from finops.errors import FinopsError

from .engine import APPLICATION_ID

HEAD = "0003"  # the newest of migrations/versions
VERSIONS = "finops_schema"  # the table that says which one a database has
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(db: Connection, where: str) -> None:
    """Within one writing transaction: after it the database has schema HEAD, or is as it was."""
    has = version(db)
    if has == HEAD:
        return
    _refuse_foreign(db, where, has)
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = db
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if has is not None and has not in known:
        raise FinopsError(
            f"The state database {where} has schema {has}; this version of finops knows up to {HEAD}.",
            "Install the version that wrote it, or a newer one. Nothing was changed.",
        )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        command.upgrade(config, HEAD)
    except CommandError as fault:
        raise FinopsError(
            f"The state database {where} cannot be brought from schema {has} to {HEAD}: {fault}.",
            "Nothing was changed. Restore a backup, or report this with the message.",
        ) from fault
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def version(db: Connection) -> str | None:
    """The schema that the database has, None for an empty one."""
    if not inspect(db).has_table(VERSIONS):
        return None
    found = db.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalars().all()  # noqa: S608 - our own constant
    return str(found[0]) if found else None


def _refuse_foreign(db: Connection, where: str, has: str | None) -> None:
    """Leave alone tables of the same names in a database that is shared with something else."""
    if has is not None:
        return
    from .tables import metadata

    taken = set(inspect(db).get_table_names()) & set(metadata.tables)
    if taken:
        raise FinopsError(
            f"{where} holds tables of something else ({', '.join(sorted(taken)[:3])}).",
            "Name a database or schema of its own. Nothing was changed.",
        )
