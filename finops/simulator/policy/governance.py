"""What Azure Policy knows at a time: the rules in force, and the state of each resource when it last looked.

Times are those that Azure states (https://learn.microsoft.com/azure/governance/policy/how-to/get-compliance-data, read
November 2026): an assignment holds about 5 minutes after it is made or changed, a resource's state follows about 15
minutes after a change, everything is looked at anew every 24 hours or when asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from finops.errors import FinopsError
from finops.simulator.policy import compliance
from finops.simulator.policy.rules import Rule, rules_of
from finops.simulator.policy.scopes import ASSIGNMENTS, DEFINITIONS, EXEMPTIONS, SETS, covers, home_of
from finops.simulator.store import Json, inside, type_of
from finops.simulator.world import World

IN_FORCE_AFTER, SEEN_AFTER, LOOKED_AT_EVERY = timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=24)
OBJECTS = {DEFINITIONS.lower(), SETS.lower(), ASSIGNMENTS.lower(), EXEMPTIONS.lower()}
# What Azure Policy does not govern here: itself, and what only extends a scope.
UNGOVERNED = (
    "microsoft.authorization/",
    "microsoft.policyinsights/",
    "microsoft.consumption/",
    "microsoft.costmanagement/",
    "microsoft.management/",
)
KNOWN: WeakKeyDictionary[World, Governance] = WeakKeyDictionary()


def governance_of(world: World) -> Governance:
    """The one of `world`. Ask first when the world is loaded: it hears of changes from then on."""
    found = KNOWN.get(world)
    if found is None:
        found = KNOWN[world] = Governance(world)
    return found


class Governance:
    """Call it under `world.lock`. What an estate holds when it is loaded is in force; what it recorded is believed."""

    def __init__(self, world: World) -> None:
        # The world is held weakly: it is the key under which this object is found.
        import weakref

        self._world = weakref.proxy(world)
        self._objects = {body["id"].lower(): body for body in world.resources.all() if type_of(body["id"]) in OBJECTS}
        self._coming: deque[tuple[datetime, str, Json | None]] = deque()
        self._rules: list[Rule] | None = None
        self._exemptions: list[Json] | None = None
        self._states: dict[str, dict[tuple[str, ...], Json]] = {}
        self._changed: dict[str, list[datetime]] = {}
        self._rescan: dict[str, datetime] = {}
        self._looked = world.clock.now()
        for state in world.policy_states:
            self._keep(state)
        heard = weakref.WeakMethod(self._heard)
        world.resources.listen(lambda key, body: found(key, body) if (found := heard()) else None)

    # What holds

    def rules(self) -> list[Rule]:
        """All rules in force now, by assignment."""
        self._catch_up()
        if self._rules is None:
            self._rules = [
                rule
                for key, body in sorted(self._objects.items())
                if type_of(key) == ASSIGNMENTS.lower()
                for rule in self._meant(body)
            ]
        return self._rules

    def _meant(self, assignment: Json) -> list[Rule]:
        try:
            return list(rules_of(assignment, self._objects))
        except FinopsError:
            # Recorded estates hold definitions newer than our aliases: such an assignment keeps its recorded states.
            return []

    def rules_for(self, body: Json) -> list[Rule]:
        """The rules that govern `body` by where it lies; whether they are about it is for them to say."""
        resource_id, world = str(body["id"]), self._world
        if type_of(resource_id).startswith(UNGOVERNED):
            return []
        return [
            rule
            for rule in self.rules()
            if covers(world, rule.scope, resource_id)
            and not any(covers(world, str(each), resource_id) for each in rule.settings.get("notScopes") or [])
            and rule.selects(body)
        ]

    def exemptions_of(self, rule: Rule, resource_id: str) -> list[Json]:
        """The exemptions in force that take `resource_id` out of `rule`."""
        self._catch_up()
        now = self._world.clock.now()
        if self._exemptions is None:
            self._exemptions = [body for key, body in self._objects.items() if type_of(key) == EXEMPTIONS.lower()]
        return [
            body
            for body in self._exemptions
            if rule.is_exempted_by(body, now) and covers(self._world, home_of(body["id"]), resource_id)
        ]

    def _catch_up(self) -> None:
        now = self._world.clock.now()
        while self._coming and self._coming[0][0] + IN_FORCE_AFTER <= now:
            _, key, body = self._coming.popleft()
            self._rules = self._exemptions = None
            if body is None:
                self._objects.pop(key, None)
            else:
                self._objects[key] = body

    def _heard(self, key: str, body: Json | None) -> None:
        kind, now = type_of(key), self._world.clock.now()
        if kind in OBJECTS:
            self._coming.append((now, key, body))
            named = body or self._objects.get(key) or {}
            assigned = inside(named, "properties").get("policyAssignmentId")
            about = key if kind == ASSIGNMENTS.lower() else str(assigned).lower() if assigned else ""
            self._rescan[about] = now + SEEN_AFTER
        elif not kind.startswith(UNGOVERNED):
            # Of many changes the first and the last are enough: a look sees what there is then.
            times = self._changed.setdefault(key, [])
            times[1:] = [now + SEEN_AFTER]

    # What was found

    def states(self) -> list[Json]:
        """The latest state of each resource under each rule, computed or recorded."""
        self.settle()
        return [state for held in self._states.values() for state in held.values()]

    def settle(self) -> None:
        """Look at what is due by now, in its order: changes, what new assignments govern, once a day everything."""
        now = self._world.clock.now()
        due: list[tuple[datetime, str, str]] = []
        for key, times in list(self._changed.items()):
            due += [(at, "change", key) for at in times if at <= now]
            self._changed[key] = [at for at in times if at > now]
            if not self._changed[key]:
                del self._changed[key]
        due += [(at, "assignment", about) for about, at in self._rescan.items() if at <= now]
        days = (now - self._looked) // LOOKED_AT_EVERY
        if days:
            self._looked += days * LOOKED_AT_EVERY
            due.append((self._looked, "everything", ""))
        for at, kind, key in sorted(due):
            if kind == "change":
                self._look_at(key, at)
            elif kind == "everything":
                self.look(lambda rule: True, "", at)
            else:
                del self._rescan[key]
                self._look_under(key, at)

    def _look_under(self, assignment: str, at: datetime) -> None:
        """Everything under one assignment, or under all where a definition changed ("")."""
        self.look(lambda rule: assignment in ("", rule.assignment["id"].lower()), "", at)
        if assignment and assignment not in self._objects:
            self._states.pop(assignment, None)

    def look(self, chosen: Callable[[Rule], bool], scope: str, at: datetime) -> None:
        """Evaluate all resources below `scope` under the rules that are chosen; `at` is what their states will say."""
        rules = [rule for rule in self.rules() if chosen(rule)]
        assignments = {rule.assignment["id"].lower() for rule in rules}
        for assignment in assignments:
            held = self._states.get(assignment, {})
            self._states[assignment] = {
                key: state for key, state in held.items() if scope and not covers(self._world, scope, key[0])
            }
        for body in list(self._world.resources.all()):
            if not scope or covers(self._world, scope, body["id"]):
                self._evaluate(body, [rule for rule in self.rules_for(body) if chosen(rule)], at)
        for assignment, held in self._states.items():
            if assignment not in assignments:
                self._refresh(held.values(), scope, at)

    def _refresh(self, states: Iterable[Json], scope: str, at: datetime) -> None:
        """Recorded states of assignments that cannot be evaluated here: the look confirms them."""
        for state in states:
            if state.get("policyAssignmentId", "").lower() not in self._objects and covers(
                self._world, scope, str(state.get("resourceId"))
            ):
                state["timestamp"] = compliance.zulu(at)

    def _look_at(self, key: str, at: datetime) -> None:
        body = self._world.resources.get(key)
        evaluable = {rule.assignment["id"].lower() for rule in self.rules()}
        for assignment, held in self._states.items():
            if body is None or assignment in evaluable:
                for found in [each for each in held if each[0] == key]:
                    del held[found]
        if body is not None:
            self._evaluate(body, self.rules_for(body), at)

    def _evaluate(self, body: Json, rules: list[Rule], at: datetime) -> None:
        for rule in rules:
            exempt = bool(self.exemptions_of(rule, body["id"]))
            state = compliance.state_of(self._world, rule, body, at, exempt)
            if state is not None:
                self._keep(state)

    def _keep(self, state: Json) -> None:
        names = ("resourceId", "policyAssignmentId", "policyDefinitionId", "policyDefinitionReferenceId")
        key = tuple(str(state.get(name) or "").lower() for name in names)
        self._states.setdefault(key[1], {})[key] = state
