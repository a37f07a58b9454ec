"""Lists in what is sent about policies: each member of its type, or 400 as a deserializer would answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.simulator.answers import WireError, shaped
from finops.simulator.store import Json

# By the name of the list: the type of its members, or the shape of the objects that they are. A member that is a list
# of objects itself is described by the same table.
MEMBERS: dict[str, Any] = {
    "notScopes": str,
    "in": str,
    "notIn": str,
    "groupNames": str,
    "locations": str,
    "resourceIds": str,
    "actionNames": str,
    "policyDefinitionReferenceIds": str,
    "nonComplianceMessages": {"message": str, "policyDefinitionReferenceId": str},
    "selectors": {"kind": str, "in": list, "notIn": list},
    "overrides": {"kind": str, "value": str, "selectors": list},
    "resourceSelectors": {"name": str, "selectors": list},
    "policyDefinitionGroups": {"name": str},
    "policyDefinitions": {
        "policyDefinitionId": str,
        "policyDefinitionReferenceId": str,
        "definitionVersion": str,
        "parameters": {"*": dict},
        "groupNames": list,
    },
    "pendingFields": {"field": str, "values": list},
    "values": str,
}


def listed(body: Json) -> Json:
    """`body`, if the members of its lists (see MEMBERS) are as they should be. A parameter that is null is absent."""
    if isinstance(body.get("parameters"), dict):
        body["parameters"] = {name: value for name, value in body["parameters"].items() if value is not None}
    for name, wanted in MEMBERS.items():
        for member in body.get(name) or []:
            if isinstance(wanted, Mapping) and isinstance(member, dict):
                listed(shaped(member, wanted, f"{name}."))
            elif isinstance(wanted, Mapping) or not isinstance(member, wanted):
                text = f"The request content was invalid and could not be deserialized: '{name}' has {member!r:.40}."
                raise WireError(400, "InvalidRequestContent", text)
    return body
