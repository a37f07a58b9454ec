"""A report in which every part has something to say: the month of the reference picture, four cost centres."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from report_data import daily, report_of

from finops.charges import Period
from finops.report.model import (
    Anomalies,
    Anomaly,
    Bridge,
    BridgeLine,
    Broken,
    Budget,
    Budgeted,
    Came,
    Close,
    Compliance,
    Decision,
    Effect,
    Effects,
    Exempt,
    Exemptions,
    Foretold,
    Line,
    Money,
    Outlook,
    Point,
    Range,
    Record,
    Report,
    Restated,
    Restatements,
    Saving,
    Savings,
    Share,
    Source,
    Status,
    Sum,
    Unit,
    Units,
)

MONTH = Period(date(2026, 11, 1), date(2026, 12, 1))
# Cost centre, its name, a day's cost before and in the week, forecast, budget, status.
CENTRES = [
    ("CC-4300", "LLM Platform", "387.10", "565.20", 14_800, 12_500, Status("Over budget likely", "bad")),
    ("CC-4100", "Vision R&D", "308.60", "274.70", 8_700, 10_500, Status("On plan", "good")),
    ("CC-4200", "Forecasting", "187.00", "191.10", 5_700, 6_000, Status("Watch", "watch")),
    ("CC-5100", "Data Platform", "150.30", "156.90", 4_600, 5_000, Status("Watch", "watch")),
]


def usd(amount: object) -> Money:
    return Money(Decimal(str(amount)), "USD")


def reach(low: object, middle: object, high: object) -> Range:
    return Range(usd(low), usd(middle), usd(high))


def sample(folder: Path, names: dict[str, str] | None = None, **changes: Any) -> Report:
    """The report with all its parts; `names`: what cost centres are called in place of their own names."""
    rows = []
    for key, _, before, now, *_ in CENTRES:
        resource = {"CC-4300": "llm-sft-117", "CC-4100": "cv-dev-02"}.get(key, f"{key}-cluster")
        rows += daily("2026-10-01", "2026-11-14", key, before, f"{key}-base", ServiceName="Azure Machine Learning")
        rows += daily("2026-11-15", "2026-11-22", key, before, f"{key}-base", ServiceName="Azure Machine Learning")
        more = str(Decimal(now) - Decimal(before))
        rows += daily("2026-11-15", "2026-11-22", key, more, resource, ServiceName="Azure Machine Learning")
    rows += daily("2026-10-01", "2026-11-22", None, "41.00", "rg-sandbox", ServiceName="Storage")
    titles = {key: (names or {}).get(key, name) for key, name, *_ in CENTRES}
    model = report_of(folder, *rows, organisation="Contoso Research", cost_centres=titles)
    return replace(planned(model), **changes)


def planned(model: Report) -> Report:
    """`model` with budgets, outlook, decisions and everything that is not charges."""
    ahead = outlook(model)
    assert model.month is not None
    spent = model.month.cost
    budget = Budget(
        amount=usd(34_000),
        spent=spent,
        left=usd(Decimal(34_000) - spent.amount),
        spent_percent=Decimal("70.1"),
        month_gone_percent=Decimal("70.0"),
        pace=None,
        name="all",
    )
    standing = [of_centre(*centre[:2], *centre[4:], model) for centre in CENTRES]
    by_key = {one.key: one for one in standing}
    whole = budgeted("all", "everything", None, 34_000, spent, ahead.range, Status("Over budget likely", "bad"))
    table = model.by_cost_centre

    def line(one: Line) -> Line:
        forecast = ahead.by.get(one.key, usd(0)) if one.role != "total" else ahead.middle
        shown = forecast if one.role != "other" else None
        return replace(one, forecast=forecast, shown_forecast=shown, budget=by_key.get(one.key))

    total = replace(line(table.total), budget=whole)
    centres = replace(table, rows=tuple(map(line, table.rows)), all=tuple(map(line, table.all)), total=total)
    assert model.movers is not None
    drivers = tuple(replace(one, effects=effects(one.line)) for one in model.movers.drivers)
    return replace(
        model,
        statuses=(Status("Over budget likely", "bad"),),
        by_cost_centre=centres,
        total=total,
        movers=replace(
            model.movers,
            drivers=drivers,
            effects=effects(total),
            by_centre={one.key: effects(one) for one in table.all if one.change and one.change.amount},
        ),
        month=replace(model.month, budget=budget),
        curve=replace(model.curve, budget=usd(34_000)),
        outlook=ahead,
        no_outlook="",
        budgets=(whole, *standing),
        decisions=decisions(),
        anomalies=anomalies(),
        savings=savings(),
        bridge=bridge(model),
        units=units(),
        restatements=restatements(),
        compliance=compliance(),
        exemptions=exemptions(),
        audit_head="412:9f2c6b1e",
    )


def outlook(model: Report) -> Outlook:
    start = model.curve.days[-1]
    path = [Point(day.day, day.so_far, day.so_far, day.so_far) for day in model.curve.days]
    for ahead in range(1, 10):
        middle = start.so_far.amount + Decimal("1217.5") * ahead
        wide = Decimal(111) * ahead
        path.append(Point(start.day + timedelta(days=ahead), usd(middle - wide), usd(middle), usd(middle + wide)))
    by = {key: usd(forecast) for key, *_, forecast, _, _ in CENTRES}
    by["(untagged)"] = usd(1_200)
    middle = usd(35_000)
    return Outlook(
        month="November",
        short_name="Nov",
        through=start.day,
        level=Decimal("0.8"),
        so_far=start.so_far,
        middle=middle,
        range=reach("34312.40", 35_000, "36288.10"),
        why_no_range="",
        by=by,
        shown_by=by,
        path=tuple(path),
        purchases=usd(0),
        method="levels and weekdays of the last 8 weeks, 2,000 simulated months",
        record=Record(inside=5, of=6, months=2, median_miss_percent=Decimal("3.1")),
        budget=usd(34_000),
        chance_over=Decimal("0.91"),
        over=usd(1_000),
    )


def budgeted(
    name: str, scope: str, key: str | None, amount: int, spent: Money, forecast: Range | None, status: Status
) -> Budgeted:
    left = Decimal(amount) - spent.amount
    return Budgeted(
        name=name,
        scope=scope,
        key=key,
        is_everything=scope == "everything",
        period=MONTH,
        period_name="Nov",
        amount=usd(amount),
        basis="effective",
        spent=spent,
        left=usd(left),
        spent_percent=(spent.amount / amount * 100).quantize(Decimal("0.1")),
        gone_percent=Decimal("70.0"),
        forecast=forecast,
        chance_over=Decimal("0.91") if forecast else None,
        status=status,
        crossed=("50%",),
        complete_until=datetime(2026, 11, 22, tzinfo=UTC),
        through=date(2026, 11, 21),
        figure=f"budget/{name}",
    )


def of_centre(key: str, name: str, forecast: int, amount: int, status: Status, model: Report) -> Budgeted:
    line = next(one for one in model.by_cost_centre.all if one.key == key)
    assert line.month is not None
    return budgeted(key.lower(), f"CostCenter {key}", key, amount, line.month, None, status)


def effects(line: Line) -> Effects:
    assert line.shown_change is not None
    assert line.change is not None
    more = Decimal(round(line.change.amount * Decimal("0.8")))
    rest, shown = line.change.amount - more, line.shown_change.amount - more
    parts = [("quantity", more, more), ("price", rest, shown)]
    return Effects(
        parts=tuple(
            Effect(kind, usd(amount), usd(printed), f"driver/{line.key}/{kind}")  # type: ignore[arg-type]
            for kind, amount, printed in parts
            if amount
        ),
        lasts="structural",
        why="it has cost as much on each of the last 7 days",
    )


def decisions() -> tuple[Decision, ...]:
    return (
        Decision(
            "spot",
            usd("257.10"),
            "a day",
            "CC-4300's job llm-sft-117 runs on dedicated Standard_ND96asr_v4 in a dev workspace. "
            "Move it to spot, or accept about $2,300 by month end",
            "p.ortiz@contoso.com",
            date(2026, 11, 24),
            1,
            0,
            "",
            "decision/1",
        ),
        Decision(
            "approvals",
            usd(1_120),
            "a month",
            "14 orphaned endpoints, idle clusters and stale images wait for an approval; the oldest request ends first",
            "platform-admins@contoso.com",
            date(2026, 11, 26),
            14,
            2,
            "/findings",
            "decision/2",
        ),
        Decision(
            "untagged",
            usd(1_200),
            "this month",
            "has no CostCenter tag (3.4% of spend; the target is 2%); 9 of 11 resources are in rg-sandbox",
            "",
            None,
            11,
            0,
            "",
            "decision/3",
        ),
    )


def anomalies() -> Anomalies:
    one = Anomaly(
        id="A-118",
        scope="cost centre",
        name="CC-4300 LLM Platform",
        kind="step",
        first=date(2026, 11, 17),
        last=date(2026, 11, 21),
        actual=usd(1_905),
        expected=reach(790, 874, 960),
        impact=usd(1_031),
        percent=Decimal("118.0"),
        state="open",
        cause="Dedicated ND96asr_v4 nodes in aml-dev-llm/gpu-a since Tue 17 Nov 08:12 UTC (change by p.ortiz)",
        evidence=("activity log: computes/write by p.ortiz, 2026-11-17T08:12Z", "job llm-sft-117"),
        owner="p.ortiz@contoso.com",
        found_at=datetime(2026, 11, 18, 10, 12, tzinfo=UTC),
        cost_centre="CC-4300",
        figure="anomaly/A-118",
    )
    other = replace(
        one,
        id="A-097",
        name="CC-5100 Data Platform",
        kind="spike",
        state="explained",
        impact=usd(310),
        percent=None,
        cause="Cause not found",
        owner="",
        cost_centre="CC-5100",
        first=date(2026, 11, 9),
        last=date(2026, 11, 9),
        figure="anomaly/A-097",
    )
    return Anomalies((one, other), (one, other), 1, usd(1_031), Period(date(2026, 11, 8), date(2026, 11, 22)), "")


def savings() -> Savings:
    def act(number: int, name: str, realised: object, expected: object) -> Saving:
        done = realised is not None
        return Saving(
            number=number,
            kind="realised" if done else "identified",
            name=name,
            what="compute cluster",
            holder="aml-dev",
            resource_id=f"/subscriptions/s/resourceGroups/g/providers/x/{name}",
            rule="idle-cluster",
            does="scale to zero",
            did="scaled to zero",
            since=date(2026, 11, 4) if done else None,
            until=None,
            expected=usd(expected),
            realised=usd(realised) if done else None,
            shown=usd(realised) if done else None,
            days_before=30 if done else 0,
            days_after=17 if done else 0,
            before=usd(900) if done else None,
            after=usd(40) if done else None,
            why="",
            counted_with=None,
            ref=str(number),
        )

    acts = (act(1, "cv-dev-01", 1842, 1900), act(2, "idle-endpoint", 1072, 1100), act(3, "stale-disks", None, 1120))
    return Savings(
        to=date(2026, 11, 21),
        realised=Sum(usd(2_914), 2, 0),
        approved=Sum(usd(405), 3, 0),
        identified=Sum(usd(1_120), 14, 2),
        shown=usd(2_914),
        rows=acts[:2],
        others=0,
        others_shown=usd(0),
        all=acts,
        sources=(source("Guard", 1842, 310, 0), source("Janitor", 1072, 95, 1120)),
        came=Came(19, 5, 2, 2, usd(3_000), usd(2_914), Decimal("-2.9")),
    )


def source(name: str, realised: int, approved: int, identified: int) -> Source:
    sums = [Sum(usd(amount), 1, 0) for amount in (realised, approved, identified)]
    return Source(name, *sums, usd(realised), usd(approved), usd(identified))


def bridge(model: Report) -> Bridge:
    start = model.total.cost
    steps = [
        ("Reservations and savings plans: take out the spread share", "-2410.10"),
        ("Add what was bought ahead in these days", "2050.00"),
        ("Credits and refunds", "-180.27"),
    ]
    lines = tuple(
        BridgeLine(name, usd(amount), usd(amount), 3, ("Oct 2026",) if "Credits" in name else (), f"bridge/{n}")
        for n, (name, amount) in enumerate(steps, 1)
    )
    end = usd(start.amount + sum((line.amount.amount for line in lines), Decimal(0)))
    return Bridge(start, lines, end, usd(0), True, "", start, end, usd(0), "billed for the same days", ())


def units() -> Units:
    def unit(name: str, per: str, value: object, before: object = None, why: str = "") -> Unit:
        known = value is not None
        return Unit(
            name,
            per,
            usd(value) if known else None,
            usd(1000) if known else None,
            Decimal(250) if known else None,
            why,
            f"unit/{name or per}",
            usd(before) if before is not None else None,
            "",
        )

    return Units(
        gpu_hours=(
            unit("Standard_ND96asr_v4, dedicated", "GPU-hour", "3.40", "3.40"),
            unit("Standard_NC24ads_A100_v4, spot", "GPU-hour", "1.12", "1.31"),
        ),
        no_gpu_hours="",
        spot=Share("Node-hours on spot", Decimal("63.0"), Decimal(1260), Decimal(2000), "node-hours", "", "unit/spot"),
        idle=Share("Node-hours idle", Decimal("7.5"), Decimal(150), Decimal(2000), "node-hours", "", "unit/idle"),
        per_job=unit("", "completed job", "14.20", "12.90"),
        predictions=(unit("fraud/blue", "1,000 predictions", "0.0421"),),
        no_predictions="",
    )


def restatements() -> Restatements:
    week = Period(date(2026, 11, 8), date(2026, 11, 15))
    row = Restated(
        week,
        "week of 8 to 14 Nov 2026",
        usd(7_471),
        datetime(2026, 11, 16, 6, tzinfo=UTC),
        usd(7_513),
        usd(42),
        Decimal("0.6"),
        "open",
        "restated/cost-week-2026-11-14",
    )
    return Restatements((row,), 4, 4, date(2026, 10, 25), "open", date(2026, 12, 5))


def compliance() -> Compliance:
    rows = (Broken("dev-clusters-are-spot", 3, usd(1_905), "policy/dev-clusters-are-spot"),)
    return Compliance(datetime(2026, 11, 22, tzinfo=UTC), 212, 7, Decimal("96.7"), usd(2_208), rows, ())


def exemptions() -> Exemptions:
    row = Exempt(
        "/subscriptions/s/resourceGroups/demo",
        "demo",
        ("dev-clusters-are-spot",),
        "a.lind@contoso.com",
        "customer demo",
        date(2026, 12, 1),
        "expiring",
        usd(212),
        "exemption/demo",
    )
    return Exemptions((row,), usd(212), 1, 0)


def closed(model: Report) -> Report:
    """The same report as the statement of October, which closed."""
    said = [
        Foretold(
            date(2026, 10, day),
            reach(31_000, 33_000, 35_000) if inside is not None else None,
            usd(middle),
            usd(Decimal(middle) - Decimal("33180.22")),
            Decimal("1.8"),
            inside,
            True,
        )
        for day, middle, inside in ((7, 32_000, True), (14, 33_400, True), (21, 33_200, None))
    ]
    close = Close(
        month=Period.month("2026-10"),
        label="October 2026",
        state="closed",
        closes_on=date(2026, 11, 5),
        invoice=usd("33180.22"),
        invoice_from="given",
        ours=usd("33180.22"),
        difference=usd(0),
        effective=usd("33401.10"),
        forecasts=tuple(said),
        why_no_forecasts="",
    )
    return replace(model, close=close, name="close-2026-10")
