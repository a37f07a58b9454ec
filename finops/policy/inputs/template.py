"""An ARM template unfolded into the resources that it would deploy.

Parameters come from a parameters file or from their defaults. What cannot be computed here (a parameter without a
value, reference(), a secret) becomes a value that is not known yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from finops.conditions import TemplateError, Undecided
from finops.conditions.expressions import Literal, Member, Node, is_expression, parse, unescaped
from finops.conditions.functions import FUNCTIONS, wrong_count
from finops.conditions.functions.arrays import member
from finops.errors import DataError
from finops.policy.inputs.given import Given, Json, Place
from finops.policy.pending import is_pending, pending, reasons

SCHEMA = re.compile(r"deploymentTemplate\.json", re.IGNORECASE)
PARAMETERS = re.compile(r"deploymentParameters\.json", re.IGNORECASE)
DEPLOYMENTS = "microsoft.resources/deployments"
DEEPEST = 10  # nested deployments
MOST_COPIES = 800  # Azure's limit for copy loops (syntax-and-expressions best practices, 2025-03)


def is_template(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    resources = found.get("resources")
    return bool(SCHEMA.search(str(found.get("$schema", "")))) or (
        isinstance(resources, list | dict) and "contentVersion" in found
    )


def is_parameters(found: Any) -> bool:
    return isinstance(found, dict) and bool(PARAMETERS.search(str(found.get("$schema", ""))))


def values_in(found: Json) -> Json:
    """The values of a parameters file; a reference to a key vault is not known."""
    told = found.get("parameters")
    return {
        name: each["value"] if "value" in each else pending(f"parameter {name} is a secret")
        for name, each in (told.items() if isinstance(told, dict) else ())
        if isinstance(each, dict)
    }


@dataclass(frozen=True)
class Surroundings:
    """What the expressions of one template can name."""

    place: Place
    parameters: Mapping[str, Any]
    variables: Mapping[str, Any]
    copies: Mapping[str, int] = field(default_factory=dict)
    depth: int = 0


def resources(found: Json, source: str, place: Place, given: Mapping[str, Any]) -> list[Given]:
    return list(_unfolded(found, source, place, given, 0))


def _unfolded(found: Json, source: str, place: Place, given: Mapping[str, Any], depth: int) -> Iterator[Given]:
    around = Surroundings(place, {}, {}, depth=depth)
    low = {name.lower(): value for name, value in given.items()}
    parameters: dict[str, Any] = {}
    for name, about in (found.get("parameters") or {}).items():
        if name.lower() in low:
            parameters[name.lower()] = low[name.lower()]
        elif isinstance(about, dict) and "defaultValue" in about:
            parameters[name.lower()] = _computed(about["defaultValue"], replace(around, parameters=parameters))
        else:
            parameters[name.lower()] = pending(f"the template's parameter {name} has no value")
    variables = {str(name).lower(): value for name, value in (found.get("variables") or {}).items()}
    around = replace(around, parameters=parameters, variables=variables)
    listed = found.get("resources")
    named = listed.items() if isinstance(listed, dict) else enumerate(listed or [])
    for at, each in named:
        if isinstance(each, dict):
            yield from _deployed(each, f"{source}: resources[{at}]", around, "", "")


def _deployed(body: Json, source: str, around: Surroundings, kind: str, name: str) -> Iterator[Given]:
    """One entry of `resources`: none, one or many resources, and those within it."""
    if body.get("existing") is True:
        return
    for turn in _turns(body.get("copy"), around, source):
        condition = _computed(body.get("condition", True), turn)
        if condition is False or str(condition).lower() == "false":
            continue
        own_kind = f"{kind}/{body.get('type')}" if kind else str(body.get("type") or "")
        own_name = str(_computed(body.get("name", ""), turn))
        own_name = f"{name}/{own_name}" if name else own_name
        if own_kind.lower() == DEPLOYMENTS:
            yield from _nested(body, f"{source} ({own_name})", turn)
            continue
        yield _given(body, own_kind, own_name, source, turn)
        for at, inner in enumerate(body.get("resources") or []):
            if isinstance(inner, dict):
                yield from _deployed(inner, f"{source}.resources[{at}]", turn, own_kind, own_name)


def _turns(copy: Any, around: Surroundings, source: str) -> Iterator[Surroundings]:
    if not isinstance(copy, dict):
        yield around
        return
    count = _computed(copy.get("count", 1), around)
    if isinstance(count, bool) or not isinstance(count, int):
        yield replace(around, copies={})
        return
    if count > MOST_COPIES:
        raise DataError(f"{source}: copy makes {count} resources.", f"Azure takes {MOST_COPIES}.")
    for at in range(count):
        yield replace(around, copies={**around.copies, "": at, str(copy.get("name", "")).lower(): at})


def _given(body: Json, kind: str, name: str, source: str, around: Surroundings) -> Given:
    kept = ("location", "tags", "kind", "sku", "identity", "properties", "plan", "zones")
    made = {key: _computed(body[key], around) for key in kept if key in body}
    made = {"name": name.rpartition("/")[2], "type": kind, **made}
    tags = ""
    if isinstance(made.get("tags"), str):
        tags = next(reasons(made.pop("tags")), "its tags cannot be told")
    if is_pending(made.get("location")):
        made.pop("location")
    own = "" if is_pending(name) else around.place.id_of(kind, *name.split("/"))
    if own:
        made["id"] = own
    words = f"{kind.rpartition('/')[2]} {'' if is_pending(name) else name}".strip()
    return Given(source, words, made, around.place.context(), tags=tags)


def _nested(body: Json, source: str, around: Surroundings) -> Iterator[Given]:
    properties = body.get("properties") or {}
    inner = properties.get("template")
    if not isinstance(inner, dict):
        yield Given(source, "linked template", {}, skipped="a linked template is not read; give it by itself")
        return
    if around.depth >= DEEPEST:
        raise DataError(f"{source}: deployments nest more than {DEEPEST} deep.", "Give the inner ones by themselves.")
    group = _computed(body.get("resourceGroup", around.place.group), around)
    place = around.place
    if isinstance(group, str) and group.lower() != place.group.lower():
        place = replace(place, group="" if is_pending(group) else group, group_tags=None)
    handed = _computed(properties.get("parameters") or {}, around)
    values = {name: each.get("value") for name, each in handed.items() if isinstance(each, dict)}
    scope = str((properties.get("expressionEvaluationOptions") or {}).get("scope", "outer"))
    if scope.lower() != "inner":
        values = {**around.parameters, **values}
        named = {**{name: {} for name in around.parameters}, **(inner.get("parameters") or {})}
        inner = {**inner, "parameters": named, "variables": {**around.variables, **(inner.get("variables") or {})}}
    yield from _unfolded(inner, source, place, values, around.depth + 1)


def _computed(value: Any, around: Surroundings) -> Any:
    """A JSON value with its expressions worked out; what cannot be is a value not known yet."""
    if isinstance(value, dict):
        return {key: _computed(each, around) for key, each in value.items() if key != "copy"}
    if isinstance(value, list):
        return [_computed(each, around) for each in value]
    if not isinstance(value, str):
        return value
    if not is_expression(value):
        return unescaped(value)
    try:
        return _worked_out(parse(value), around)
    except ValueError as fault:
        raise DataError(f"The template has the expression {value}, which {fault}.", "Mend it.") from fault
    except Undecided as fault:
        return pending(f"{value} cannot be told: {next(reasons(fault.reason), fault.reason)}")


def _worked_out(node: Node, around: Surroundings) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Member):
        return _known(member(_worked_out(node.of, around), _worked_out(node.key, around)))
    name = node.name.lower()
    if name == "if" and len(node.args) == 3:
        return _worked_out(node.args[1 if _worked_out(node.args[0], around) is True else 2], around)
    args = [_worked_out(each, around) for each in node.args]
    if name in ("and", "or"):
        return (all if name == "and" else any)(each is True for each in args)
    special = SPECIAL.get(name)
    if special is not None:
        return _known(special(args, around))
    found = FUNCTIONS.get(name)
    if found is None or wrong_count(found, len(args)):
        raise TemplateError(f"{node.name}() is not known before deployment")
    return _known(found.work(*args))


def _known(value: Any) -> Any:
    """`value`, unless it is one that is not known yet: what is made from it is not known either."""
    if isinstance(value, str) and is_pending(value):
        raise Undecided(next(reasons(value)))
    return value


def _parameter(args: list[Any], around: Surroundings) -> Any:
    name = str(args[0]).lower() if args else ""
    if name not in around.parameters:
        raise TemplateError(f"the template declares no parameter {name!r}")
    return around.parameters[name]


def _variable(args: list[Any], around: Surroundings) -> Any:
    name = str(args[0]).lower() if args else ""
    if name not in around.variables:
        raise TemplateError(f"the template declares no variable {name!r}")
    return _computed(around.variables[name], around)


def _group(args: list[Any], around: Surroundings) -> Any:
    group = around.place.context().get("resourceGroup")
    known = {"name": around.place.group} if around.place.group else {}
    return {"id": pending("the resource group's id"), "location": pending("the resource group's location"),
            "tags": {}, **known, **(group or {})}  # fmt: skip


def _subscription(args: list[Any], around: Surroundings) -> Any:
    return {"subscriptionId": around.place.subscription or pending("the subscription is not given (--subscription)")}


def _resource_id(args: list[Any], around: Surroundings) -> Any:
    at = next((n for n, each in enumerate(args) if isinstance(each, str) and "/" in each), None)
    if at is None or not around.place.group:
        raise TemplateError("resourceId() needs the resource group (--group)")
    return around.place.id_of(str(args[at]), *map(str, args[at + 1 :]), group=str(args[at - 1]) if at else "")


def _copy_index(args: list[Any], around: Surroundings) -> Any:
    named = str(args[0]).lower() if args and isinstance(args[0], str) else ""
    offset = next((each for each in args if isinstance(each, int)), 0)
    if named not in around.copies:
        raise TemplateError("copyIndex() stands outside of a loop that can be told")
    return around.copies[named] + offset


SPECIAL = {
    "parameters": _parameter,
    "variables": _variable,
    "resourcegroup": _group,
    "subscription": _subscription,
    "resourceid": _resource_id,
    "copyindex": _copy_index,
}
