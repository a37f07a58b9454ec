"""What the first sentence of the report gives as the reason: no purchase is gone, no act of ours is a riddle, and a
month that has ended is explained by the month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from budgeting import book, days, settings
from budgeting import charge as row
from report_data import charge, daily, rendered, report_of
from report_sample import savings

from finops.config.model import Settings
from finops.jobs.knowing import known_by_charges
from finops.report import Claim, build, render

BASE = [
    *daily("2026-11-01", "2026-11-22", "CC-1", "100", "steady"),
    *daily("2026-11-01", "2026-11-22", "CC-2", "1", "small"),
]
LICENCE = charge("2026-11-10", "CC-2", "900", "licence", ChargeCategory="Purchase")
NEXT_LICENCE = charge("2026-11-17", "CC-2", "900", "licence", ChargeCategory="Purchase")
DEV = daily("2026-11-01", "2026-11-14", "CC-2", "50", "dev")


def test_a_purchase_that_is_absent_this_week_is_not_gone(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *BASE, LICENCE)

    assert mail.verdict.endswith(": no purchase of licence in it.")
    assert "gone" not in mail.text
    assert "(Virtual Machines, no purchase this time)" in " ".join(mail.text.split())


def test_a_purchase_of_this_week_is_not_new(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *BASE, NEXT_LICENCE)

    assert "is new" not in mail.verdict
    assert "(Virtual Machines, purchase)" in " ".join(mail.text.split())


@pytest.mark.parametrize(("since", "says"), [("2026-11-12", "as approved"), ("2026-08-12", "dev is gone")])
def test_what_our_own_act_ended_is_said_to_be_ended_by_it(tmp_path: Path, since: str, says: str) -> None:
    model = report_of(tmp_path, *BASE, *DEV)
    assert model.movers is not None
    saved = savings()
    (dev,) = (one for one in model.movers.all if one.name == "dev")
    act = replace(saved.all[0], resource_id=dev.resource_id, since=date.fromisoformat(since))
    model = replace(model, savings=replace(saved, all=(act,)))

    mail = render(model, Settings())

    assert says in mail.verdict
    assert ("dev was scaled to zero on 12 Nov as approved" in mail.verdict) == (says == "as approved")
    assert ("(Virtual Machines, scaled to zero on 12 Nov as approved)" in " ".join(mail.text.split())) == (
        says == "as approved"
    )


NOW = datetime(2026, 12, 3, 12, tzinfo=UTC)
TRAIN = days("2026-11-07", "2026-12-02", "60", ResourceId="/r/a100", ResourceName="a100")
EVERY_DAY = days("2026-08-01", "2026-12-02", "40", ResourceId="/r/base", ResourceName="base")


STOPPED = Claim(
    1, "done", "/r/a100", "a100", "cluster", "", "guard/scale", "set minNodeCount to 0", "set to 0 nodes",
    None, None, "USD", since=datetime(2026, 11, 18, tzinfo=UTC), source="Spot guard", measure="idle", ref="guard-1",
)  # fmt: skip


def verdict(folder: Path, budgets: str, now: datetime = NOW, *acts: Claim) -> str:
    given = settings(folder, budgets)
    bought = [
        row(day, "700", ResourceId="/r/licence", ResourceName="licence", ChargeCategory="Purchase")
        for day in ("2026-10-22", "2026-11-20")
    ]
    rows = [one for one in (*EVERY_DAY, *TRAIN, *bought) if one["ChargePeriodStart"] < f"{now:%Y-%m-%d}"]
    with book(folder, *rows, now=now) as costs:
        known = known_by_charges(costs, given, now)
        return render(build(costs, now, given.report, known=known, claims=acts), given).verdict


def test_a_month_that_has_ended_is_explained_by_what_moved_the_month(tmp_path: Path) -> None:
    said = verdict(tmp_path, "{all: 1100}")

    assert "November ended $2,240 over its $1,100 budget; October was $840 over already" in said
    assert "$1,400 more, mainly a100" in said
    assert "licence" not in said


def test_the_month_that_has_begun_is_named_with_where_it_leads(tmp_path: Path) -> None:
    assert " December is heading for $" in verdict(tmp_path, "{all: 1100}")


def test_a_running_month_over_its_budget_is_explained_by_the_month_not_by_the_week(tmp_path: Path) -> None:
    said = verdict(tmp_path, "{all: 1100}", datetime(2026, 11, 25, 12, tzinfo=UTC))

    assert "November is $1,640 over its $1,100 budget" in said
    assert "; October was $840 over already, and cost without a cost centre has cost $1,020 more so far," in said
    assert said.endswith(", mainly a100.")
    assert "licence" not in said


def test_a_month_heading_over_its_budget_names_the_level_it_began_with(tmp_path: Path) -> None:
    said = verdict(tmp_path, "{all: 1300}", datetime(2026, 11, 16, 12, tzinfo=UTC))

    assert "November is heading for" in said
    assert "; October was $640 over already, and cost without a cost centre has cost $480 more so far," in said
    assert said.endswith(", mainly a100.")


def test_the_verdict_says_of_what_drove_the_month_that_we_stopped_it(tmp_path: Path) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)

    said = [verdict(folder(tmp_path, n), "{all: 1100}", at, STOPPED) for n, at in enumerate((now, NOW))]

    assert all("mainly a100, set to 0 nodes on 18 Nov" in one for one in said)


def test_what_is_too_small_a_part_of_the_overrun_is_not_given_as_its_reason(tmp_path: Path) -> None:
    given = settings(tmp_path, "{all: 600}")
    small = days("2026-11-12", "2026-11-24", "2", ResourceId="/r/small", ResourceName="small")
    with book(tmp_path, *days("2026-08-01", "2026-11-24", "40"), *small, now=NOW) as costs:
        now = datetime(2026, 11, 25, 12, tzinfo=UTC)
        said = render(build(costs, now, given.report, known=known_by_charges(costs, given, now)), given).verdict

    assert said.endswith("; October was $640.00 over already.")


def folder(within: Path, number: int) -> Path:
    path = within / str(number)
    path.mkdir()
    return path
