"""What the daemon costs while nothing is due, over simulated weeks, how soon it is ready, and how soon another leads.

    python benchmarks/daemon.py                 # about twenty minutes
    python benchmarks/daemon.py --idle 3600     # an hour of idling, as the bar asks

`finops daemon run` as it is, against a small simulated estate. The bars: idle under 1 % of a core and 150 MiB, no
growth over simulated weeks in which duties run, another one leads within a minute. CPU is what the kernel counted for
the daemon itself (user and system), RSS what it held; runs in processes of their own say what they took when they end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from finops.simulator import new_estate, serving
from finops.state import State

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 300.0
WEEK = 7 * 24 * 3600
# Duties that do something however empty the estate is; while the daemon idles, none of them is due.
OFF = ("guard", "watch", "ingest", "anomalies", "budgets", "compliance", "sweep", "tell", "apply", "tier", "report",
       "close", "deliver", "housekeeping")  # fmt: skip


# Each duty once a week or oftener: as shipped, a week takes most of an hour of a core, whatever the clock says.
SELDOM = {
    **dict.fromkeys(("guard", "watch", "apply", "ingest", "anomalies", "budgets", "compliance"), "every 168 hours"),
    "tell": "every 6 hours", "deliver": "every 60 minutes",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def daemon(
    folder: Path, url: str, port: int, schedule: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    settings = folder / f"daemon-{port}.yaml"
    lines = [
        f"azure: {{endpoint: '{url}'}}", f"state: {{url: '{folder / 'state.db'}'}}",
        f"charges: {{store: '{folder / 'charges'}'}}",
        f"mail: {{outbox: '{folder / 'outbox'}', sender: f@contoso.com}}",
        f"janitor: {{tombstones: '{folder / 'tombstones'}'}}", "daemon:", f"  listen: 127.0.0.1:{port}",
        "  log_form: json", "  schedule:",
        *(f"    {name}: '{text}'" for name, text in (schedule or {"deliver": "every 1 minutes"}).items()),
    ]  # fmt: skip
    settings.write_text("\n".join(lines) + "\n", "utf-8")
    command = [sys.executable, "-m", "finops", "daemon", "run", "--config", str(settings)]
    with (folder / f"daemon-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(90)
                except subprocess.TimeoutExpired:
                    process.kill()


def until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> float:
    """Seconds until /readyz says yes."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        if process.poll() is not None:
            raise SystemExit(f"The daemon ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return time.monotonic() - began
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise SystemExit("The daemon was never ready.")


def cpu(pid: int) -> float:
    """Seconds of CPU, as the kernel counts them for all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(pid: int, kind: str = "VmRSS") -> float:
    """MiB that a process holds; kind: `RssAnon` is its own, `RssFile` and `RssShmem` are pages of files."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields[kind].split()[0]) / 1024


def idling(folder: Path, url: str, seconds: float) -> None:
    port = free_port()
    with daemon(folder, url, port, dict.fromkeys(OFF, "off")) as process:
        ready = until_ready(process, port, folder / f"daemon-{port}.log")
        time.sleep(5)
        before, began = cpu(process.pid), time.monotonic()
        time.sleep(seconds)
        used, lasted = cpu(process.pid) - before, time.monotonic() - began
        print(f"start to ready          {ready:8.1f} s")
        print(f"idle                    {100 * used / lasted:8.2f} % of a core over {lasted:.0f} s")
        print(f"idle                    {rss(process.pid):8.0f} MiB")
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(90)
        print(f"SIGTERM to its end      {time.monotonic() - asked:8.1f} s")


@dataclass
class Runs:
    """What the processes of runs took: how many there were, seconds of CPU, the most that one of them held (MiB)."""

    began: int = 0
    cpu: float = 0.0
    peak: float = 0.0


@contextmanager
def watched(pid: int, log: Path) -> Iterator[Callable[[], tuple[Runs, float]]]:
    """What runs took, and the most that the daemon itself held (MiB), each since it was last asked."""
    over = threading.Event()
    held = [0.0]

    def look() -> None:
        while not over.wait(0.5):
            held[0] = max(held[0], rss(pid))

    looks = threading.Thread(target=look, daemon=True)
    looks.start()
    read = 0

    def since() -> tuple[Runs, float]:
        nonlocal read
        lines = log.read_bytes().rpartition(b"\n")[0].splitlines()
        told = [json.loads(line) for line in lines[read:] if line.startswith(b"{") and b"its process ends" in line]
        read, most, held[0] = len(lines), held[0], 0.0
        used = [(line["cpu_seconds"], line["peak_mib"]) for line in told]
        return Runs(len(used), sum(one[0] for one in used), max((one[1] for one in used), default=0)), most

    try:
        yield since
    finally:
        over.set()
        looks.join()


def living(folder: Path, estate: Path, weeks: int, seconds_a_week: float) -> None:
    """All duties but `deliver` by a clock that goes so fast; what is due every few minutes, every few hours."""
    port = free_port()
    fast = f"fast:{WEEK / seconds_a_week:.0f}"
    with serving(estate, clock=fast) as served, daemon(folder, served.url, port, SELDOM) as process:
        log = folder / f"daemon-{port}.log"
        until_ready(process, port, log)
        with watched(process.pid, log) as since:
            for week in range(1, weeks + 1):
                before = cpu(process.pid)
                time.sleep(seconds_a_week)
                runs, most = since()
                print(
                    f"simulated week {week:3d}      {rss(process.pid):8.0f} MiB,"
                    f" {rss(process.pid, 'RssAnon'):.1f} of them no file's, {most:.0f} at most,"
                    f" {cpu(process.pid) - before:.0f} s of CPU; {runs.began} runs apart:"
                    f" {runs.peak:.0f} MiB at most, {runs.cpu:.0f} s of CPU",
                    flush=True,
                )
        with State.open(folder / "state.db") as state:
            came = Counter((run.job, run.outcome) for run in state.daybook.runs(datetime(2000, 1, 1, tzinfo=UTC)))
        print("runs                   ", ", ".join(f"{job} {how}: {n}" for (job, how), n in sorted(came.items())))


def taking_over(folder: Path, url: str) -> None:
    ports = free_port(), free_port()
    off = dict.fromkeys(OFF, "off")
    with daemon(folder, url, ports[0], off) as first:
        until_ready(first, ports[0], folder / f"daemon-{ports[0]}.log")
        with daemon(folder, url, ports[1], off) as second, State.open(folder / "state.db") as state:
            until_ready(second, ports[1], folder / f"daemon-{ports[1]}.log")
            time.sleep(5)
            led = leader(state)
            first.kill()
            killed = time.monotonic()
            while leader(state) == led and time.monotonic() - killed < PATIENCE:
                time.sleep(0.1)
            print(f"kill -9 to another one  {time.monotonic() - killed:8.1f} s")


def leader(state: State) -> str:
    return next((lease.owner for lease, _ in state.daybook.leases(datetime.now(UTC))), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=float, default=60, help="seconds to idle")
    parser.add_argument("--weeks", type=int, default=4, help="simulated weeks")
    parser.add_argument("--week", type=float, default=240, help="real seconds a simulated week")
    parser.add_argument("--estate", type=Path, help="an estate folder, in place of a new small one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        estate = asked.estate or folder / "estate"
        if asked.estate is None:
            new_estate(estate, seed=7, size="small")
        with serving(estate) as served:
            for name, measured in (("idle", lambda at: idling(at, served.url, asked.idle)),
                                   ("over", lambda at: taking_over(at, served.url))):  # fmt: skip
                (folder / name).mkdir()
                measured(folder / name)
        (folder / "weeks").mkdir()
        living(folder / "weeks", estate, asked.weeks, asked.week)


if __name__ == "__main__":
    main()
