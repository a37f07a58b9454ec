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
from finops.report import build, render

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


def verdict(folder: Path, budgets: str) -> str:
    given = settings(folder, budgets)
    bought = row("2026-11-20", "700", ResourceId="/r/licence", ResourceName="licence", ChargeCategory="Purchase")
    with book(folder, *EVERY_DAY, *TRAIN, bought, now=NOW) as costs:
        return render(build(costs, NOW, given.report, known=known_by_charges(costs, given, NOW)), given).verdict


def test_a_month_that_has_ended_is_explained_by_what_moved_the_month(tmp_path: Path) -> None:
    said = verdict(tmp_path, "{all: 1100}")

    assert "November ended $2,240 over its $1,100 budget; October was $140 over already" in said
    assert "$2,100 more, mainly a100" in said
    assert "licence" not in said


def test_the_month_that_has_begun_is_named_with_where_it_leads(tmp_path: Path) -> None:
    assert " December is heading for $" in verdict(tmp_path, "{all: 1100}")
