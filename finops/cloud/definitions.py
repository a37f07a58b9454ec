"""Policy definitions, initiatives, assignments, and the roles of identities, carried by Microsoft's PolicyClient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finops.errors import NotFound

from .operations import finished
from .shapes import Json, an_object

if TYPE_CHECKING:
    from .gateway import Azure

SERVICE = "definitions"
API_VERSION = "2023-04-01"
ROLES_VERSION = "2022-04-01"


def state_of(azure: Azure, resource_id: str) -> Json | None:
    """A definition, initiative or assignment as Azure has it; None when Azure itself says that it is not there."""
    doing = f"GET {resource_id}"
    try:
        return an_object(azure.send(SERVICE, "GET", resource_id, API_VERSION, read=True, doing=doing).json, doing)
    except NotFound:
        return None


def put(azure: Azure, resource_id: str, body: Json, doing: str) -> Json:
    """It, as Azure has it once it is created or replaced."""
    answer = azure.send(SERVICE, "PUT", resource_id, API_VERSION, body=body, doing=doing, patient=True)
    return finished(azure, "PUT", resource_id, API_VERSION, answer, doing)


def custom(azure: Azure, scope: str, kind: str) -> Iterator[Json]:
    """The definitions (`policyDefinitions`) or initiatives (`policySetDefinitions`) that people made at `scope`."""
    path = f"{scope}/providers/Microsoft.Authorization/{kind}"
    return azure.pages(path, API_VERSION, {"$filter": "policyType eq 'Custom'"}, service=SERVICE)


def assigned(azure: Azure, scope: str, below: bool = False) -> Iterator[Json]:
    """The assignments that hold at the whole of `scope`: its own and those that it inherits; with `below` also those
    of the groups and resources in a subscription or resource group (a management group lists none of them)."""
    path = f"{scope}/providers/Microsoft.Authorization/policyAssignments"
    return azure.pages(path, API_VERSION, None if below else {"$filter": "atScope()"}, service=SERVICE)


def roles_of(azure: Azure, principal_id: str, scope: str) -> list[Json]:
    """The role assignments of an identity, at `scope`, above and below it."""
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    return list(azure.pages(path, ROLES_VERSION, {"$filter": f"principalId eq '{principal_id}'"}))


def role_name(azure: Azure, role_id: str) -> str:
    """What a role is called, such as "Tag Contributor"."""
    body = azure.get(role_id, ROLES_VERSION)
    found = body.get("properties")
    name = found.get("roleName") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""
