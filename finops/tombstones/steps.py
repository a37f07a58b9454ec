"""How what a tombstone holds is made again: one change of Azure after the other, each decided by what is there by then.

Through ARM, with the body as it was read. azure-ai-ml is not used: docs/janitor-undo.md says what it would lose.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from finops.errors import AzureError
from finops.estate.ids import key, type_of
from finops.estate.model import at, text
from finops.tombstones.gathering import BATCH, IN_PLACE, ONLINE, principal_of
from finops.tombstones.model import Content, Json, Piece
from finops.tombstones.sending import own, sent
from finops.tombstones.taking import SCALE, owed, routes_owed, shares

Look = Callable[[str, str], Json | None]  # id, API version -> its body now, None where it is not there
# Our own name for a role assignment that a new principal gets: the same however often an undo is begun.
ROLE_NAMES = uuid.UUID("6f1f3c5e-5d0e-4b53-9a51-0c1d7d2b8f11")


@dataclass(frozen=True)
class Step:
    """One change.

    makes       nothing is there yet
    seen        what people had set on `what`, a kind of piece, when `body` was made of it; None: it was made of nothing
    path        where it is sent to: the resource, or an action below it
    afterwards  the part of the body that shows that it was done
    by_people   the result of an act with which it is left to a person, who is told `otherwise`
    manifest    of an image: the file to put back under its digest or under `label`, once its `layers` are there
    """

    says: str
    id: str
    api_version: str
    verb: Literal["PUT", "PATCH", "POST"]
    path: str
    body: Json | None
    makes: bool
    afterwards: Json
    by_people: str = ""
    otherwise: str = ""
    manifest: Path | None = None
    media_type: str = ""
    label: str = ""
    layers: tuple[Path, ...] = ()
    what: str = ""
    seen: Json | None = None

    def overtaken(self, fresh: Json) -> bool:
        """Whether somebody has changed the resource since `body` was made: sent now, it would undo that.

        Nothing in Azure Machine Learning's API makes a PUT or a PATCH depend on an ETag, so it is compared here.
        """
        return self.seen is not None and own(self.what, fresh) != self.seen


def resource_steps(content: Content, look: Look) -> Iterator[Step]:
    """What is still to be done, in order. Each is to be done before the next one is asked for."""
    main = content.main()
    if content.action in IN_PLACE:
        yield from _given_back(content.action, main, look)
        return
    for piece in content.pieces:
        if piece.what in {"endpoint", "deployment", "compute"}:
            now = look(piece.id, piece.api_version)
            if now is None or (_failed(now) and not _failed(piece.body)):
                yield _made(piece, now)
    if type_of(main.id) in {ONLINE, BATCH}:
        yield from _routed(main, look)
    yield from _stopped(main, look)
    for piece in content.of("autoscale"):
        if look(piece.id, piece.api_version) is None:
            yield _made(piece)
    for piece in content.of("role"):
        yield from _granted(piece, content, look)


def _made(piece: Piece, now: Json | None = None) -> Step:
    body = sent(piece.what, piece.body)
    if piece.what == "endpoint":
        for name in ROUTES:  # they name deployments that are not there yet
            if body["properties"].pop(name, None) is not None and name != "defaults":
                body["properties"][name] = {}
    says = f"make the {piece.what} {_name(piece.id)}"
    seen = None if now is None else own(piece.what, now)
    return Step(
        says, piece.id, piece.api_version, "PUT", piece.id, body, now is None, _mark(piece, body), what=piece.what,
        seen=seen,
    )  # fmt: skip


ROUTES = ("traffic", "mirrorTraffic", "defaults")


def _routed(main: Piece, look: Look) -> Iterator[Step]:
    """Give an endpoint its traffic back. Azure's PATCH of an endpoint takes tags only, so it is a PUT of the whole."""
    now = look(main.id, main.api_version)
    wanted = routes_owed(main, now) if now is not None else {}
    if now is None or not wanted:
        return
    body = sent(main.what, now)
    body["properties"] |= copy.deepcopy(wanted)
    yield Step(
        "set its traffic", main.id, main.api_version, "PUT", main.id, body, False, {"properties": wanted},
        what=main.what, seen=own(main.what, now),
    )  # fmt: skip


def _stopped(main: Piece, look: Look) -> Iterator[Step]:
    """A compute instance that is made runs, and is billed: one that stood still is stopped again."""
    if text(main.body, "properties.properties.state").lower() != "stopped":
        return
    now = look(main.id, main.api_version)
    if now is not None and text(now, "properties.properties.state").lower() == "running":
        yield Step(
            "stop it, as it was", main.id, main.api_version, "POST", f"{main.id}/stop", None, False,
            {"properties": {"properties": {"state": "Stopped"}}},
        )  # fmt: skip


def _granted(piece: Piece, content: Content, look: Look) -> Iterator[Step]:
    named, wanted = given_role(piece, content, look)
    if look(named, piece.api_version) is not None:
        return
    properties = sent("role", wanted)["properties"]
    principal, role = properties["principalId"], _name(text(piece.body, "properties.roleDefinitionId"))
    scope = piece.id[: piece.id.lower().rindex("/providers/microsoft.authorization/")]
    yield Step(
        f"grant the role {role} on {scope}", named, piece.api_version, "PUT", named, {"properties": properties}, True,
        {"properties": {"principalId": principal}}, "failed",
        f"az role assignment create --assignee-object-id {principal} --role {role} --scope {scope}",
    )  # fmt: skip


def given_role(piece: Piece, content: Content, look: Look) -> tuple[str, Json]:
    """The id and the body of a role that is granted again: an own identity is another one now."""
    principal = text(piece.body, "properties.principalId")
    for holder in content.pieces:
        if principal_of(holder.body) and principal_of(holder.body).lower() == principal.lower():
            now = principal_of(look(holder.id, holder.api_version) or {})
            if not now:
                raise AzureError(f"{holder.id} has no identity of its own.", "Its roles cannot be granted again.")
            if now.lower() == principal.lower():
                break  # it was not deleted after all
            named = f"{piece.id.rpartition('/')[0]}/{uuid.uuid5(ROLE_NAMES, f'{key(piece.id)}/{now.lower()}')}"
            return named, {**piece.body, "properties": {**piece.body["properties"], "principalId": now}}
    return piece.id, piece.body


def _given_back(action: str, main: Piece, look: Look) -> Iterator[Step]:
    now = look(main.id, main.api_version)
    if now is None:
        raise AzureError(f"{main.id} is not there any more.", "It was only changed, so there is nothing to make again.")
    if action == "stop":
        # Azure says Running some minutes after it was asked to start.
        if text(now, "properties.properties.state").lower() not in {"running", "starting"}:
            yield Step(
                "start it", main.id, main.api_version, "POST", f"{main.id}/start", None, False,
                {"properties": {"properties": {"state": "Running"}}},
            )  # fmt: skip
        return
    wanted, _ = owed(action, main, now, _deployments(main, look))
    if not wanted:
        return
    by_name = {path.rpartition(".")[2]: value for path, value in wanted.items()}
    if action in {"scaleToZero", "minNodes0"}:
        # The whole of it as it is now: what else somebody has set since stays.
        scale = {"properties": {"properties": {"scaleSettings": {**(at(now, SCALE) or {}), **by_name}}}}
        marks = {"properties": {"properties": {"scaleSettings": by_name}}}
        says = "give it its scale settings"
        yield Step(
            says, main.id, main.api_version, "PATCH", main.id, scale, False, marks, what=main.what,
            seen=own(main.what, now),
        )  # fmt: skip
        return
    body = sent(main.what, now)
    body["properties"] |= copy.deepcopy(by_name)
    yield Step(
        f"set its {' and '.join(by_name)} as it was", main.id, main.api_version, "PUT", main.id, body, False,
        {"properties": by_name}, what=main.what, seen=own(main.what, now),
    )  # fmt: skip


def conflicts(content: Content, look: Look) -> list[str]:
    """What was taken in place and is not given back, as somebody has set it since: a sentence each."""
    main = content.main()
    now = look(main.id, main.api_version) if content.action in IN_PLACE else None
    return owed(content.action, main, now, _deployments(main, look))[1] if now is not None else []


def _deployments(main: Piece, look: Look) -> frozenset[str] | None:
    """Of an online endpoint, in lower case: deployments that had a share and are there."""
    if type_of(main.id) != ONLINE:
        return None
    named = {name for route in ROUTES[:2] for name in shares(at(main.body, f"properties.{route}"))}
    return frozenset(
        name.lower() for name in named if look(f"{main.id}/deployments/{name}", main.api_version) is not None
    )


def _mark(piece: Piece, body: Json) -> Json:
    """What of a body that was made shows, after a crash, that it is this one and not somebody else's, and whole."""
    inner: Any = body.get("properties") or {}
    names = ("instanceType", "authMode", "computeType", "environmentId", "targetResourceUri")
    shown = {name: inner[name] for name in names if name in inner}
    if piece.what != "autoscale":
        shown["provisioningState"] = "Succeeded"
    return {"properties": shown}


def _failed(body: Json) -> bool:
    return text(body, "properties.provisioningState").lower() == "failed"


def _name(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]
