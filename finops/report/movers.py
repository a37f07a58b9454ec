"""What moved the total: the cost centres, and in each the resources."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from finops.charges import Period
from finops.report import effects
from finops.report.gather import ZERO, Asked, the_day
from finops.report.lasting import lasting
from finops.report.missing import subscription_name
from finops.report.model import Driver, Effects, Lasts, Line, Money, Mover, Movers, Table
from finops.report.periods import days_before
from finops.report.rounding import LONGEST_ID, printable, rounded
from finops.report.table import merged, worth_saying

# A change below this is not named; in a small estate a hundredth of its cost, so that something can be named.
MINOR = Decimal(50)
DRIVERS = 4
RESOURCES = 3
BARS = 8
LONGEST_LIST = 5_000
NO_SERVICE = "no service named"
# So many resources are split into price, quantity and mix; the workbook lists the others without.
EXPLAINED = 1_000
# A cost centre with a smaller part of the whole change explains nothing.
EXPLAINS = Decimal("0.1")

_WORKSPACE = re.compile(r"/microsoft\.machinelearningservices/workspaces/([^/]+)", re.IGNORECASE)
_GROUP = re.compile(r"/resourcegroups/([^/]+)", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"^/subscriptions/[^/]+", re.IGNORECASE)


def movers(
    asked: Asked, period: Period, before: Period | None, centres: Table, digits: int, names: Mapping[str, str]
) -> Movers | None:
    """Who moved since `before`; None when there is nothing to compare with. names: of subscriptions, by id."""
    if before is None:
        return None
    total = centres.total
    change = total.shown_change.amount if total.shown_change else ZERO
    base = max(abs(total.cost.amount), abs(total.before.amount) if total.before else ZERO)
    minor = max(min(MINOR, base / 100), Decimal(1).scaleb(-digits))
    found = _told_apart(_resources(asked, period, before, names))
    rows = effects.by_centre(asked, before, period)
    found = _explained(rows, found, digits, asked.currency)
    why = _centres(rows, asked, period, before, centres, digits)
    by_centre: dict[str, list[Mover]] = defaultdict(list)
    for mover in found:
        by_centre[mover.cost_centre].append(mover)

    moved = sorted((line for line in centres.all if _change(line)), key=lambda line: (-abs(_change(line)), line.key))
    least = max(minor, abs(_change(total)) * EXPLAINS)
    named = [line for line in moved if abs(_change(line)) >= least][:DRIVERS]
    drivers = [replace(_driver(line, by_centre[line.key], minor, digits), effects=why.get(line.key)) for line in named]
    elsewhere = [mover for mover in found if mover.cost_centre not in {line.key for line in named}]
    return Movers(
        drivers=tuple(drivers),
        everything_else=_money(change - sum((_shown(line) for line in named), ZERO), asked),
        nothing_above_minor_elsewhere=all(abs(mover.change.amount) < minor for mover in elsewhere),
        minor=_money(rounded(minor, digits), asked),
        moved=len(moved),
        bars=_bars(moved) if named or len(moved) <= BARS + 1 else (),
        all=tuple(found),
        effects=_whole(why, change, digits, asked, total),
        by_centre=why,
    )


def _centres(
    rows: Mapping[str, list[effects.Row]], asked: Asked, period: Period, before: Period, centres: Table, digits: int
) -> dict[str, Effects]:
    """Why each cost centre changed, by its key."""
    days: dict[str, dict[date, Decimal]] = defaultdict(dict)
    earlier = days_before(before)
    known = earlier.start >= asked.book.span.start and not asked.book.missing(earlier)
    for times in (earlier, before, period):
        for (centre, day), spent in asked.by(["CostCenter", "Day"], times).items():
            days[centre][the_day(day)] = spent.cost
    found = {}
    for line in centres.all:
        mine = rows.get(line.key, [])
        amounts = effects.split(mine)
        if not any(amounts.values()):
            continue
        figure = f"driver/{line.key}"
        told = effects.effects(amounts, _shown(line), digits, asked.currency, figure, "not known", "", mine)
        lasts, why = lasting(days[line.key], before, period, _change(line), told.parts, earlier if known else None)
        found[line.key] = replace(told, lasts=lasts, why=why)
    return found


def _whole(why: Mapping[str, Effects], shown: Decimal, digits: int, asked: Asked, total: Line) -> Effects | None:
    """The effects of the whole change: those of the cost centres added up."""
    if not why:
        return None
    parts = [{part.kind: part.amount.amount for part in one.parts} for one in why.values()]
    # It lasts as far as most of the money that moved lasts.
    moved = {line: sum((abs(part.amount.amount) for part in one.parts), ZERO) for line, one in why.items()}
    by_word: dict[Lasts, Decimal] = defaultdict(Decimal)
    for line, one in why.items():
        by_word[one.lasts] += moved[line]
    word = max(by_word, key=lambda lasts: by_word[lasts])
    if by_word[word] * 2 <= sum(by_word.values(), ZERO):
        word = "not known"
    return effects.effects(
        effects.together(parts), shown, digits, asked.currency, "total", word, "most of what moved is so", ()
    )


def _explained(
    rows: Mapping[str, list[effects.Row]], found: Sequence[Mover], digits: int, currency: str
) -> list[Mover]:
    """The movers, the first EXPLAINED of them with what changed about them. A purchase is neither new nor gone."""
    things = effects.by_thing(row for centre in {mover.cost_centre for mover in found} for row in rows.get(centre, ()))
    # Charges without a resource may have names, which are not asked for here.
    alone = Counter(_thing(mover) for mover in found)
    told = []
    for number, mover in enumerate(found):
        mine = things.get(_thing(mover))
        if mine and (mover.is_new or mover.is_gone) and effects.bought(mine):
            mover = replace(mover, bought=True, is_new=False, is_gone=False)
        if number < EXPLAINED and mine and alone[_thing(mover)] == 1 and mover.change.amount:
            shown = rounded(mover.change.amount, digits)
            why = effects.effects(effects.split(mine), shown, digits, currency, mover.figure, "not known", "", mine)
            mover = replace(mover, effects=why)
        told.append(mover)
    return told


def _thing(mover: Mover) -> tuple[str, str, str]:
    return mover.cost_centre, mover.resource_id, "" if mover.service == NO_SERVICE else mover.service


def _resources(asked: Asked, period: Period, before: Period, names: Mapping[str, str]) -> list[Mover]:
    """The LONGEST_LIST resources whose cost changed most, per cost centre, the largest change first."""
    keys = ["CostCenter", "ResourceId", "ResourceName", "ServiceName"]
    found = []
    for (centre, resource_id, name, service), earlier, cost in asked.side_by_side(keys, before, period, LONGEST_LIST):
        shown = resource_name(name, resource_id)
        found.append(
            Mover(
                name=shown,
                label=shown,
                workspace=_part(_WORKSPACE, resource_id),
                subscription=subscription_of(resource_id, names),
                resource_id=printable(resource_id, longest=LONGEST_ID),
                service=printable(service, NO_SERVICE),
                cost_centre=centre,
                cost=_money(cost, asked),
                before=_money(earlier, asked),
                change=_money(cost - earlier, asked),
                percent=worth_saying(cost, earlier),
                is_new=earlier == 0 and cost != 0,
                is_gone=earlier != 0 and cost == 0,
                figure=f"resource/{centre}/{shown}/{_mark(resource_id, service)}",
            )
        )
    return sorted(
        found, key=lambda mover: (-abs(mover.change.amount), mover.cost_centre, mover.name, mover.resource_id)
    )


def _mark(resource_id: str, service: str) -> str:
    """What tells resources of one name apart in the ids of figures."""
    return hashlib.sha256(f"{resource_id}|{service}".encode()).hexdigest()[:6]


def _told_apart(found: Sequence[Mover]) -> list[Mover]:
    """Where several resources share a name, each with the workspace or resource group that it lies in."""
    ids = {(mover.name, mover.resource_id.lower()) for mover in found}
    shared = {name for name, times in Counter(name for name, _ in ids).items() if times > 1}

    def label(mover: Mover) -> str:
        place = mover.workspace or _part(_GROUP, mover.resource_id)
        return f"{mover.name} in {place}" if mover.name in shared and place not in {"", mover.name} else mover.name

    return [replace(mover, label=label(mover)) for mover in found]


def subscription_of(resource_id: str, names: Mapping[str, str]) -> str:
    """The subscription that an ARM id lies in, by name where it is known."""
    found = _SUBSCRIPTION.match(resource_id)
    return subscription_name(found[0], names) if found else ""


def _part(pattern: re.Pattern[str], resource_id: str) -> str:
    found = pattern.search(resource_id)
    return printable(found[1]) if found else ""


def resource_name(name: str, resource_id: str) -> str:
    """What people call it: its name, else the last part of its id."""
    return printable(name) or printable(resource_id.rstrip("/").rpartition("/")[2]) or "charges without a resource"


def _driver(line: Line, resources: Sequence[Mover], minor: Decimal, digits: int) -> Driver:
    moved = [mover for mover in resources if mover.change.amount]
    named = [mover for mover in moved if abs(mover.change.amount) >= minor / 2][:RESOURCES]
    shown = sum((rounded(mover.change.amount, digits) for mover in named), ZERO)
    return Driver(
        line=line,
        resources=tuple(named),
        has_others=len(moved) > len(named),
        rest=Money(_shown(line) - shown, line.cost.currency),
    )


def _bars(moved: Sequence[Line]) -> tuple[Line, ...]:
    """The cost centres that moved most, from the largest rise to the largest fall; the rest in one."""
    if len(moved) <= BARS + 1:
        return tuple(sorted(moved, key=lambda line: (-_change(line), line.key)))
    kept = sorted(moved[:BARS], key=lambda line: (-_change(line), line.key))
    return (*kept, merged(moved[BARS:], f"Other ({len(moved) - BARS})"))


def _change(line: Line) -> Decimal:
    return line.change.amount if line.change else ZERO


def _shown(line: Line) -> Decimal:
    return line.shown_change.amount if line.shown_change else ZERO


def _money(amount: Decimal, asked: Asked) -> Money:
    return Money(amount, asked.currency)
