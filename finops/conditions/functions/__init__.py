"""The template functions that policy rules may call, by name without case.

What a function is and refuses: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions
Where Azure's own text leaves a case open, microsoft/regorus decides (MIT, its cases are run as conformance tests).
Functions that need more than their arguments (field, current, parameters, utcNow, if, and, or, resourceGroup,
subscription, requestContext, policy) are compiled in finops.conditions.calls.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finops.conditions.functions import arrays, dates, encodings, logic, network, numbers, text, unique
from finops.conditions.scope import TemplateError


@dataclass(frozen=True)
class Function:
    """`work` on between `least` and `most` arguments."""

    name: str
    work: Callable[..., Any]
    least: int
    most: int


MANY = 128  # arguments; Azure's limit for one call

FUNCTIONS: dict[str, Function] = {
    name.lower(): Function(name, work, least, most)
    for module in (arrays, dates, encodings, logic, network, numbers, text, unique)
    for name, (work, least, most) in module.FUNCTIONS.items()
}

# Template functions that Azure does not offer to policy rules (definition-structure-policy-rule, 2025-03-19). The
# three dateTime functions of that list work here, as they do in microsoft/regorus; a linter may still refuse them.
UNAVAILABLE = frozenset({
    "copyindex", "deployment", "environment", "extensionresourceid", "filter", "lambda", "map", "reduce",
    "sort", "toobject", "groupby", "mapvalues", "listaccountsas", "listkeys", "listsecrets", "managementgroup",
    "newguid", "pickzones", "providers", "reference", "references", "resourceid", "subscriptionresourceid",
    "tenantresourceid", "managementgroupresourceid", "tenant", "variables",
})  # fmt: skip
NOT_IN_AZURE = frozenset({"datetimeadd", "datetimefromepoch", "datetimetoepoch"})


def call(name: str, args: list[Any]) -> Any:
    """What the function returns. Raises TemplateError where it is unknown, or cannot work on `args`."""
    found = FUNCTIONS.get(name.lower())
    if found is None:
        raise TemplateError(why_unknown(name))
    complaint = wrong_count(found, len(args))
    if complaint:
        raise TemplateError(complaint)
    return found.work(*args)


def wrong_count(function: Function, given: int) -> str:
    """What is wrong with the number of arguments, or ""."""
    if function.least <= given <= function.most:
        return ""
    if function.least == function.most:
        return f"{function.name}() takes {function.least} argument(s), not {given}"
    return f"{function.name}() takes {function.least} to {function.most} arguments, not {given}"


def why_unknown(name: str, others: tuple[str, ...] = ()) -> str:
    """Why a function cannot be called, with the one that was probably meant."""
    if name.lower() in UNAVAILABLE or name.lower().startswith("list"):
        return f"{name}() is not available in policy rules"
    near = difflib.get_close_matches(name.lower(), [*FUNCTIONS, *(other.lower() for other in others)], 1, 0.7)
    meant = {other.lower(): other for other in others} | {key: known.name for key, known in FUNCTIONS.items()}
    return f"the function {name}() is not known" + (f" (did you mean {meant[near[0]]}()?)" if near else "")
