"""pg_dump and pg_restore, where they are installed and fit the server: PostgreSQL's own backup of our tables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, Connection, text

from finops.errors import DataError, FinopsError

from .migrate import VERSIONS

MAGIC = b"PGDMP"
LONGEST = 6 * 3600  # seconds


def dump(db: Connection, url: URL, part: Path, tables: Sequence[str]) -> None:
    """Write our tables to `part`, as they are in the transaction of `db`, in PostgreSQL's custom form."""
    program = _fitting("pg_dump", db)
    moment = str(db.execute(text("SELECT pg_export_snapshot()")).scalar_one())
    schema = str(db.execute(text("SELECT current_schema()")).scalar_one())
    wanted = [f'--table="{schema}"."{name}"' for name in (VERSIONS, *tables)]
    ways = ["--format=custom", f"--snapshot={moment}", "--no-owner", "--no-privileges", "--no-password"]
    _run([program, *ways, *wanted, f"--file={part}", f"--dbname={_conninfo(url)}"], url)


def verify(part: Path, tables: Sequence[str]) -> None:
    """Raise where pg_restore does not find the rows of every table in `part`, or cannot read them all."""
    found = _run([_program("pg_restore"), "--list", str(part)])
    lacking = [name for name in (VERSIONS, *tables) if not re.search(rf"TABLE DATA \S+ {name} ", found)]
    if lacking:
        raise DataError(f"{part} lacks {', '.join(lacking)}.", "Run it again; report this if it happens twice.")
    _run([_program("pg_restore"), "--data-only", f"--file={os.devnull}", str(part)])


def restore(db: Connection, url: URL, file: Path) -> None:
    """Put what `file` holds into an empty database, all or nothing. Not in the transaction of `db`."""
    program = _fitting("pg_restore", db)
    ways = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    _run([program, *ways, f"--dbname={_conninfo(url)}", str(file)], url)


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise FinopsError(f"{name} is not installed.", "Install PostgreSQL's client, or use --form portable.")
    return found


def _fitting(name: str, db: Connection) -> str:
    """The program, not older than the server: https://www.postgresql.org/docs/15/app-pgdump.html, Notes."""
    program = _program(name)
    said = _run([program, "--version"])
    number = re.search(r"(\d+)(?:\.\d+)?", said)
    server = int(db.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    if not number or int(number[1]) < server:
        raise FinopsError(
            f"The server is PostgreSQL {server}, and this is {said.strip()}: it is too old for it.",
            f"Install {name} {server} or newer, or use --form portable.",
        )
    return program


def _conninfo(url: URL) -> str:
    """The URL as PostgreSQL's programs take it, without the password: every user can read what a process was given."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(command: Sequence[str], url: URL | None = None) -> str:
    password = {"PGPASSWORD": str(url.password)} if url is not None and url.password else {}
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        command, env={**os.environ, **password}, capture_output=True, text=True, check=False, timeout=LONGEST
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:600]
        raise FinopsError(f"{Path(command[0]).name} failed: {said}.", "See what it says, or use --form portable.")
    return done.stdout
