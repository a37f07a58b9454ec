"""A real systemd as PID 1 of namespaces of its own, with the units of cron/ as they are; where it is not PID 1 outside.

Root is needed, and nothing else of this machine: its /run, /var, /etc, /opt and control groups are its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
SYSTEMD = Path("/lib/systemd/systemd")
GROUPS = Path("/sys/fs/cgroup")
# Where people and temporary files live: a hardened service sees nothing of it.
HIDDEN = ("/root", "/home", "/tmp", "/run/user")

BOOT = """
set -e
mount --make-rprivate /
for each in etc var opt; do
  mkdir -p {room}/$each/up {room}/$each/work
  mount -t overlay overlay -o lowerdir=/$each,upperdir={room}/$each/up,workdir={room}/$each/work /$each
done
mount -t tmpfs none /run -o mode=755
mkdir -p /run/systemd/system /run/lock /opt/checkout /opt/packages /opt/python /opt/aml-finops/bin /etc/aml-finops
mount --bind {checkout} /opt/checkout
mount --bind {packages} /opt/packages
mount --bind {base} /opt/python
{installed}
cp -r {room}/site/. /etc/aml-finops/
systemd-sysusers {checkout}/cron/systemd/aml-finops.sysusers
{groups}
# As systemd does it itself outside of containers: a service's credentials are mounted from a namespace of its own.
mount --make-rshared /
export SYSTEMD_UNIT_PATH={room}/units container=lxc SYSTEMD_LOG_LEVEL=info
exec {systemd} --system --unit=booted.target --log-target=console
"""
V1 = """
umount -lR /sys/fs/cgroup
mount -t tmpfs none /sys/fs/cgroup
for each in {controllers}; do mkdir /sys/fs/cgroup/$each; mount -t cgroup -o $each cgroup /sys/fs/cgroup/$each; done
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t cgroup2 cgroup /sys/fs/cgroup/unified
"""
V2 = """
umount -lR /sys/fs/cgroup
mount -t cgroup2 cgroup /sys/fs/cgroup
"""
STARTER = """#!/bin/sh
export PYTHONPATH=/opt/checkout:/opt/packages LD_LIBRARY_PATH=/opt/python/lib PYTHONDONTWRITEBYTECODE=1
exec /opt/python/bin/python{version} -m finops "$@"
"""


def missing() -> str:
    """Why there can be no such machine here, or nothing."""
    if os.geteuid() != 0:
        return "a systemd of one's own needs root"
    if not SYSTEMD.exists() or shutil.which("systemd-sysusers") is None:
        return "no systemd on this machine"
    if any(shutil.which(each) is None for each in ("unshare", "nsenter")):
        return "no util-linux on this machine"
    return ""


@dataclass
class Machine:
    """A systemd that is up."""

    pid: int
    room: Path

    def run(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command within, as root."""
        inside = ["nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-C", "--", *words]
        return subprocess.run(inside, capture_output=True, text=True, timeout=timeout)

    def systemctl(self, *words: str, timeout: float = 150) -> str:
        """What systemctl says; AssertionError where it fails."""
        said = self.run("systemctl", "--no-pager", *words, timeout=timeout)
        assert said.returncode == 0, f"{said.stdout}{said.stderr}\n{self.log()}"
        return said.stdout.strip()

    def shown(self, unit: str, name: str) -> str:
        return self.systemctl("show", unit, "--value", "-p", name)

    def log(self) -> str:
        """What systemd and its services said."""
        return "".join(
            path.read_text("utf-8", "replace") for path in (self.room / "log", *sorted(self.room.glob("said-*")))
        )[-6000:]


@contextmanager
def machine(room: Path, settings: str, secrets: dict[str, str], installed: Path | None = None) -> Iterator[Machine]:
    """A machine with our units, /etc/aml-finops and a user aml-finops, none of them started.

    installed: a virtual environment that can be moved, to be /opt/aml-finops; None: this checkout runs.
    """
    units, site = room / "units", room / "site"
    units.mkdir()
    (site / "secrets").mkdir(parents=True)
    (site / "finops.yaml").write_text(settings, "utf-8")
    for name, value in secrets.items():
        (site / "secrets" / name).write_text(value, "utf-8")
        (site / "secrets" / name).chmod(0o600)
    shutil.copytree(CHECKOUT / "cron/systemd", units, dirs_exist_ok=True)
    for path in units.glob("*.service"):
        # Without journald, what a service says goes to a file; the rest of the unit is as it is.
        heard = units / f"{path.name}.d"
        heard.mkdir()
        said = room / f"said-{path.stem.rstrip('@')}"
        (heard / "heard.conf").write_text(f"[Service]\nStandardOutput=append:{said}\nStandardError=append:{said}\n")
    for name in ("booted", "sysinit", "basic", "shutdown", "network-online", "time-sync", "multi-user", "timers"):
        (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n", "utf-8")
    starter = room / "finops"
    starter.write_text(STARTER.format(version=f"{sys.version_info[0]}.{sys.version_info[1]}"), "utf-8")
    starter.chmod(0o755)
    folder = room.joinpath("filesystem")
    folder.mkdir()
    old = GROUPS.joinpath("systemd").is_dir()
    controllers = [c for c in ("cpu", "cpuacct", "memory", "pids", "blkio", "devices") if (GROUPS / c).is_dir()]
    own = f"{room.name}-{os.getpid()}"
    groups = [GROUPS / name / own for name in ([*controllers, "systemd", "unified"] if old else ["."])]
    boot = room / "boot.sh"
    boot.write_text(
        f"mount -t tmpfs none {folder}\n"
        + BOOT.format(
            room=room,
            checkout=CHECKOUT,
            packages=sysconfig.get_path("purelib"),
            base=sys.base_prefix,
            installed=f"mount --bind {installed} /opt/aml-finops"
            if installed
            else f"cp {starter} /opt/aml-finops/bin/finops",
            groups=V1.format(controllers=" ".join(controllers)) if old else V2,
            systemd=SYSTEMD,
        ).replace(f"{room}/$each", f"{folder}/$each"),
        "utf-8",
    )
    try:
        for group in groups:
            group.mkdir()
        with (room / "log").open("wb") as log:
            joined = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
            namespaces = "unshare --cgroup --mount --pid --uts --ipc --fork --kill-child --mount-proc"
            outer = subprocess.Popen(["sh", "-ec", f"{joined}; exec {namespaces} sh {boot}"], stdout=log, stderr=log)
            try:
                yield _booted(outer, room)
            finally:
                outer.kill()
                outer.wait()
    finally:
        _cleared(groups)


def _booted(outer: subprocess.Popen[bytes], room: Path) -> Machine:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until = time.monotonic() + 60
    while time.monotonic() < until and outer.poll() is None:
        for child in children.read_text().split():
            found = Machine(int(child), room)
            if found.run("systemctl", "is-active", "booted.target").stdout.strip() == "active":
                return found
        time.sleep(0.2)
    raise OSError((room / "log").read_text("utf-8", "replace")[-2000:])


def _cleared(groups: list[Path]) -> None:
    """Ends what is left in our control groups and removes them."""
    until = time.monotonic() + 20
    while any(group.exists() for group in groups) and time.monotonic() < until:
        for group in groups:
            for listed in group.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    for each in listed.read_text().split():
                        os.kill(int(each), signal.SIGKILL)
            for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                group.rmdir()
        time.sleep(0.1)
