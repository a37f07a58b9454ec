"""What goes wrong while policies are deployed: lost answers, slow replication, somebody else at work, odd answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_azure import Asked, FakeAzure, Reply, StillTime, connected, error, fault, ok
from policy_folders import TAG_CONTRIBUTOR, write_initiative, write_policy

from finops.errors import AccessDenied
from finops.policy.bundle import given_parameters, read_bundle
from finops.policy.deploy import Outcome, deploy, needed_roles
from finops.policy.plan import OWNER, Options, Plan, assignment_name, plan
from finops.policy.scopes import scope_of

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
AT = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
DEFINITION, ASSIGNMENT = f"{AT}/policyDefinitions/tagged", f"{AT}/policyAssignments/tagged"
Json = dict[str, Any]


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        server.on("GET", SUBSCRIPTION, ok({"id": SUBSCRIPTION}))
        for kind in ("policyDefinitions", "policySetDefinitions", "policyAssignments"):
            server.on("GET", f"{AT}/{kind}", ok({"value": []}))
        for path in (DEFINITION, ASSIGNMENT):
            server.on("PUT", path, stored(path))
        yield server


def stored(path: str) -> Any:
    return lambda asked: Reply(201, {**asked.json, "id": path})


def planned(fake: FakeAzure, folder: Path, **options: Any) -> Plan:
    with connected(fake) as azure:
        return plan(azure, read_bundle(folder), scope_of(SUBSCRIPTION), Options({}, **options))


def carried_out(fake: FakeAzure, made: Plan, clock: StillTime | None = None) -> list[Outcome]:
    with connected(fake, clock) as azure:
        return deploy(azure, made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_policy(tmp_path, "tagged")
    return tmp_path


def test_it_speaks_the_clients_language(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)

    outcomes = carried_out(fake, made)

    assert [outcome.done for outcome in outcomes] == ["created", "created"]
    put = next(asked for asked in fake.asked if asked.method == "PUT")
    assert put.query == "api-version=2023-04-01"
    assert put.json["properties"]["metadata"] == OWNER
    assert put.json["properties"]["policyType"] == "Custom"


def test_what_changed_since_it_was_shown_is_left_alone(fake: FakeAzure, folder: Path):
    ours = {"id": DEFINITION, "properties": {"displayName": "old", "metadata": OWNER}}
    fake.on("GET", DEFINITION, ok(ours))
    made = planned(fake, folder)
    fake.on("GET", DEFINITION, ok({**ours, "properties": {**ours["properties"], "displayName": "newer"}}))

    outcome = carried_out(fake, made)[0]

    assert outcome.done == "left alone"
    assert "was changed by somebody since it was looked at" in str(outcome.fault)
    assert fake.count("PUT", DEFINITION) == 0


def test_what_somebody_made_meanwhile_is_not_overwritten(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("GET", DEFINITION, ok({"id": DEFINITION, "properties": {"displayName": "theirs"}}))

    outcomes = carried_out(fake, made)

    assert outcomes[0].done == "left alone"
    assert fake.count("PUT", DEFINITION) == 0


def test_a_write_whose_answer_was_lost_is_settled_by_reading(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    wanted = next(step.after for step in made.steps if step.kind == "definition")
    fake.on("PUT", DEFINITION, fault("reset"))
    fake.on("GET", DEFINITION, error(404, "PolicyDefinitionNotFound"), ok({"id": DEFINITION, **wanted}))

    outcome = carried_out(fake, made)[0]

    assert (outcome.done, outcome.fault) == ("created", None)


def test_a_write_that_never_arrived_is_not_counted_as_done(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("PUT", DEFINITION, fault("reset"))

    outcomes = carried_out(fake, made)

    assert outcomes[0].done == "failed"
    assert "It may or may not have been carried out" in str(outcomes[0].fault)
    assert "is not assigned, as the definition tagged could not be created" in str(outcomes[1].fault)
    assert fake.count("PUT", ASSIGNMENT) == 0


def test_azure_may_take_some_seconds_to_know_what_it_accepted(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    unknown = error(404, "PolicyDefinitionNotFound", "The policy definition 'tagged' could not be found.")
    fake.on("PUT", ASSIGNMENT, unknown, unknown, stored(ASSIGNMENT))
    clock = StillTime()

    outcomes = carried_out(fake, made, clock)

    assert [outcome.done for outcome in outcomes] == ["created", "created"]
    assert clock.slept == [2, 4]


def test_a_busy_azure_is_not_taken_for_done(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("PUT", DEFINITION, error(503, "ServiceUnavailable"))

    outcomes = carried_out(fake, made)

    assert outcomes[0].done == "failed"
    assert "(503 ServiceUnavailable)" in str(outcomes[0].fault)


def test_a_definition_that_stays_unknown_ends_the_wait(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("PUT", ASSIGNMENT, error(404, "PolicyDefinitionNotFound"))
    clock = StillTime()

    outcomes = carried_out(fake, made, clock)

    assert outcomes[1].done == "failed"
    assert sum(clock.slept) == 30


def test_what_azure_keeps_otherwise_is_not_counted_as_done(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("PUT", DEFINITION, lambda asked: Reply(201, {"properties": {**asked.json["properties"], "mode": "All"}}))

    outcome = carried_out(fake, made)[0]

    assert outcome.done == "failed"
    assert 'keeps it otherwise: mode: "All" -> "Indexed".' in str(outcome.fault)


def test_a_removed_parameter_is_explained_as_azure_means_it(fake: FakeAzure, folder: Path):
    made = planned(fake, folder)
    fake.on("PUT", DEFINITION, error(400, "InvalidPolicyParameterUpdate", "The policy is missing the parameter 'x'."))

    outcome = carried_out(fake, made)[0]

    assert "The policy is missing the parameter 'x'." in str(outcome.fault)
    assert "a parameter can only be added, and only with a defaultValue" in str(outcome.fault)


def test_one_unreadable_definition_does_not_shrink_a_live_initiative(fake: FakeAzure, tmp_path: Path):
    write_policy(tmp_path, "tagged")
    write_policy(tmp_path, "other")
    write_initiative(tmp_path, "guard", "tagged", "other")
    fake.on("GET", DEFINITION, error(403, "AuthorizationFailed"))

    made = planned(fake, tmp_path)

    steps = {(step.kind, step.name): step for step in made.steps}
    assert isinstance(steps["definition", "tagged"].fault, AccessDenied)
    assert len(steps["initiative", "guard"].after["properties"]["policyDefinitions"]) == 2
    assert steps["initiative", "guard"].omitted == ()


def test_where_nothing_can_be_read_the_fault_itself_is_raised(fake: FakeAzure, folder: Path):
    for path in (DEFINITION, ASSIGNMENT):
        fake.on("GET", path, error(403, "AuthorizationFailed"))

    with pytest.raises(AccessDenied) as raised:
        planned(fake, folder)

    assert "Microsoft.Authorization/policyDefinitions/read" in raised.value.fix


def test_a_missing_right_to_list_leaves_a_note_and_deploys(fake: FakeAzure, folder: Path):
    fake.on("GET", f"{AT}/policyAssignments", error(403, "AuthorizationFailed"))

    made = planned(fake, folder)

    assert any("assignments are left over could not be looked at" in text for text in made.notes)
    assert [step.action for step in made.steps] == ["create", "create"]


def test_the_roles_of_a_built_in_member_are_read_from_azure(fake: FakeAzure, tmp_path: Path):
    guid = "0a0a0a0a-1111-2222-3333-444444444444"
    role = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
    rule = {"if": {}, "then": {"effect": "modify", "details": {"roleDefinitionIds": [role]}}}
    fake.on(
        "GET", f"/providers/Microsoft.Authorization/policyDefinitions/{guid}", ok({"properties": {"policyRule": rule}})
    )
    write_initiative(tmp_path, "guard", guid)

    made = planned(fake, tmp_path, location="eastus")

    assignment = made.steps[-1]
    assert assignment.roles == (role,)
    assert (assignment.after["identity"], assignment.after["location"]) == ({"type": "SystemAssigned"}, "eastus")
    assert made.steps[0].after["properties"]["policyDefinitions"][0]["policyDefinitionId"].startswith("/providers/")


def test_an_identity_of_ones_own_is_assigned_by_its_id(fake: FakeAzure, tmp_path: Path):
    write_policy(tmp_path, "tagged", "modify")
    mine = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/guard"

    made = planned(fake, tmp_path, location="eastus", identity=mine)

    assert made.steps[-1].after["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {mine: {}}}


def test_an_identity_that_is_there_is_sent_as_it_is(fake: FakeAzure, tmp_path: Path):
    write_policy(tmp_path, "tagged", "modify")
    sent: list[Json] = []
    users = {"/subscriptions/x/id": {"principalId": "p", "clientId": "c"}}
    there = {
        "id": ASSIGNMENT, "location": "westus", "identity": {"type": "UserAssigned", "userAssignedIdentities": users},
        "properties": {"policyDefinitionId": DEFINITION, "metadata": OWNER, "enforcementMode": "DoNotEnforce",
                       "scope": SUBSCRIPTION, "resourceSelectors": [{"name": "eu"}]},
    }  # fmt: skip
    fake.on("GET", ASSIGNMENT, ok(there))

    def keep(asked: Asked) -> Reply:
        sent.append(asked.json)
        return Reply(200, {**there, **asked.json})

    fake.on("PUT", ASSIGNMENT, keep)

    outcomes = carried_out(fake, planned(fake, tmp_path))

    assert outcomes[-1].done == "updated", outcomes[-1].fault
    assert sent[0]["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/x/id": {}}}
    assert sent[0]["location"] == "westus"
    assert sent[0]["properties"]["resourceSelectors"] == [{"name": "eu"}]
    assert "scope" not in sent[0]["properties"]


@pytest.mark.parametrize(("scope", "principal", "is_there"), [
    (SUBSCRIPTION, "ME", True), ("/", "me", True), ("", "me", True),
    (f"{SUBSCRIPTION}/resourceGroups/rg", "me", False), (f"{SUBSCRIPTION}1", "me", False), (SUBSCRIPTION, "you", False),
])  # fmt: skip
def test_a_role_counts_for_its_holder_and_below_its_scope(fake: FakeAzure, scope: str, principal: str, is_there: bool):
    held = {"roleDefinitionId": f"{SUBSCRIPTION}{TAG_CONTRIBUTOR}", "principalId": principal, "scope": scope}
    fake.on("GET", f"{AT}/roleAssignments", ok({"value": [{"properties": held}]}))

    with connected(fake) as azure:
        missing = list(needed_roles(azure, "guard", "me", [TAG_CONTRIBUTOR], SUBSCRIPTION))

    assert (missing == []) is is_there


def test_roles_that_may_not_be_read_may_be_missing(fake: FakeAzure):
    fake.on("GET", f"{AT}/roleAssignments", error(403, "AuthorizationFailed"))
    fake.on("GET", TAG_CONTRIBUTOR, ok({"properties": {"roleName": "Tag Contributor"}}))

    with connected(fake) as azure:
        [missing] = needed_roles(azure, "guard", "me", [TAG_CONTRIBUTOR], SUBSCRIPTION)

    assert (missing.seen, missing.role) == (False, "Tag Contributor")
    assert '--role "Tag Contributor"' in missing.command


def test_without_any_location_the_assignment_waits_for_one(fake: FakeAzure, tmp_path: Path):
    write_policy(tmp_path, "tagged", "modify")
    fake.on("GET", f"{SUBSCRIPTION}/resourcegroups", ok({"value": []}))

    made = planned(fake, tmp_path)

    assert "needs a location. Give --location." in str(made.steps[-1].fault)


def test_shortened_names_stay_apart_and_stay_the_same():
    one, other = "clusters-scale-to-zero-in-development", "clusters-scale-to-zero-in-production"

    assert assignment_name(one, 24) != assignment_name(other, 24)
    assert assignment_name(one, 24) == assignment_name(one.upper(), 24).lower()
    assert len(assignment_name(one, 24)) <= 24
    assert assignment_name(one, 64) == one


@pytest.mark.parametrize(("text", "said"), [
    ("[]", "is not an object"), ("{}", "is neither a definition nor an initiative"),
    ('{"policyRule": []}', "properties.policyRule is not an object"),
    ('{"policyDefinitions": {}}', "properties.policyDefinitions is not a list"),
    ('{"name": "a/b", "policyRule": {}}', "is no name that Azure takes"),
    ('{"name": "TAGGED", "policyRule": {}}', "is taken by another folder"),
])  # fmt: skip
def test_a_wrong_file_is_named_and_stops_no_other(tmp_path: Path, text: str, said: str):
    write_policy(tmp_path, "tagged")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "azurepolicy.json").write_text(text, "utf-8")

    bundle = read_bundle(tmp_path)

    assert list(bundle.items) == ["tagged"]
    assert said in str(bundle.faults[0][1])
    assert "wrong" in bundle.faults[0][0]


def test_a_value_for_a_file_that_cannot_be_read_is_no_mistake(tmp_path: Path):
    write_policy(tmp_path, "tagged")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "azurepolicy.json").write_text("{", "utf-8")

    assert given_parameters(read_bundle(tmp_path), {"centres": []}, "values.yaml") == {"tagged": {}}


def test_a_members_parameters_go_with_it(fake: FakeAzure, tmp_path: Path):
    write_policy(tmp_path, "tagged")
    file = write_initiative(tmp_path, "guard", "tagged", "missing", parameters={"p": {"type": "String"}})
    body = json.loads(file.read_text("utf-8"))
    body["policyDefinitions"][1]["parameters"] = {"p": {"value": "[parameters('p')]"}}
    file.write_text(json.dumps(body), "utf-8")

    made = planned(fake, tmp_path)

    initiative = next(step for step in made.steps if step.kind == "initiative")
    assert initiative.omitted == ("missing",)
    assert initiative.after["properties"]["parameters"] == {}
    assert made.steps[-1].fault is None


def test_a_right_that_is_missing_at_a_management_group_is_granted_there(fake: FakeAzure, folder: Path):
    group = "/providers/Microsoft.Management/managementGroups/corp"
    fake.on("GET", f"{group}/providers/Microsoft.Authorization/policyDefinitions", error(403, "AuthorizationFailed"))

    with connected(fake) as azure, pytest.raises(AccessDenied) as raised:
        plan(azure, read_bundle(folder), scope_of(group), Options({}))

    assert raised.value.fix.startswith(f"Grant the identity Microsoft.Authorization/policyDefinitions/read at {group}.")
