"""Reads everything that a tombstone of one resource holds, directly and just now. What cannot be read raises."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from finops.errors import FinopsError
from finops.estate.ids import key, scopes, subscription_of, type_of
from finops.estate.model import Json, at, text
from finops.estate.queries import ML_VERSION
from finops.tombstones.model import Content, Piece
from finops.tombstones.secrets import without_secrets

if TYPE_CHECKING:
    from finops.cloud import Azure

ML = "microsoft.machinelearningservices/workspaces"
ONLINE, BATCH = f"{ML}/onlineendpoints", f"{ML}/batchendpoints"
COMPUTE, ENVIRONMENT, SCHEDULE = f"{ML}/computes", f"{ML}/environments/versions", f"{ML}/schedules"
AUTOSCALE_VERSION = "2022-10-01"
ROLES_VERSION = "2022-04-01"
# Actions that leave the resource where it is: its own body is all that they change.
IN_PLACE = {"stop", "scaleToZero", "archive", "disable", "traffic0", "minNodes0"}


def gather(azure: Azure, resource_id: str, action: str) -> Content:
    """The content of a tombstone for doing `action` to a resource. NotFound when it is gone."""
    kind = type_of(resource_id)
    if kind not in KINDS:
        raise FinopsError(f"A {kind} is not known how to be made again.", "It is not deleted.")
    found = _Reading(azure)
    KINDS[kind](found, resource_id)
    if action not in IN_PLACE:
        found.below(resource_id)
    main = found.pieces[0]
    lost = [*found.lost] if action in IN_PLACE else [*found.lost, *_lost_with(main, found.pieces)]
    return Content(main.id, action, tuple(found.pieces), None, tuple(lost))


def as_before(content: Content, quiet: Content) -> Content:
    """`content` with what the quiet step, before which `quiet` was read, took from the resource itself."""
    main, held = content.main(), quiet.main().body
    body = copy.deepcopy(main.body)
    if quiet.action == "traffic0":
        for name in ("traffic", "mirrorTraffic"):
            body["properties"][name] = copy.deepcopy(at(held, f"properties.{name}"))
    if quiet.action == "minNodes0":
        least = at(held, "properties.properties.scaleSettings.minNodeCount")
        body["properties"]["properties"]["scaleSettings"]["minNodeCount"] = least
    pieces = tuple(replace(one, body=body) if one is main else one for one in content.pieces)
    return replace(content, pieces=pieces)


class _Reading:
    """The pieces of one resource as they are read, first what must be made first."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.pieces: list[Piece] = []
        self.lost: list[str] = []

    def one(self, what: str, resource_id: str) -> Json:
        body = self.azure.get(resource_id, ML_VERSION)
        self._add(what, body, ML_VERSION)
        return body

    def each(self, what: str, path: str) -> list[Json]:
        bodies = sorted(self.azure.pages(path, ML_VERSION), key=lambda body: text(body, "id").lower())
        for body in bodies:
            self._add(what, body, ML_VERSION)
        return bodies

    def below(self, resource_id: str) -> None:
        """Autoscale settings of the resource or below it; roles granted on it, and to its own identity."""
        bodies = [piece.body for piece in self.pieces]
        if type_of(resource_id) in {ONLINE, f"{ONLINE}/deployments"}:
            for setting in self._autoscale(resource_id):
                self._add("autoscale", setting, AUTOSCALE_VERSION)
        for role in self._roles(resource_id, [principal for body in bodies if (principal := principal_of(body))]):
            self._add("role", role, ROLES_VERSION)

    def _autoscale(self, resource_id: str) -> Iterator[Json]:
        path = f"/subscriptions/{subscription_of(resource_id)}/providers/Microsoft.Insights/autoscaleSettings"
        for setting in self.azure.pages(path, AUTOSCALE_VERSION):
            if key(resource_id) in scopes(text(setting, "properties.targetResourceUri")):
                yield setting

    def _roles(self, resource_id: str, principals: list[str]) -> Iterator[Json]:
        roles = "providers/Microsoft.Authorization/roleAssignments"
        seen: set[str] = set()
        for role in self.azure.pages(f"{resource_id}/{roles}", ROLES_VERSION, {"$filter": "atScope()"}):
            # The list holds those inherited from above, too: they stay where they are.
            if key(resource_id) in scopes(text(role, "properties.scope")):
                seen.add(key(text(role, "id")))
                yield role
        for principal in principals:
            path = f"/subscriptions/{subscription_of(resource_id)}/{roles}"
            for role in self.azure.pages(path, ROLES_VERSION, {"$filter": f"principalId eq '{principal}'"}):
                if key(text(role, "id")) not in seen:
                    yield role

    def _add(self, what: str, body: Json, api_version: str) -> None:
        if not text(body, "id"):
            raise FinopsError(f"Azure answered a {what} without an id.", "It is looked at again on the next run.")
        clean, lost = without_secrets(body)
        self.pieces.append(Piece(what, body["id"], api_version, clean))
        self.lost += lost


def principal_of(body: Json) -> str:
    """The id of a system-assigned identity; "" where there is none."""
    return text(body, "identity.principalId") if "systemassigned" in kind_of_identity(body) else ""


def kind_of_identity(body: Json) -> str:
    return text(body, "identity.type").replace(" ", "").lower()


def _endpoint(found: _Reading, resource_id: str) -> None:
    found.one("endpoint", resource_id)
    found.each("deployment", f"{resource_id}/deployments")


def _deployment(found: _Reading, resource_id: str) -> None:
    found.one("deployment", resource_id)


def _compute(found: _Reading, resource_id: str) -> None:
    found.one("compute", resource_id)


def _environment(found: _Reading, resource_id: str) -> None:
    found.one("environment", resource_id)


def _schedule(found: _Reading, resource_id: str) -> None:
    found.one("schedule", resource_id)


KINDS: dict[str, Callable[[_Reading, str], None]] = {
    ONLINE: _endpoint,
    BATCH: _endpoint,
    f"{ONLINE}/deployments": _deployment,
    f"{BATCH}/deployments": _deployment,
    COMPUTE: _compute,
    ENVIRONMENT: _environment,
    SCHEDULE: _schedule,
}


def _lost_with(main: Piece, pieces: list[Piece]) -> Iterator[str]:
    """What goes with a resource that is deleted, and cannot be made again by anybody."""
    kind = type_of(main.id)
    if any(principal_of(piece.body) for piece in pieces):
        yield "Its own identity: the new one has another principal id; roles in other subscriptions are not seen."
    if kind in {ONLINE, BATCH}:
        if text(main.body, "properties.authMode").lower() == "key":
            yield "Its keys: Azure makes new ones, and callers need them."
        yield "What its hosts hold: logs in containers, and the history of its metrics."
    if kind == f"{ONLINE}/deployments":
        yield "What its hosts hold: logs in containers, and the history of its metrics."
    if kind == COMPUTE and text(main.body, "properties.computeType").lower() == "computeinstance":
        yield "Files on its own disk, and what was installed there. The workspace's file share is not touched."
        if not at(main.body, "properties.properties.createdBy.userId") and not at(
            main.body, "properties.properties.personalComputeInstanceSettings.assignedUser.objectId"
        ):
            yield "Whose it is: Azure does not say, so the new one belongs to whoever undoes the deletion."
