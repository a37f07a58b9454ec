"""Telling owners: what is not as it must be, what was done about it, and which exemptions end. Each thing once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import mail
from finops.approvals.naming import shown
from finops.approvals.people import address
from finops.config.people import may_tell
from finops.errors import FinopsError
from finops.estate.ids import key
from finops.jobs.guarding.deeds import kept, refusal
from finops.jobs.guarding.owing import missing, stuck
from finops.jobs.guarding.plan import GRACE, Line, Plan, grace_ends, promise
from finops.report.model import Money
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.state import State


KEPT_DAYS = 90  # so long does a deed wait for somebody who may be told of it
MOST = 40  # resources of one section; a mail with all of 10,000 would reach nobody


@dataclass(frozen=True)
class Told:
    """mails: where they lie. nobody: owner and resource of what nobody may be told of; it does not count as told."""

    mails: tuple[Path, ...] = ()
    nobody: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Letter:
    """All that one person is told in one run, by resource, and what is remembered once it is put."""

    notices: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, dict[str, Any]] = field(default_factory=dict)
    expiring: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    promises: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def deadline(self) -> datetime | None:
        shown = list(self.notices.values())[:MOST]
        return min((ends for item in shown for ends in item["ends"]), default=None)


def announce(plan: Plan, settings: Settings, state: State, now: datetime, enforce: bool = False) -> Told:
    """Leave a mail for everybody who has something new to know. Starts the grace of what it tells.

    enforce: whether this run goes on to change what is due; that is told when it is done
    """
    letters: dict[str, Letter] = defaultdict(Letter)
    nobody = set()
    promises = state.kept(GRACE)
    grace = timedelta(days=settings.guard.grace_days)
    new = [
        line for line in plan.lines if _is_to_be_told(line, enforce) and not _was_told(line, promises, state, settings)
    ]
    # What has a day comes first: it must not be among what a long mail leaves out.
    for line in sorted(new, key=lambda line: not _has_a_day(line)):
        ends = now + grace if _has_a_day(line) else None
        people = _recipients(line.owner, settings)
        if not people:
            nobody.add((line.owner, key(line.id)))
        for person in people:
            letter = letters[person]
            place = {"place": len(letter.notices), "findings": [], "ends": []}
            item = letter.notices.setdefault(key(line.id), _about(line.id) | place)
            item["findings"].append(_finding(line, plan.currency, ends))
            if ends is None:
                letter.keys.append(line.key)
            elif item["place"] < MOST:
                item["ends"].append(ends)
                letter.keys.append(f"{line.key}/{line.deed}")
                letter.promises[f"{GRACE}{line.key}"] = promise(line, now, ends)
    for listed in plan.exemptions:
        one = listed.exemption
        told = f"guard/exemption/{one.scope.lower()}/{one.until}"
        if listed.status != "expiring" or state.told_at(told) is not None:
            continue
        people = _recipients(one.owner, settings)
        if not people:
            nobody.add((one.owner, key(one.scope)))
        for person in people:
            letter = letters[person]
            letter.expiring[told] = {"scope": one.scope, "until": one.until, "reason": one.reason or "no reason given"}
            letter.keys.append(told)
    return Told(tuple(_send("owner-notice", letters, settings, state, now)), frozenset(nobody))


def report_deeds(settings: Settings, state: State, now: datetime) -> Told:
    """Leave a mail for everybody whose resource was changed, or was not although it was to be. None is lost: what
    could not be put, or nobody may be told of, is kept for the next run."""
    letters: dict[str, Letter] = defaultdict(Letter)
    nobody = set()
    done = []
    for name, deed in kept(state):
        people = _recipients(deed["owner"], settings, loud=deed["loud"])
        if not people:
            nobody.add((deed["owner"], key(deed["id"])))
        if people or now - datetime.fromisoformat(deed.get("at", now.isoformat())) > timedelta(days=KEPT_DAYS):
            done.append(name)
        for person in people:
            letter = letters[person]
            section = letter.refused if deed["refused"] else letter.done
            item = section.setdefault(key(deed["id"]), _about(deed["id"]) | {"deeds": []})
            item["deeds"].append({"did": deed["did"], "notes": deed["notes"]})
            letter.keys.append(deed["about"])
    paths = _send("owner-changed", letters, settings, state, now)
    for name in done:
        state.drop(name)
    return Told(tuple(paths), frozenset(nobody))


def report_missing(settings: Settings, state: State, now: datetime, estate: Estate | None = None) -> Told:
    """Tell owners and admins, once a day, what was taken from them and could not be given back.

    estate: one that was read since, where nothing was tried after it
    """
    letters: dict[str, Letter] = defaultdict(Letter)
    nobody = set()
    lacking = [(owed, "It was deleted to be made anew with spot nodes, and could not be made again", owed["last"])
               for owed in missing(state, estate)]  # fmt: skip
    lacking += [
        (one, "Its maximum was set to 0 nodes, and could not be set back", one["stuck"]) for one in stuck(state)
    ]
    for about, what, why in lacking:
        told = f"guard/missing/{key(about['id'])}/{about['generation']}/{now:%Y-%m-%d}"
        if state.told_at(told) is not None:
            continue
        people = _recipients(about["owner"], settings, loud=True)
        if not people:
            nobody.add((about["owner"], key(about["id"])))
        for person in people:
            item = _about(about["id"]) | {"deeds": [{"did": f"{what}: {refusal(why)}", "notes": _ways_out(about, why)}]}
            letters[person].missing[key(about["id"])] = item
            letters[person].keys.append(told)
    return Told(tuple(_send("owner-missing", letters, settings, state, now)), frozenset(nobody))


def untold(told: Iterable[Told]) -> tuple[str, ...]:
    """Whose resources nobody was told of, and what would mend that, as sentences."""
    found: dict[str, set[str]] = defaultdict(set)
    for owner, about in {pair for one in told for pair in one.nobody}:
        found[owner].add(about)
    return tuple(_nobody(owner, len(ids)) for owner, ids in sorted(found.items()))


def _nobody(owner: str, count: int) -> str:
    things = "1 resource" if count == 1 else f"{count} resources"
    if not owner:
        return f"Nobody was told of {things} without an owner: guard.admins names nobody."
    return (
        f"Nobody was told of {things} of {shown(owner)}: that is no address at one of mail.owner_domains, and "
        "guard.admins names nobody."
    )


def _ways_out(about: dict[str, Any], why: str) -> list[str]:
    found = ["It is tried again by every run that enforces (`finops guard run --enforce`)."]
    if "RequestDisallowedByPolicy" in why:
        found.append("A policy forbids it: change its parameters, or give the resource group a policy exemption.")
    if "quota" in why.lower():
        found.append("Ask Azure for more spot quota in this region.")
    if "before" in about:
        found.append("All that it was is on the audit trail, under this id, to make it by hand.")
    return found


def _is_to_be_told(line: Line, enforce: bool) -> bool:
    """In mode audit nobody is told; a tag that is only inherited, or a thing that only is reported, asks nobody."""
    if line.mode == "audit" or line.status == "keep" or line.action == "report" or line.rule in ("owed", "thaw"):
        return False
    if enforce and line.rule == "scale" and line.status == "due":
        return False
    return not (line.rule == "tags" and line.change and line.mode == "enforce")


def _has_a_day(line: Line) -> bool:
    return line.rule == "spot" and line.mode == "enforce"


def _was_told(line: Line, promises: Mapping[str, Any], state: State, settings: Settings) -> bool:
    """Whether this was told; of what has a day, whether that day and that deed were."""
    if _has_a_day(line):
        return grace_ends(line, promises, settings.guard) is not None
    return state.told_at(line.key) is not None


def _recipients(owner: str, settings: Settings, loud: bool = False) -> list[str]:
    """The owner, else the admins; where it is loud, both."""
    people = [person] if (person := address(owner)) and may_tell(settings, person) else []
    return list(dict.fromkeys([*people, *settings.guard.admins])) if loud or not people else people


def _about(resource_id: str) -> dict[str, Any]:
    """What a resource is called: the names along its id, as workspace/cluster."""
    parts = resource_id.strip("/").split("/")
    last = max((at for at, part in enumerate(parts) if part.lower() == "providers"), default=None)
    names = parts[last + 3 :: 2] if last is not None else parts[-1:]
    return {"name": "/".join(names) or parts[-1], "id": resource_id}


def _finding(line: Line, currency: str, ends: datetime | None) -> dict[str, Any]:
    return {
        "why": line.why,
        "next": _next(line, ends),
        "cost": _money(line.cost, currency),
        "saving": _money(line.saving, currency),
        "notes": line.notes,
    }


def _next(line: Line, ends: datetime | None) -> str:
    if line.rule == "tags":
        proposed = line.action.partition("CostCenter = ")[2]
        return (
            f"Is {proposed} right? Then set CostCenter to it."
            if proposed
            else "Please set its tag CostCenter to the cost centre that pays for it."
        )
    if line.rule == "spot":
        asked = "Please make it anew with spot nodes (tier: low_priority), or delete it."
        if ends is None:
            return asked
        what = "its maximum is set to 0 nodes as soon as no job runs or queues on it"
        if line.deed == "make anew":
            what += ". Once it has no nodes it is deleted and made anew with spot nodes, same name, same settings"
        return f"{asked} After {ends:%d %B %Y %H:%M} UTC, {what}."
    wanted = ", ".join(f"{name} {value}" for name, value in line.change.items())
    later = " Otherwise the next run that enforces sets it." if line.mode == "enforce" else ""
    return f"Please set: {wanted}.{later}"


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return Money(amount, currency) if amount and currency else None


def _send(kind: str, letters: dict[str, Letter], settings: Settings, state: State, now: datetime) -> list[Path]:
    """Each mail has left before what it tells counts as told: a crash in between loses none.

    One that does not leave stops no other; where none leaves, that is raised, and nothing is changed in this run.
    """
    templates = Templates(settings.folders.reports, Words(2))
    outbox = mail.Letterbox(state, settings, now)
    paths, left = [], []
    stayed: FinopsError | None = None
    for to, letter in letters.items():
        context: dict[str, Any] = {
            "organisation": settings.report.organisation,
            "deadline": letter.deadline,
            "example": f"{now + timedelta(days=30):%Y-%m-%d};training the summer model",
        }
        for section in ("notices", "done", "refused", "missing", "expiring"):
            items = list(getattr(letter, section).values())
            context[section] = items[:MOST]
            context[f"{section}_more"] = len(items[MOST:])
        subject = templates.line("owner-notice.subject.txt", **context)
        html = templates.render("owner-notice.html", subject=subject, preheader="", **context)
        text = templates.render("owner-notice.txt", **context)
        message = partial(
            mail.notice, kind, subject=subject, text=text, html=inlined(html), about=letter.keys, made=now,
            settings=settings.mail,
        )  # fmt: skip
        try:
            paths.append(outbox.put_for([to], settings.guard.admins, message))
            left.append(letter)
        except FinopsError as fault:
            stayed = fault
    if stayed and not left:
        raise stayed
    for letter in left:
        for name in letter.keys:
            state.told(name, now)
        for name, said in letter.promises.items():
            state.keep(name, said, now)
    return paths
