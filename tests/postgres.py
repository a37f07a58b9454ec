"""A PostgreSQL server of one's own, where Debian's postgresql is installed: `apt-get install postgresql`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


def programs() -> Path | None:
    """Where initdb and pg_ctl are: the newest version that Debian installed, else the PATH's."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def running(listen: str = "", port: int = 5432) -> Iterator[str]:
    """The URL of a fresh server's database `postgres`, on a socket in a temporary folder; no port is opened.

    listen: an address of this machine on which it is reached too, by whoever can reach that; `port` is the one there
    """
    bin_ = programs()
    assert bin_
    # As root, initdb refuses to run; and pytest's own folders are closed to the user that it then runs as.
    other = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="finops-pg-"))
    try:
        if other:
            shutil.chown(home, USER, USER)
        data = home / "data"
        log = subprocess.PIPE
        done = subprocess.run(
            [bin_ / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            stdout=log, stderr=subprocess.STDOUT, text=True, cwd=home, **other,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        if listen:
            with (data / "pg_hba.conf").open("a") as file:
                file.write(f"host all all {listen}/30 trust\n")
        at = f"-c listen_addresses={listen} -c port={port}"
        options = f"{at} -c unix_socket_directories={home} -c max_connections=40 -c fsync=off"
        start = [bin_ / "pg_ctl", "-D", data, "-l", home / "log", "-o", options, "-w", "start"]
        done = subprocess.run(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home, **other)
        assert done.returncode == 0, (home / "log").read_text()
        try:
            yield f"postgresql://{USER}@/postgres?host={home}" + (f"&port={port}" if listen else "")
        finally:
            subprocess.run(
                [bin_ / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"],
                stdout=subprocess.DEVNULL, cwd=home, check=True, **other,
            )  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)
