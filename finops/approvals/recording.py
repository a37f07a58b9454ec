"""A sweep's findings enter the state or advance in it; what is found no more ends, where its absence is proven."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from finops.approvals.moving import US, lapsed, step, stored
from finops.approvals.statuses import APPROVED, ENDED
from finops.approvals.votes import invalid, ran_out
from finops.approvals.whose import TIERING
from finops.estate import Gap
from finops.estate.ids import key
from finops.exemptions import Exemption, Exemptions
from finops.janitor import Finding, Found, Kept, Rule
from finops.state import Change, Record, State

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings, Settings

T = TypeVar("T")

BATCH = 500  # findings a transaction: others can decide in between
REMEMBERED = timedelta(days=90)  # what came back within this, made alike, has not become younger
PLAUSIBLE = 0.5  # of what a rule looked at before; with less, something may be wrong with the reading
BELIEVED = 3  # sweeps in a row that see less: then it is so
POPULATION = "janitor/looked-at"  # kept under: how much each rule looked at in the last sweep
PLAUSIBLY = "janitor/plausibly"  # kept under: how much it looked at when that was plausible, and how often it was not


@dataclass
class Changes:
    """What a sweep changed in the state: numbers of findings."""

    new: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)  # owners and approvers are to be told of these
    changed: list[int] = field(default_factory=list)  # other evidence than before: votes void, to be told anew
    kept: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    exempt: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)  # neither found nor proven absent: left as they are
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sweep:
    """What one sweep saw, as the steps below need it."""

    rules: Mapping[str, Rule]
    looked_at: Mapping[str, int]
    kept: Mapping[tuple[str, str], Kept]
    present: Container[str]
    gaps: tuple[Gap, ...]
    implausible: frozenset[str]
    exemptions: Exemptions
    settings: JanitorSettings
    now: datetime
    currency: str

    def asks(self, rule: str) -> bool:
        return rule in self.rules and self.rules[rule].mode in {"ask", "act"}

    def persists(self, record: Record) -> bool:
        return self.asks(record.finding.rule) and record.runs >= self.rules[record.finding.rule].persist_runs


def record(
    state: State,
    found: Found,
    rules: Iterable[Rule],
    now: datetime,
    settings: Settings,
    present: Container[str],
    currency: str = "",
    exemptions: Exemptions | None = None,
) -> Changes:
    """Bring the state up to what a sweep found. Recording the same sweep again changes nothing more.

    present: ids, in lower case, of everything that was read: what is there but not found is kept, not gone
    currency: of costs and savings, "" not known
    """
    changes = Changes(expired=[one.number for one in lapsed(state, now)])
    implausible = _implausible(state, found.looked_at, now, changes)
    sweep = Sweep(
        rules={rule.name: rule for rule in rules},
        looked_at=found.looked_at,
        kept={(one.rule, key(one.resource_id)): one for one in found.kept},
        present=present,
        gaps=found.gaps,
        implausible=implausible,
        exemptions=exemptions or Exemptions([]),
        settings=settings.janitor,
        now=now,
        currency=currency,
    )
    alive = {name: number for name, number in state.findings.alive().items() if name[0] != TIERING}
    nominated = {(one.rule, key(one.resource_id)): one for one in found.findings}
    for batch in _batches(list(nominated.items())):
        with state.findings.changing() as change:
            for _, finding in batch:
                _enter(change, finding, sweep, changes)
    for absent in _batches([number for name, number in alive.items() if name not in nominated]):
        with state.findings.changing() as change:
            for number in absent:
                _leave(change, change.get(number), sweep, changes)
    return changes


def _implausible(state: State, looked_at: Mapping[str, int], now: datetime, changes: Changes) -> frozenset[str]:
    """Rules that suddenly see less than half of what there was: what they miss was not read, for all we know."""
    kept = state.kept(PLAUSIBLY).get(PLAUSIBLY) or {}
    at, found = now.isoformat(), set()
    for rule, count in looked_at.items():
        good = kept.get(rule, {"count": count, "below": 0, "at": ""})
        if count >= PLAUSIBLE * good["count"]:
            kept[rule] = {"count": count, "below": 0, "at": at}
            continue
        below = good["below"] + (good["at"] != at)
        if below >= BELIEVED:
            kept[rule] = {"count": count, "below": 0, "at": at}
            continue
        kept[rule] = {"count": good["count"], "below": below, "at": at}
        found.add(rule)
        changes.problems.append(
            f"{rule} looked at {count} resources, at {good['count']} before: what is missing counts as not read, not "
            "as gone."
        )
    state.keep(PLAUSIBLY, kept, now)
    state.keep(POPULATION, {**(state.kept(POPULATION).get(POPULATION) or {}), **looked_at}, now)
    return frozenset(found)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _enter(change: Change, finding: Finding, sweep: Sweep, changes: Changes) -> None:
    """A finding that is there: a new life, or the next step of the one it has."""
    current = change.living(finding.rule, finding.resource_id)
    seen = stored(finding)
    if current is not None and current.status in {"quiet", "acted"}:
        return  # what acts on it is watching it
    if current is not None and _is_another(current, finding):
        said = "It was deleted, and something else was made under its name."
        step(change, current, "gone", said, sweep.now, US)
        changes.gone.append(current.number)
        current = None
    if current is None:
        current = _begin(change, finding, sweep, changes)
    else:
        current = _advance(change, current, finding, sweep, changes)
    if current.status == "found" and sweep.persists(current):
        often = "a sweep" if current.runs == 1 else f"{current.runs} sweeps"
        said = f"Found in {often} since {current.first_at:%d %B %Y}."
        step(change, current, "asked", said, sweep.now, US, finding=seen)
        changes.asked.append(current.number)


def _begin(change: Change, finding: Finding, sweep: Sweep, changes: Changes) -> Record:
    last = change.last(finding.rule, finding.resource_id)
    said, status, times = "Found for the first time.", "found", {}
    if last is not None and last.status == "restored":
        until = last.changed_at + timedelta(days=sweep.settings.snooze_days)
        if until > sweep.now:
            status, times = "snoozed", {"snoozed_until": until}
            said = f"It was restored on {last.changed_at:%d %B %Y}; it is left alone until {until:%d %B %Y}."
    number = change.add(stored(finding), status, said, sweep.now, US, sweep.currency, **times)
    changes.new.append(number)
    current = change.get(number)
    if last is not None and last.status == "gone" and _is_alike(last, finding, sweep.now):
        change.touch(current, first_at=last.first_at, runs=last.runs)
        return change.say(change.get(number), f"It is back as it was: first found on {last.first_at:%d %B %Y}.",
                          sweep.now, US)  # fmt: skip
    return current


def _is_alike(last: Record, finding: Finding, now: datetime) -> bool:
    same = bool(finding.fingerprint) and last.finding.fingerprint == finding.fingerprint
    return same and now - last.changed_at <= REMEMBERED


def _is_another(current: Record, finding: Finding) -> bool:
    """Whether something else has its name now. What was only deleted and made again alike is the same."""
    old = current.finding
    return old.generation != finding.generation and old.fingerprint != finding.fingerprint


def _advance(change: Change, current: Record, finding: Finding, sweep: Sweep, changes: Changes) -> Record:
    now, seen, status = sweep.now, stored(finding), current.status
    runs = current.runs + (now - current.last_at >= timedelta(hours=sweep.settings.run_hours))
    if not sweep.asks(finding.rule) and status not in {"found", "stale", "denied", "snoozed", "exempt"}:
        said = f"Its rule is in mode {sweep.rules[finding.rule].mode}." if finding.rule in sweep.rules else "No rule."
        changes.stale.append(current.number)
        return step(change, current, "stale", said, now, US, finding=seen, runs=runs, last_at=now)
    again = _again(current, sweep)
    if again:
        fields = {"runs": runs, "last_at": now, "currency": sweep.currency}
        return step(change, current, "found", again, now, US, finding=seen, **fields)
    if status in {"pending", "approved", "scheduled"} and current.finding.digest != finding.digest:
        changes.changed.append(current.number)
        return step(change, current, "pending", _what_changed(current, finding), now, US, finding=seen,
                    runs=runs, last_at=now)  # fmt: skip
    change.touch(current, seen, runs=runs, last_at=now, currency=sweep.currency)
    current = change.get(current.number)
    if status in APPROVED and invalid(current, now):
        changes.changed.append(current.number)
        return step(change, current, "pending", f"Its risk changed. {invalid(current, now)}", now, US)
    return current


def _again(current: Record, sweep: Sweep) -> str:
    """Why what was put aside is looked at again, "" where it is not."""
    until = current.snoozed_until
    if current.status in {"denied", "snoozed", "exempt"} and (until is None or until <= sweep.now):
        ends = f"was {current.status} until {until:%d %B %Y}" if until else f"is not {current.status} any more"
        return f"It {ends}, and is still there."
    over, asked = current.approved_until, current.asked_at
    if current.status == "expired" and ran_out(current) and over and asked and over > asked:
        return "It was approved, and not done in time: it needs another approval."
    if current.status == "expired" and sweep.now - current.changed_at >= timedelta(days=sweep.settings.again_days):
        return f"Nobody decided when it was asked about; {sweep.settings.again_days} days have passed."
    if current.status == "stale" and sweep.asks(current.finding.rule):
        return "Its rule looks at it again."
    return f"It failed, and is still there. {current.note}" if current.status == "failed" else ""


def _what_changed(current: Record, finding: Finding) -> str:
    old = current.finding
    pairs = {
        "it was deleted and made again": (old.generation, finding.generation),
        "its settings changed": (old.fingerprint, finding.fingerprint),
        "what depends on it changed": (set(old.dependents), set(finding.dependents)),
        "what would be done changed": (old.action, finding.action),
        "other things would go with it": (old.evidence.get("goesWithIt"), finding.evidence.get("goesWithIt")),
        "it has another owner": (old.owner, finding.owner),
    }
    found = [said for said, (was, is_) in pairs.items() if was != is_]
    return f"What was seen changed: {'; '.join(found) or 'the evidence'}. Earlier approvals do not count any more."


def _leave(change: Change, current: Record, sweep: Sweep, changes: Changes) -> None:
    """What was not found this time: kept, gone, exempt, stale; or not known, and then nothing changes."""
    if current.status in ENDED | {"quiet", "acted"}:
        return
    now, name = sweep.now, (current.finding.rule, key(current.finding.resource_id))
    keeping = sweep.exemptions.keeping(current.finding.resource_id, current.finding.rule, now)
    if keeping is not None:
        _exempt(change, current, keeping, sweep, changes)
        return
    if _is_put_aside(current, now):
        return  # used once, or away for a day: what a person said holds until the day they said
    if current.finding.rule not in sweep.looked_at:
        if current.status != "stale":
            step(change, current, "stale", "Its rule is switched off, or is not there any more.", now, US)
            changes.stale.append(current.number)
        return
    kept = sweep.kept.get(name)
    if kept is not None and not kept.unknown:
        step(change, current, "kept", kept.why, now, US)
        changes.kept.append(current.number)
    elif kept is not None:
        _unclear(change, current, f"It could not be checked: {kept.why}", changes)
    elif name[1] in sweep.present:
        step(change, current, "kept", "The rule does not hold for it any more.", now, US)
        changes.kept.append(current.number)
    elif current.finding.rule in sweep.implausible or any(_covers(gap, name[1]) for gap in sweep.gaps):
        _unclear(change, current, "It was not read: whether it is still there is not known.", changes)
    else:
        step(change, current, "gone", "It is not there any more; nothing was done by us.", now, US)
        changes.gone.append(current.number)


def _is_put_aside(current: Record, now: datetime) -> bool:
    """Whether a person's word about it still holds: denied, snoozed or exempt until a day that is not over."""
    until = current.snoozed_until
    return current.status in {"denied", "snoozed", "exempt"} and until is not None and until > now


def _exempt(change: Change, current: Record, keeping: Exemption, sweep: Sweep, changes: Changes) -> None:
    """What a tag or the file exempts. Its end is theirs: as soon as they keep it no more, it is looked at again."""
    if current.status == "exempt" or _is_put_aside(current, sweep.now):
        return
    ends = f"until {keeping.until:%d %B %Y}" if keeping.until else "without an end"
    said = f"Exempt {ends} by {keeping.source}: {keeping.reason or 'no reason given'}"
    step(change, current, "exempt", said, sweep.now, US, snoozed_until=None)
    changes.exempt.append(current.number)


def _unclear(change: Change, current: Record, why: str, changes: Changes) -> None:
    """Nothing is concluded; before anybody was asked, the row of sweeps is broken."""
    change.touch(current, note=why, runs=0 if current.status == "found" else current.runs)
    changes.unclear.append(current.number)


def _covers(gap: Gap, resource: str) -> bool:
    """Whether what could not be read may hold the resource, or be it, or be below it."""
    scope = key(gap.scope)
    return not scope or f"{resource}/".startswith(f"{scope}/") or scope.startswith(f"{resource}/")
