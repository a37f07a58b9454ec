"""Time to the first byte of the approvals page, served by uvicorn over a state of 10,000 findings.

    python benchmarks/approvals_page.py [FINDINGS]

The state is made anew in a temporary folder, each finding with 90 days of usage as its evidence. Requests go one
after the other over one kept connection; median and slowest of 25 rounds to the first byte, median to the last.
The bar: the first byte of each page within 0.2 s.
"""

from __future__ import annotations

import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

ROUNDS = 25
NOW = datetime.now(UTC).replace(microsecond=0)
SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups"
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
PAGES = {
    "list": "/findings",
    "last page": "/findings?page={last}",
    "all statuses": "/findings?status=all",
    "by owner": "/findings?order=owner",
    "high risk": "/findings?risk=high",
    "one workspace": "/findings?workspace=ws-7",
    "search": "/findings?q=ep-00042",
    "search, nothing found": "/findings?q=nowhere",
    "one finding": "/findings/4711",
}


def fill(path: Path, count: int) -> None:
    from finops.state import State, StoredFinding

    days = [(NOW - timedelta(days=90 - n)).date().isoformat() for n in range(90)]
    with State.open(path) as state:
        for start in range(0, count, 1000):
            with state.findings.changing() as change:
                for n in range(start, min(start + 1000, count)):
                    usage = [[day, (n * 7 + k) % 50 if k < 70 else 0] for k, day in enumerate(days)]
                    found = StoredFinding(
                        rule=f"rule-{n % 16}",
                        resource_id=f"{SUBSCRIPTION}/rg-{n % 90}/{PROVIDER}/ws-{n % 90}/onlineEndpoints/ep-{n:05}",
                        generation="2026-01-01T00:00:00Z",
                        fingerprint="spec",
                        digest=f"{n:064x}",
                        action="delete",
                        why="Nobody has called this endpoint for 20 days, yet its VMs are billed by the hour.",
                        evidence={"title": "Endpoint without requests", "usage": usage, "threshold": 0},
                        owner=f"person{n % 400}@contoso.example",
                        risk="high" if n % 10 == 0 else "low",
                        monthly_cost=Decimal(n * 7919 % 100_000) / 100,
                        saving=None,
                        dependents=(),
                        not_checked=(),
                        grace_days=5,
                        quiet=None,
                    )
                    status = "pending" if n % 5 else "denied"
                    times = {"asked_at": NOW, "due_at": NOW, "expires_at": NOW + timedelta(days=14)}
                    change.add(found, status, "Found.", NOW, "benchmark", "USD", **times)


class Client:
    def __init__(self, port: int) -> None:
        self.wire = http.client.HTTPConnection("127.0.0.1", port)
        token = re.search(r'name="csrf" value="([^"]+)"', self.get("/findings")[2])
        assert token
        form = urlencode({"csrf": token[1], "who": "ana", "next": "/findings"})
        self.wire.request("POST", "/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.wire.getresponse()
        answer.read()
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    cookie = ""

    def get(self, path: str) -> tuple[float, float, str]:
        """Milliseconds to the first byte and to the last, and the page."""
        start = time.perf_counter()
        self.wire.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.wire.getresponse()
        first = answer.read(1)
        to_first = time.perf_counter() - start
        page = first + answer.read()
        return to_first * 1000, (time.perf_counter() - start) * 1000, page.decode()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state.db"
        start = time.perf_counter()
        fill(state, count)
        print(f"{count:,} findings made in {time.perf_counter() - start:.0f} s, {state.stat().st_size / 2**20:.0f} MiB")
        environment = {**os.environ, "FINOPS_STATE__URL": str(state)}
        command = [sys.executable, "-m", "finops", "web", "--demo", "--port", "0"]
        start = time.perf_counter()
        server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr
            port = re.search(r":(\d+)/", server.stderr.readline())
            assert port
            print(f"served after {time.perf_counter() - start:.1f} s")
            client = Client(int(port[1]))
            measure(client, count)
            memory = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
            print(f"memory at most {int(memory[1]) / 1024:.0f} MiB" if memory else "")
        finally:
            server.terminate()
            server.communicate()


def measure(client: Client, count: int) -> None:
    last = count * 4 // 5 // 50
    taken: dict[str, list[tuple[float, float, str]]] = {name: [] for name in PAGES}
    for _ in range(ROUNDS):
        for name, path in PAGES.items():
            taken[name].append(client.get(path.format(last=last)))
    print(f"{'':24}{'first byte':>12}{'slowest':>10}{'last byte':>12}{'KiB':>8}   milliseconds")
    for name, each in taken.items():
        firsts = [one[0] for one in each]
        whole = statistics.median(one[1] for one in each)
        size = len(each[-1][2].encode()) / 1024
        print(f"{name:24}{statistics.median(firsts):>12.1f}{max(firsts):>10.1f}{whole:>12.1f}{size:>8.0f}")


if __name__ == "__main__":
    main()
