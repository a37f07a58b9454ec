"""What a rule would have done to estates of the past, and what of that was used later. Pure: looks in, verdict out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from finops.errors import DataError
from finops.estate import Estate, Known, Resource
from finops.estate.evidence import moment_of
from finops.estate.ids import key
from finops.janitor.model import Finding, Found, Json, Kept, Rule

# Facts that say how many days ago something was used, and the most that they can say.
SILENCE = {"daysWithoutRequests": 30, "daysSinceInvoked": 90, "daysSinceLastJob": 90, "daysSinceUsed": 90}
# What was stopped, scaled down, archived or switched off is turned on again by whoever uses it: nothing was lost.
LOST = ("delete", "deleteImage")

End = Literal["left alone", "used later", "waiting", "saved in time", "gone"]
Grace = Callable[[datetime, int], datetime]


@dataclass(frozen=True)
class Look:
    """One look at an estate of the past, and what the rule found in it."""

    estate: Estate
    found: Found


@dataclass(frozen=True)
class Fate:
    """What would have become of one resource.

    end      left alone: acted on, and nobody missed it. used later: acted on, and somebody would have missed it.
             waiting: found, but not due before the last look. saved in time: used, tagged or locked before it was due.
             gone: somebody else deleted it before it was due
    acted    when it would have been acted on
    later    when it was used after that, as far as the looks can tell, and what shows it
    saved    what acting would have saved until the last look, used or not; None: not known
    """

    resource_id: str
    found: datetime
    due: datetime
    end: End
    acted: datetime | None = None
    later: datetime | None = None
    shows: str = ""
    saved: Decimal | None = None


@dataclass(frozen=True)
class Rehearsal:
    """What a rule would have done between the first look and the last."""

    rule: str
    digest: str
    action: str
    start: datetime
    end: datetime
    looks: int
    complete: bool
    fates: tuple[Fate, ...] = field(repr=False)
    currency: str = ""  # of what would have been saved; "" where the looks know none, or more than one

    @property
    def acted(self) -> tuple[Fate, ...]:
        return tuple(one for one in self.fates if one.acted)

    @property
    def used(self) -> tuple[Fate, ...]:
        return tuple(one for one in self.fates if one.end == "used later")

    @property
    def regret_percent(self) -> Decimal:
        """Of what would have been deleted, the share that was used later; 0 where nothing is lost by the action."""
        if self.action not in LOST or not self.acted:
            return Decimal(0)
        return Decimal(100) * len(self.used) / len(self.acted)

    @property
    def saved(self) -> Decimal:
        """What would have been saved on what nobody used later, as far as costs are known."""
        return sum((one.saved for one in self.acted if one.end != "used later" and one.saved), Decimal(0))

    @property
    def regretted(self) -> Decimal:
        """What was paid for what somebody did use later: no saving at all."""
        return sum((one.saved for one in self.used if one.saved), Decimal(0))


@dataclass
class _Candidate:
    """A resource that is on its way: found, then due, then acted on."""

    finding: Finding
    found: datetime
    due: datetime
    acted: datetime | None = None

    def fate(self, end: End, later: datetime | None = None, shows: str = "") -> Fate:
        return Fate(self.finding.resource_id, self.found, self.due, end, self.acted, later, shows, self.finding.saving)


def rehearse(looks: Iterable[Look], rule: Rule, grace: Grace) -> Rehearsal:
    """What `rule` would have done. `looks`: of one estate, in order of time. `grace`: so many working days after.

    Between two looks a resource is taken to be what the earlier one showed, unless the later one says when it was used.
    """
    on_the_way: dict[str, _Candidate] = {}
    deleted: set[str] = set()
    fates: list[Fate] = []
    moments: list[datetime] = []
    complete = True
    for look in looks:
        now = look.estate.as_of
        moments.append(now)
        complete &= look.estate.complete
        both: tuple[Finding | Kept, ...] = (*look.found.kept, *look.found.findings)
        told = {key(one.resource_id): one for one in both if one.rule == rule.name}
        for name, candidate in list(on_the_way.items()):
            fate = _next(candidate, look.estate, moments[-2], told.get(name))
            if fate is not None:
                fates.append(fate)
                del on_the_way[name]
                deleted |= {name} if fate.acted else set()
        for name, finding in told.items():
            if isinstance(finding, Finding) and name not in on_the_way and name not in deleted:
                on_the_way[name] = _Candidate(finding, now, _due(rule, now, grace))
    if not moments:
        raise DataError("There is no estate to rehearse on.", "Give at least one with --estate.")
    fates += [one.fate("left alone" if one.acted else "waiting") for one in on_the_way.values()]
    priced = sorted((_priced(one, moments[-1]) for one in fates), key=lambda one: (one.found, key(one.resource_id)))
    return Rehearsal(
        rule.name, rule.digest, rule.action, moments[0], moments[-1], len(moments), complete, tuple(priced)
    )


def _due(rule: Rule, found: datetime, grace: Grace) -> datetime:
    """When it is acted on for good: found in enough daily sweeps, its owner's grace over, its quiet step over."""
    quiet = timedelta(days=rule.quiet.days if rule.quiet else 0)
    return grace(found + timedelta(days=rule.persist_runs - 1), rule.grace_days) + quiet


def _next(candidate: _Candidate, estate: Estate, before: datetime, told: Finding | Kept | None) -> Fate | None:
    """What a later look says of a candidate; None while it goes on."""
    now = estate.as_of
    resource = estate.resources.get(key(candidate.finding.resource_id))
    if resource is None:
        if not estate.complete:
            return None
        return candidate.fate("left alone" if candidate.acted else "gone", shows="somebody else deleted it")
    used = last_use(resource)
    if candidate.acted is None and candidate.due <= now:
        if used is not None and before < used <= candidate.due:
            return candidate.fate("saved in time", used, "it was used")
        candidate.acted = candidate.due
    if candidate.acted is None:
        shows = _alive(candidate, resource, told, candidate.found)
        return candidate.fate("saved in time", used, shows) if shows else None
    shows = _alive(candidate, resource, told, candidate.acted)
    if not shows or (isinstance(told, Kept) and told.unknown):
        return None
    return candidate.fate("used later", used if used and used > candidate.acted else now, shows)


def _alive(candidate: _Candidate, resource: Resource, told: Finding | Kept | None, since: datetime) -> str:
    """What shows that somebody needs it; "" where nothing does."""
    used = last_use(resource)
    if used is not None and used > since:
        return f"it was used on {used:%d %B %Y}"
    if told is None:
        return "its condition does not hold any more"
    if isinstance(told, Kept):
        return told.why
    if told.generation != candidate.finding.generation:
        return "somebody made it again"
    return ""


def last_use(resource: Resource) -> datetime | None:
    """When it was used last, as late as its facts allow; None where they do not tell."""
    moments = []
    for name, most in SILENCE.items():
        fact = resource.facts.get(name)
        if isinstance(fact, Known) and isinstance(fact.value, int) and fact.value < most:
            moments.append(fact.as_of - timedelta(days=fact.value))
    made = moment_of(resource.body, "systemData.createdAt")
    # Where there never was a use, these facts count from when it was made.
    return max((one for one in moments if made is None or one - made > timedelta(days=1)), default=None)


def _priced(fate: Fate, end: datetime) -> Fate:
    """With what acting would have saved from then to the end, in place of what it saves a month."""
    if fate.acted is None or fate.saved is None:
        return replace(fate, saved=None)
    days = Decimal(str(max((end - fate.acted) / timedelta(days=1), 0)))
    return replace(fate, saved=(fate.saved * days / 30).quantize(Decimal("0.01")))


def kept_form(rehearsal: Rehearsal, now: datetime) -> Json:
    """What is remembered of a rehearsal."""
    return {
        "rule": rehearsal.rule,
        "digest": rehearsal.digest,
        "rehearsedAt": now.isoformat(),
        "from": rehearsal.start.isoformat(),
        "to": rehearsal.end.isoformat(),
        "looks": rehearsal.looks,
        "complete": rehearsal.complete,
        "acted": len(rehearsal.acted),
        "used": len(rehearsal.used),
        "regretPercent": str(round(rehearsal.regret_percent, 2)),
        "saved": str(rehearsal.saved),
        "regretted": str(rehearsal.regretted),
    }


def refusal(rule: Rule, kept: Json | None, most: Decimal) -> str:
    """Why a rule may not be in mode act, by its last rehearsal; "" where it may, or was not rehearsed as it is now."""
    if not kept or kept.get("digest") != rule.digest:
        return ""
    regret = Decimal(str(kept.get("regretPercent", "0")))
    if not regret or regret < most:
        return ""
    return (
        f"The rule {rule.name} stays in mode ask: of {kept['acted']} that it would have deleted between "
        f"{str(kept['from'])[:10]} and {str(kept['to'])[:10]}, {kept['used']} were used later ({regret} %), and "
        f"janitor.max_regret_percent is {most}. Give it other parameters, or rehearse it again, whole "
        "and for at least as long."
    )
