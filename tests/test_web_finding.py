"""The page of one finding: everything that a person needs to decide, and what is not known said as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from approvals_page import (
    ANA,
    BO,
    GROUP,
    NOW,
    WORKSPACE,
    Browser,
    evidence,
    of_tiers,
    opened,
    put,
    settings,
    text,
    usage,
)

from finops.state import State
from finops.web.chart import HEIGHT, WIDTH, chart


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def page(state: State, **other: Any) -> str:
    record = put(state, **other)
    return text(Browser(state).get(f"/findings/{record.number}"))


def test_the_page_says_what_is_done_to_what_and_why(state: State):
    said = page(state)

    assert "Delete online endpoint chat" in said
    assert f"{WORKSPACE}/onlineEndpoints/chat" in said
    assert "ws-vision , resource group rg-ml" in said
    assert "Nobody has called this endpoint for 16 days" in said
    assert "days without requests 16 at least 14 yes 16 Nov 2026 05:00 UTC" in said


def test_a_version_of_an_asset_is_named_as_the_studio_writes_it(state: State):
    asset = f"{WORKSPACE}/environments/train-gpu/versions/12"

    said = page(state, resource_id=asset, action="archive")

    assert "Archive environment version train-gpu:12" in said


def test_the_page_says_what_stops_and_what_keeps_costing(state: State):
    said = page(state)

    assert "Stops, a month $790.40" in said
    assert "Costs now, a month $812.40" in said
    assert "Keeps costing $22.00" in said
    assert "at the price paid" in said


def test_of_tiers_the_page_says_first_what_they_save_and_cost(state: State):
    said = page(state, **of_tiers(saving=Decimal("15.18")))

    assert "Saves, a month $15.18 Costs once $0.01 Costs if all is read back $21.91" in said
    assert "Held by resource group rg-data" in said
    assert "saves a month 15.18 USD costs once 0.01 USD ages count from the last access" in said
    assert "Costs now" not in said


@pytest.mark.parametrize("written", [None, "much", "NaN", []])
def test_a_cost_of_tiers_that_is_no_sum_is_not_known(state: State, written: object):
    asked = of_tiers()
    said = page(state, **{**asked, "evidence": asked["evidence"] | {"once": written}})

    assert "Costs once \u2014" in said


def test_a_cost_that_is_not_known_is_not_nothing(state: State):
    said = page(state, monthly_cost=None, saving=None)

    assert "What it costs is not known" in said
    assert "$0" not in said


def test_the_page_says_what_was_found_to_depend_on_it_and_what_was_not_checked(state: State):
    said = page(state, dependents=("Schedule nightly calls it.",), not_checked=("Callers outside.", "AKS was refused."))

    assert "Schedule nightly calls it." in said
    assert "Callers outside. AKS was refused." in said
    assert "Goes with it deployment chat/blue" in said


def test_a_fact_that_is_not_known_says_why(state: State):
    assert "price per hour not known: no price for this size" in page(state)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({}, "Its keys and tokens: callers need new ones"),
        ({"action": "stop", "resource_id": f"{WORKSPACE}/computes/i"}, "Its owner starts it again"),
        ({"action": "stop", "resource_id": f"{WORKSPACE}/computes/i", "evidence": evidence(facts={
            "ownerExists": {"value": False, "asOf": "2026-11-16T05:00:00+00:00"}})},
         "An admin or another member of the workspace starts it"),
        ({"action": "scaleToZero", "resource_id": f"{WORKSPACE}/computes/c"}, "Its minimum of nodes is set back"),
        ({"resource_id": f"{WORKSPACE}/computes/i"}, "Everything on its own disk"),
        (
            {"resource_id": f"{WORKSPACE}/computes/c", "evidence": evidence(
                checks=[{"field": "properties.computeType", "is": "AmlCompute"}])},
            "sizes, limits, network, identity",
        ),
        ({"action": "deleteImage"}, "with the same digest and tags"),
        ({"action": "archive"}, "out of the archive"),
        ({"action": "disable"}, "enabled again"),
        ({"action": "something"}, "take it for all of it"),
    ],
)  # fmt: skip
def test_the_page_says_how_it_comes_back_and_what_does_not(state: State, other: dict[str, Any], says: str):
    said = page(state, **other)

    assert says in said
    assert "Restorable until 30 days after it is done." in said


def test_the_page_shows_votes_and_history(state: State):
    record = put(state, risk="high")
    Browser(state, ANA).decide(record, at="finding", reason="Seen with the team")

    said = text(Browser(state, BO).get(f"/findings/{record.number}"))

    assert "2 different people must approve, 1 did so far" in said
    assert "Ana approved on 16 Nov 2026 09:00 UTC, Seen with the team" in said
    assert said.index("Found , 16 Nov") < said.index("Waits for a decision , 16 Nov")


def test_the_page_says_when_the_request_expires_and_when_it_was_seen(state: State):
    said = page(state)

    assert "Request expires 30 Nov 2026 09:00 UTC (in 14 days)" in said
    assert "As it was seen 16 Nov 2026 05:00 UTC" in said


def test_the_page_shows_the_rule_as_it_is_written(state: State):
    record = put(state)

    shown = Browser(state).get(f"/findings/{record.number}").text

    assert "Online endpoint without requests" in shown
    assert "facts.daysWithoutRequests" in re.findall(r"<pre[^>]*>(.*?)</pre>", shown, re.S)[0]


def test_a_rule_that_is_not_there_any_more_is_told(state: State):
    assert "There is no rule of this name any more." in page(state, rule="gone-rule")


def test_an_image_is_called_by_its_repository_and_digest(state: State):
    registry = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/acrml"

    said = page(state, resource_id=f"{registry}/manifests/team~train@sha256:{'ab' * 32}", action="deleteImage")

    assert "Delete container image team/train@sha256:abababababab" in said
    assert "acrml , resource group" in said


def test_a_finding_with_nothing_in_its_evidence_is_shown(state: State):
    said = page(state, evidence={})

    assert "There is no series of its use to draw." in said
    assert "As it was seen 16 Nov 2026 09:00 UTC" in said


@pytest.mark.parametrize(
    "odd",
    [
        {"checks": 3, "lines": "x", "facts": [], "goesWithIt": {}, "risks": None, "usage": 4, "threshold": []},
        {"checks": [1, None, {}], "lines": [None, {"a": [1]}], "facts": {"x": None, "y": {"value": {"z": [True]}}}},
        {"usage": [[1, 2, 3], ["no day", 1], ["2026-11-01", "x"], [None, None]], "asOf": "yesterday"},
        {"usage": [["2026-11-01", float(10**300)], ["0001-01-01", 1], ["9999-12-31", 2]], "threshold": True},
        {"checks": [{"what": "x", "is": "y" * 10_000}] * 500, "lines": ["z"] * 500},
    ],
)
def test_evidence_of_another_shape_does_not_break_the_page(state: State, odd: dict[str, Any]):
    record = put(state, evidence=odd)

    assert Browser(state).get(f"/findings/{record.number}").status_code == 200


# -- the chart ----------------------------------------------------------------------------------------------------


def test_the_chart_has_a_bar_a_day_and_the_thresholds_line(state: State):
    record = put(state)

    shown = Browser(state).get(f"/findings/{record.number}").text

    assert shown.count('<rect class="bar"') + shown.count('<rect class="hole"') == 90
    assert shown.count('<line class="threshold"') == 2  # the line, and the key to it
    assert (
        "90 days from 2026-08-18 to 2026-11-15: requests a day. At most 119, on 2026-10-25; last seen on 2026-10-30."
        in shown
    )


def test_the_chart_is_there_as_a_table_too(state: State):
    record = put(state)

    shown = Browser(state).get(f"/findings/{record.number}").text

    assert shown.count('<th scope="row">') == 90
    assert "not measured" in shown


@pytest.mark.parametrize(("last", "busy"), [(81, True), (10, False), (0, False), (None, True)])
def test_what_is_above_the_threshold_on_its_last_day_is_said_to_be_busy(state: State, last: float | None, busy: bool):
    series = [["2026-11-13", 3], ["2026-11-14", 40], ["2026-11-15", last]]

    said = page(state, evidence=evidence(usage=series, usageOf="percent of its CPU", threshold=10))

    assert ("it is busy" in said and "somebody may be using it" in said) == busy


def test_a_day_that_was_not_measured_is_not_a_day_without_use():
    made = chart({"usage": [["2026-11-01", 5], ["2026-11-03", 0]]})

    assert made is not None
    assert [value for _, value in made.days] == [5, None, 0]
    assert [bar.known for bar in made.bars] == [True, False, True]
    assert made.bars[2].height == 0


def test_the_least_use_can_be_seen():
    made = chart({"usage": [["2026-11-01", 1_000_000], ["2026-11-02", 0.001]]})

    assert made is not None
    assert made.bars[1].height == 2


def test_everything_of_the_chart_is_inside_of_it():
    made = chart({"usage": usage(), "threshold": 400})

    assert made is not None
    assert made.line is not None
    assert 0 <= made.line <= HEIGHT
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and 0 <= bar.y <= HEIGHT for bar in made.bars)


def test_the_chart_shows_ninety_days_at_most():
    made = chart({"usage": usage(days=400)})

    assert made is not None
    assert len(made.days) == 90


def test_an_end_that_nears_is_told_in_hours(state: State):
    record = put(state)

    said = text(Browser(state, now=NOW + timedelta(days=13, hours=19)).get(f"/findings/{record.number}"))

    assert "(in 5 hours)" in said


def test_what_a_restored_finding_says(state: State):
    record = put(state)
    with state.findings.changing() as change:
        change.move(change.get(record.number), "confirmed", "Gone.", NOW, "x", alive=False, tombstone="000001-delete",
                    restorable_until=NOW + timedelta(days=30))  # fmt: skip

    said = text(Browser(state, ANA, settings()).get(f"/findings/{record.number}"))

    assert "finops janitor undo 1" in said
    assert "Restorable until 16 Dec 2026 09:00 UTC" in said
    assert "Approve: delete it" not in said


def test_an_amount_of_many_digits_is_rounded_to_the_currencys_smallest(state: State):
    assert "Stops, a month $14.98" in page(state, saving=Decimal("14.97651418586"))
