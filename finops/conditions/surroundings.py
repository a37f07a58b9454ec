"""What functions tell about the surroundings: the resource group, the subscription, the request, the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.conditions.functions.arrays import member
from finops.conditions.functions.dates import universal
from finops.conditions.paths import child
from finops.conditions.scope import Read, Scope, TemplateError, Undecided

# "The latest API version is always used during compliance evaluation on existing resources": later than any that a
# rule may compare it with. https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule
LATEST = "9999-12-31"


class Partial(dict[str, Any]):
    """What the resource's id tells of its resource group or subscription; the rest is not known."""

    def __init__(self, of: str, **known: Any) -> None:
        super().__init__(known)
        self.of = of


def _given(scope: Scope, name: str) -> Any:
    if scope.context is None:
        return None
    return child(scope.context if type(scope.context) is dict else dict(scope.context), name)


def resource_group(scope: Scope) -> Any:
    given = _given(scope, "resourceGroup")
    if isinstance(given, Mapping):
        return given
    ids = _id_parts(scope)
    if "resourcegroups" in ids:
        at = list(ids).index("resourcegroups")
        whole = _id(scope).strip("/").split("/")
        return Partial("resourceGroup", name=ids["resourcegroups"], id="/" + "/".join(whole[: 2 * at + 2]))
    raise Undecided("the resource group is not known (give context['resourceGroup'])")


def subscription(scope: Scope) -> Any:
    given = _given(scope, "subscription")
    if isinstance(given, Mapping):
        return given
    found = _id_parts(scope).get("subscriptions")
    if found:
        return Partial("subscription", subscriptionId=found, id=f"/subscriptions/{found}")
    raise Undecided("the subscription is not known (give context['subscription'])")


def request_context(scope: Scope) -> Any:
    given = _given(scope, "requestContext")
    if isinstance(given, Mapping):
        return given
    return {"apiVersion": scope.api_version or LATEST}


def policy(scope: Scope) -> Any:
    given = _given(scope, "policy")
    if isinstance(given, Mapping):
        return given
    raise Undecided("the assignment is not known (give context['policy'])")


def utc_now(scope: Scope) -> Any:
    given = _given(scope, "utcNow")
    if isinstance(given, str):
        return given
    if scope.now is None:
        raise Undecided("the time is not known (give `now`)")
    return universal(scope.now)


def _id(scope: Scope) -> str:
    found = child(scope.origin.body, "id")
    return found if isinstance(found, str) else ""


def _id_parts(scope: Scope) -> dict[str, str]:
    parts = _id(scope).strip("/").split("/")
    return {key.lower(): value for key, value in zip(parts[::2], parts[1::2], strict=False)}


SURROUNDINGS: dict[str, Read] = {
    "resourcegroup": resource_group,
    "subscription": subscription,
    "requestcontext": request_context,
    "policy": policy,
    "utcnow": utc_now,
}


def property_of(value: Any, key: Any) -> Any:
    """A property of what Azure tells; "" where there is none."""
    if value is None or value == "":
        return ""
    try:
        found = member(value if isinstance(value, dict | list) else dict(value), key)
    except TemplateError as missing:
        if isinstance(value, Partial):
            raise Undecided(f"{value.of}().{key} is not known (give context[{value.of!r}])") from missing
        if isinstance(value, dict):
            return ""
        raise
    except (TypeError, ValueError) as fault:
        raise TemplateError(f"{value!r} has no property {key!r}") from fault
    return "" if found is None else found
