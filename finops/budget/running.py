"""What runs now and is paid by the hour: nodes, instances and deployments, what each costs, and when it will end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from shlex import quote
from typing import Any

from finops.budget.model import Scope
from finops.estate import Estate, Gap, Known, Resource, Unknown
from finops.estate.evidence import moment_of, targets
from finops.estate.facts.jobs import OVER, WAITING
from finops.estate.ids import key, scopes, subscription_of
from finops.estate.model import Json, at, text
from finops.estate.queries import COMPUTE, COMPUTES, DEPLOYMENT, DEPLOYMENTS, GRAPH, JOB, NODES, PRICES

# The facts that `rates` reads; the estate is asked for these and no others.
FACTS = ("pricePerHour", "nodes", "idleNodes", "runningNodes", "preparingNodes", "unusableNodes", "leavingNodes",
         "preemptedNodes", "spot")  # fmt: skip
# What, where it could not be read, leaves out something that may run.
NEEDED = frozenset({COMPUTES, DEPLOYMENTS, GRAPH, NODES, PRICES})
# What, where it could not be read, may leave out a resource altogether; without the others it is there, unpriced.
LISTS = frozenset({COMPUTES, DEPLOYMENTS, GRAPH})
LONGEST_NAME = 40  # of a job, in a sentence
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.I)


@dataclass(frozen=True)
class Running:
    """Machines of one resource that do the same thing now.

    per_hour: USD by the list of prices; None with the reason why_unknown, and never counted as nothing.
    ends: when it stops being paid for by what is known; None where nothing will end it. has_work: somebody uses it.
    says: what it does, in a phrase. command: how a person would stop it.
    """

    id: str
    name: str
    workspace: str
    kind: str
    size: str
    region: str
    count: int
    spot: bool
    per_hour: Decimal | None
    why_unknown: str
    has_work: bool
    ends: datetime | None
    says: str
    command: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def covered_by(self, scope: Scope) -> bool:
        """Whether a budget of `scope` pays for it, by its id and its own tags."""
        if scope.kind == "all":
            return True
        if scope.kind == "tag":
            own = {name.lower(): value for name, value in self.tags.items()}
            return own.get(scope.name.lower()) in scope.values
        if scope.id:
            return scope.id in scopes(self.id)
        parts = key(self.id).strip("/").split("/")
        where = {"group": "resourcegroups", "workspace": "workspaces"}[scope.kind]
        return where in parts and parts[parts.index(where) + 1] == scope.name

    @property
    def subscription(self) -> str:
        return subscription_of(self.id)


@dataclass(frozen=True)
class Rates:
    """Everything that runs at `at`, dearest first, and what could not be read: the sum is at least so."""

    at: datetime
    running: tuple[Running, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read, as sentences."""
        return tuple(dict.fromkeys(f"{gap.what.rpartition('/')[2]} of {gap.scope}: {gap.reason}" for gap in self.gaps))

    @property
    def dark(self) -> frozenset[str]:
        """The scopes below which something could not be read; "" stands for all."""
        return frozenset(key(gap.scope) for gap in self.gaps)

    def hides(self, resource_id: str) -> bool:
        """Whether it may run and not be in `running`: a list that would hold it could not be read."""
        places = {key(gap.scope) for gap in self.gaps if gap.what in LISTS}
        return not places.isdisjoint({"", *scopes(resource_id)})

    @property
    def per_hour(self) -> Decimal:
        """USD an hour of all whose price is known."""
        return sum((one.per_hour for one in self.running if one.per_hour is not None), Decimal(0))

    @property
    def unpriced(self) -> tuple[Running, ...]:
        return tuple(one for one in self.running if one.per_hour is None)

    @property
    def at_least(self) -> bool:
        return bool(self.unread or self.unpriced)


def rates(estate: Estate) -> Rates:
    """What runs in `estate`, which was read with `FACTS` and prices."""
    jobs = _open_jobs(estate)
    found: list[Running] = []
    for one in estate.of_type(COMPUTE):
        kind = text(one.body, "properties.computeType").lower()
        if kind == "amlcompute":
            found += _cluster(one, estate, jobs)
        elif kind == "computeinstance":
            found += _instance(one, estate, jobs)
    for one in estate.of_type(DEPLOYMENT):
        found += _deployment(one, estate)
    found.sort(key=lambda one: (-(one.per_hour or Decimal(0)), one.id))
    return Rates(estate.as_of, tuple(found), tuple(gap for gap in estate.gaps if gap.what in NEEDED))


def _open_jobs(estate: Estate) -> dict[str, list[Json]]:
    """The jobs that are not over, by the id of the compute that they, or a step of theirs, are sent to."""
    found: dict[str, list[Json]] = defaultdict(list)
    for job in estate.of_type(JOB):
        if text(job.body, "properties.status").lower() not in OVER:
            for target in targets(job.body):
                found[target].append(job.body)
    return found


def _cluster(one: Resource, estate: Estate, jobs: Mapping[str, list[Json]]) -> Iterator[Running]:
    """Its nodes in two parts: those at work or getting ready for it, and those that are paid for nothing."""
    price = _price(one)
    every = _count(one, "nodes")
    if isinstance(every, str):
        yield _made(one, estate, "compute cluster", 0, None, every, True, None, "its nodes are not known")
        return
    gone, idle, unusable = (_int(_count(one, f"{name}Nodes")) for name in ("leaving", "idle", "unusable"))
    billed = every - gone - _int(_count(one, "preemptedNodes"))
    busy = billed - idle - unusable  # those that prepare, and whatever else Azure may call one that it bills
    if billed <= 0:
        return
    each = price / billed if isinstance(price, Decimal) else None
    why = price if isinstance(price, str) else ""
    if busy:
        ends, says = _work(one, estate, jobs)
        yield _made(one, estate, "compute cluster", busy, each, why, True, ends, says)
    least = at(one.body, "properties.properties.scaleSettings.minNodeCount")
    least = least if isinstance(least, int) else 0
    kept = min(idle, max(0, least - busy))
    if kept:
        says = f"idle, and kept by its minimum of {least} {'node' if least == 1 else 'nodes'}"
        yield _made(one, estate, "compute cluster", kept, each, why, False, None, says)
    if idle - kept:
        patience = _duration(text(one.body, "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown"))
        ends = estate.as_of + patience if patience is not None else None
        says = f"idle, let go within {_said(patience)}" if patience is not None else "idle, and let go at no set time"
        yield _made(one, estate, "compute cluster", idle - kept, each, why, False, ends, says)
    if unusable:
        yield _made(one, estate, "compute cluster", unusable, each, why, False, None, "unusable, says Azure")


def _work(one: Resource, estate: Estate, jobs: Mapping[str, list[Json]]) -> tuple[datetime | None, str]:
    """When the work of a cluster ends at the latest, where every job of it has a limit; and what it is."""
    here = jobs.get(key(one.id), [])
    waiting = sum(text(job, "properties.status").lower() in WAITING for job in here)
    if not here:
        return None, "at work, on a job that is not in the list"
    called = ", ".join(_short(text(job, "properties.displayName") or text(job, "name") or "a job") for job in here[:2])
    more = f" and {len(here) - 2} more" if len(here) > 2 else ""
    says = f"at work on {called}{more}" + (f", {waiting} waiting" if waiting else "")
    latest = estate.as_of
    for job in here:
        limit = _duration(text(job, "properties.limits.timeout"))
        begun = moment_of(job, "properties.startTimeUtc") or moment_of(job, "systemData.createdAt")
        if limit is None or begun is None or text(job, "properties.status").lower() in WAITING:
            return None, f"{says}, without a time limit" if limit is None else says
        latest = max(latest, begun + limit)
    return latest, f"{says}, ends by {latest:%-d %b %H:%M} UTC at the latest"


def _instance(one: Resource, estate: Estate, jobs: Mapping[str, list[Json]]) -> Iterator[Running]:
    state = text(one.body, "properties.properties.state").lower()
    if state in ("stopped", "deleting", "createfailed"):
        return
    price = _price(one)
    busy = key(one.id) in jobs
    stops = _duration(text(one.body, "properties.properties.idleTimeBeforeShutdown"))
    if busy:
        says = f"{state or 'running'}, with a job"
    elif stops is not None:
        says = f"{state or 'running'}, stops by itself after {_said(stops)} without use"
    else:
        says = f"{state or 'running'}, and stops only when somebody stops it"
    each = price if isinstance(price, Decimal) else None
    # Whether a person works on it nobody tells: only one that never stops by itself counts as left on.
    yield _made(one, estate, "compute instance", 1, each, price if isinstance(price, str) else "",
                busy or stops is not None, None, says)  # fmt: skip


def _deployment(one: Resource, estate: Estate) -> Iterator[Running]:
    if text(one.body, "properties.endpointComputeType").lower() not in ("managed", ""):
        return
    count = at(one.body, "sku.capacity")
    count = count if isinstance(count, int) and count >= 0 else 0
    price = _price(one)
    if not count and isinstance(price, Decimal):
        return
    each = price / count if isinstance(price, Decimal) and count else None
    yield _made(one, estate, "deployment", count, each, price if isinstance(price, str) else "", True, None, "serving")


def _made(
    one: Resource, estate: Estate, kind: str, count: int, each: Decimal | None, why: str, has_work: bool,
    ends: datetime | None, says: str,
) -> Running:  # fmt: skip
    body, parts = one.body, one.id.strip("/").split("/")
    inner = "properties.instanceType" if kind == "deployment" else "properties.properties.vmSize"
    spot = one.facts.get("spot")
    workspace = parts[7] if len(parts) > 7 else ""
    name = f"{parts[-3]}/{parts[-1]}" if kind == "deployment" else parts[-1]
    above = estate.resources.get(key("/" + "/".join(parts[:8])))
    own = {**_tags(above.body if above else {}), **_tags(body)}
    return Running(
        id=one.id,
        name=name,
        workspace=workspace,
        kind=kind,
        size=text(body, inner),
        region=(text(body, "properties.computeLocation") or text(body, "location")).replace(" ", "").lower(),
        count=count,
        spot=isinstance(spot, Known) and spot.value is True,
        per_hour=each * count if each is not None else None,
        why_unknown=why if each is None else "",
        has_work=has_work,
        ends=ends,
        says=says,
        command=command_of(kind, parts),
        tags=own,
    )


def command_of(kind: str, parts: Sequence[str]) -> str:
    """How a person would stop it, with `az`. parts: of its id."""
    if len(parts) < 8:
        return ""
    group, workspace, above, name = (quote(parts[n]) for n in (3, 7, -3, -1))
    place = f"-g {group} -w {workspace}"
    if kind == "compute cluster":
        return f"az ml compute update -n {name} --min-instances 0 {place}"
    if kind == "compute instance":
        return f"az ml compute stop -n {name} {place}"
    return f"az ml online-deployment delete -n {name} -e {above} {place}"


def _tags(body: Json) -> dict[str, str]:
    found: Any = body.get("tags")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _price(one: Resource) -> Decimal | str:
    """USD an hour of all its billed machines, or why that is not known."""
    fact = one.facts.get("pricePerHour")
    if isinstance(fact, Known):
        return Decimal(fact.value)
    return fact.reason if isinstance(fact, Unknown) else "its price was not asked for"


def _count(one: Resource, name: str) -> int | str:
    fact = one.facts.get(name)
    if isinstance(fact, Known):
        return int(fact.value)
    return fact.reason if isinstance(fact, Unknown) else "its nodes were not asked for"


def _int(count: int | str) -> int:
    return count if isinstance(count, int) else 0


def _duration(written: str) -> timedelta | None:
    found = _DURATION.fullmatch(written.strip())
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _said(length: timedelta) -> str:
    """ "15 minutes", "2 hours", "3 days"."""
    minutes = round(length / timedelta(minutes=1))
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {word}{'' if minutes == size else 's'}"
    return f"{minutes} minutes"
