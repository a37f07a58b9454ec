"""Which clusters the spot rule finds, what it says of their price, and what they become when made anew."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from guarding import GPU, dedicated

from finops.config import folder
from finops.config.model import GuardSettings
from finops.estate import Estate, Known, Resource, Unknown
from finops.jobs.guarding.telling import address
from finops.prices import Price, UnknownPrice
from finops.spot import Finding, Prices, Rules, Undecided, busy, differences, duration, findings, remade

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
RULES = Rules(
    "Environment",
    frozenset(["dev"]),
    ("*-sandbox",),
    frozenset(["f00d"]),
    min_nodes=0,
    idle_minutes=30,
    near_percent=80,
)
Json = dict[str, Any]


def price(amount: str) -> Price:
    return Price(Decimal(amount), "USD", "1 Hour", NOW, "m", "m", "p")


def prices(dedicated_: str = "3", spot: str = "0.6") -> Callable[[str, str], Prices]:
    return lambda size, region: Prices(price(dedicated_), price(spot))


CHEAP = prices()


def found(body: Json, prices_of: Callable[[str, str], Prices] = CHEAP, **facts: Any) -> list[Finding | Undecided]:
    given = {"spot": False, "runningJobs": 0, "queuedJobs": 0, "idleNodes": 0, "costLast30Days": Decimal(1000), **facts}
    known = {name: value if isinstance(value, Unknown) else Known(value, NOW) for name, value in given.items()}
    estate = Estate(NOW, {GPU.lower(): Resource(GPU, body, known)})
    return list(findings(estate, RULES, prices_of))


def dev(**more: Any) -> Json:
    return dedicated(tags={"environment": "Dev"}, **more)


def only(body: Json, *args: Any, **facts: Any) -> Finding:
    [one] = found(body, *args, **facts)
    assert isinstance(one, Finding)
    return one


def test_the_saving_is_the_cost_times_what_spot_is_cheaper_today():
    one = only(dev())

    assert (one.cost, one.saving, one.warnings) == (Decimal(1000), Decimal("800.00"), ())


def test_a_spot_price_near_the_dedicated_one_is_warned_of():
    one = only(dev(), prices("3", "2.7"))

    assert "90 %" in one.warnings[0]


def test_a_spot_price_above_the_dedicated_one_is_no_saving():
    assert only(dev(), prices("3", "3.3")).saving == Decimal("-100.00")


def test_without_a_price_no_saving_is_claimed():
    one = only(dev(), lambda size, region: Prices(price("3"), UnknownPrice("no spot price is published")))

    assert (one.saving, one.saving_says) == (None, "not known: no spot price is published")


def test_without_a_known_cost_no_saving_is_claimed():
    assert only(dev(), costLast30Days=Unknown("403")).saving is None


def in_scope(scope: str, body: Json) -> list[Finding | Undecided]:
    """What is found of the cluster of `body` when it stands in `scope`."""
    resource_id = GPU.replace(GPU.partition("/providers/")[0], scope)
    facts = {"spot": Known(False, NOW), "runningJobs": Known(0, NOW), "queuedJobs": Known(0, NOW)}
    estate = Estate(NOW, {resource_id.lower(): Resource(resource_id, {**body, "id": resource_id}, facts)})
    return list(findings(estate, RULES, CHEAP))


def test_without_a_tag_the_name_of_the_group_says_that_a_cluster_is_for_development():
    [one] = in_scope("/subscriptions/beef/resourceGroups/ml-Sandbox", dedicated())

    assert isinstance(one, Finding)
    assert "clusters of the resource group 'ml-sandbox' must be spot" in one.why


def test_without_a_tag_a_subscription_for_development_says_so():
    [one] = in_scope("/subscriptions/F00D/resourceGroups/ml", dedicated())

    assert isinstance(one, Finding)


def test_a_tag_wins_over_the_name_of_the_group():
    assert in_scope("/subscriptions/f00d/resourceGroups/ml-sandbox", dedicated(tags={"Environment": "prod"})) == []


def test_the_guard_and_the_shipped_policy_call_the_same_things_development():
    policy = json.loads((folder("policies") / "dev-clusters-are-spot" / "azurepolicy.json").read_text("utf-8"))
    default = {name: value["defaultValue"] for name, value in policy["parameters"].items()}

    guard = GuardSettings()

    assert guard.dev == default["devEnvironments"]
    assert guard.dev_groups == default["devGroupPatterns"]
    assert guard.dev_subscriptions == default["devSubscriptions"]


def test_what_the_guard_sets_is_what_the_shipped_policy_allows():
    policy = json.loads((folder("policies") / "clusters-scale-to-zero" / "azurepolicy.json").read_text("utf-8"))
    default = {name: value["defaultValue"] for name, value in policy["parameters"].items()}

    assert GuardSettings().idle_minutes <= default["maxIdleMinutes"]


def test_a_cluster_without_an_environment_is_undecided_only_when_it_is_dedicated():
    assert [type(one) for one in found(dedicated())] == [Undecided]
    assert found(dedicated(), spot=True) == []


def test_an_unknown_priority_is_undecided_with_its_reason():
    [one] = found(dev(), spot=Unknown("vmPriority is ''"))

    assert isinstance(one, Undecided)
    assert one.reason == "vmPriority is ''"


@pytest.mark.parametrize("fact", ["runningJobs", "queuedJobs"])
def test_it_waits_for_jobs_and_for_what_is_not_known_of_them(fact: str):
    assert "1 job" in only(dev(), **{fact: 1}).waits
    assert "403" in only(dev(), **{fact: Unknown("403")}).waits


@pytest.mark.parametrize("state", ["Creating", "Deleting", "Failed", "Updating", None])
def test_it_waits_while_azure_is_at_it(state: str | None):
    body = dev()
    body["properties"]["provisioningState"] = state

    assert only(body).waits


ODD_IDLE = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "soon"}


@pytest.mark.parametrize("scale", [None, {}, {"minNodeCount": "1"}, ODD_IDLE])
def test_scale_settings_that_cannot_be_understood_are_undecided(scale: Any):
    body = dev(priority="LowPriority")
    body["properties"]["properties"]["scaleSettings"] = scale

    assert [type(one) for one in found(body, spot=True)] == [Undecided]


def test_the_body_that_makes_it_anew_holds_nothing_that_azure_only_tells():
    made = remade(dedicated(), {"minNodeCount": 0, "maxNodeCount": 9})

    assert set(made) == {"location", "tags", "identity", "properties"}
    assert made["properties"].keys() == {
        "computeType", "computeLocation", "description", "disableLocalAuth", "properties",
    }  # fmt: skip
    inner = made["properties"]["properties"]
    assert inner["vmPriority"] == "LowPriority"
    assert inner["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 9}
    assert not inner.keys() & {"currentNodeCount", "allocationState", "errors", "virtualMachineImage"}
    assert list(made["identity"]["userAssignedIdentities"].values()) == [{}]


def test_what_is_unknown_to_us_is_sent_as_it_was():
    assert remade(dedicated(propertyBag={"a": 1}))["properties"]["properties"]["propertyBag"] == {"a": 1}


def test_only_what_differs_is_told():
    sent = remade(dedicated())
    read = dedicated(priority="LowPriority")
    assert differences(sent, read) == []

    changed = copy.deepcopy(read)
    changed["tags"] = {"CostCenter": "CC-2", "New": "x"}
    changed["properties"]["properties"]["enableNodePublicIp"] = True
    del changed["properties"]["description"]
    assert differences(sent, changed) == [
        "properties.description was 'For OCR', and is not there",
        "properties.properties.enableNodePublicIp was False, and is True",
        "tags.New was not there, and is 'x'",
        "tags.Project was 'ocr', and is not there",
    ]


def test_another_spelling_is_no_difference():
    read = dedicated(priority="LowPriority", idle="PT120S", vmSize="Standard_NC6s_v3")
    read["location"] = "East US"

    assert differences(remade(dedicated()), read) == []


def test_an_identity_that_is_missing_is_a_difference():
    read = dedicated(priority="LowPriority")
    read["identity"] = None

    assert len(differences(remade(dedicated()), read)) == 2


def job(status: str, **properties: Any) -> Json:
    return {"name": "j", "properties": {"status": status, "computeId": GPU, **properties}}


@pytest.mark.parametrize("status", ["Completed", "Failed", "Canceled"])
def test_a_job_that_is_over_keeps_nothing(status: str):
    assert busy(GPU, [job(status)]) == []


@pytest.mark.parametrize("status", ["Running", "Queued", "Paused", "Unapproved", "NotResponding", "", "SomethingNew"])
def test_a_job_in_any_other_status_keeps_the_cluster(status: str):
    assert busy(GPU.upper(), [job(status)]) == ["j"]


def test_a_job_elsewhere_keeps_nothing_and_a_namesake_is_elsewhere():
    assert busy(GPU, [job("Running", computeId=f"{GPU}2")]) == []


def test_a_step_of_a_pipeline_keeps_the_cluster():
    steps = {"train": {"computeId": GPU}}

    assert busy(GPU, [job("Running", computeId=f"{GPU}2", jobs=steps)]) == ["j"]


def test_a_serverless_job_keeps_nothing():
    assert busy(GPU, [job("Running", computeId=None, resources={"instanceType": "Standard_DS3_v2"})]) == []


def test_a_body_that_is_no_job_keeps_the_cluster():
    assert busy(GPU, [{"id": "/x", "properties": None}]) == ["/x"]


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("PT2M", 2), ("PT120S", 2), ("PT1H30M", 90), ("P1D", 1440), ("soon", None), ("P", None), ("PT", None), ("", None)],
)
def test_durations(written: str, minutes: int | None):
    assert duration(written) == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("owner", "mail"),
    [
        ("ana@contoso.com", "ana@contoso.com"),
        ("ana.b_example.org#EXT#@contoso.onmicrosoft.com", "ana.b@example.org"),
        ("5f0b1c6e-0000-0000-0000-000000000000", ""),
        ("ana@contoso.com, all@contoso.com", ""),
        ("ana@contoso.com\nBcc: all@contoso.com", ""),
        ("", ""),
    ],
)
def test_an_owner_is_written_to_only_at_one_address(owner: str, mail: str):
    assert address(owner) == mail
