"""Azure's own budgets in step with the settings: ours made, changed and deleted, those of others never touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import budget, settings
from estates import DEV, PROD, group, group_id, subscription, write_estate

from finops.budget import native
from finops.budget.native import API_VERSION, Unfit, Wanted, name_of, path_of
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings, Settings
from finops.errors import FinopsError
from finops.jobs.budgeting.syncing import Done, Plan, execute, plan
from finops.simulator import serving
from finops.state import State

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
ROLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "budget-role.json").read_text("utf-8"))
SUB = f"/subscriptions/{PROD}"
FOREIGN = {
    "properties": {
        "category": "Cost", "amount": 7, "timeGrain": "Monthly", "timePeriod": {"startDate": "2026-01-01T00:00:00Z"},
        "notifications": {"mine": {"enabled": True, "operator": "GreaterThan", "threshold": 80,
                                   "contactEmails": ["x@x.example"]}},
    }
}  # fmt: skip


@dataclass
class Site:
    azure: Azure
    state: State
    folder: Path

    def given(self, text: str) -> Settings:
        return settings(self.folder, text)

    def plan(self, text: str) -> Plan:
        return plan(self.azure, self.given(text), NOW, self.state)

    def sync(self, text: str) -> list[Done]:
        return execute(self.azure, self.plan(text), self.state, "ana", NOW)

    def names(self, scope: str = SUB) -> list[str]:
        found = self.azure.pages(f"{scope}/providers/Microsoft.Consumption/budgets", API_VERSION)
        return sorted(one["name"] for one in found)

    def read(self, name: str, scope: str = SUB) -> dict[str, Any]:
        return self.azure.get(path_of(scope, name), API_VERSION)


@contextmanager
def site_of(folder: Path, *subscriptions: str, **more: Any) -> Iterator[Site]:
    bodies = [subscription(one, f"ml-{n}") for n, one in enumerate(subscriptions)]
    bodies += [group(subscriptions[0], "rg-ml")]
    write_estate(folder / "estate", bodies)
    with (
        serving(folder / "estate", **more) as server,
        connect(AzureSettings(endpoint=server.url)) as azure,
        State.open(folder / "state.db") as state,
    ):
        yield Site(azure, state, folder)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_of(tmp_path, PROD) as made:
        yield made


def actions(found: Plan) -> list[str]:
    return [one.action for one in found.steps]


def test_what_if_changes_nothing(site: Site):
    found = site.plan("{all: 1000}")

    assert (actions(found), site.names()) == (["create"], [])


def test_a_budget_is_made_with_its_amount_thresholds_and_recipients(site: Site):
    done = site.sync("{all: 1000}")

    made = site.read(name_of("all"))["properties"]
    assert [one.said for one in done] == ["confirmed"]
    assert (made["amount"], made["timeGrain"], made["timePeriod"]["startDate"]) == (
        1000,
        "Monthly",
        "2026-11-01T00:00:00Z",
    )
    assert sorted((one["thresholdType"], one["threshold"]) for one in made["notifications"].values()) == [
        ("Actual", 80), ("Actual", 100), ("Forecasted", 100),
    ]  # fmt: skip
    assert {tuple(one["contactEmails"]) for one in made["notifications"].values()} == {("finance@x.example",)}


def test_what_is_in_step_is_left_alone(site: Site):
    site.sync("{all: 1000}")

    assert actions(site.plan("{all: 1000}")) == ["same"]


def test_a_changed_amount_is_the_only_thing_that_is_changed(site: Site):
    site.sync("{all: 1000}")

    found = site.plan("{all: 1500}")
    done = execute(site.azure, found, site.state, "ana", NOW)

    assert found.steps[0].differs == ("amount 1000 -> 1500",)
    assert (done[0].ok, site.read(name_of("all"))["properties"]["amount"]) == (True, 1500)


def test_in_the_next_month_its_start_stays_as_it_was(site: Site):
    site.sync("{all: 1000}")

    later = plan(site.azure, site.given("{all: 1000}"), datetime(2027, 2, 22, tzinfo=UTC), site.state)

    assert actions(later) == ["same"]


def test_a_budget_that_left_the_settings_is_deleted(site: Site):
    site.sync("{all: 1000}")

    site.sync("{}")

    assert site.names() == []


def test_the_budgets_of_others_are_never_touched_whatever_they_are_called(site: Site):
    for name in ("theirs", "finops-research", "finops-all-0123abcd"):
        site.azure.put(path_of(SUB, name), API_VERSION, FOREIGN)
    site.sync("{all: 1000}")

    site.sync("{}")

    assert site.names() == ["finops-all-0123abcd", "finops-research", "theirs"]
    assert site.plan("{}").foreign == 3


def test_somebody_elses_budget_with_our_very_name_is_not_taken_over(site: Site):
    site.azure.put(path_of(SUB, name_of("all")), API_VERSION, FOREIGN)

    found = site.plan("{all: 1000}")

    assert (found.steps, "it is not ours" in found.unread[0]) == ((), True)


def test_what_somebody_changed_since_it_was_read_is_not_overwritten(site: Site):
    site.sync("{all: 1000}")
    found = site.plan("{all: 1500}")
    body = site.read(name_of("all"))
    body["properties"]["amount"] = 1200
    site.azure.put(path_of(SUB, name_of("all")), API_VERSION, {"properties": body["properties"]})

    done = execute(site.azure, found, site.state, "ana", NOW)

    assert (done[0].ok, site.read(name_of("all"))["properties"]["amount"]) == (False, 1200)


def test_what_somebody_changed_by_hand_is_put_right_by_the_next_sync(site: Site):
    site.sync("{all: 1000}")
    body = site.read(name_of("all"))
    next(iter(body["properties"]["notifications"].values()))["enabled"] = False
    site.azure.put(path_of(SUB, name_of("all")), API_VERSION, {"properties": body["properties"]})

    found = site.plan("{all: 1000}")

    assert found.steps[0].differs == ("notifications",)


def test_a_tag_is_a_filter_and_a_group_is_a_scope(site: Site):
    site.sync("{cc: {scope: {tag: {CostCenter: CC-1}}, amount: 5}, group: {scope: {group: rg-ml}, amount: 6}}")

    assert site.read(name_of("cc"))["properties"]["filter"] == {
        "tags": {"name": "CostCenter", "operator": "In", "values": ["CC-1"]}
    }
    assert site.names(group_id(PROD, "rg-ml")) == [name_of("group")]


def test_a_budget_at_a_group_is_found_again_when_it_left_the_settings(site: Site):
    site.sync("{group: {scope: {group: rg-ml}, amount: 6}}")

    site.sync("{}")

    assert site.names(group_id(PROD, "rg-ml")) == []


def test_quarters_and_fiscal_years_begin_in_their_month(site: Site):
    quarterly = "{scope: all, amount: 5, every: quarter, year_starts: 2}"
    site.sync(f"{{q: {quarterly}, y: {{scope: all, amount: 5, every: year, year_starts: 4}}}}")

    found = {name: site.read(name_of(name))["properties"] for name in ("q", "y")}
    assert {name: (one["timeGrain"], one["timePeriod"]["startDate"][:10]) for name, one in found.items()} == {
        "q": ("Quarterly", "2026-11-01"),
        "y": ("Annually", "2026-04-01"),
    }


def test_every_step_is_on_the_audit_trail_before_and_after(site: Site):
    site.sync("{all: 1000}")

    assert [entry["what"] for entry in site.state.audit_entries()] == ["will create a budget in Azure", "did"]


def test_two_subscriptions_that_one_budget_spans_need_a_place_named(tmp_path: Path):
    with site_of(tmp_path, PROD, DEV) as site:
        found = site.plan("{all: 1000, one: {scope: /subscriptions/" + DEV + ", amount: 5}}")

    assert ([one.budget for one in found.steps], [one.budget for one in found.unfit]) == (["one"], ["all"])
    assert "azure_scope" in found.unfit[0].why


def test_a_subscription_that_refuses_hides_no_other(tmp_path: Path):
    with site_of(
        tmp_path, PROD, DEV, faults=[{"fault": "403", "path": f"{DEV}/providers/Microsoft.Consumption"}]
    ) as site:
        found = site.plan(f"{{a: {{scope: {SUB}, amount: 5}}, b: {{scope: /subscriptions/{DEV}, amount: 5}}}}")

    assert ([one.budget for one in found.steps], len(found.unread)) == (["a"], 1)


# -- what Azure cannot hold --------------------------------------------------------------------------------------


def wish(text: str, name: str = "all") -> Wanted | Unfit:
    return native.wanted(budget(text, name), [PROD], NOW)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{all: {amount: 5, scope: {workspace: ws}}}", "cannot be for a workspace"),
        ("{all: {amount: 5, scope: {tag: {CostCenter: (untagged)}}}}", "has no tag"),
        ("{all: {amount: 5, scope: {group: rg}}}", "0 resource groups called rg"),
        ("{all: {amount: 5, end: 2026-10-31}}", "ended on 2026-10-31"),
        ("{all: {amount: 100000000, thresholds: [{actual_amount: 0.01}]}}", "0.01 to 1000 percent"),
    ],
)
def test_what_azure_cannot_hold_is_said_and_not_approximated(text: str, why: str):
    found = wish(text)

    assert isinstance(found, Unfit)
    assert why in found.why


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("{all: {amount: 5, basis: effective}}", "billed cost"),
        ("{all: {amount: 5, start: 2026-11-10}}", "Azure counts from 2026-11-01"),
        ("{all: {amount: 5, thresholds: [10, 20, 30, 40, 50, 60]}}", "actual 10% is told by us alone"),
        ("{all: {amount: 5, thresholds: [80, {actual_amount: 500}]}}", "actual 500 is told by us alone"),
    ],
)
def test_where_azures_budget_is_not_the_same_it_says_so(text: str, note: str):
    found = wish(text)

    assert isinstance(found, Wanted)
    assert note in " ".join(found.notes)


def test_an_amount_becomes_the_percent_that_it_is():
    found = wish("{all: {amount: 800, thresholds: [{actual_amount: 100}]}}")

    assert isinstance(found, Wanted)
    assert [(key.rpartition("-")[2], one["threshold"]) for key, one in found.properties["notifications"].items()] == [
        ("12p5", 12.5)
    ]


@pytest.mark.parametrize("name", ["all", "x" * 120, "預算", "R&D / GPU", "-", "/subscriptions/abc"])
def test_names_fit_into_azures_and_are_known_as_ours_again(name: str):
    found = name_of(name)
    mark = native.digest_of(name)
    body = {"name": found, "properties": {"notifications": {f"finops-{mark}-actual-80": {}}}}

    assert len(found) <= 63
    assert found.replace("-", "").isalnum()
    assert native.is_ours(body)


def test_amounts_are_compared_as_numbers():
    one = wish("{all: 0.01}")
    assert isinstance(one, Wanted)

    found = native.compare(one, {"properties": {**one.properties, "amount": Decimal("0.010")}, "eTag": "1"}, 1)

    assert found.action == "same"


# -- the role ------------------------------------------------------------------------------------------------------


def synced_with(folder: Path, actions_: list[str]) -> bool:
    """Whether a create, an update, a group's budget and a deletion all succeed with a role of `actions_`."""
    role = {"roles": [{**ROLE, "Actions": actions_}]}
    with site_of(folder, PROD, roles=role) as site:
        try:
            steps = [
                *site.sync("{all: 1000, group: {scope: {group: rg-ml}, amount: 6}}"),
                *site.sync("{all: 1500}"),
            ]
        except FinopsError:
            return False
    return len(steps) == 4 and all(one.ok for one in steps)


def test_the_documented_role_is_enough(tmp_path: Path):
    assert synced_with(tmp_path, ROLE["Actions"])


# Azure, and the simulator, answer this to whoever may read anything there.
UNTRIED = {"Microsoft.Resources/subscriptions/read"}


@pytest.mark.parametrize("action", sorted(set(ROLE["Actions"]) - UNTRIED))
def test_the_documented_role_holds_nothing_that_is_not_needed(tmp_path: Path, action: str):
    assert not synced_with(tmp_path, [one for one in ROLE["Actions"] if one != action])
