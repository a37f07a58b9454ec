"""What the guard would do: every finding of the rules, with its mode, what protects it, and until when it has grace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops import spot, tags
from finops.acts import generation_of
from finops.estate import Estate, Known, Resource
from finops.estate.ids import key
from finops.estate.model import Json
from finops.estate.owners import owner_of
from finops.exemptions import RULES, Exemptions, Listed

if TYPE_CHECKING:
    from finops.config.model import GuardSettings

ANEW = "make it anew as spot when drained"
# Standing still saves nothing of what spot would: whoever owns it has to make it anew.
STILL = "stop it from growing when nothing runs, until its owner makes it anew as spot"
GRACE = "guard/grace/"  # kept under, with the key of a line: the day and the deed that its owner was told

# due: is done by `guard run --enforce` now. grace: its time runs. wait: something must happen first. keep: protected,
# or not known. report: the mode, or the kind of finding, asks for no more than to be said.
Status = Literal["due", "grace", "wait", "keep", "report"]


@dataclass(frozen=True, eq=False)
class Line:
    """One thing that is not as it must be. Costs of 30 days and savings a month, in the plan's currency."""

    rule: str  # spot, scale, tags; owed and thaw: what the guard has to give back
    id: str
    mode: str  # audit, warn, enforce
    action: str  # what would be done, in words
    why: str
    status: Status
    until: str  # what it waits for, or what keeps it
    owner: str
    cost: Decimal | None
    saving: Decimal | None
    saving_says: str
    notes: tuple[str, ...]
    change: Json
    generation: str

    @property
    def name(self) -> str:
        return self.id.rstrip("/").rpartition("/")[2]

    @property
    def deed(self) -> str:
        """What becomes of a dedicated cluster after its grace: "make anew", or only "stop growing"."""
        return "make anew" if self.action == ANEW else "stop growing"

    @property
    def key(self) -> str:
        """Under which it is remembered: the same finding on the same resource, and not on a namesake."""
        return f"guard/{self.rule}/{key(self.id)}/{self.generation}"


@dataclass(frozen=True)
class Plan:
    """What the guard found. `looked_at`: how many resources each rule looked at."""

    as_of: datetime
    lines: tuple[Line, ...]
    exemptions: tuple[Listed, ...]
    problems: tuple[str, ...]  # what could not be read, in words
    remarks: tuple[str, ...]  # what is wrong with settings and exemptions
    currency: str
    looked_at: Mapping[str, int]
    estate: Estate

    @property
    def complete(self) -> bool:
        return not self.problems

    @property
    def saving(self) -> Decimal:
        """What could be saved in a month. Of several findings on one resource the larger counts: they overlap."""
        each: dict[str, Decimal] = {}
        for line in self.lines:
            if line.saving is not None and line.status != "keep":
                each[key(line.id)] = max(line.saving, each.get(key(line.id), Decimal(0)))
        return sum(each.values(), Decimal(0))

    @property
    def due(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.status == "due")


@dataclass(frozen=True)
class Context:
    """What deciding about one finding needs."""

    estate: Estate
    settings: GuardSettings
    exemptions: Exemptions
    promises: Mapping[str, Json]  # by GRACE and the key of a line: what its owner was told, see `promise`
    now: datetime


def lines(context: Context, prices_of: spot.PricesOf) -> list[Line]:
    """Every line of the plan, rule by rule, what saves or costs most first."""
    found = list(_lines(context, prices_of))
    nothing = Decimal(0)
    return sorted(found, key=lambda line: (RULES.index(line.rule), -(line.saving or nothing), -(line.cost or nothing)))


def _lines(context: Context, prices_of: spot.PricesOf) -> Iterator[Line]:
    settings = context.settings
    rules = spot.Rules(
        settings.environment_tag,
        frozenset(value.strip().lower() for value in settings.dev),
        tuple(pattern.strip().lower() for pattern in settings.dev_groups),
        frozenset(guid.strip().lower() for guid in settings.dev_subscriptions),
        settings.min_nodes,
        settings.idle_minutes,
        settings.near_percent,
    )
    for found in spot.findings(context.estate, rules, prices_of):
        if isinstance(found, spot.Undecided):
            yield _undecided(context, found)
        else:
            yield _cluster(context, found)
    for missing in tags.findings(context.estate, settings.cost_centers):
        yield _tag(context, missing)


def looked_at(estate: Estate) -> dict[str, int]:
    clusters = sum(1 for _ in spot.clusters(estate))
    taggable = sum(count for name, count in estate.types().items() if name not in tags.LEFT_OUT)
    return {"spot": clusters, "scale": clusters, "tags": taggable}


def _cluster(context: Context, found: spot.Finding) -> Line:
    resource = context.estate.resources[key(found.id)]
    mode = context.settings.mode_of(found.id)
    notes = list(found.warnings)
    action = "set " + ", ".join(f"{name} to {value}" for name, value in found.change.items())
    if found.rule == "spot":
        action = ANEW if context.settings.recreate == "allow" and not found.obstacles else STILL
        if found.obstacles:
            notes += [f"It cannot be made anew by the guard: {why}." for why in found.obstacles]
    line = Line(
        rule=found.rule,
        id=found.id,
        mode=mode,
        action=action,
        why=found.why,
        status="report",
        until="",
        owner=owner_of(resource, context.estate),
        cost=found.cost,
        saving=found.saving,
        saving_says=found.saving_says,
        notes=tuple(notes),
        change=found.change,
        generation=generation_of(resource.body),
    )
    return _with_status(context, resource, line, found.waits)


def _tag(context: Context, found: tags.Finding) -> Line:
    resource = context.estate.resources[key(found.id)]
    actions = {
        "inherit": f"write {tags.NAME} = {found.value}",
        "propose": f"propose {tags.NAME} = {found.value}" if found.value else "propose another name or value",
        "ask": "ask the owner",
        "report": "report",
    }
    line = Line(
        rule="tags",
        id=found.id,
        mode=context.settings.mode_of(found.id),
        action=actions[found.kind],
        why=found.why,
        status="report",
        until="",
        owner=owner_of(resource, context.estate),
        cost=found.cost,
        saving=None,
        saving_says="",
        notes=(),
        change={tags.NAME: found.value} if found.kind == "inherit" else {},
        generation=generation_of(resource.body),
    )
    return _with_status(context, resource, line, "") if found.kind == "inherit" else _kept(context, resource, line)


def _undecided(context: Context, found: spot.Undecided) -> Line:
    resource = context.estate.resources[key(found.id)]
    return Line(
        rule=found.rule,
        id=found.id,
        mode=context.settings.mode_of(found.id),
        action="leave it alone",
        why="Whether it is as it must be is not known.",
        status="keep",
        until=found.reason,
        owner=owner_of(resource, context.estate),
        cost=None,
        saving=None,
        saving_says="",
        notes=(),
        change={},
        generation=generation_of(resource.body),
    )


def promise(line: Line, told: datetime, ends: datetime) -> Json:
    """What is remembered of a mail that named the day and the deed."""
    return {"deed": line.deed, "told": told.isoformat(), "ends": ends.isoformat()}


def grace_ends(line: Line, promises: Mapping[str, Json], settings: GuardSettings) -> datetime | None:
    """When the owner's time is over; None where no mail has named a day and this deed.

    Whoever was told that it is made anew was told as well that it stops growing. Never before the day in the mail.
    """
    told = promises.get(f"{GRACE}{line.key}")
    if told is None or told["deed"] not in ("make anew", line.deed):
        return None
    ends = datetime.fromisoformat(told["told"]) + timedelta(days=settings.grace_days)
    return max(ends, datetime.fromisoformat(told["ends"]))


def _kept(context: Context, resource: Resource, line: Line) -> Line:
    """The line, kept where an exemption, a lock or something unknown protects its resource."""
    reason = _protection(context, resource, line.rule)
    return _changed(line, status="keep", until=reason) if reason else line


def _with_status(context: Context, resource: Resource, line: Line, waits: str) -> Line:
    kept = _kept(context, resource, line)
    if kept.status == "keep" or line.mode != "enforce":
        return kept
    if not line.generation and line.rule != "tags":
        return _changed(line, status="keep", until="Azure does not say when it was made, so it cannot be told apart")
    if line.rule == "spot":
        ends = grace_ends(line, context.promises, context.settings)
        if ends is None:
            known = line.owner or context.settings.admins
            until = "its owner has not been told yet" if known else "nobody is known who could be told (guard.admins)"
            return _changed(line, status="grace", until=until)
        if context.now < ends:
            return _changed(line, status="grace", until=f"its owner has until {ends:%Y-%m-%d %H:%M} UTC")
    return _changed(line, status="wait", until=waits) if waits else _changed(line, status="due", until="")


def _protection(context: Context, resource: Resource, rule: str) -> str:
    """Why a resource is left alone; "" when nothing protects it."""
    kept = context.exemptions.keeping(resource.id, rule, context.now)
    if kept:
        ends = f"until {kept.until}" if kept.until else "with no end"
        return f"exempt {ends} by {kept.source}{f': {kept.reason}' if kept.reason else ''}"
    locked = resource.facts.get("locked")
    if not isinstance(locked, Known):
        return f"whether it is locked is not known: {locked.reason if locked else 'it was not read'}"
    return "locked" if locked.value else ""


def _changed(line: Line, *, status: Status, until: str) -> Line:
    return replace(line, status=status, until=until)
