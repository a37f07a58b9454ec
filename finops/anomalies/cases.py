"""Cases: what is remembered of each anomaly, what people say of it, and what was declared beforehand.

Kept as anomaly/ID, anomaly-plan/ID and anomaly-raised/ID; what people do is in the audit trail, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

from finops.anomalies.model import KINDS, Anomaly, Planned, Raised, Reach, Scope, State
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.state import State as Memory

Json = dict[str, Any]
CASE, PLAN, RAISED, LOOKED = "anomaly/", "anomaly-plan/", "anomaly-raised/", "anomaly-looked"
STATES: tuple[State, ...] = get_args(State)
AGAIN = Decimal("1.25")
"""What was closed is told again where it comes to so many times the money a day."""
RESTATED = "Restated charges: nothing is off any more."


@dataclass(frozen=True)
class Case:
    """An anomaly and its life. told: when its mail was put; closed: when the last was. ids: of what is behind it.

    ended: since when it is resolved. again: how often it was opened anew. actor: who changed what is behind it;
    stop: how that is ended, a sentence; command: the same for `az`. since: what its scope cost on the days after the
    last that are off, through `through`, where it stayed dear until it counts as the usual cost; still: it is so yet.
    by_act: it is resolved as an act of our own ended it.
    """

    anomaly: Anomaly
    currency: str
    basis: str
    complete_at: datetime | None = None
    ids: tuple[str, ...] = ()
    told: datetime | None = None
    subject: str = ""
    people: tuple[str, ...] = ()
    closed: datetime | None = None
    who: str = ""
    gaps: tuple[str, ...] = ()
    by_person: bool = False
    ended: datetime | None = None
    again: int = 0
    actor: str = ""
    stop: str = ""
    command: str = ""
    through: date | None = None
    since: Decimal = Decimal(0)
    still: bool = False
    by_act: bool = False

    @property
    def so_far(self) -> Anomaly:
        """The anomaly with what it came to after it counts as the usual cost: nobody has said that it is right."""
        one = self.anomaly
        if self.through is None:
            return one
        grown = Decimal((self.through - one.first).days + 1) / ((one.last - one.first).days + 1)
        reach = Reach(*(round(each * grown, 2) for each in (one.expected.low, one.expected.middle, one.expected.high)))
        actual = one.actual + self.since
        impact, going_on = actual - reach.middle, self.still and self.is_open
        percent = _percent(impact, reach.middle)
        return replace(one, last=self.through, actual=actual, expected=reach, impact=impact, percent=percent,
                       going_on=going_on)  # fmt: skip

    @property
    def id(self) -> str:
        return self.anomaly.id

    @property
    def is_open(self) -> bool:
        return self.anomaly.state != "resolved"

    @property
    def hours(self) -> int | None:
        """From the start of the first day that was off, as far as charges tell, to when it was found."""
        found = self.anomaly.found_at
        if found is None:
            return None
        start = datetime.combine(self.anomaly.first, datetime.min.time(), found.tzinfo)
        return int((found - start) / timedelta(hours=1))

    @property
    def late_hours(self) -> int | None:
        """From when the charges of the day that could tell were complete, to when it was found."""
        found, complete = self.anomaly.found_at, self.complete_at
        return None if found is None or complete is None else max(0, int((found - complete) / timedelta(hours=1)))


def cases(state: Memory | None) -> tuple[Case, ...]:
    """All of them, newest first."""
    kept = state.kept(CASE) if state is not None else {}
    found = [_case(value) for value in kept.values()]
    return tuple(sorted(found, key=lambda one: (one.anomaly.first, abs(one.anomaly.impact)), reverse=True))


def case_of(state: Memory, given: str) -> Case:
    """The one of that id, or of its unmistakable start."""
    wanted = given.strip().lower()
    found = [one for one in cases(state) if wanted and one.id.lower().startswith(wanted)]
    exact = [one for one in found if one.id.lower() == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise UsageError(f"'{given}' may be {' or '.join(one.id for one in found[:3])}.", "Give more of the id.")
    raise UsageError(f"There is no anomaly '{given}'.", "`finops anomaly list --all` lists them.")


def looked(state: Memory | None) -> tuple[date, date] | None:
    """The first and the last day that were judged when somebody last looked; None where nobody has."""
    kept = state.kept(LOOKED).get(LOOKED) if state is not None else None
    return (date.fromisoformat(kept["first"]), date.fromisoformat(kept["through"])) if kept else None


def kept_as(case: Case) -> tuple[str, Json]:
    """Under which name, and as what, a case is kept."""
    one = case.anomaly
    return f"{CASE}{one.id}", {
        "id": one.id,
        "scopes": [[scope.kind, scope.key] for scope in one.scopes],
        "kind": one.kind,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "actual": f"{one.actual:f}",
        "expected": [f"{one.expected.low:f}", f"{one.expected.middle:f}", f"{one.expected.high:f}"],
        "goingOn": one.going_on,
        "seen": _text(one.seen),
        "state": one.state,
        "cause": one.cause,
        "evidence": list(one.evidence),
        "owner": one.owner,
        "foundAt": _text(one.found_at),
        "why": one.why,
        "who": case.who,
        "byPerson": case.by_person,
        "currency": case.currency,
        "basis": case.basis,
        "completeAt": _text(case.complete_at),
        "ids": list(case.ids),
        "told": _text(case.told),
        "subject": case.subject,
        "people": list(case.people),
        "closed": _text(case.closed),
        "gaps": list(case.gaps),
        "ended": _text(case.ended),
        "again": case.again,
        "actor": case.actor,
        "stop": case.stop,
        "command": case.command,
        "whole": f"{one.whole:f}" if one.whole is not None else "",
        "through": _text(case.through),
        "since": f"{case.since:f}",
        "still": case.still,
        "byAct": case.by_act,
    }


def scope_of(text: str) -> Scope | None:
    """A scope as people write it: "CC-4300", "workspace:mlw-vision", "all" (None)."""
    kind, colon, name = text.strip().partition(":")
    if text.strip().lower() == "all":
        return None
    if not colon and kind.strip():
        return Scope("cost centre", kind.strip())
    wanted = kind.strip().lower().replace("-", " ").replace("center", "centre").replace("costcentre", "cost centre")
    for known in KINDS:
        if known == wanted and name.strip():
            return Scope(known, name.strip())
    raise UsageError(
        f"'{text}' is no scope.", f"Write all, a cost centre, or KIND:NAME with a kind of {', '.join(KINDS)}."
    )


# -- what people say --------------------------------------------------------------------------------------------------


def explain(state: Memory, given: str, why: str, who: str, now: datetime) -> Case:
    """Somebody knows why. It is carried until the cost is as expected again, or becomes the usual one."""
    with state.telling():  # else a watch that has read the case would write over what was said
        return _say(state, given, "explained", why, who, now, "explained an anomaly")


def resolve(state: Memory, given: str, why: str, who: str, now: datetime) -> Case:
    with state.telling():
        return _say(state, given, "resolved", why, who, now, "resolved an anomaly")


def false_positive(state: Memory, given: str, why: str, who: str, until: date, now: datetime) -> Case:
    """Somebody says that it was none: the case is closed, and its scopes tell less until `until`."""
    with state.telling():
        case = case_of(state, given)
        _check_reason(why)
        one = case.anomaly
        least = bar_of(one)
        for place, scope in enumerate(one.scopes):
            value = {"scope": [scope.kind, scope.key], "first": one.first.isoformat(), "last": until.isoformat(),
                     "least": f"{least:.2f}", "currency": case.currency, "who": who, "why": why}  # fmt: skip
            state.keep(f"{RAISED}{one.id}/{place}", value, now)
        return _say(state, given, "resolved", f"No anomaly: {why}", who, now, "said that an anomaly is none")


def bar_of(one: Anomaly) -> Decimal:
    """Money a day from which it would be told again, once it was said to be none."""
    return (abs(one.per_day) * AGAIN).quantize(Decimal("0.01"))


def plan(state: Memory, scope: Scope | None, first: date, last: date, why: str, who: str, now: datetime) -> list[Case]:
    """Declare a change beforehand; the open cases that it covers already."""
    if last < first:
        raise UsageError(f"The plan ends ({last}) before it begins ({first}).", "Give --to a day after --from.")
    _check_reason(why)
    declared = Planned(scope, first, last, why, who)
    value = {"scope": [scope.kind, scope.key] if scope else None, "first": first.isoformat(), "last": last.isoformat(),
             "why": why, "who": who}  # fmt: skip
    name = hashlib.sha256(f"{scope}|{first}|{last}".encode()).hexdigest()[:8]
    covered = []
    with state.telling():
        state.audit(who, "declared a planned change", f"{PLAN}{name}", why, value, now)
        state.keep(f"{PLAN}{name}", value, now)
        for case in cases(state):
            one = case.anomaly
            if one.state == "open" and declared.covers(one.scopes, one.first, one.last):
                covered.append(replace(case, anomaly=replace(one, state="planned", why=why), who=who))
                state.keep(*kept_as(covered[-1]), now)
    return covered


def plans(state: Memory | None) -> tuple[Planned, ...]:
    kept = state.kept(PLAN).values() if state is not None else ()
    return tuple(
        Planned(Scope(*value["scope"]) if value["scope"] else None, date.fromisoformat(value["first"]),
                date.fromisoformat(value["last"]), value["why"], value["who"])
        for value in kept
    )  # fmt: skip


def raised(state: Memory | None, currency: str) -> tuple[Raised, ...]:
    """What was said to be no anomaly, in money of `currency`."""
    kept = state.kept(RAISED).values() if state is not None else ()
    return tuple(
        Raised(Scope(*value["scope"]), date.fromisoformat(value["first"]), date.fromisoformat(value["last"]),
               Decimal(value["least"]))
        for value in kept if value.get("currency", currency) == currency
    )  # fmt: skip


def _check_reason(why: str) -> None:
    if not why.strip():
        raise UsageError("It needs a reason.", 'Give --why "..."')


def _say(state: Memory, given: str, to: State, why: str, who: str, now: datetime, did: str) -> Case:
    case = case_of(state, given)
    _check_reason(why)
    said = replace(case, anomaly=replace(case.anomaly, state=to, why=why.strip()), who=who, by_person=True)
    said = replace(said, ended=now if to == "resolved" else None)
    name, value = kept_as(said)
    state.audit(who, did, name, why, {"before": case.anomaly.state, "after": to, "id": case.id}, now)
    state.keep(name, value, now)
    return said


# -- as it is kept ----------------------------------------------------------------------------------------------------


def _text(moment: date | datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _percent(impact: Decimal, middle: Decimal) -> Decimal | None:
    return (impact / middle * 100).quantize(Decimal("0.1")) if middle else None


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _scopes(value: Iterable[Any]) -> tuple[Scope, ...]:
    return tuple(Scope(kind, key) for kind, key in value)


def _case(value: Json) -> Case:
    scopes = _scopes(value["scopes"])
    low, middle, high = (Decimal(amount) for amount in value["expected"])
    actual = Decimal(value["actual"])
    impact = actual - middle
    found = Anomaly(
        id=value["id"],
        scope=scopes[0],
        kind=value["kind"],
        first=date.fromisoformat(value["first"]),
        last=date.fromisoformat(value["last"]),
        actual=actual,
        expected=Reach(low, middle, high),
        impact=impact,
        percent=_percent(impact, middle),
        going_on=value["goingOn"],
        also=scopes[1:],
        seen=date.fromisoformat(value["seen"]) if value["seen"] else None,
        state=value["state"],
        cause=value["cause"],
        evidence=tuple(value["evidence"]),
        owner=value["owner"],
        found_at=_moment(value["foundAt"]),
        why=value["why"],
        whole=Decimal(value["whole"]) if value.get("whole") else None,
    )
    return Case(
        found,
        value["currency"],
        value["basis"],
        _moment(value["completeAt"]),
        tuple(value["ids"]),
        _moment(value["told"]),
        value["subject"],
        tuple(value["people"]),
        _moment(value["closed"]),
        value["who"],
        tuple(value["gaps"]),
        value["byPerson"],
        _moment(value.get("ended", "")),
        value.get("again", 0),
        value.get("actor", ""),
        value.get("stop", ""),
        value.get("command", ""),
        date.fromisoformat(value["through"]) if value.get("through") else None,
        Decimal(value.get("since", "0")),
        value.get("still", False),
        value.get("byAct", False),
    )
