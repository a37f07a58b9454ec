"""What is behind a printed figure: the charges that add up to it, or the evidence that it was read from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.charges.book import added
from finops.errors import UsageError
from finops.report import effects
from finops.report.bridge import KEYS, called
from finops.report.figures import Figure, budget_name, figures
from finops.report.gather import NONE, ZERO, Asked, Basis, the_day
from finops.report.known import NOTHING, Known
from finops.report.model import UNTAGGED, Report, Shift
from finops.report.movers import NO_SERVICE, resource_name
from finops.report.periods import DAY
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges


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
class Explained:
    """A figure with its rows, the largest first. adds_up: they are its parts, and their sum is `total`.

    evidence: what was read besides the charges, in sentences.
    """

    figure: Figure
    rows: tuple[Behind, ...]
    total: Decimal | None
    adds_up: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class _Of:
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


Rows = list[Behind]
Answer = tuple[Rows, list[str]]


def explain(report: Report, book: Charges, figure: str, known: Known = NOTHING) -> Explained:
    """What is behind the figure of that id. Raises UsageError where the report has none."""
    there = {one.id.lower(): one for one in figures(report)}
    found = there.get(figure.strip().lower())
    if found is None:
        near = difflib.get_close_matches(figure.lower(), list(there), n=3)
        hint = f"Did you mean {' or '.join(there[one].id for one in near)}?" if near else ""
        raise UsageError(
            f"The report has no figure {printable(figure)!r}.", hint or "`finops report figures` lists every id."
        )
    of = _Of(report, Asked(book, report.basis, report.currency, report.audience.key), known)
    rows, evidence = _answer(found.id, of)
    rows.sort(key=lambda row: (-abs(row.amount), row.day, row.name, row.meter))
    if not rows and not evidence:
        evidence = ["No charges are behind it." if not found.value else "It is not known what is behind it."]
    total = added(row.amount for row in rows) if rows or not found.value else None
    adds_up = total is not None and found.value is not None and total == found.value
    return Explained(found, tuple(rows), total, adds_up, tuple(evidence))


def _answer(name: str, of: _Of) -> Answer:
    kind, _, rest = name.partition("/")
    # A key may have slashes of its own: the last part is the measure only where it is one.
    key, _, measure = rest.rpartition("/")
    if kind in {"cost-centre", "service"}:
        column = "CostCenter" if kind == "cost-centre" else "ServiceName"
        measured = measure in {"change", "month", "forecast"} and bool(key)
        return _line(of, column, key if measured else rest, measure if measured else "")
    if kind in {"driver", "total"} and measure and measure.replace("-", " ") in effects.KINDS:
        return _effect(of, key if kind == "driver" else None, measure.replace("-", " "))
    simple: dict[str, Callable[[_Of, str], Answer]] = {
        "total": lambda of, rest: _changed(of, {}) if rest == "change" else _charged(of, of.period, {}),
        "month": _month,
        "untagged": lambda of, rest: _charged(of, of.period, {"CostCenter": [UNTAGGED]}),
        "savings": _savings,
        "saving": _saving,
        "decision": _decision,
        "resource": _resource,
        "budget": _budget,
        "anomaly": _anomaly,
        "bridge": _bridge,
        "restated": _restated,
        "compliance": _compliance,
        "exemptions": _exempt,
        "exemption": _exempt,
        "unit": _unit,
        "close": _close,
    }
    return simple[kind](of, rest)


def _charged(
    of: _Of, period: Period | None, where: Mapping[str, list[str]], basis: Basis | None = None, sign: int = 1
) -> Answer:
    """The charges of `period` by day, resource and meter."""
    keys = ["Day", "ResourceId", "ResourceName", "MeterName"]
    rows = []
    for (day, resource_id, name, meter), spent in of.asked.by(keys, period, basis, where).items():
        label = resource_name(name, resource_id)
        rows.append(Behind(str(the_day(day)), label, resource_id, meter, sign * spent.cost, spent.charges))
    return rows, []


def _changed(of: _Of, where: Mapping[str, list[str]]) -> Answer:
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


def _line(of: _Of, column: str, key: str, measure: str) -> Answer:
    where = {column: [key if key != "none" or column == "CostCenter" else NONE]}
    if measure == "change":
        return _changed(of, where)
    if measure == "month":
        return _charged(of, of.month, where)
    if measure == "forecast":
        return _month(of, "forecast") if column != "CostCenter" else _forecast(of, key)
    return _charged(of, of.period, where)


def _month(of: _Of, rest: str) -> Answer:
    if rest == "budget" and of.report.month and of.report.month.budget:
        return [], [f"It is the amount of {budget_name(of.report.month.budget.name)} in the settings."]
    if rest == "forecast":
        return _forecast(of, None)
    if rest.startswith("goes-on/"):
        return _goes_on(of, rest)
    if rest == "next" and of.report.month and of.report.month.next:
        begun = of.report.month.next.period
        return _charged(of, begun, {}) if begun else ([], ["No day of it is complete yet."])
    return _charged(of, of.month, {})


def _forecast(of: _Of, key: str | None) -> Answer:
    seen = of.report.outlook
    if seen is None:
        return [], []
    rows = [
        Behind("", name, "", "", amount.amount, note="the mean of its forecast")
        for name, amount in seen.by.items()
        if key is None or name == key
    ]
    said = [f"Made from the complete days to {seen.through}.", seen.method]
    if seen.record:
        held = seen.record
        said.append(f"The range held in {held.inside} of {held.of} looks at {held.months} earlier months.")
    return rows, said


def _goes_on(of: _Of, rest: str) -> Answer:
    seen = of.report.outlook
    one = next(one for one in (seen.goes_on if seen else ()) if one.figure == f"month/{rest}")
    note = f"{one.per_day.amount:f} a day above what was expected, on {one.days} days to {one.until}"
    rows = [Behind("", one.name, "", "", one.per_day.amount * one.days, note=note)]
    if one.in_mean.amount:
        rows.append(Behind("", one.name, "", "", -one.in_mean.amount, note="what of it is in the mean of the forecast"))
    return rows, ["It is beside the forecast: in neither its mean nor its range."]


def _effect(of: _Of, centre: str | None, kind: str) -> Answer:
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


def _savings(of: _Of, rest: str) -> Answer:
    rows = []
    kind, _, source = rest.partition("/")
    for act in of.report.savings.all if of.report.savings else ():
        amount = act.realised if kind == "realised" else act.expected
        mine = not source or act.source.lower().replace(" ", "-") == source
        if mine and act.kind == kind and act.counted_with is None and act.saves and amount is not None:
            rows.append(Behind("", act.name, act.resource_id, act.rule, amount.amount, note=f"saving/{act.ref}"))
    return rows, []


def _saving(of: _Of, rest: str) -> Answer:
    for act in of.report.savings.all if of.report.savings else ():
        if act.ref == rest:
            said = [f"Rule {act.rule}: {act.does}{f'; {act.did} on {act.since}' if act.since else ''}."]
            if act.before and act.after:
                was, now = act.before.amount, act.after.amount
                said.append(f"{was:f} on {act.days_before} days before, {now:f} on {act.days_after} after.")
            if act.how and act.realised:
                said.append(f"{act.realised.amount:f} saved: {act.how}.")
            return [], [*said, *([act.why] if act.why else [])]
    return [], []


def _decision(of: _Of, rest: str) -> Answer:
    one = next(one for one in of.report.decisions if one.figure == f"decision/{rest}")
    if one.kind == "untagged":
        return _charged(of, of.period, {"CostCenter": [UNTAGGED]})
    unknown = [f"{one.unknown} of {one.count} have no known amount."] if one.unknown else []
    if one.kind == "approvals":
        return [
            Behind("", printable(each.name), each.resource_id, "", each.saving, note=each.owner or "owner not known")
            for each in of.known.requests
            if each.saving is not None and each.currency.upper() == of.report.currency
        ], unknown
    if one.refs and one.kind != "budget":
        return [
            Behind("", each.name, each.resource_id, each.rule, each.expected.amount, note=f"saving/{each.ref}")
            for each in (of.report.savings.all if of.report.savings else ())
            if each.ref in one.refs and each.expected is not None
        ], unknown
    return [], [one.what]


def _resource(of: _Of, rest: str) -> Answer:
    for mover in of.report.movers.all if of.report.movers else ():
        if mover.figure == f"resource/{rest}":
            where = {"CostCenter": [mover.cost_centre], "ResourceId": [mover.resource_id or NONE]}
            service = NONE if mover.service == NO_SERVICE else mover.service
            return _changed(of, {**where, "ServiceName": [service]})
    return [], []


def _budget(of: _Of, rest: str) -> Answer:
    one = next(one for one in of.report.budgets if one.figure == f"budget/{rest}")
    standing = next(each for each in of.known.standings if each.budget.name == rest)
    keys, mine = ["CostCenter", "ServiceName"], Period(one.period.start.date(), one.through + DAY)
    frame = of.asked.book.by(keys, one.basis, mine, of.report.currency, standing.budget.scope.where or None)
    rows = [
        Behind("", str(row["CostCenter"]), "", str(row["ServiceName"]), row["Cost"], int(row["Charges"]))
        for row in frame.to_dict("records")
    ]
    later = f" {one.later.amount:f} more was charged after these days, and what is left counts it." if one.later else ""
    return rows, [f"{one.basis} cost of {one.scope}, {mine.label}.{later}"]


def _anomaly(of: _Of, rest: str) -> Answer:
    one = next(one for one in of.report.anomalies.all if one.id == rest) if of.report.anomalies else None
    if one is None:
        return [], []
    low, high = one.expected.low.amount, one.expected.high.amount
    said = f"{one.actual.amount:f} from {one.first} to {one.last}, where {low:f} to {high:f} were expected."
    return [], [said, one.cause, *one.evidence]


def _bridge(of: _Of, rest: str) -> Answer:
    bridge = of.report.bridge
    if bridge is None:
        return [], []
    if rest == "start":
        return _charged(of, of.period, {}, "effective")
    line = next((one for one in (*bridge.lines, *bridge.included) if one.figure == f"bridge/{rest}"), None)
    if line is None:
        return _charged(of, of.period, {}, "billed")
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


def _other_month(of: _Of, into: bool) -> Answer:
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


def _restated(of: _Of, rest: str) -> Answer:
    row = next(one for one in of.report.restatements.rows if one.figure == f"restated/{rest}")
    said = f"{row.published.amount:f} was published on {row.published_at:%Y-%m-%d}; now it is {row.now.amount:f}."
    rows, _ = _charged(of, row.period, {})
    return rows, [said, "The rows are the charges as they are now: those of then are not kept."]


def _compliance(of: _Of, rest: str) -> Answer:
    broken = of.known.verdicts.broken if of.known.verdicts else {}
    return _below(of, [one for policy, found in broken.items() if rest in {"", policy} for one in found])


def _exempt(of: _Of, rest: str) -> Answer:
    found = of.report.exemptions
    if not rest:
        listed = of.known.exemptions or ()
        return _below(of, [one.exemption.scope for one in listed if one.exemption.holds(of.report.made)])
    return _below(of, [one.scope for one in (found.rows if found else ()) if one.figure == f"exemption/{rest}"])


def _below(of: _Of, ids: Iterable[str]) -> Answer:
    """The charges of some scopes and all below them, each once."""
    from finops.estate.ids import key, scopes

    names = {key(one) for one in ids}
    rows = []
    found = of.asked.by(["ResourceId", "SubAccountId", "ResourceName"], of.period)
    for (resource_id, account, name), spent in found.items():
        if names & {*scopes(resource_id), account}:
            rows.append(Behind("", resource_name(name, resource_id), resource_id, "", spent.cost, spent.charges))
    return rows, []


def _unit(of: _Of, rest: str) -> Answer:
    units = of.report.units
    if units is None:
        return [], []
    for unit in (*units.gpu_hours, units.per_job, *units.predictions):
        if unit.figure == f"unit/{rest}":
            if unit.cost is None or unit.quantity is None:
                return [], [unit.why]
            of_what = f"{unit.quantity.normalize():f} x {unit.per}"
            return [], [f"{unit.cost.amount:f} {unit.cost.currency} divided by {of_what}."]
    for share in (units.spot, units.idle):
        if share.figure == f"unit/{rest}":
            if share.part is None or share.whole is None:
                return [], [share.why]
            return [], [f"{share.part.normalize():f} of {share.whole.normalize():f} {share.unit}."]
    return [], []


def _close(of: _Of, rest: str) -> Answer:
    close = of.report.close
    if close is None:
        return [], []
    if rest == "ours" or close.invoice_from == "charges":
        return _charged(of, close.month, {}, "billed")
    return [], ["It was given by hand, from the invoice."]
