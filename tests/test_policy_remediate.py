"""`finops policy remediate`: what would be changed, the limit on it, and tasks followed to their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from estates import PROD, write_estate
from fake_azure import FakeAzure, StillTime, connected, error, ok
from policy_folders import TAG_CONTRIBUTOR, Ran, grant, run, write_initiative, write_policy

from finops.cli.policy_azure import deploy, remediate
from finops.errors import UsageError
from finops.policy.inforce import Rule
from finops.policy.remediate import Target, Task, follow, start
from finops.policy.scopes import scope_of
from finops.simulator import Served, serving

SUBSCRIPTION = f"/subscriptions/{PROD}"
AT = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
TASKS = f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/remediations"
STORES = {"field": "type", "equals": "Microsoft.Storage/storageAccounts"}
Json = dict[str, Any]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The small estate, with a rule that tags storage accounts in force, and one that only looks."""
    mend = {
        "if": {"allOf": [STORES, {"field": "tags.CostCenter", "exists": False}]},
        "then": {"effect": "modify", "details": {
            "roleDefinitionIds": [TAG_CONTRIBUTOR],
            "operations": [{"operation": "add", "field": "tags.CostCenter", "value": "CC-1"}]}},
    }  # fmt: skip
    write_policy(tmp_path / "policies", "mended", policyRule=mend)
    write_policy(tmp_path / "policies", "looked-at")
    write_initiative(tmp_path / "policies", "guard", "mended", "looked-at")
    with serving(write_estate(tmp_path / "estate"), retry_after=0) as server:
        ran = run(deploy, server, "--scope", PROD, "--policies", str(tmp_path / "policies"))
        assert ran.code == 0, ran.text
        server.world.clock.advance(hours=1)
        yield server


@pytest.fixture
def granted(served: Served) -> Served:
    assignment = served.world.resources.get(f"{AT}/policyAssignments/guard")
    grant(served, SUBSCRIPTION, assignment["identity"]["principalId"])
    return served


def mended(served: Served, name: str, *more: str) -> Ran:
    return run(remediate, served, name, "--scope", PROD, *more)


def untagged(served: Served) -> list[str]:
    stores = served.world.resources.of_type("microsoft.storage/storageaccounts")
    return [body["name"] for body in stores if "CostCenter" not in (body.get("tags") or {})]


def tasks(served: Served) -> list[Json]:
    return list(served.world.resources.of_type("microsoft.policyinsights/remediations"))


def test_what_breaks_a_rule_is_mended_and_followed_to_its_end(granted: Served):
    assert untagged(granted) != []

    ran = mended(granted, "mended")

    assert ran.code == 0, ran.text
    assert "Succeeded, 1 of 1 mended, 0 failed" in ran.text
    assert untagged(granted) == []


def test_an_assignment_stands_for_all_its_rules_that_mend(granted: Served):
    ran = mended(granted, "guard")

    assert ran.code == 0, ran.text
    assert len(tasks(granted)) == 1
    assert tasks(granted)[0]["properties"]["policyDefinitionReferenceId"] == "mended"


def test_what_if_lists_and_starts_nothing(granted: Served):
    ran = mended(granted, "mended", "--what-if")

    assert ran.code == 0
    assert "mended: 1 resource breaks it" in ran.text
    assert "storageAccounts/mllogs" in ran.text
    assert tasks(granted) == []


def test_without_its_role_nothing_is_started_and_the_command_is_given(served: Served):
    ran = mended(served, "mended")

    assert ran.code == 1
    assert "lacks the role" in ran.text
    assert "az role assignment create --assignee-object-id" in ran.text
    assert tasks(served) == []


def test_a_rule_that_only_looks_cannot_be_remediated(granted: Served):
    ran = mended(granted, "looked-at")

    assert ran.code == 2
    assert "has the effect audit" in ran.text


def test_a_name_that_nothing_has_is_answered_with_those_there_are(granted: Served):
    ran = mended(granted, "mendde")

    assert ran.code == 2
    assert "Nothing that is assigned" in ran.text
    assert "guard" in ran.text


def test_a_second_run_has_nothing_to_do(granted: Served):
    mended(granted, "mended")
    granted.world.clock.advance(hours=1)

    ran = mended(granted, "mended")

    assert ran.code == 0
    assert "mended: 0 resources break it" in ran.text
    assert len(tasks(granted)) == 1


# With a server that answers as told.


def target(*resources: str) -> Target:
    assignment = {"id": f"{AT}/policyAssignments/guard", "name": "guard"}
    return Target(Rule(assignment, "/d", "mended", "Mended", None), resources)


def task(state: str, total: int = 0, good: int = 0, bad: int = 0, **more: Any) -> Json:
    counts = {"totalDeployments": total, "successfulDeployments": good, "failedDeployments": bad}
    return {"id": f"{TASKS}/t", "properties": {"provisioningState": state, "deploymentStatus": counts, **more}}


def begun(state: str = "Accepted") -> Task:
    return Task(target("/a"), f"{TASKS}/t", state, joined=False)


def test_over_the_limit_nothing_at_all_is_started():
    with FakeAzure() as fake, connected(fake) as azure:
        with pytest.raises(UsageError, match="3 resources would be changed; the limit is 2"):
            start(azure, scope_of(PROD), [target("/a", "/b"), target("/c")], StillTime().now(), 2)

        assert fake.count() == 0


def test_no_more_is_mended_than_was_looked_at():
    sent: list[Json] = []
    with FakeAzure() as fake, connected(fake) as azure:
        fake.on("GET", TASKS, ok({"value": []}))
        name = "finops-mended-20260302060000"
        fake.on("PUT", f"{TASKS}/{name}", lambda asked: sent.append(asked.json) or ok(task("Accepted")))  # type: ignore[func-returns-value]

        [one] = start(azure, scope_of(PROD), [target("/a", "/b"), target()], StillTime().now(), 10)

    assert isinstance(one, Task)
    assert sent[0]["properties"]["resourceCount"] == 2
    assert sent[0]["properties"]["policyDefinitionReferenceId"] == "mended"


def test_a_task_that_runs_already_is_joined():
    running = task(
        "Evaluating", policyAssignmentId=f"{AT}/policyAssignments/GUARD", policyDefinitionReferenceId="mended"
    )
    with FakeAzure() as fake, connected(fake) as azure:
        fake.on("GET", TASKS, ok({"value": [running]}))

        [one] = start(azure, scope_of(PROD), [target("/a")], StillTime().now(), 10)

        assert isinstance(one, Task)
        assert one.joined
        assert fake.count("PUT") == 0


def test_one_task_that_azure_refuses_stops_no_other():
    with FakeAzure() as fake, connected(fake) as azure:
        fake.on("GET", TASKS, ok({"value": []}))
        fake.on("PUT", f"{TASKS}/finops-mended-20260302060000", error(403, "AuthorizationFailed"), ok(task("Accepted")))

        refused, started = start(azure, scope_of(PROD), [target("/a"), target("/b")], StillTime().now(), 10)

    assert "mended is not mended" in str(refused)
    assert "Microsoft.PolicyInsights/remediations/write" in str(refused)
    assert isinstance(started, Task)


def test_what_failed_is_named_with_the_reason():
    failed = {"remediatedResourceId": "/a", "status": "Failed", "error": {"code": "ScopeLocked", "message": "locked"}}
    good = {"remediatedResourceId": "/b", "status": "Succeeded"}
    with FakeAzure() as fake, connected(fake) as azure:
        fake.on("GET", f"{TASKS}/t", ok(task("Evaluating", 2)), ok(task("Succeeded", 2, 1, 1)))
        fake.on("POST", f"{TASKS}/t/listDeployments", ok({"value": [failed, good]}))

        ended = follow(azure, begun(), azure.time.monotonic() + 600)

    assert ended.failures == (("/a", "ScopeLocked: locked"),)
    assert ended.ended
    assert not ended.well


def test_a_task_that_does_not_end_is_left_running_after_the_wait():
    clock = StillTime()
    with FakeAzure() as fake, connected(fake, clock) as azure:
        fake.on("GET", f"{TASKS}/t", ok(task("Evaluating", 2)))

        ended = follow(azure, begun(), azure.time.monotonic() + 120)

    assert not ended.ended
    assert clock.seconds <= 120
    assert len(clock.slept) < 10


@pytest.mark.parametrize(
    ("state", "well"), [("Complete", True), ("succeeded", True), ("Failed", False), ("Canceled", False)]
)
def test_every_end_is_known(state: str, well: bool):
    assert begun(state).ended
    assert begun(state).well is well
