"""Resources as Azure Resource Manager returns them: one, a list, or a page of a listing."""

from __future__ import annotations

from typing import Any

from finops.conditions.scope import type_of
from finops.errors import DataError
from finops.policy.inputs.given import Given, Json, Place

TYPED = ("id", "type", "Type")


def is_arm(found: Any) -> bool:
    if isinstance(found, list):
        return bool(found) and all(isinstance(each, dict) and _is_resource(each) for each in found)
    if not isinstance(found, dict):
        return False
    return _is_resource(found) or (isinstance(found.get("value"), list) and is_arm(found["value"]))


def _is_resource(body: Json) -> bool:
    return any("/" in str(body.get(key, "")) for key in TYPED) and "resources" not in body


def resources(found: Any, source: str, place: Place) -> list[Given]:
    listed = found if isinstance(found, list) else found["value"] if "value" in found and "id" not in found else [found]
    return [_given(body, f"{source}[{at}]" if len(listed) > 1 else source, place) for at, body in enumerate(listed)]


def _given(body: Json, source: str, place: Place) -> Given:
    for key, wanted in (("properties", dict), ("tags", dict), ("name", str)):
        if body.get(key) is not None and not isinstance(body[key], wanted):
            raise DataError(f"{source}: {key} is {body[key]!r}.", "Give a resource as Azure returns it (az rest).")
    kind = type_of(body)
    name = str(body.get("name") or str(body.get("id", "")).rpartition("/")[2])
    if not kind:
        raise DataError(f"{source} has no type.", 'Add "type", or the whole id.')
    if "type" not in body:
        body = {**body, "type": kind}
    if "id" not in body:
        names = name.split("/") if "/" in name else [place.workspace, name] if kind.count("/") == 2 else [name]
        own = place.id_of(str(body["type"]), *names) if len(names) == kind.count("/") else ""
        body = {**body, "id": own} if own else body
    return Given(source, f"{kind.rpartition('/')[2]} {name}", body, place.context(_group(body)))


def _group(body: Json) -> str:
    parts = str(body.get("id", "")).strip("/").split("/")
    return parts[3] if len(parts) > 3 and parts[2].lower() == "resourcegroups" else ""
