"""Bring a database to the schema of this code, whatever older one it has; refuse a newer one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from finops.errors import FinopsError

from .engine import APPLICATION_ID

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"  # the newest of migrations/versions
VERSIONS = "finops_schema"  # the table that says which one a database has
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(db: Connection, where: str) -> None:
    """Within one writing transaction: after it the database has schema HEAD, or is as it was."""
    has = version(db)
    if has == HEAD:
        return
    _refuse_foreign(db, where, has)
    if has is not None:
        known(f"The state database {where}", has)
    upgraded(db, where, HEAD)
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def upgraded(db: Connection, where: str, schema: str) -> None:
    """Bring a database up to `schema`, within one writing transaction."""
    from alembic import command
    from alembic.util import CommandError

    config = _config()
    config.attributes["connection"] = db
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        command.upgrade(config, schema)
    except CommandError as fault:
        raise FinopsError(
            f"The state database {where} cannot be brought from schema {version(db)} to {schema}: {fault}.",
            "Nothing was changed. Restore a backup, or report this with the message.",
        ) from fault


def known(where: str, schema: str) -> None:
    """Raise where this version does not know `schema`: a newer one wrote it."""
    from alembic.script import ScriptDirectory

    if schema not in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
        raise FinopsError(
            f"{where} has schema {schema}; this version of finops knows up to {HEAD}.",
            "Install the version that wrote it, or a newer one. Nothing was changed.",
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


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
