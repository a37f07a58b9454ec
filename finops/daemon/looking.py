"""One look at what is late, where no daemon looks: operators are called, the watcher outside asked, figures left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import write_to_textfile

from finops.errors import FinopsError, TemporaryError

from . import deadman, figures
from .clock import Watch
from .leading import Leading, owner_of_this_process
from .metrics import looked, registry
from .ping import TIMEOUT, Ping

if TYPE_CHECKING:
    from finops.jobs.duties import Duty

    from .working import Means


@dataclass(frozen=True)
class Saw:
    """leader: the daemon that leads, and looks itself; else what was found, and why the watcher could not be asked."""

    found: deadman.Looked = field(default_factory=deadman.Looked)
    leader: str = ""
    unasked: str = ""


def once(means: Means, duties: Collection[Duty]) -> Saw:
    """As a daemon looks every minute; two never do at the same time. Raises FinopsError where the clock is in doubt."""
    watch = Watch(means.clock, means.state, means.note)
    now = watch.look(keep=False)
    if watch.doubt:
        raise FinopsError(watch.doubt, "Look at the clock (`timedatectl`), then `finops daemon clock accept`.")
    settings, said = means.settings(), list[str]()
    leading = Leading(means.state, owner_of_this_process(), means.machine, settings.daemon.lease_seconds, said.append)
    leading.keep()
    if not leading.holds():
        if not leading.leader:
            raise TemporaryError(" ".join(said), "The next look tries again.")
        return Saw(leader=leading.leader)
    try:
        found = deadman.look(means.state, settings, duties, now)
    finally:
        leading.leave()
    # As the daemon does: it falls silent where nobody may know of what is late.
    return Saw(found, unasked="" if found.problems else _asked(Ping(settings.daemon.ping_url, told=lambda why: None)))


def _asked(ping: Ping) -> str:
    """Why the watcher outside was not; "" where it was, or there is none."""
    if ping.send() is None:
        return ""
    if ping.under_way(3 * TIMEOUT):
        return "it has not answered yet"
    return ping.why


def leave_figures(means: Means, duties: Collection[Duty], file: Path) -> None:
    """The figures of the state, as node exporter's textfile collector reads them; those of a process are left out.

    https://github.com/prometheus/node_exporter#textfile-collector
    """
    now = means.clock.now()
    found = figures.read(means.state, [duty.name for duty in duties], now)
    look = looked(means.settings(), duties, found, now, means.machine.monotonic())
    try:
        write_to_textfile(str(file), registry(look, None))
        file.chmod(0o644)  # it is another user's process that reads it; there is nothing in it but counts
    except OSError as fault:
        raise FinopsError(
            f"The figures could not be written to {file}: {fault.strerror or fault}.",
            "Make room or give write access there, or choose another file with --metrics.",
        ) from fault
