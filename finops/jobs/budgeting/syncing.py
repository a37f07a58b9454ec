"""Azure's own budgets in step with the settings: what would change, and changing just that. Others' are not touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.budget import Budget, budgets_of, native
from finops.budget.native import API_VERSION, Step, Unfit, Wanted
from finops.errors import AccessDenied, AzureError, NotFound

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
GROUPS_VERSION = "2021-04-01"
PLACES = "budget/azure/"  # kept under: scopes at which we have made budgets, so that none is forgotten there


@dataclass(frozen=True)
class Plan:
    """What would be done. unfit: budgets that Azure cannot hold. unread: scopes that could not be read, and why.

    foreign: how many budgets of others stand at the scopes that were read.
    """

    steps: tuple[Step, ...]
    unfit: tuple[Unfit, ...]
    unread: tuple[str, ...]
    foreign: int

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(one for one in self.steps if one.action != "same")


@dataclass(frozen=True)
class Done:
    """What became of one step."""

    step: Step
    ok: bool
    said: str


def plan(azure: Azure, settings: Settings, now: datetime, state: State | None = None) -> Plan:
    """What would bring Azure's budgets in step with the settings. Changes nothing."""
    budgets = {one.name: one for one in budgets_of(settings)}
    subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
    groups = _groups(azure, subscriptions) if any(_is_a_groups_name(one) for one in budgets.values()) else []
    asked = [native.wanted(one, subscriptions, now, groups) for one in budgets.values()]
    wishes = [one for one in asked if isinstance(one, Wanted)]
    kept = [str(one) for one in state.kept(PLACES).values()] if state else []
    places = {f"/subscriptions/{one}": "" for one in subscriptions} | dict.fromkeys(kept, "")
    places |= {wish.scope: "" for wish in wishes}
    scopes = list({scope.lower(): scope for scope in places}.values())
    found: list[tuple[str, Json]] = []
    unread: dict[str, str] = {}
    for scope, answer in azure.each(scopes, lambda scope: list(_at(azure, scope))):
        if isinstance(answer, AzureError):
            unread[scope.lower()] = f"{scope}: {answer}"
        else:
            found += [(scope, body) for body in answer]
    steps = []
    for wish in wishes:
        if wish.scope.lower() in unread:
            continue
        there = [body for scope, body in found if native.path_of(scope, str(body["name"])).lower() == wish.path.lower()]
        if there and not native.is_ours(there[0]):
            unread[wish.path] = f"{wish.path}: a budget of that name is there, and it is not ours"
            continue
        steps.append(native.compare(wish, there[0] if there else None, native.months(budgets[wish.budget])))
    steps += native.surplus(found, wishes, budgets)
    foreign = sum(not native.is_ours(body) for _, body in found)
    unfit = tuple(one for one in asked if isinstance(one, Unfit))
    return Plan(tuple(steps), unfit, tuple(unread.values()), foreign)


def execute(
    azure: Azure, found: Plan, state: State, who: str, now: datetime, step: Callable[[str], None] = lambda doing: None
) -> list[Done]:
    """Do the changes of a plan, each only if what it changes is still as it was read, and look at what came of it."""
    done = []
    with state.turn():
        for one in found.changes:
            step(f"{one.action} {one.path}")
            state.audit(who, f"will {one.action} a budget in Azure", one.path, one.budget, {"body": one.body}, now)
            if one.action != "delete":
                state.keep(f"{PLACES}{one.scope.lower()}", one.scope, now)
            result = _done(azure, one)
            state.audit(who, "did" if result.ok else "did not", one.path, result.said, {"action": one.action}, now)
            done.append(result)
    return done


def _done(azure: Azure, one: Step) -> Done:
    try:
        there = azure.state_of(one.path, API_VERSION)
        if there is not None and not native.is_ours(there):
            return Done(one, False, "it is not ours any more; nothing was changed")
        if one.action == "delete":
            return _deleted(azure, one, there)
        if (there is None) != (one.action == "create"):
            return Done(one, False, "it appeared or vanished since it was read; run it again")
        if there is not None and str(there.get("eTag") or "") != one.etag:
            return Done(one, False, "somebody has changed it since it was read; run it again")
        assert one.body is not None
        azure.put(one.path, API_VERSION, one.body)
        after = azure.get(one.path, API_VERSION)
        wish = Wanted(one.budget, one.scope, one.name, one.body["properties"], (), None)
        left = native.compare(wish, after, 1).differs
        return Done(one, not left, f"Azure kept something else: {', '.join(left)}" if left else "confirmed")
    except AccessDenied as fault:
        return Done(one, False, f"{fault} docs/budgets.md lists the role that this takes.")
    except AzureError as fault:
        return Done(one, False, str(fault))


def _deleted(azure: Azure, one: Step, there: Json | None) -> Done:
    if there is None:
        return Done(one, True, "it was gone already")
    if str(there.get("eTag") or "") != one.etag:
        return Done(one, False, "somebody has changed it since it was read; run it again")
    try:
        azure.delete(one.path, API_VERSION)
    except NotFound:
        return Done(one, True, "it was gone already")
    gone = azure.state_of(one.path, API_VERSION) is None
    return Done(one, gone, "confirmed" if gone else "Azure still has it")


def _is_a_groups_name(budget: Budget) -> bool:
    return budget.scope.kind == "group" and not budget.scope.id


def _groups(azure: Azure, subscriptions: list[str]) -> list[str]:
    """The ids of all resource groups. One subscription that cannot be read could hold another of the same name."""
    found: list[str] = []
    for subscription in subscriptions:
        pages = azure.pages(f"/subscriptions/{subscription}/resourceGroups", GROUPS_VERSION)
        found += [str(body["id"]) for body in pages]
    return found


def _at(azure: Azure, scope: str) -> list[Json]:
    """The budgets that Azure keeps at just this scope."""
    path = f"{scope}/providers/Microsoft.Consumption/budgets"
    return [body for body in azure.pages(path, API_VERSION) if isinstance(body.get("name"), str)]
