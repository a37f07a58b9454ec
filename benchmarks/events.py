"""From a resource that is made to its rule enforced: by an event of Event Grid, beside polling.

    python benchmarks/events.py                  5 rounds with the daemon's own process
    python benchmarks/events.py --rounds 20
    python benchmarks/events.py --polls 3        as many by polling every minute
    python benchmarks/events.py --quiet 1        seconds without a further event after which the guard is woken

The simulator and `finops daemon run` are processes of their own. A dev cluster with two nodes at the least is made; the
time runs from when it is there until its least is none. By polling it takes until the next slot, half a cycle on
average, and a run of the guard: measured with a cycle of a minute, which ships as 15. The bars: under 5 s for events,
one cycle for polling.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.simulator import new_estate

SECRET = "benchmark-secret-of-forty-characters-000"
CYCLE = 60.0  # seconds from one poll to the next
Json = dict[str, Any]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--polls", type=int, default=2)
    options.add_argument("--quiet", type=float, default=1.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        new_estate(Path(folder) / "estate", seed=7, size="small", as_of=datetime.now(UTC).replace(microsecond=0))
        simulator, url = simulated(Path(folder))
        try:
            workspace, subscription = place(url)
            with guarded(Path(folder), url, subscription, asked.quiet, "daily at 03:17") as (daemon, hook, log):
                subscribe(url, subscription, hook)
                watched = [daemon, simulator]
                rounds = [one_round(url, workspace, number, log, watched) for number in range(asked.rounds)]
                ask(url, subscribed(subscription), "DELETE")
            with guarded(Path(folder), url, subscription, asked.quiet, "every 1 minutes") as (daemon, _, log):
                watched = [daemon, simulator]
                polls = [one_round(url, workspace, 100 + number, log, watched) for number in range(asked.polls)]
        finally:
            simulator.terminate()
            simulator.wait()
    report(rounds, polls, asked.quiet)


def simulated(folder: Path) -> tuple[subprocess.Popen[str], str]:
    run = [
        sys.executable,
        "-m",
        "finops",
        "simulate",
        "serve",
        str(folder / "estate"),
        "--port",
        "0",
        "--clock",
        "live",
    ]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = process.stdout.readline()
    return process, next(word.rstrip(";") for word in said.split() if word.startswith("http://"))


def place(url: str) -> tuple[str, str]:
    """A workspace of the estate, and its subscription's GUID."""
    for found in ask(url, "/subscriptions?api-version=2022-12-01")["value"]:
        path = f"{found['id']}/providers/Microsoft.MachineLearningServices/workspaces?api-version=2024-04-01"
        for workspace in ask(url, path)["value"]:
            return str(workspace["id"]), str(found["subscriptionId"])
    raise SystemExit("The estate has no workspace.")


@contextmanager
def guarded(
    folder: Path, url: str, subscription: str, quiet: float, polls: str
) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The daemon with a guard that may act on this subscription."""
    settings = {
        "azure": {"endpoint": url, "subscriptions": [subscription]},
        "state": {"url": str(folder / "state.db")},
        "charges": {"store": str(folder / "charges"), "sources": [str(folder / "estate" / "charges")]},
        "mail": {"outbox": str(folder / "outbox"), "sender": "finops@contoso.com"},
        "guard": {
            "mode": "enforce",
            "dev_subscriptions": [subscription],
            "dev_groups": ["*"],
            "scopes": {},
            "max_acts": 1000,
            "max_per_hour": 1000,
            "max_percent": 100,
            "max_per_owner": 1000,
            "kill_switch": str(folder / "STOP"),
        },
        "janitor": {"kill_switch": str(folder / "STOP")},
        "daemon": {
            "listen": None,
            "schedule": {**dict.fromkeys(duties(), "off"), "guard": polls},
            "events": {
                "listen": "127.0.0.1:0",
                "url": "http://127.0.0.1/events",
                "secret": SECRET,
                "quiet_seconds": quiet,
                "apart_seconds": 0,
                "again_seconds": 0,
            },
        },
    }
    port = free_port()
    settings["daemon"]["events"]["listen"] = f"127.0.0.1:{port}"
    file, log = folder / "finops.yaml", folder / "daemon.log"
    file.write_text(json.dumps(settings), "utf-8")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "finops", "daemon", "run", "--config", str(file)], stdout=out, stderr=out, text=True,
            env={**os.environ, "FINOPS_DAEMON__LOG_FORM": "text"},
        )  # fmt: skip
    hook = f"http://127.0.0.1:{port}/events"
    try:
        until(lambda: listens(hook), 120, log)
        yield process, hook, log
    finally:
        process.terminate()
        process.wait()


def duties() -> list[str]:
    from finops.jobs.duties import DUTIES

    return [duty.name for duty in DUTIES]


def free_port() -> int:
    import socket

    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def listens(hook: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(hook, method="OPTIONS"), timeout=5).close()
    except OSError:
        return False
    return True


def subscribe(url: str, subscription: str, hook: str) -> None:
    destination = {"endpointType": "WebHook", "properties": {"endpointUrl": f"{hook}?key={SECRET}"}}
    made = ask(url, subscribed(subscription), "PUT", {"properties": {"destination": destination}})
    assert made["properties"]["provisioningState"] == "Succeeded", made


def subscribed(subscription: str) -> str:
    path = f"/subscriptions/{subscription}/providers/Microsoft.EventGrid/eventSubscriptions/finops"
    return f"{path}?api-version=2022-06-15"


def one_round(url: str, workspace: str, number: int, log: Path, watched: list[Any]) -> tuple[float, list[float]]:
    """Seconds from a cluster being there to its least number of nodes being none, and CPU seconds of each process."""
    cluster = f"{workspace}/computes/bench-{number}"
    scale = {"minNodeCount": 2, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    inner = {"vmSize": "STANDARD_DS3_V2", "vmPriority": "LowPriority", "scaleSettings": scale}
    body = {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}}
    ask(url, f"{cluster}?api-version=2024-04-01", "PUT", body)
    state = lambda: ask(url, f"{cluster}?api-version=2024-04-01")["properties"]  # noqa: E731
    until(lambda: state()["provisioningState"] == "Succeeded", 120, log)
    began, used = time.monotonic(), [cpu(process.pid) for process in watched]
    until(lambda: state()["properties"]["scaleSettings"]["minNodeCount"] == 0, 120, log)
    took = time.monotonic() - began
    until(lambda: state()["provisioningState"] == "Succeeded", 120, log)
    time.sleep(5)  # what the guard itself wrote wakes it once more
    spent = [cpu(process.pid) - before for process, before in zip(watched, used, strict=True)]
    said = f"{took:6.2f} s, CPU of the daemon {spent[0]:.2f} s, of the simulator {spent[1]:.2f} s"
    print(f"  round {number + 1}: {said}", flush=True)
    return took, spent


def cpu(pid: int) -> float:
    """Seconds of processor time that a process and those that ended under it have used.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def until(is_so: Any, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"It did not come about within {seconds:.0f} s.\n{log.read_text('utf-8')[-3000:]}")
        time.sleep(0.1)


def ask(url: str, path: str, method: str = "GET", body: Json | None = None) -> Json:
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, sent, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: Json = json.loads(answer.read() or b"{}")
    return found


def report(rounds: list[tuple[float, list[float]]], polls: list[tuple[float, list[float]]], quiet: float) -> None:
    took, polled = [one for one, _ in rounds], [one for one, _ in polls]
    work = statistics.median(sum(spent) for _, spent in rounds)
    load = f"{os.getloadavg()[0]:.0f} processes waited for {os.cpu_count()} cores"
    print(f"event to enforced    median {statistics.median(took):6.2f} s   worst {max(took):6.2f} s   ({load})")
    print(
        f"  of which {quiet:.1f} s waited for further events, and {work:.2f} s is CPU of all processes, and 5 s after"
    )
    if polled:
        median, worst = statistics.median(polled), max(polled)
        print(f"polling to enforced  median {median:6.2f} s   worst {worst:6.2f} s   (every {CYCLE:.0f} s)")


if __name__ == "__main__":
    main()
