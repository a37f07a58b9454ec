"""What the rules find: waste is found, what is not known or protected is kept, and the digest moves with the facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops import janitor
from finops.config import folder
from finops.config.model import JanitorSettings, RuleSettings, Settings
from finops.estate import Estate, Gap, Known, Resource, Unknown
from finops.estate.ids import key
from finops.estate.model import Usage
from finops.exemptions import Exemption
from finops.janitor import Finding, Found, Kept

NOW = datetime(2026, 11, 17, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/1111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-vision"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/ocr"
BLUE = f"{ENDPOINT}/deployments/blue"
RULES = {rule.name: rule for rule in janitor.rules(folder("janitor"))}

SILENT = {
    "daysWithoutRequests": 20, "deployments": 1, "locked": False, "dependents": [], "owner": "ana@contoso.com",
    "costLast30Days": Decimal("412.50"),
}  # fmt: skip


def body(name: str, tags: dict[str, str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "id": name, "tags": tags or {}, "location": "westeurope", "properties": properties,
        "systemData": {"createdAt": "2026-08-02T17:21:02Z"},
    }  # fmt: skip


def facts(**values: Any) -> dict[str, Any]:
    return {name: each if isinstance(each, Unknown) else Known(each, NOW) for name, each in values.items()}


def endpoint(tags: dict[str, str] | None = None, traffic: int = 100, **more: Any) -> Resource:
    spec = body(ENDPOINT, tags, provisioningState="Succeeded", traffic={"blue": traffic}, authMode="Key")
    return Resource(ENDPOINT, spec, facts(**{**SILENT, **more}))


def deployment(size: str = "Standard_DS3_v2", **more: Any) -> Resource:
    return Resource(BLUE, body(BLUE, instanceType=size), facts(locked=False, **more))


def above(**tags: str) -> list[Resource]:
    told = [
        (WORKSPACE, {}),
        (GROUP, {name.replace("keep", "finops:keep"): each for name, each in tags.items()}),
        (SUBSCRIPTION, {}),
    ]
    return [Resource(name, {"id": name, "tags": own}, facts(locked=False)) for name, own in told]


def look(
    *resources: Resource, rule: str = "endpoint-without-requests", exemptions: Any = (), now: datetime = NOW,
    over: list[Resource] | None = None,
) -> Found:  # fmt: skip
    every = [*resources, *(above() if over is None else over)]
    seen = Estate(now, {key(each.id): each for each in every})
    return janitor.find(seen, [RULES[rule]], now, Settings(), exemptions)


def found(*resources: Resource, **how: Any) -> Finding:
    [one] = look(*resources, **how).findings
    return one


def kept(*resources: Resource, **how: Any) -> Kept:
    result = look(*resources, **how)
    assert result.findings == ()
    [one] = result.kept
    return one


def test_waste_is_found_with_what_its_owner_and_its_approver_need():
    one = found(endpoint(), deployment())

    assert (one.rule, one.resource_id, one.action, one.owner) == (
        "endpoint-without-requests", ENDPOINT, "delete", "ana@contoso.com",
    )  # fmt: skip
    assert "Nobody has called ocr for 20 days" in one.why
    assert "its 1 deployment are billed" in one.why
    assert (one.monthly_cost, one.saving, one.risk) == (Decimal("412.50"), Decimal("412.50"), "low")
    assert one.generation == "2026-08-02T17:21:02Z"
    assert one.evidence["goesWithIt"] == [BLUE]


def test_evidence_names_each_condition_with_its_value_and_threshold():
    checks = {each["field"]: each for each in found(endpoint()).evidence["checks"]}

    silence = checks["facts.daysWithoutRequests"]
    assert (silence["what"], silence["is"], silence["asked"]) == ("days without requests", 20, "at least 14")
    assert (silence["threshold"], silence["held"], silence["asOf"]) == (14, True, NOW.isoformat())


def test_evidence_is_json():
    import json

    one = found(endpoint(lastRequest=NOW - timedelta(days=20)))

    assert json.loads(json.dumps(one.evidence)) == one.evidence


def test_evidence_shows_use_day_by_day():
    seen = Estate(
        NOW,
        {key(each.id): each for each in (endpoint(), *above())},
        measured=lambda name: Usage("requests a day", ((date(2026, 11, 15), 12.0), (date(2026, 11, 16), 0.0))),
    )

    [one] = janitor.find(seen, [RULES["endpoint-without-requests"]], NOW, Settings()).findings

    assert one.evidence["usage"] == [["2026-11-15", 12.0], ["2026-11-16", 0.0]]
    assert (one.evidence["usageOf"], one.evidence["threshold"]) == ("requests a day", 0)


def test_a_rule_that_does_not_hold_says_nothing():
    result = look(endpoint(daysWithoutRequests=3))

    assert (result.findings, result.kept, result.looked_at) == ((), (), {"endpoint-without-requests": 1})


@pytest.mark.parametrize("name", ["daysWithoutRequests", "deployments"])
def test_what_is_not_known_is_kept_with_the_fact_and_the_reason(name: str):
    one = kept(endpoint(**{name: Unknown("403 AuthorizationFailed")}))

    assert one.unknown
    assert "403 AuthorizationFailed" in one.why
    assert ("days without requests" if name == "daysWithoutRequests" else "number of deployments") in one.why


def test_a_fact_that_was_never_measured_is_not_known():
    bare = endpoint()
    bare = replace(bare, facts={name: fact for name, fact in bare.facts.items() if name != "daysWithoutRequests"})

    assert kept(bare).unknown


def test_an_unknown_that_changes_nothing_keeps_no_word():
    result = look(endpoint(daysWithoutRequests=Unknown("403"), deployments=0))

    assert (result.findings, result.kept) == ((), ())


def test_a_lock_keeps():
    one = kept(endpoint(locked=True))

    assert not one.unknown
    assert "lock" in one.why


def test_a_lock_that_cannot_be_ruled_out_keeps():
    assert kept(endpoint(locked=Unknown("the locks were not listed: 403"))).unknown


def test_a_lock_on_what_goes_with_it_keeps():
    locked = Resource(BLUE, body(BLUE), facts(locked=True))

    assert BLUE in kept(endpoint(), locked).why


def test_a_manifest_is_locked_with_its_registry():
    registry = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/cr"
    name = f"{registry}/manifests/ocr@sha256:3f"
    image = Resource(
        name, {"id": name, "properties": {}},
        facts(tagged=False, imageLocked=False, pushedDays=60, reached=False),
    )  # fmt: skip

    def of(locked: Any) -> Found:
        return look(image, Resource(registry, body(registry), facts(locked=locked)), rule="image-untagged")

    [free] = of(False).findings
    assert free.generation == "sha256:3f"
    assert of(True).findings == ()
    assert [one.unknown for one in of(Unknown("403")).kept] == [True]
    assert [one.unknown for one in look(image, rule="image-untagged", over=[]).kept] == [True]


@pytest.mark.parametrize("place", ["itself", "group"])
def test_a_keep_tag_keeps_on_it_and_above_it(place: str):
    value = "2026-12-31;the summer model"
    tagged = endpoint({"finops:keep": value} if place == "itself" else {})

    one = kept(tagged, over=above(keep=value) if place == "group" else above())

    assert not one.unknown
    assert "2026-12-31" in one.why
    assert "the summer model" in one.why


@pytest.mark.parametrize("tags", [{"Keep": "until 2027-01-31, quarterly close"}, {"do-not-delete": "TRUE"}])
def test_a_keep_tag_in_words_of_their_own_keeps_as_well(tags: dict[str, str]):
    one = kept(endpoint(tags))

    assert next(iter(tags)) in one.why
    assert "finops:keep = 2026-12-31;why" in one.why


@pytest.mark.parametrize("tags", [{"Keep": "false"}, {"Keep": ""}, {"Keeper": "ana"}, {"donotdelete": "no"}])
def test_a_tag_that_denies_it_or_says_something_else_keeps_nothing(tags: dict[str, str]):
    assert found(endpoint(tags))


def test_an_exemption_of_the_file_keeps_from_the_rules_that_it_names():
    def exempt(*rules: str) -> list[Exemption]:
        return [Exemption(GROUP, date(2026, 12, 31), "exam week", "ana@contoso.com", "file", rules)]

    assert "exam week" in kept(endpoint(), exemptions=exempt()).why
    assert "exam week" in kept(endpoint(), exemptions=exempt("endpoint-without-requests")).why
    assert found(endpoint(), exemptions=exempt("spot"))


def test_a_rule_that_is_off_looks_at_nothing():
    own = {"endpoint-without-requests": RuleSettings(mode="off")}
    settings = Settings(janitor=JanitorSettings(rules=own))
    rules = [
        rule for rule in janitor.rules(folder("janitor"), settings.janitor) if rule.name == "endpoint-without-requests"
    ]

    result = janitor.find(Estate(NOW, {key(ENDPOINT): endpoint()}), rules, NOW, settings)

    assert (result.findings, result.looked_at) == ((), {})


def test_only_computes_of_its_kind_count_as_looked_at():
    def compute(name: str, kind: str) -> Resource:
        return Resource(f"{WORKSPACE}/computes/{name}", body(f"{WORKSPACE}/computes/{name}", computeType=kind))

    result = look(compute("gpu", "AmlCompute"), compute("ana", "ComputeInstance"), rule="cluster-unused")

    assert result.looked_at == {"cluster-unused": 1}


def test_gaps_of_the_estate_are_told():
    gap = Gap("/subscriptions/2222", "resources", "403")

    result = janitor.find(Estate(NOW, {}, (gap,)), RULES.values(), NOW, Settings())

    assert result.gaps == (gap,)


SAME = {
    "older": {"daysWithoutRequests": 27},
    "dearer": {"costLast30Days": Decimal("999")},
    "cost not known": {"costLast30Days": Unknown("charges were not given")},
    "another price": {"pricePerHour": Decimal("3")},
    "age": {"ageDays": 300},
}
OTHER = {
    "a dependent": {"dependents": ["schedule nightly"]},
    "dependents not known": {"dependents": Unknown("403")},
    "a later request": {"lastRequest": NOW - timedelta(days=15)},
    "another owner": {"owner": "ben@contoso.com"},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_ages_and_costs_alone_move_no_digest(change: dict[str, Any]):
    assert found(endpoint(**change)).digest == found(endpoint()).digest


def test_a_week_later_the_digest_is_the_same():
    later = found(endpoint(daysWithoutRequests=27), deployment(), now=NOW + timedelta(days=7))

    assert later.digest == found(endpoint(), deployment()).digest


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_what_an_approver_relied_on_moves_the_digest(change: dict[str, Any]):
    assert found(endpoint(**change)).digest != found(endpoint()).digest


def test_the_digest_moves_when_it_was_made_again():
    again = endpoint()
    again = replace(again, body={**again.body, "systemData": {"createdAt": "2026-11-10T00:00:00Z"}})

    assert found(again).digest != found(endpoint()).digest
    assert found(again).fingerprint == found(endpoint()).fingerprint


def test_the_digest_moves_with_the_rule():
    seen = Estate(NOW, {key(each.id): each for each in (endpoint(), *above())})
    own = JanitorSettings(rules={"endpoint-without-requests": RuleSettings(parameters={"days": 15})})
    other = [each for each in janitor.rules(folder("janitor"), own) if each.name == "endpoint-without-requests"]

    [one] = janitor.find(seen, other, NOW, Settings()).findings

    assert one.digest != found(endpoint()).digest


def test_the_digest_moves_with_the_answer_of_each_condition():
    def failed(**told: Any) -> str:
        spec = body(ENDPOINT, provisioningState="Failed")
        known = facts(lastChangedDays=9, locked=False, dependents=[], **told)
        [one] = look(Resource(ENDPOINT, spec, known), rule="endpoint-failed").findings
        return one.digest

    silent = failed(servingDeployments=1, daysWithoutRequests=9)

    assert silent == failed(servingDeployments=2, daysWithoutRequests=30)
    assert silent != failed(servingDeployments=0, daysWithoutRequests=9)


def test_two_that_are_alike_have_two_digests():
    twin = replace(endpoint(), id=f"{ENDPOINT}2")

    assert len({one.digest for one in look(endpoint(), twin).findings}) == 2


def test_the_digest_moves_with_the_spec():
    other = endpoint()
    other = replace(other, body={**other.body, "properties": {**other.body["properties"], "authMode": "AADToken"}})

    assert found(other).digest != found(endpoint()).digest


def test_the_digest_moves_with_what_goes_with_it():
    digests = {
        found(endpoint()).digest,
        found(endpoint(), deployment()).digest,
        found(endpoint(), deployment("Standard_NC6s_v3")).digest,
    }

    assert len(digests) == 3


def test_runs_and_what_others_hang_on_it_are_no_part_of_it():
    batch = f"{WORKSPACE}/batchEndpoints/scoring"
    known = facts(ageDays=120, daysSinceInvoked=90, locked=False, dependents=[])
    below = [
        Resource(f"{batch}/{name}", {"id": f"{batch}/{name}"})
        for name in ("deployments/one", "jobs/run", "providers/Microsoft.Authorization/roleAssignments/reader")
    ]

    one = found(Resource(batch, body(batch), known), *below, rule="batch-endpoint-never-invoked")

    assert one.evidence["goesWithIt"] == [f"{batch}/deployments/one"]


def test_the_digest_moves_with_a_renewed_keep_tag_that_is_over():
    old = {"finops:keep": "2026-10-31;until the demo"}

    assert found(endpoint(old)).digest != found(endpoint()).digest


def test_the_digest_moves_when_it_becomes_production():
    assert found(endpoint({"Environment": "prod"})).digest != found(endpoint({"Environment": "dev"})).digest


def test_the_quiet_step_of_the_rule_itself_moves_no_digest():
    assert found(endpoint(traffic=0)).digest == found(endpoint(traffic=100)).digest


def test_other_tags_and_states_move_no_digest():
    touched = endpoint({"lastScanned": "2026-11-17"})
    touched.body["systemData"]["lastModifiedAt"] = "2026-11-17T11:00:00Z"

    assert found(touched).digest == found(endpoint()).digest


def test_the_digest_does_not_depend_on_the_spelling_of_ids():
    spelt = replace(endpoint(), id=ENDPOINT.replace("resourceGroups", "resourcegroups"))

    assert found(spelt).digest == found(endpoint()).digest


RISKY = {
    "dependents": ({"dependents": ["schedule nightly (properties.action)"]}, "refer to it"),
    "dependents not known": ({"dependents": Unknown("403")}, "not known"),
    "cost": ({"costLast30Days": Decimal("1000")}, "1,000.00 in 30 days"),
}


@pytest.mark.parametrize(("change", "said"), RISKY.values(), ids=RISKY)
def test_high_risk_says_why(change: dict[str, Any], said: str):
    one = found(endpoint(**change))

    assert one.risk == "high"
    assert said in " ".join(one.evidence["risks"])


@pytest.mark.parametrize("value", ["prod", "Production", "PRD"])
def test_production_is_high_risk_by_its_own_tag_and_by_one_above(value: str):
    assert found(endpoint({"environment": value})).risk == "high"
    assert found(endpoint(), over=above(Environment=value)).risk == "high"
    assert found(endpoint({"Environment": "dev"}), over=above(Environment=value)).risk == "low"


def test_a_rule_may_say_that_its_findings_are_high_risk():
    seen = Estate(NOW, {key(each.id): each for each in (endpoint(), *above())})
    strict = replace(RULES["endpoint-without-requests"], risk="high")

    [one] = janitor.find(seen, [strict], NOW, Settings()).findings

    assert (one.risk, one.evidence["risks"]) == ("high", ["the rule says so"])


def test_a_cent_below_the_limit_is_low_risk():
    assert found(endpoint(costLast30Days=Decimal("999.99"))).risk == "low"


def test_an_instances_disk_makes_its_deletion_high_risk_whatever_the_rule_says():
    name = f"{WORKSPACE}/computes/ana"
    spec = body(name, computeType="ComputeInstance", properties={"state": "Stopped"})
    stopped = Resource(name, spec, facts(daysStopped=90, locked=False, dependents=[]))
    rule = replace(RULES["instance-stopped-long"], risk="low")

    [one] = janitor.find(Estate(NOW, {key(name): stopped}), [rule], NOW, Settings()).findings

    assert one.risk == "high"


def test_what_was_not_checked_is_said():
    one = found(endpoint(costLast30Days=Unknown("charges were not given"), dependents=Unknown("403")))

    assert "its cost: charges were not given" in one.not_checked
    assert "what refers to it: 403" in one.not_checked
    assert "clients outside of Azure that know its address" in one.not_checked
    assert (one.monthly_cost, one.saving) == (None, None)


def test_who_left_is_not_asked_but_the_owner_tag_is():
    gone = {"owner": "ana@contoso.com", "ownerExists": False}

    assert found(endpoint({"Owner": "ben@contoso.com"}, **gone)).owner == "ben@contoso.com"
    assert found(endpoint({"Owner": "Ana@contoso.com"}, **gone)).owner == ""
    assert found(endpoint(owner=Unknown("made by an application")), over=above(Owner="ml@contoso.com")).owner == (
        "ml@contoso.com"
    )


def test_a_cluster_saves_the_share_of_its_idle_nodes():
    name = f"{WORKSPACE}/computes/gpu"
    cluster = Resource(
        name, body(name, computeType="AmlCompute"),
        facts(runningJobs=0, queuedJobs=0, idleNodesLast7Days=1, nodes=4, costLast30Days=Decimal("1000"), locked=False),
    )  # fmt: skip

    [one] = look(cluster, rule="cluster-idle-nodes").findings

    assert (one.monthly_cost, one.saving) == (Decimal("1000"), Decimal("250.00"))


@pytest.mark.parametrize("name", ["<b>", "=cmd()", "[red]", "x" * 250, "{name}", "{facts.locked}"])
def test_a_hostile_name_is_a_name(name: str):
    whole = f"{WORKSPACE}/onlineEndpoints/{name}"

    one = found(replace(endpoint(), id=whole))

    assert one.resource_id == whole
    assert f"Nobody has called {name} for 20 days" in one.why


def test_the_estate_is_asked_for_what_the_rules_need():
    wanted = janitor.wanted(RULES.values())

    assert {"daysWithoutRequests", "dependents", "costLast30Days", "pricePerHour", "idleHours"} <= wanted
    assert "microsoft.machinelearningservices/workspaces/schedules" in wanted
    assert not {"environment", "reached"} & wanted


def test_the_estate_is_not_asked_for_what_only_a_rule_that_is_off_needs():
    rules = [replace(rule, mode="off") if rule.name == "schedule-feeds-nothing" else rule for rule in RULES.values()]

    wanted = janitor.wanted(rules)

    assert "targetsMissing" not in wanted
    assert "microsoft.machinelearningservices/workspaces/schedules" not in wanted
