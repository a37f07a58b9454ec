"""`finops policy compliance`: what Azure found, how old it is, and where our own evaluation differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from estates import PROD, workspace_id, write_estate
from fake_azure import FakeAzure, Reply, StillTime, connected, error, ok
from policy_folders import Ran, run, write_initiative, write_policy

from finops.cli.policy_azure import compliance, deploy
from finops.cloud import policystates
from finops.estate.model import Estate, Gap, Resource
from finops.policy.compliance import by_assignment
from finops.policy.inforce import Rule, rules
from finops.policy.reconcile import Judged, reconcile
from finops.policy.related import Beside, NotRead
from finops.simulator import Served, serving

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SUBSCRIPTION = f"/subscriptions/{PROD}"
AT = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
STORE = f"{SUBSCRIPTION}/resourceGroups/rg-ml/providers/Microsoft.Storage/storageAccounts/mldata"
Json = dict[str, Any]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The small estate, with one policy in force for two hours."""
    write_policy(tmp_path / "policies", "tagged")
    write_initiative(tmp_path / "policies", "guard", "tagged")
    with serving(write_estate(tmp_path / "estate"), retry_after=0) as server:
        ran = run(deploy, server, "--scope", PROD, "--policies", str(tmp_path / "policies"))
        assert ran.code == 0, ran.text
        server.world.clock.advance(hours=2)
        yield server


def looked(served: Served, *more: str) -> tuple[Ran, Json]:
    ran = run(compliance, served, "--scope", PROD, "-o", "json", *more)
    start = ran.text.index("[\n")
    return ran, json.loads(ran.text[start : ran.text.rindex("\n]") + 2])[0]


def test_azure_and_we_agree_on_every_resource_that_both_know(served: Served):
    ran, found = looked(served)

    assert ran.code == 0, ran.text
    assert found["evaluation"] == "done"
    assert found["reconciled"]["agree"] >= 20
    assert found["disagreements"] == []
    assert found["nonCompliantResources"] > 0


def test_the_age_of_the_newest_evaluation_is_told_for_each_assignment(served: Served):
    _, found = looked(served, "--wait", "0")

    assert found["evaluation"] == "not asked for"
    [assignment] = found["assignments"]
    assert (assignment["name"], assignment["byFinops"]) == ("guard", True)
    assert assignment["ageMinutes"] == 105, "evaluated 15 minutes after it was assigned, two hours ago"


def test_a_disagreement_is_listed_with_what_may_explain_it(served: Served):
    cluster = f"{workspace_id('ml-prod')}/computes/cpu"
    looked(served)
    body = served.world.resources.get(cluster)
    stamp = {**body.get("systemData", {}), "lastModifiedAt": served.world.clock.now().isoformat()}
    with served.world.lock:
        served.world.clock.advance(minutes=1)
        stamp["lastModifiedAt"] = served.world.clock.now().isoformat()
        served.world.resources.put({**body, "tags": {"CostCenter": "CC-1"}, "systemData": stamp})

    ran = run(compliance, served, "--scope", PROD, "--wait", "0")

    assert "disagree 1" in ran.text
    assert "computes/cpu" in ran.text
    assert "it was changed after Azure looked" in ran.text


def test_an_evaluation_is_waited_for_so_long_and_no_longer():
    with FakeAzure() as fake:
        path = f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation"
        fake.on("POST", path, Reply(202, None, {"Location": "{url}/progress", "Retry-After": "10"}))
        fake.on("GET", "/progress", Reply(202, None, {"Location": "{url}/progress", "Retry-After": "10"}))
        clock = StillTime()
        with connected(fake, clock) as azure:
            done = policystates.evaluate(azure, SUBSCRIPTION, 60)

    assert done is False
    assert 40 <= sum(clock.slept) <= 60


def test_a_scope_that_is_not_there_is_said(served: Served):
    ran = run(compliance, served, "--scope", f"{SUBSCRIPTION}/resourceGroups/nowhere")

    assert ran.code == 1
    assert "There is no resource group" in ran.text


# What the verdicts mean, without a server.


def rule(definition: Json, **settings: Any) -> Rule:
    from finops.conditions import compile_policy

    assignment = {"id": f"{AT}/policyAssignments/a", "name": "a", "properties": settings}
    return Rule(assignment, "/d", "", "tagged", compile_policy(definition, facts=()))


TAGGED = {
    "mode": "All",
    "policyRule": {
        "if": {
            "allOf": [
                {"field": "type", "equals": "Microsoft.Storage/storageAccounts"},
                {"field": "tags.CostCenter", "exists": False},
            ]
        },
        "then": {"effect": "audit"},
    },
}


def state(compliance: str, resource_id: str = STORE, **more: Any) -> Json:
    return {
        "resourceId": resource_id,
        "policyAssignmentId": f"{AT}/policyAssignments/A",
        "complianceState": compliance,
        "timestamp": "2026-11-22T06:00:00Z",
        "policyDefinitionName": "tagged",
        **more,
    }


def estate(*bodies: Json, gaps: tuple[Gap, ...] = ()) -> Estate:
    return Estate(NOW, {body["id"].lower(): Resource(body["id"], body) for body in bodies}, gaps)


def store(**tags: str) -> Json:
    return {"id": STORE, "name": "mldata", "type": "Microsoft.Storage/storageAccounts", "tags": tags}


def judged(states: list[Json], rules: list[Rule], found: Estate) -> list[Judged]:
    return reconcile(states, rules, found, None, NOW, SUBSCRIPTION)


@pytest.mark.parametrize(
    ("azure", "tags", "verdict"),
    [
        ("NonCompliant", {}, "agree"),
        ("compliant", {"CostCenter": "x"}, "agree"),
        ("Compliant", {}, "disagree"),
        ("noncompliant", {"costcenter": "x"}, "disagree"),
        ("Exempt", {}, "not evaluated"),
        ("Conflicting", {}, "not evaluated"),
        ("Unknown", {}, "not evaluated"),
    ],
)
def test_a_verdict_is_compared_whatever_its_spelling(azure: str, tags: dict[str, str], verdict: str):
    [one] = judged([state(azure)], [rule(TAGGED)], estate(store(**tags)))

    assert one.verdict == verdict


def test_what_breaks_a_rule_and_has_no_state_is_not_evaluated_yet():
    [one] = judged([], [rule(TAGGED)], estate(store()))

    assert (one.verdict, one.local, one.why) == ("not evaluated", "NonCompliant", "Azure has not evaluated it yet")


def test_what_an_assignment_leaves_out_is_not_asked_for():
    left_out = rule(TAGGED, notScopes=[f"{SUBSCRIPTION}/resourceGroups/RG-ML"])
    beside = rule(TAGGED, notScopes=[f"{SUBSCRIPTION}/resourceGroups/rg"])

    assert judged([], [left_out], estate(store())) == []
    assert len(judged([], [beside], estate(store()))) == 1


@pytest.mark.parametrize("setting", [
    {"resourceSelectors": [{"name": "eu"}]}, {"overrides": [{"kind": "policyEffect", "value": "disabled"}]},
])  # fmt: skip
def test_what_only_azure_can_select_is_not_missed(setting: Json):
    assert judged([], [rule(TAGGED, **setting)], estate(store())) == []


def test_an_effect_that_the_assignment_overrides_is_not_judged():
    [one] = judged([state("Compliant")], [rule(TAGGED, overrides=[{"kind": "policyEffect"}])], estate(store()))

    assert (one.verdict, one.why) == ("not evaluated", "the assignment overrides effects, which only Azure applies")


def test_what_lies_outside_of_the_scope_is_not_asked_for():
    group = f"{SUBSCRIPTION}/resourceGroups/rg-m"

    assert reconcile([], [rule(TAGGED)], estate(store()), None, NOW, group) == []
    assert len(reconcile([], [rule(TAGGED)], estate(store()), None, NOW, f"{group}l")) == 1


def test_the_newest_evaluation_counts_in_whichever_order_states_come():
    times = ("2026-11-22T06:00:00Z", "2026-11-22T07:30:00.1234567Z", "2026-11-22T05:00:00Z")
    states = [{**state("Compliant"), "timestamp": when} for when in times]

    quiet = f"{AT}/policyAssignments/quiet".lower()
    loud, silent = by_assignment(states, {quiet: {"id": quiet, "name": "quiet"}})

    assert loud.newest is not None
    assert (loud.newest.hour, loud.newest.minute, dict(loud.states)) == (7, 30, {"compliant": 3})
    assert (silent.name, silent.newest) == ("quiet", None)


def test_a_resource_that_was_not_read_is_not_judged():
    [one] = judged([state("NonCompliant")], [rule(TAGGED)], estate())

    assert one.verdict == "not evaluated"
    assert "is not in the estate that was read" in one.why


def test_a_rule_that_cannot_be_compiled_says_why_and_never_agrees():
    broken = Rule({"id": f"{AT}/policyAssignments/a", "name": "a"}, "/d", "", "tagged", None, "its alias is not known")

    [one] = judged([state("Compliant")], [broken], estate(store()))

    assert (one.verdict, one.why) == ("not evaluated", "its alias is not known")


def test_a_rule_that_is_off_never_agrees():
    off = rule({**TAGGED, "policyRule": {**TAGGED["policyRule"], "then": {"effect": "disabled"}}})

    [one] = judged([state("Compliant")], [off], estate(store()))

    assert (one.verdict, one.why) == ("not evaluated", "its effect is disabled")


def test_a_group_that_was_not_read_leaves_the_rule_undecided():
    asks = {
        "mode": "All",
        "policyRule": {
            "if": {"value": "[resourceGroup().tags.Environment]", "equals": "dev"},
            "then": {"effect": "audit"},
        },
    }

    [one] = judged([state("Compliant")], [rule(asks)], estate(store()))

    assert one.verdict == "not evaluated"
    assert "resourceGroup" in one.why


def test_what_an_initiative_hands_on_is_what_its_member_is_judged_by():
    member = {
        "policyDefinitionId": f"{AT}/policyDefinitions/d",
        "policyDefinitionReferenceId": "d",
        "parameters": {"name": {"value": "[concat(parameters('tag'), 'Center')]"}},
    }
    initiative = {"name": "i", "properties": {"policyDefinitions": [member], "parameters": {"tag": {"type": "String"}}}}
    definition = {
        "name": "d",
        "properties": {
            "parameters": {"name": {"type": "String"}},
            "policyRule": {
                "if": {"field": "[concat('tags.', parameters('name'))]", "exists": False},
                "then": {"effect": "audit"},
            },
        },
    }
    with FakeAzure() as fake:
        fake.on("GET", f"{AT}/policySetDefinitions/i", ok(initiative))
        fake.on("GET", f"{AT}/policyDefinitions/d", ok(definition))
        assignment = {
            "id": f"{AT}/policyAssignments/a",
            "name": "a",
            "properties": {
                "policyDefinitionId": f"{AT}/policySetDefinitions/i",
                "parameters": {"tag": {"value": "Cost"}},
            },
        }
        with connected(fake) as azure:
            [one] = rules(azure, [assignment])

    assert one.policy is not None, one.why
    assert one.policy.evaluate(store(CostCenter="x")).held is False
    assert one.policy.evaluate(store()).held is True


def test_a_definition_that_is_gone_stops_no_other():
    with FakeAzure() as fake:
        fake.on("GET", f"{AT}/policyDefinitions/d", ok({"name": "d", "properties": TAGGED}))
        assigned = [
            {
                "id": f"{AT}/policyAssignments/{name}",
                "name": name,
                "properties": {"policyDefinitionId": f"{AT}/policyDefinitions/{name}"},
            }
            for name in ("gone", "d")
        ]
        with connected(fake) as azure:
            gone, there = rules(azure, assigned)

    assert (gone.policy, there.policy is None) == (None, False)
    assert "is not there" in gone.why


def test_an_absent_child_is_proven_by_asking_and_a_refused_one_is_not_absent():
    from finops.conditions import Wanted

    wanted = Wanted("Microsoft.Storage/storageAccounts/managementPolicies", "default", below=STORE)
    with FakeAzure() as fake:
        with connected(fake) as azure:
            assert Beside(azure, estate())(wanted) == []
        fake.on("GET", f"{STORE}/managementPolicies/default", error(403, "AuthorizationFailed"))
        with connected(fake) as azure:
            assert isinstance(Beside(azure, estate())(wanted), NotRead)


def test_an_estate_with_gaps_proves_no_absence():
    from finops.conditions import Wanted

    with FakeAzure() as fake, connected(fake) as azure:
        wanted = Wanted("Microsoft.MachineLearningServices/workspaces")
        whole, part = estate(), estate(gaps=(Gap("/subscriptions/x", "all", "403"),))

        assert Beside(azure, whole)(wanted) == []
        assert isinstance(Beside(azure, part)(wanted), NotRead)
        assert isinstance(Beside(azure, whole)(Wanted("Microsoft.Other/things")), NotRead)
