"""The charges behind a figure, row by row: what it is the sum, the change or the part of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from finops.charges import Period
from finops.report import effects
from finops.report.bridge import KEYS, called
from finops.report.gather import NONE, ZERO, Asked, Basis, the_day
from finops.report.known import Known
from finops.report.model import Report, Shift
from finops.report.movers import NO_SERVICE, resource_name


@dataclass(frozen=True)
class Behind:
    """One row behind a figure; `amount` is its part. day: "" of the whole period. charges: None where it adds none."""

    day: str
    name: str
    resource_id: str
    meter: str
    amount: Decimal
    charges: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Of:
    """What every explanation needs."""

    report: Report
    asked: Asked
    known: Known

    @property
    def period(self) -> Period:
        return self.report.period

    @property
    def month(self) -> Period:
        """The month so far, as the report has it."""
        return self.report.month.period if self.report.month else self.report.period


Answer = tuple[list[Behind], list[str]]


def charged(
    of: Of, period: Period | None, where: Mapping[str, list[str]], basis: Basis | None = None, sign: int = 1
) -> Answer:
    """The charges of `period` by day, resource and meter."""
    keys = ["Day", "ResourceId", "ResourceName", "MeterName"]
    rows = []
    for (day, resource_id, name, meter), spent in of.asked.by(keys, period, basis, where).items():
        label = resource_name(name, resource_id)
        rows.append(Behind(str(the_day(day)), label, resource_id, meter, sign * spent.cost, spent.charges))
    return rows, []


def changed(of: Of, where: Mapping[str, list[str]]) -> Answer:
    """The change by resource and meter."""
    assert of.report.before is not None
    keys = ["ResourceId", "ResourceName", "MeterName"]
    now, then = of.asked.by(keys, of.period, where=where), of.asked.by(keys, of.report.before, where=where)
    rows = []
    for key in {*now, *then}:
        after, before = (found[key].cost if key in found else ZERO for found in (now, then))
        count = sum(found[key].charges for found in (now, then) if key in found)
        if after != before:
            note = f"{before:f} before, {after:f} now"
            rows.append(Behind("", resource_name(key[1], key[0]), key[0], key[2], after - before, count, note))
    return rows, []


def effect(of: Of, centre: str | None, kind: str) -> Answer:
    """What of a change is price, quantity, mix and so on: by resource and family of meters."""
    assert of.report.before is not None
    where = None if centre is None else {"CostCenter": [centre]}
    found = effects.told(of.asked, of.report.before, of.period, where)
    rows = []
    for (resource_id, name), mine in effects.pieces(found).items():
        amount = effects.split(mine)[kind]  # type: ignore[index]
        if amount:
            said = "; ".join(_shift(shift) for shift in effects.shifts(mine, of.report.currency, 3))
            label = resource_name("", resource_id) if resource_id else name
            rows.append(Behind("", label, resource_id, name, amount, note=said))
    return rows, []


def _shift(shift: Shift) -> str:
    if shift.quantity is None or shift.quantity_before is None:
        return shift.name
    prices = [price for price in (shift.price_before, shift.price) if price is not None]
    at = f" at {' then '.join(f'{price.normalize():f}' for price in dict.fromkeys(prices))}" if prices else ""
    return f"{shift.name}: {shift.quantity_before.normalize():f} then {shift.quantity.normalize():f} {shift.unit}{at}"


def resource(of: Of, rest: str) -> Answer:
    for mover in of.report.movers.all if of.report.movers else ():
        if mover.figure == f"resource/{rest}":
            where = {"CostCenter": [mover.cost_centre], "ResourceId": [mover.resource_id or NONE]}
            service = NONE if mover.service == NO_SERVICE else mover.service
            return changed(of, {**where, "ServiceName": [service]})
    return [], []


def bridge(of: Of, rest: str) -> Answer:
    bridge = of.report.bridge
    if bridge is None:
        return [], []
    if rest == "start":
        return charged(of, of.period, {}, "effective")
    line = next((one for one in (*bridge.lines, *bridge.included) if one.figure == f"bridge/{rest}"), None)
    if line is None:
        return charged(of, of.period, {}, "billed")
    if line.name.startswith("Charged in"):
        return _other_month(of, into=line.name.startswith("Charged in another"))
    included = rest.startswith("included")
    keys = [*KEYS, "ResourceId", "ResourceName", "MeterName"]
    billed, effective = (of.asked.by(keys, of.period, basis) for basis in ("billed", "effective"))
    rows = []
    for key in {*billed, *effective}:
        if called(key) != line.name:
            continue
        after, before = (found[key].cost if key in found else ZERO for found in (billed, effective))
        amount = min((before, after), key=abs) if included else after - before
        if amount:
            count = billed[key].charges if key in billed else effective[key].charges
            note = f"effective {before:f}, billed {after:f}"
            rows.append(Behind("", resource_name(key[-2], key[-3]), key[-3], key[-1], amount, count, note))
    return rows, []


def _other_month(of: Of, into: bool) -> Answer:
    month = f"{of.period.start:%Y-%m}"
    keys = ["BillingMonth", "Month", "ResourceId", "ResourceName", "MeterName"]
    span = of.asked.book.span if into else of.period
    rows = []
    for (billing, charged, resource_id, name, meter), spent in of.asked.by(keys, span, "billed").items():
        if billing and billing != charged and (billing if into else charged) == month:
            amount = spent.cost if into else -spent.cost
            note = f"charged in {charged}, on the invoice of {billing}"
            rows.append(Behind("", resource_name(name, resource_id), resource_id, meter, amount, spent.charges, note))
    return rows, []


def restated(of: Of, rest: str) -> Answer:
    row = next(one for one in of.report.restatements.rows if one.figure == f"restated/{rest}")
    said = f"{row.published.amount:f} was published on {row.published_at:%Y-%m-%d}; now it is {row.now.amount:f}."
    rows, _ = charged(of, row.period, {})
    return rows, [said, "The rows are the charges as they are now: those of then are not kept."]


def compliance(of: Of, rest: str) -> Answer:
    broken = of.known.verdicts.broken if of.known.verdicts else {}
    return _below(of, [one for policy, found in broken.items() if rest in {"", policy} for one in found])


def exempt(of: Of, rest: str) -> Answer:
    found = of.report.exemptions
    if not rest:
        listed = of.known.exemptions or ()
        return _below(of, [one.exemption.scope for one in listed if one.exemption.holds(of.report.made)])
    return _below(of, [one.scope for one in (found.rows if found else ()) if one.figure == f"exemption/{rest}"])


def _below(of: Of, ids: Iterable[str]) -> Answer:
    """The charges of some scopes and all below them, each once."""
    from finops.estate.ids import key, scopes

    names = {key(one) for one in ids}
    rows = []
    found = of.asked.by(["ResourceId", "SubAccountId", "ResourceName"], of.period)
    for (resource_id, account, name), spent in found.items():
        if names & {*scopes(resource_id), account}:
            rows.append(Behind("", resource_name(name, resource_id), resource_id, "", spent.cost, spent.charges))
    return rows, []
