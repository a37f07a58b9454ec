"""What the guard's changes save: their own effect at prices paid, whether the resource is used more or less since."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from guarding import GPU
from openpyxl import load_workbook
from report_data import NOW, book, daily

from finops.config.model import ReportSettings, Settings
from finops.jobs.claims import claims_of
from finops.jobs.guard_claims import left
from finops.jobs.guarding.plan import Line
from finops.report import Claim, build, render
from finops.report.explain import explain
from finops.report.model import Saving, Savings
from finops.state import State

WHERE = GPU[: GPU.index("/resourceGroups")]
REST = f"{GPU}-other"


def hours(first: str, last: str, each: str, price: str, resource: str = GPU) -> list[dict[str, str]]:
    """That many node-hours on each day at that price."""
    cost = str(Decimal(each) * Decimal(price))
    more = {"ResourceId": resource, "SubAccountId": WHERE, "ConsumedQuantity": each, "ConsumedUnit": "Hours"}
    return daily(first, last, "CC-1", cost, resource.rpartition("/")[2], **more)


def act(measure: str, since: str = "2026-11-11", number: int = 1, **other: Any) -> Claim:
    values: dict[str, Any] = {
        "number": number, "stage": "done", "resource_id": GPU, "name": "gpu", "what": "compute", "holder": "ml-dev",
        "rule": "guard/spot", "does": "make it anew as spot", "did": "made anew as spot", "expected": Decimal(300),
        "cost": None, "currency": "USD", "since": datetime.fromisoformat(f"{since}T10:00:00+00:00"),
        "source": "Spot guard", "ref": f"guard-{number}", "measure": measure,
    }  # fmt: skip
    return Claim(**{**values, **other})


def saved(folder: Path, claims: list[Claim], *rows: dict[str, str]) -> Savings:
    with book(folder, *hours("2026-10-01", "2026-11-22", "24", "1", REST), *rows) as loaded:
        found = build(loaded, NOW, ReportSettings(), claims=claims).savings
    assert found
    return found


def amount(one: Saving) -> Decimal:
    assert one.realised, one.why
    return one.realised.amount


def test_a_conversion_saves_the_difference_in_price_on_each_hour_since(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "20", "0.5")]

    [one] = saved(tmp_path, [act("price")], *rows).all

    assert amount(one) == 10 * 20 * (Decimal(3) - Decimal("0.5"))


def test_a_cluster_that_nobody_uses_since_has_saved_nothing_by_its_price(tmp_path: Path) -> None:
    [one] = saved(tmp_path, [act("price")], *hours("2026-10-01", "2026-11-11", "10", "3")).all

    assert (amount(one), one.why) == (0, "nothing ran on it since")


def test_a_price_that_rose_is_a_negative_saving(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "10", "4")]

    [one] = saved(tmp_path, [act("price")], *rows).all

    assert (amount(one), one.why) == (-100, "an hour costs more since")


def test_charges_without_hours_leave_a_conversion_unknown(tmp_path: Path) -> None:
    where = {"ResourceId": GPU, "SubAccountId": WHERE}
    rows = [*daily("2026-10-01", "2026-11-11", "CC-1", "30", "gpu", **where)]

    found = saved(tmp_path, [act("price")], *rows)

    assert (found.realised.unknown, found.all[0].why) == (1, "the charges state no hours")


def test_fewer_nodes_at_rest_save_the_hours_that_they_would_have_run(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "50", "2"), *hours("2026-11-12", "2026-11-21", "8", "2")]

    found = saved(tmp_path, [act("idle", kept=2)], *rows)

    [one] = found.all
    assert amount(one) == 10 * (48 - 8) * 2
    assert one.how == "400 of 2 nodes x 24 hours x 10 days were not run since, at 2.00 an hour as before"


def test_more_work_than_the_idle_nodes_could_do_makes_no_negative_saving(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "50", "2"), *hours("2026-11-12", "2026-11-21", "90", "2")]

    [one] = saved(tmp_path, [act("idle", kept=2)], *rows).all

    assert (amount(one), one.why) == (0, "its nodes were in use, or still there")


def test_both_changes_on_one_cluster_add_up_to_what_it_would_have_cost(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "48", "3"), *hours("2026-11-12", "2026-11-21", "8", "0.5")]

    found = saved(tmp_path, [act("idle", number=1, kept=2), act("price", number=2)], *rows)

    assert found.realised.amount.amount == 10 * (48 * 3 - 8 * Decimal("0.5"))


def test_what_a_deletion_takes_later_is_counted_with_the_deletion_only(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-01", "10", "3"), *hours("2026-11-02", "2026-11-14", "10", "1")]
    deleted = act("whole", "2026-11-14", 2, source="Janitor", ref="")

    found = saved(tmp_path, [act("price", "2026-11-01"), deleted], *rows)

    assert [amount(one) for one in found.all] == [12 * 10 * 2, 7 * 10]


def flat(first: str, last: str, cost: str) -> list[dict[str, str]]:
    """Charges that state no hours, as Cost Management answers them."""
    return daily(first, last, "CC-1", cost, "gpu", ResourceId=GPU, SubAccountId=WHERE)


def test_without_hours_fewer_nodes_at_rest_save_what_each_day_costs_below_the_least_before(tmp_path: Path) -> None:
    rows = [*flat("2026-10-01", "2026-11-10", "100"), *flat("2026-11-08", "2026-11-08", "60")]  # a busy day
    rows += [*flat("2026-11-12", "2026-11-18", "30"), *flat("2026-11-19", "2026-11-21", "250")]

    [one] = saved(tmp_path, [act("idle", kept=4)], *rows).all

    assert amount(one) == 7 * (100 - 30)  # days of more work take nothing off
    assert (one.days_before, one.why) == (7, "by the least that a day cost before, as the charges state no hours")


def test_without_hours_nodes_that_still_stay_save_nothing(tmp_path: Path) -> None:
    rows = [*flat("2026-10-01", "2026-11-10", "100"), *flat("2026-11-12", "2026-11-21", "0")]

    [one] = saved(tmp_path, [act("idle", kept=4, keeps=1)], *rows).all

    assert amount(one) == 10 * 75


def test_what_evictions_cost_is_said_to_be_unknown_where_work_runs_on_spot_nodes(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "10", "1")]
    rows += hours("2026-10-01", "2026-11-22", "24", "1", REST)

    with book(tmp_path, *rows) as loaded:
        told, quiet = (
            " ".join(render(build(loaded, NOW, ReportSettings(), claims=[one]), Settings()).text.split())
            for one in (act("price"), act("idle", kept=1))
        )

    assert "what evictions cost is not known" in told
    assert "evictions" not in quiet


def test_a_planned_end_ends_the_saving(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "10", "1")]

    [one] = saved(tmp_path, [act("price", ends=date(2026, 11, 15))], *rows).all

    assert (amount(one), one.days_after) == (4 * 10 * 2, 4)


def test_sources_add_up_to_the_totals_in_each_column(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3.3333"), *hours("2026-11-12", "2026-11-21", "9", "0.7777")]
    claims = [
        act("price"),
        act("whole", number=2, resource_id=REST, source="Janitor", ref=""),
        act("whole", number=3, stage="found", since="2026-11-01", resource_id=f"{GPU}-3", ref="guard-spot-x"),
        act("none", number=4),
    ]
    claims[2] = Claim(**{**vars(claims[2]), "since": None})

    found = saved(tmp_path, claims, *rows)

    assert {one.name for one in found.sources} == {"Spot guard", "Janitor"}
    assert sum(one.shown_realised.amount for one in found.sources) == found.shown.amount
    assert sum(one.identified.amount.amount for one in found.sources) == found.identified.amount.amount == 300
    assert sum(one.realised.count for one in found.sources) == found.realised.count == 2


def test_the_report_shows_sources_and_what_came_of_what_was_expected(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "10", "1")]
    janitors = act("whole", number=2, stage="found", since="2026-11-01", resource_id=REST, source="Janitor", ref="")
    claims = [act("price"), Claim(**{**vars(janitors), "since": None})]
    rest = hours("2026-10-01", "2026-11-22", "24", "1", REST)

    with book(tmp_path, *rest, *rows) as loaded:
        report = build(loaded, NOW, ReportSettings(), claims=claims)
        behind = explain(report, loaded, "savings/realised/spot-guard")
    forms = render(report, Settings())

    assert (behind.total, behind.adds_up) == (200, True)
    said = " ".join(forms.text.split())
    assert "1 act was expected to save $300.00 a month and saves $600.00 (+100%)." in said
    for form in (forms.html, forms.text):
        assert form.index("Spot guard") < form.index("Janitor")


# -- from what the guard remembers -------------------------------------------------------------------------------


def intent(state: State, action: str, rule: str = "guard/spot", outcome: str = "done", **evidence: Any) -> None:
    now = datetime(2026, 11, 11, 10, tzinfo=UTC)
    saving = {"delete to make anew as spot": "250", "scale": "90"}.get(action, "0")
    given = {
        "run": "r", "resource_id": GPU, "workspace": "w", "api_version": "v", "action": action, "rule": rule,
        "why": "because", "who": "finops", "decision": "enforce", "saving": saving,
    }  # fmt: skip
    with state.turn():
        number = state.open_intent(now, generation=None, evidence=evidence, afterwards=None, **given)
        state.close_intent(number, outcome, "read back", now, "finops", {})


def remembered(folder: Path, *steps: tuple[str, dict[str, Any]]) -> tuple[Claim, ...]:
    with State.open(folder / "state.db") as state:
        for action, more in steps:
            intent(state, action, **more)
        return claims_of(state, "USD")


def test_a_cluster_made_anew_is_one_act_with_what_was_expected_when_it_was_let_go(tmp_path: Path) -> None:
    before = {"tags": {"enddate": "2027-01-31"}, "systemData": {"createdAt": "2026-08-01T08:00:00+00:00"}}

    [one] = remembered(
        tmp_path,
        ("freeze", {}),
        ("delete to make anew as spot", {}),
        ("make anew as spot", {"outcome": "failed"}),
        ("make anew as spot", {"before": before}),
    )

    assert (one.measure, one.expected, one.ends, one.source) == ("price", 250, date(2027, 1, 31), "Spot guard")
    assert one.created == datetime(2026, 8, 1, 8, tzinfo=UTC)


def test_a_change_of_the_minimum_is_measured_by_idle_hours(tmp_path: Path) -> None:
    [one] = remembered(
        tmp_path,
        ("scale", {"rule": "guard/scale", "seen": {"minNodeCount": 2}, "wanted": {"minNodeCount": 0}}),
    )

    assert (one.measure, one.kept, one.keeps, one.expected) == ("idle", 2, 0, 90)


@pytest.mark.parametrize(
    ("seen", "wanted", "did"),
    [
        ({"minNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2H"}, "PT15M", "set to 0 nodes when idle"),
        (
            {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2H"},
            "PT15M",
            "set to let go of idle nodes after 15 minutes",
        ),
    ],
)
def test_a_change_of_scale_settings_is_told_without_the_names_of_azures_fields(
    tmp_path: Path, seen: dict[str, Any], wanted: str, did: str
) -> None:
    after = {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": wanted}

    [one] = remembered(tmp_path, ("scale", {"rule": "guard/scale", "seen": seen, "wanted": after}))

    assert one.did == did


def test_what_a_shorter_wait_saved_is_not_known(tmp_path: Path) -> None:
    scale = {"seen": {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2H"}, "wanted": {"minNodeCount": 0}}

    [one] = remembered(tmp_path, ("scale", {"rule": "guard/scale", **scale}))

    assert (one.measure, one.cannot) == ("unknown", "the charges do not tell for how long nodes had waited for work")


def test_a_change_that_was_not_done_is_no_act(tmp_path: Path) -> None:
    assert remembered(tmp_path, ("scale", {"rule": "guard/scale", "outcome": "not-done"})) == ()


def test_a_tag_is_an_act_that_saves_nothing(tmp_path: Path) -> None:
    claims = remembered(tmp_path, ("tag", {"rule": "guard/tags"}))

    found = saved(tmp_path, list(claims), *hours("2026-10-01", "2026-11-21", "10", "3"))

    assert [one.measure for one in claims] == ["none"]
    assert (found.realised.count, found.rows, len(found.all)) == (0, (), 1)


def waits(**other: Any) -> Claim:
    """What the guard finds: three tenths of what the cluster cost in 30 days."""
    expected = {"expected": Decimal(900), "cost": Decimal(3000), "ref": "guard-spot-1"}
    return replace(act("whole", number=0, **{"stage": "found", "did": "", **expected, **other}), since=None)


def test_what_is_found_on_a_cluster_that_we_set_right_saves_of_what_it_costs_since(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "50", "2"), *hours("2026-11-12", "2026-11-21", "5", "2")]

    found = saved(tmp_path, [act("idle", kept=2), waits()], *rows)

    one = next(one for one in found.all if one.kind == "identified")
    assert one.expected
    assert one.expected.amount == 30 * 10 * Decimal("0.3")
    assert one.why == "by 100 on the 10 days since change 1 of the spot guard: its 30 days hold days before that"


def test_what_is_found_on_a_cluster_that_costs_nothing_since_we_set_it_right_saves_nothing(tmp_path: Path) -> None:
    found = saved(tmp_path, [act("idle", kept=2), waits()], *hours("2026-10-01", "2026-11-11", "50", "2"))

    assert (found.identified.amount.amount, found.identified.nothing) == (0, 1)


def test_what_is_found_elsewhere_or_was_set_right_a_month_ago_saves_of_the_bill(tmp_path: Path) -> None:
    rows = [*hours("2026-09-01", "2026-10-11", "50", "2"), *hours("2026-10-12", "2026-11-21", "50", "2")]
    elsewhere = waits(resource_id=REST, ref="guard-spot-2")

    found = saved(tmp_path, [act("idle", "2026-10-11", kept=2), waits(), elsewhere], *rows)

    assert [one.expected.amount for one in found.all if one.kind == "identified" and one.expected] == [900, 900]


def test_the_arithmetic_of_idle_nodes_stands_in_the_explanation_the_workbook_and_the_mail(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "50", "2"), *hours("2026-11-12", "2026-11-21", "8", "2")]
    how = "400 of 2 nodes x 24 hours x 10 days were not run since, at 2.00 an hour as before"
    with book(tmp_path, *hours("2026-10-01", "2026-11-22", "24", "1", REST), *rows) as loaded:
        report = build(loaded, NOW, ReportSettings(), claims=[act("idle", kept=2)])
        behind = explain(report, loaded, "saving/guard-1")
    made = render(report, Settings())

    assert f"800.00 saved: {how}." in behind.evidence
    cells = [cell.value for row in load_workbook(io.BytesIO(made.workbook))["Savings"] for cell in row]
    assert how in cells
    assert "of clusters that keep fewer nodes, what these would have cost idle." in " ".join(made.text.split())


def test_the_guards_plan_names_the_same_amount_that_is_left_to_save(tmp_path: Path) -> None:
    rows = [*hours("2026-10-01", "2026-11-11", "50", "2"), *hours("2026-11-12", "2026-11-21", "5", "2")]
    line = Line(
        "spot", GPU, "warn", "make it anew", "", "report", "", "", Decimal(3000), Decimal(900), "", (), {}, "g"
    )  # fmt: skip
    with book(tmp_path, *hours("2026-10-01", "2026-11-22", "24", "1", REST), *rows) as loaded:
        [told] = left([line], [act("idle", kept=2)], loaded, "USD", NOW)
        [untouched] = left([line], [], loaded, "USD", NOW)

    assert (told.saving, untouched.saving) == (90, 900)
    assert told.saving_says.startswith("by 100 on the 10 days since change 1 of the spot guard")
