"""A simulated stretch of an estate's life under the daemon: people work, Azure fails, and the daemon is killed.

The simulator is served here, and its clock is moved by the daemon's own waits; people come by in between, make things,
and approve what they are asked about. Whoever looks at it afterwards has the simulator's own log of what was changed,
the daybook, the findings, the intents, the audit trail and the mails.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from applying import ANN, BEN, empty_endpoint
from estates import endpoint, instance
from forking import Worker
from guarding import DEV_WORKSPACE, PROD_WORKSPACE, dedicated, estate_of

from finops import approvals
from finops.config.model import Settings
from finops.errors import FinopsError
from finops.simulator import Served, serving
from finops.simulator.generate import retail
from finops.state import State

Json = dict[str, Any]

DAY = timedelta(days=1)
# What goes wrong, one request in twenty, each kind as often as the others. Left out: "status", which is any of the
# others, and "stall", "lro-never-ends" and "slow", which cost real seconds and are tested by themselves.
KINDS = (
    "401-expired", "403", "404-parent", "409", "412", "429-bare", "429-client", "429-clienttype", "429-date",
    "429-entity", "429-hour", "429-qpu", "429-retry-after", "429-tenant", "500", "502", "502-after", "503", "504",
    "504-after", "529", "bom", "changed-page-token", "date-skewed", "duplicate-rows", "empty-object", "empty-page",
    "extra-column", "graph-stale", "gzip-broken", "html", "huge-number", "lro-fails", "lro-poll-lost", "missing-value",
    "nan", "negative-number", "next-foreign", "next-loop", "number-as-string", "page-twice", "renamed-column",
    "reordered-page", "reset-after", "reset-before", "reset-mid-body", "short-content-length", "truncated-json",
)  # fmt: skip
SHARE = 0.05
LIVED = 30  # days before the daemon comes: there are charges then


@dataclass
class Plan:
    """How long, how often it is killed, and when duties are due where not as shipped."""

    days: int
    kills: int
    seed: int
    schedule: dict[str, str] = field(default_factory=dict)
    share: float = SHARE
    lease: float = 3600  # seconds; the loop looks at its slots four times as often
    begins: datetime | None = None
    zone: str = "Europe/Berlin"
    persist_runs: int = 2  # sweeps until people are asked
    denied: float = 0.2  # of what people are asked about


RESTING = {"GET", "HEAD"}
# POSTs that only read.
READS = (
    "/query", "/resources", "metrics:getbatch", "/listnodes", "/forecast", "/queryresults", "/summarize",
    "/checkpolicyrestrictions", "/triggerevaluation", "/$batch",
)  # fmt: skip


class Heard(deque[Json]):
    """What the simulator is asked that changes anything; of all else, how often."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, entry: Json) -> None:
        self.total += 1
        if entry["method"] not in RESTING and not entry["path"].lower().endswith(READS):
            super().append(entry)


@dataclass
class Tally:
    """What was counted from outside while it ran."""

    kills: int = 0
    starts: int = 0
    made: int = 0
    approved: int = 0
    denied: int = 0
    rss: list[tuple[datetime, int]] = field(default_factory=list)  # KiB, by simulated time
    kept: list[tuple[datetime, int]] = field(default_factory=list)  # KiB of the database with its log, likewise
    exits: Counter[int] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)


class Year:
    """One such stretch of life. `state`: where the daemon remembers."""

    def __init__(self, served: Served, folder: Path, plan: Plan, state: str) -> None:
        self.served, self.folder, self.plan, self.state = served, folder, plan, state
        self.begins: datetime = served.world.clock.now()
        self.ends = self.begins + plan.days * DAY
        self.tally = Tally()
        self.chance = random.Random(plan.seed)
        self._next_morning = self.begins
        self.asks: Json = {}  # more of the process that lives: see dying_daemon.py
        self.settings = Settings.model_validate(
            {
                "azure": {
                    "endpoint": served.url, "call_deadline_seconds": 60, "read_timeout_seconds": 30, "workers": 4,
                },
                "state": {"url": state},
                "charges": {"store": str(folder / "charges")},
                "mail": {
                    "outbox": str(folder / "outbox"), "sender": "finops@contoso.com", "finance": ["fin@contoso.com"],
                },
                "guard": {
                    "mode": "enforce", "grace_days": 2, "admins": ["ops@contoso.com"], "max_percent": 100,
                    "max_acts": 50, "kill_switch": str(folder / "STOP"),
                },
                "janitor": {
                    "mode": "act", "approvers": {"/": ["ann@contoso.com", "ben@contoso.com"]},
                    "tombstones": str(folder / "tombstones"), "kill_switch": str(folder / "STOP"),
                    "time_zone": plan.zone, "max_percent": 100,
                    "rules": {"endpoint-without-deployments": {"persist_runs": plan.persist_runs, "grace_days": 1}},
                },
                "budgets": {"all": {"amount": 50, "to": ["fin@contoso.com"]}},
                "daemon": {"schedule": plan.schedule, "listen": None, "time_zone": plan.zone},
            }
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        found: datetime = self.served.world.clock.now()
        return found

    @property
    def asked(self) -> int:
        """Requests in all."""
        heard = self.served.app.requests
        assert isinstance(heard, Heard)
        return heard.total

    @property
    def struck(self) -> Counter[str]:
        """Requests that went wrong, by the fault."""
        return Counter({rule.fault: rule.struck for rule in self.served.faults.rules if rule.struck})

    @property
    def log(self) -> Path:
        """What the daemon that was started last has said."""
        return self.folder / f"daemon-{self.tally.starts}.log"

    def order(self) -> Json:
        return {
            "settings": json.loads(self.settings.model_dump_json()), "url": self.served.url, "seed": self.plan.seed,
            "until": self.ends.isoformat(), "start": self.tally.starts, "lease": self.plan.lease,
            "log": str(self.log), **self.asks,
        }  # fmt: skip

    @property
    def kept(self) -> int:
        """KiB of the database, with its log."""
        found = 0
        for file in self.folder.glob("state.db*"):
            with suppress(FileNotFoundError):  # its log goes when the daemon does
                found += file.stat().st_size
        return found // 1024

    def calm(self, **span: float) -> None:
        """From now on nothing goes wrong, for so long."""
        self.tally.struck = self.struck
        self.served.faults.clear()
        self.ends += timedelta(**span)

    def live(self, worker: Worker, kills: int = 0) -> None:
        """Run the daemon until the end of the stretch, and kill it that often."""
        moments = sorted(self.begins + self.chance.random() * (self.ends - self.begins) for _ in range(kills))
        while self.now < self.ends:
            self.tally.starts += 1
            kill_at = moments[0] if moments else None
            status, said = worker.run(self.order(), lambda child: self._beside(child, kill_at))  # noqa: B023
            self.tally.exits[status] += 1
            if status == -signal.SIGKILL:
                moments.pop(0)
                self.tally.kills += 1
            elif status != 0:
                last = "".join(self.log.read_text("utf-8").splitlines(keepends=True)[-60:])
                raise AssertionError(f"At {self.now} the daemon ended with {status}: {said}\n{last}\n({self.log})")

    def _beside(self, child: int, kill_at: datetime | None) -> None:
        """What goes on beside the daemon, until it ends or is killed."""
        while _alive(child):
            now = self.now
            self._people(now)
            self._measure(child, now)
            if kill_at is not None and now >= kill_at:
                time.sleep(self.chance.random() * 0.25)  # at whatever instruction
                if _alive(child):
                    os.kill(child, signal.SIGKILL)
                return
            time.sleep(0.01)

    def _measure(self, child: int, now: datetime) -> None:
        if self.tally.rss and now - self.tally.rss[-1][0] < timedelta(hours=12):
            return
        with_status = Path(f"/proc/{child}/statm")
        try:
            pages = int(with_status.read_text().split()[1])
        except (OSError, IndexError):
            return
        self.tally.rss.append((now, pages * resource.getpagesize() // 1024))
        self.tally.kept.append((now, self.kept))

    def _people(self, now: datetime) -> None:
        """Each morning somebody makes something, and somebody decides."""
        if now < self._next_morning:
            return
        self._next_morning = now.replace(hour=9, minute=0, second=0, microsecond=0) + DAY
        self._make(now)
        try:
            with State.open(self.state) as state:
                self._decide(state, now)
        except FinopsError:
            return  # tomorrow is another day

    def _make(self, now: datetime) -> None:
        made = self.tally.made = self.tally.made + 1
        stamp = {"createdAt": now.isoformat(), "createdBy": "ana@contoso.com", "createdByType": "User"}
        if made % 7 == 3:
            body = dedicated(name=f"gpu-{made}")
        elif made % 7 == 5:
            body = empty_endpoint(f"empty-{made}")
        else:
            return
        with self.served.world.lock:
            self.served.world.resources.put({**body, "systemData": stamp})

    def _decide(self, state: State, now: datetime) -> None:
        desk = approvals.Desk(state, self.settings.janitor)
        for record in state.findings.all(status="pending", limit=None)[0]:
            row = [(record.number, record.finding.digest)]
            if self.chance.random() < self.plan.denied:
                self.tally.denied += desk.deny(row, ANN, now, "we need it")[0].ok
                continue
            for person in (ANN, BEN):
                self.tally.approved += desk.approve(row, person, now, "fine")[0].ok


@contextmanager
def lived(folder: Path, plan: Plan, state: str = "") -> Iterator[Year]:
    """An estate to live through: a production and a development workspace, an instance that runs, and waste."""
    folder.mkdir(parents=True, exist_ok=True)
    busy = instance(DEV_WORKSPACE, "ci-ana")
    stamp = {"asOf": (plan.begins - LIVED * DAY).isoformat()} if plan.begins else {}
    estate_of(folder / "estate", dedicated(), empty_endpoint(), endpoint(PROD_WORKSPACE, "chat"), busy, **stamp)
    prices = retail.items({"standard_nc6s_v3", "standard_ds3_v2"}, ["eastus", "westeurope"])
    (folder / "estate/prices.jsonl").write_text("".join(json.dumps(item) + "\n" for item in prices), "utf-8")
    rules = [
        {"fault": kind, "probability": plan.share / len(KINDS), "seed": plan.seed * 1000 + number, "times": 10**9,
         "path": "^(?!/simulator)"}
        for number, kind in enumerate(KINDS)
    ]  # fmt: skip
    with serving(folder / "estate", faults=rules if plan.share else None) as served:
        served.world.clock.advance(days=LIVED)
        served.app.settle()
        served.world.charges.published(served.world.clock.now())  # imports what it needs
        served.app.requests = Heard()
        yield Year(served, folder, plan, state or str(folder / "state.db"))


def _alive(child: int) -> bool:
    try:
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


@dataclass(frozen=True)
class Mail:
    subject: str
    to: str
    text: str  # the plain part, on one line


def mails(outbox: Path) -> list[Mail]:
    """Each mail that left."""
    found = []
    for file in sorted(outbox.glob("*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = message.get_body(("plain",))
        text = " ".join(body.get_content().split()) if body else ""
        found.append(Mail(str(message["Subject"]), str(message["To"]), text))
    return found
