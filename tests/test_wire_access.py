"""Role assignments and autoscale settings through azure-mgmt-authorization and azure-mgmt-monitor."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from estates import PROD, group_id, workspace_id, write_estate
from wire_clients import Clients, azure

SUBSCRIPTION, GROUP, WORKSPACE = f"/subscriptions/{PROD}", group_id(PROD, "rg-ml"), workspace_id("ml-prod")
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/chat"
READER = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
WHO, OTHER = "cccccccc-0000-0000-0000-000000000001", "cccccccc-0000-0000-0000-000000000002"


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path, polls=0) as made:
        yield made


@pytest.fixture
def roles(clients: Clients) -> Any:
    return clients.authorization.role_assignments


def given(scope: str, roles: Any, who: str = WHO, name: str = "", **more: Any) -> Any:
    told = {"role_definition_id": READER, "principal_id": who, "principal_type": "ServicePrincipal", **more}
    return roles.create(scope, name or str(uuid.uuid4()), told)


def names(found: Any) -> list[str]:
    return [each.scope for each in found]


def test_an_assignment_is_made_read_and_removed(roles: Any):
    made = given(GROUP, roles, description="for the drill")

    assert roles.get(GROUP, made.name).description == "for the drill"
    assert roles.get_by_id(made.id).principal_id == WHO
    assert roles.delete(GROUP, made.name).name == made.name
    assert roles.delete(GROUP, made.name) is None
    with pytest.raises(ResourceNotFoundError):
        roles.get(GROUP, made.name)


def test_a_list_shows_what_holds_at_above_and_below_a_scope(roles: Any):
    for scope in (SUBSCRIPTION, GROUP, ENDPOINT):
        given(scope, roles)

    assert sorted(names(roles.list_for_scope(GROUP))) == sorted([SUBSCRIPTION, GROUP, ENDPOINT])
    assert sorted(names(roles.list_for_scope(GROUP, filter="atScope()"))) == sorted([SUBSCRIPTION, GROUP])
    assert len(names(roles.list_for_subscription())) == 3


def test_a_list_is_narrowed_to_one_principal(roles: Any):
    given(GROUP, roles)
    given(GROUP, roles, OTHER)

    assert len(names(roles.list_for_subscription(filter=f"principalId eq '{OTHER}'"))) == 1
    assert len(names(roles.list_for_subscription(filter=f"assignedTo('{WHO}')"))) == 1
    with pytest.raises(HttpResponseError, match="not supported"):
        list(roles.list_for_subscription(filter="roleName eq 'Reader'"))


def test_the_same_right_twice_is_refused(roles: Any):
    given(GROUP, roles)

    with pytest.raises(HttpResponseError) as fault:
        given(GROUP, roles)

    assert (fault.value.status_code, fault.value.error.code) == (409, "RoleAssignmentExists")


def test_an_assignment_never_changes_hands(roles: Any):
    made = given(GROUP, roles)

    with pytest.raises(HttpResponseError) as fault:
        given(GROUP, roles, OTHER, made.name)

    assert fault.value.error.code == "RoleAssignmentUpdateNotPermitted"


def test_who_is_unknown_is_refused_unless_taken_on_trust(tmp_path: Path):
    estate = write_estate(tmp_path / "estate")
    (estate / "directory.jsonl").write_text(json.dumps({"id": WHO}) + "\n")

    with azure(tmp_path, estate=estate) as clients:
        roles = clients.authorization.role_assignments
        given(GROUP, roles, principal_type=None)
        with pytest.raises(HttpResponseError) as fault:
            given(GROUP, roles, OTHER, principal_type=None)
        given(GROUP, roles, OTHER)

    assert fault.value.error.code == "PrincipalNotFound"


def test_what_is_deleted_takes_the_rights_on_it_and_leaves_those_of_its_identity(clients: Clients, roles: Any):
    given(ENDPOINT, roles)
    given(GROUP, roles)

    clients.http.delete(f"{ENDPOINT}?api-version=2024-04-01")
    clients.served.world.clock.advance(minutes=5)

    assert names(roles.list_for_subscription()) == [GROUP]


def setting(target: str, **more: Any) -> dict[str, Any]:
    capacity = {"minimum": "1", "maximum": "3", "default": "1"}
    profile = {"name": "p", "capacity": capacity, "rules": []}
    return {"location": "eastus", "properties": {"targetResourceUri": target, "profiles": [profile], **more}}


def test_an_autoscale_setting_is_made_listed_and_removed(clients: Clients):
    settings = clients.monitor.autoscale_settings
    deployment = f"{ENDPOINT}/deployments/blue"

    from azure.mgmt.monitor.models import AutoscaleProfile, AutoscaleSettingResource, ScaleCapacity

    profile = AutoscaleProfile(name="p", capacity=ScaleCapacity(minimum="1", maximum="3", default="1"), rules=[])
    wanted = AutoscaleSettingResource(
        location="eastus", profiles=[profile], target_resource_uri=deployment, enabled=True
    )
    made = settings.create_or_update("rg-ml", "as-chat", wanted)

    assert (made.target_resource_uri, made.enabled) == (deployment, True)
    assert [each.name for each in settings.list_by_resource_group("rg-ml")] == ["as-chat"]
    assert [each.name for each in settings.list_by_subscription()] == ["as-chat"]
    assert settings.get("rg-ml", "as-chat").profiles[0].capacity.maximum == "3"
    settings.delete("rg-ml", "as-chat")
    assert list(settings.list_by_subscription()) == []


@pytest.mark.parametrize("wrong", [setting(f"{ENDPOINT}/deployments/none"), {**setting(ENDPOINT), "location": None},
                                   setting(ENDPOINT, profiles=[])])  # fmt: skip
def test_a_setting_that_scales_nothing_is_refused(clients: Clients, wrong: dict[str, Any]):
    path = f"{GROUP}/providers/Microsoft.Insights/autoscaleSettings/odd"

    assert clients.http.put(f"{path}?api-version=2022-10-01", json=wrong).status_code == 400
    assert clients.http.get(f"{path}?api-version=2022-10-01").status_code == 404


def test_a_setting_outlives_what_it_scales(clients: Clients):
    path = f"{GROUP}/providers/Microsoft.Insights/autoscaleSettings/as-chat"
    assert clients.http.put(f"{path}?api-version=2022-10-01", json=setting(ENDPOINT)).status_code == 201

    clients.http.delete(f"{ENDPOINT}?api-version=2024-04-01")
    clients.served.world.clock.advance(minutes=5)

    assert clients.http.get(f"{path}?api-version=2022-10-01").status_code == 200
