"""Two network namespaces with a cable between them that can be cut: packets vanish, and nobody is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HERE, THERE = "10.213.{net}.1", "10.213.{net}.2"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def allowed() -> bool:
    """Whether namespaces can be made here: as root, with iproute2."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"finops-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        run("ip", "netns", "del", name)
    return made


@dataclass(frozen=True)
class Cable:
    """here: our address; namespace: where the other end is."""

    here: str
    namespace: str
    end: str

    def cut(self) -> None:
        # What the other end sends is lost here; what we send is lost on the way.
        run("ip", "link", "set", self.end, "down")

    def mend(self) -> None:
        run("ip", "link", "set", self.end, "up")


@contextmanager
def cable() -> Iterator[Cable]:
    net = os.getpid() % 250
    here, there = HERE.format(net=net), THERE.format(net=net)
    name, end = f"finops-{os.getpid()}", f"fin{os.getpid() % 10**7}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{here}/30", "dev", end)
        run("ip", "link", "set", end, "up")
        run("ip", "-n", name, "addr", "add", f"{there}/30", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        yield Cable(here, name, end)
    finally:
        subprocess.run(["ip", "link", "del", end], check=False, capture_output=True)
        run("ip", "netns", "del", name)
