"""What figures rest on besides charges: forecasts, budgets, savings, decisions, anomalies, units, the invoice."""

from __future__ import annotations

from finops.budget.model import called
from finops.charges import Period
from finops.report.behind import Answer, Behind, Of, changed, charged
from finops.report.gather import NONE
from finops.report.model import UNTAGGED, Decision
from finops.report.periods import DAY
from finops.report.rounding import printable


def month(of: Of, rest: str) -> Answer:
    if rest == "budget" and of.report.month and of.report.month.budget:
        return [], [f"It is the amount of the {called(of.report.month.budget.name)} in the settings."]
    if rest == "forecast":
        return forecast(of, None)
    if rest.startswith("goes-on/"):
        return _goes_on(of, rest)
    if rest == "next" and of.report.month and of.report.month.next:
        begun = of.report.month.next.period
        return charged(of, begun, {}) if begun else ([], ["No day of it is complete yet."])
    return charged(of, of.month, {})


def line(of: Of, column: str, key: str, measure: str) -> Answer:
    where = {column: [key if key != "none" or column == "CostCenter" else NONE]}
    if measure == "change":
        return changed(of, where)
    if measure == "month":
        return charged(of, of.month, where)
    if measure == "forecast":
        return month(of, "forecast") if column != "CostCenter" else forecast(of, key)
    return charged(of, of.period, where)


def forecast(of: Of, key: str | None) -> Answer:
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


def _goes_on(of: Of, rest: str) -> Answer:
    seen = of.report.outlook
    one = next(one for one in (seen.goes_on if seen else ()) if one.figure == f"month/{rest}")
    note = f"{one.per_day.amount:f} a day above what was expected, on {one.days} days to {one.until}"
    rows = [Behind("", one.name, "", "", one.per_day.amount * one.days, note=note)]
    if one.in_mean.amount:
        rows.append(Behind("", one.name, "", "", -one.in_mean.amount, note="what of it is in the mean of the forecast"))
    return rows, ["It is beside the forecast: in neither its mean nor its range."]


def savings(of: Of, rest: str) -> Answer:
    rows = []
    if rest in ("again", "again/hours"):
        return _again(of, rest)
    kind, _, source = rest.partition("/")
    for act in of.report.savings.all if of.report.savings else ():
        amount = act.realised if kind == "realised" else act.expected
        mine = not source or act.source.lower().replace(" ", "-") == source
        if mine and act.kind == kind and act.counted_with is None and act.saves and amount is not None:
            rows.append(Behind("", act.name, act.resource_id, act.rule, amount.amount, note=f"saving/{act.ref}"))
    return rows, []


def _again(of: Of, rest: str) -> Answer:
    rows = []
    for act in of.report.savings.all if of.report.savings else ():
        if act.again and act.again_hours is not None:
            amount = act.again.amount if rest == "again" else act.again_hours
            rows.append(Behind("", act.name, act.resource_id, act.rule, amount, note=f"saving/{act.ref}"))
    return rows, ["As training jobs told beside their checkpoints, at the price of an hour before the act."]


def saving(of: Of, rest: str) -> Answer:
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


def decision(of: Of, rest: str) -> Answer:
    one = next(one for one in of.report.decisions if one.figure == f"decision/{rest}")
    if one.kind == "untagged":
        return charged(of, of.period, {"CostCenter": [UNTAGGED]})
    unknown = [f"{one.unknown} of {one.count} have no known amount."] if one.unknown else []
    if one.refs and one.kind != "budget":
        return [
            Behind("", each.name, each.resource_id, each.rule, each.expected.amount, note=f"saving/{each.ref}")
            for each in (of.report.savings.all if of.report.savings else ())
            if each.ref in one.refs and each.expected is not None
        ], [*unknown, *_apart(of, one)]
    if one.kind == "approvals":
        return [
            Behind("", printable(each.name), each.resource_id, "", each.saving, note=each.owner or "owner not known")
            for each in of.known.requests
            if each.saving is not None and each.currency.upper() == of.report.currency
        ], unknown
    return [], [one.what]


def _apart(of: Of, one: Decision) -> list[str]:
    """Which requests save what is counted with something else."""
    numbers = {each.number for each in of.known.requests} if one.elsewhere else set()
    every = of.report.savings.all if of.report.savings else ()
    waits = [each for each in every if each.number in numbers and each.kind == "identified"]
    return [f"{each.name}: {each.why}." for each in waits if each.counted_with is not None]


def budget(of: Of, rest: str) -> Answer:
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


def anomaly(of: Of, rest: str) -> Answer:
    one = next(one for one in of.report.anomalies.all if one.id == rest) if of.report.anomalies else None
    if one is None:
        return [], []
    low, high = one.expected.low.amount, one.expected.high.amount
    said = f"{one.actual.amount:f} from {one.first} to {one.last}, where {low:f} to {high:f} were expected."
    return [], [said, one.cause, *one.evidence]


def unit(of: Of, rest: str) -> Answer:
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


def close(of: Of, rest: str) -> Answer:
    close = of.report.close
    if close is None:
        return [], []
    if rest == "ours" or close.invoice_from == "charges":
        return charged(of, close.month, {}, "billed")
    return [], ["It was given by hand, from the invoice."]
