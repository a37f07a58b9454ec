"""A policy definition compiled once, evaluated against many resources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from finops.conditions import aliases as tables
from finops.conditions.aliases import Aliases
from finops.conditions.calls import compile_value
from finops.conditions.changes import Change, Make, compile_changes
from finops.conditions.compiler import Compiler, Fields, meant
from finops.conditions.condition import Node, compile_condition
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.fields import body_of
from finops.conditions.parameters import resolve, used_in
from finops.conditions.related import Existence, Related, compile_existence
from finops.conditions.scope import POLICY_GROUP, Json, Scope, Undecided
from finops.conditions.values import kind, shown

PROPERTIES = ("policyRule", "parameters", "mode", "displayName", "description", "metadata", "policyType", "version")
EVALUATED = ("deny", "audit", "append", "modify", "denyAction", "auditIfNotExists", "deployIfNotExists", "manual")
# Effects that Azure Resource Manager does not evaluate, or that change something else than the resource.
ELSEWHERE = {
    "disabled": "its effect is disabled",
    "addToNetworkGroup": "addToNetworkGroup is evaluated by Azure Virtual Network Manager",
    "mutate": "mutate is evaluated within a cluster",
    "enforceRegoPolicy": "enforceRegoPolicy is evaluated within a cluster",
    "enforceOPAConstraint": "enforceOPAConstraint is evaluated within a cluster",
    "enforceSetting": "enforceSetting is evaluated within a machine",
    "auditAction": "auditAction is evaluated on requests",
    "none": "its effect is none",
}
EFFECTS = {name.lower(): name for name in (*EVALUATED, *ELSEWHERE)}
# Of Microsoft.Resources, mode Indexed leaves out groups and subscriptions although they have tags and a location.
NOT_INDEXED = ("microsoft.resources/subscriptions", POLICY_GROUP)


@dataclass(frozen=True)
class Outcome:
    """What a policy says of one resource.

    held            True: its effect applies. False: it does not. None: that cannot be told.
    effect          the effect that applies, in Azure's spelling; None unless `held`
    not_evaluated   why the policy was not evaluated, or could not be; None where it was
    unknown         the facts that would have to be known, each with the reason
    changes         what modify or append would change
    """

    held: bool | None
    effect: str | None = None
    not_evaluated: str | None = None
    unknown: tuple[Unknown, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def compliant(self) -> bool:
        """Whether the policy was evaluated, and does not apply. What cannot be told is not compliant."""
        return self.held is False and self.not_evaluated is None

    @property
    def denied(self) -> bool:
        """Whether Azure would refuse the request: by deny, or because append meets another value."""
        return self.effect == "deny" or any(change.conflict for change in self.changes)


CLEAR = Outcome(False)


@dataclass(frozen=True)
class Policy:
    """A compiled definition.

    gaps       what can never be evaluated in it: (place, why)
    declared   the parameters that it declares, in lower case; `used` those that its rule names
    facts      the facts that it asks for
    """

    name: str
    display_name: str
    mode: str
    effect: str
    parameters: Mapping[str, Any]
    declared: frozenset[str]
    used: frozenset[str]
    facts: frozenset[str]
    gaps: tuple[tuple[str, str], ...]
    condition: Node = field(repr=False)
    details: Any = field(repr=False)
    existence: Existence | None = field(repr=False)
    changes: tuple[Make, ...] = field(repr=False)
    idle: str | None = None
    slots: int = 0
    untaggable: frozenset[str] = field(default=frozenset(), repr=False)
    targets: frozenset[str] = frozenset()
    applies: Outcome = CLEAR

    def evaluate(
        self,
        resource: Any,
        facts: Mapping[str, Any] | None = None,
        related: Related = None,
        now: datetime | None = None,
        context: Mapping[str, Any] | None = None,
        api_version: str | None = None,
    ) -> Outcome:
        """What the policy says of `resource`: an ARM body, or an object with `body` and `facts`."""
        if self.idle is not None:
            return self.applies
        scope = self._scope(resource, facts, now, context, api_version)
        if self._beside(scope):
            return CLEAR
        held = self.condition.test(scope)
        if held is False:
            return CLEAR
        if held is None:
            return _untold(self.condition.explain(scope))
        if self.existence is None and not self.changes:
            return self.applies
        return self._applied(scope, related)

    def explain(
        self,
        resource: Any,
        facts: Mapping[str, Any] | None = None,
        related: Related = None,
        now: datetime | None = None,
        context: Mapping[str, Any] | None = None,
        api_version: str | None = None,
    ) -> Explanation:
        """Why: the whole rule, expression by expression."""
        scope = self._scope(resource, facts, now, context, api_version)
        told = self.condition.explain(scope)
        if self.idle is not None:
            return Explanation("then", f"not evaluated: {self.idle}", None, parts=(told,))
        beside = self._beside(scope)
        if beside:
            return Explanation("policyRule", beside, False, parts=(told,))
        if self.existence is None or told.held is not True:
            return Explanation("if", f"if, then {self.effect}", told.held, parts=(told,))
        missing = self.existence.explain(scope, related)
        return Explanation("if", f"if, then {self.effect}", missing.held, parts=(told, missing))

    def _scope(self, resource: Any, facts: Any, now: Any, context: Any, api_version: str | None) -> Scope:
        if type(resource) is not dict:
            facts = getattr(resource, "facts", None) if facts is None else facts
            resource = body_of(resource)
        return Scope(resource, facts, context, now, api_version, self.slots)

    def _beside(self, scope: Scope) -> str:
        """Why the policy is not about this resource at all; "" where it is.

        A rule that names aliases and no type is about the types of its aliases. Mode Indexed leaves out types that
        have neither tags nor a location.
        """
        if self.targets and scope.type and scope.type not in self.targets:
            return f"its aliases are not of {scope.type}"
        if self.mode != "indexed":
            return ""
        bare = scope.type in self.untaggable and "tags" not in scope.body and "location" not in scope.body
        return f"mode Indexed leaves out {scope.type}" if bare or scope.type in NOT_INDEXED else ""

    def _applied(self, scope: Scope, related: Related) -> Outcome:
        if self.existence is not None:
            try:
                there = self.existence.exists(scope, related)
            except Undecided:
                there = None
            return (
                CLEAR if there else self.applies if there is False else _untold(self.existence.explain(scope, related))
            )
        try:
            made = [make(scope) for make in self.changes]
        except Undecided as fault:
            return _untold(Explanation("then.details", "details", None, why=Unknown(fault.fact, fault.reason)))
        return Outcome(True, self.effect, changes=tuple(each for each in made if each))


def _untold(explanation: Explanation) -> Outcome:
    """The outcome that cannot be told: unknown facts first, then what failed."""
    found = list(explanation.unknown())
    failed = [each.reason for each in found if not each.fact]
    return Outcome(None, None, "; ".join(failed) or None, tuple(each for each in found if each.fact))


def compile_policy(
    definition: Any,
    parameters: Mapping[str, Any] | None = None,
    aliases: Aliases | None = None,
    *,
    fields: Fields = "azure",
    strict: bool = True,
    facts: Collection[str] | None = None,
    source: str = "",
) -> Policy:
    """A definition as the portal shows it, with or without its ARM envelope, or a bare {"if", "then"} rule.

    fields   which fields it may name: what "azure" accepts, "arm" paths such as properties.x too, or "any" path
    strict   refuse an alias that the table does not know although it knows its resource type
    facts    the names of the facts that there are; None accepts any
    source   the file, for messages
    """
    table = tables.shipped() if aliases is None else aliases
    known = None if facts is None else frozenset(facts)
    c = Compiler(table, {}, None, fields, strict, known, source)
    body, name = _unwrapped(definition, c)
    rule = _keyed(body, ("policyrule",)).get("policyrule", body if _is_rule(body) else None)
    if rule is None:
        c.refuse("policyRule", "is missing", 'Write {"policyRule": {"if": ..., "then": ...}}.')
    if not isinstance(rule, dict):
        c.refuse("policyRule", f"is {kind(rule)} {shown(rule)}, not an object", 'Write {"if": ..., "then": ...}.')
    told = _keyed(body, ("parameters", "mode", "displayname"))
    declared = None if body is rule else told.get("parameters") or {}
    if declared is not None and not declared and parameters and "parameters" not in told:
        declared = None
    c.parameters = resolve(declared, parameters or {}, c)
    c.declared = None if declared is None else frozenset(str(each).lower() for each in declared)
    return _compiled(rule, told, name, c)


def _compiled(rule: Json, told: Mapping[str, Any], name: str, c: Compiler) -> Policy:
    parts = _keyed(rule, ("if", "then"))
    for each in ("if", "then"):
        if each not in parts:
            c.refuse(f"policyRule.{each}", "is missing", 'A rule has "if" and "then".')
    then = parts["then"]
    if not isinstance(then, dict):
        c.refuse("policyRule.then", f"is {kind(then)} {shown(then)}", 'Write {"effect": ...}.')
    keys = _keyed(then, ("effect", "details"))
    mode = str(told.get("mode") or "All")
    effect = _effect(keys.get("effect"), c)
    details, existence, changes = keys.get("details"), None, []
    idle = ELSEWHERE.get(effect)
    if mode.lower() not in ("all", "indexed"):
        idle = f"mode {mode} is evaluated by the service itself, not from what Azure Resource Manager knows"
        c.fields, c.strict = "any", False
    condition = compile_condition(parts["if"], "policyRule.if", c)
    namespaced = any("/" not in kind for kind in c.types)  # a type was named, or an alias is of a whole namespace
    targets = frozenset() if namespaced else frozenset(c.types)
    place = "policyRule.then.details"
    if effect in ("auditIfNotExists", "deployIfNotExists") and idle is None:
        existence = compile_existence(details, place, c)
    elif effect in ("modify", "append") and idle is None:
        changes = compile_changes(effect, details, place, c)
    applies = Outcome(False if effect == "disabled" else None, None, idle) if idle else Outcome(True, effect)
    return Policy(name, str(told.get("displayname") or ""), mode.lower(), effect, c.parameters,
                  c.declared or frozenset(), used_in(rule), frozenset(c.asked), tuple(c.gaps), condition, details,
                  existence, tuple(changes), idle, c.slots, c.aliases.untaggable, targets, applies)  # fmt: skip


def _effect(given: Any, c: Compiler) -> str:
    place = "policyRule.then.effect"
    if given is None:
        c.refuse(place, "is missing", f"Effects are {', '.join(EVALUATED)} and disabled.")
    value = compile_value(given, place, c)
    told = value.value if value.constant else None
    if not isinstance(told, str) or told.lower() not in EFFECTS:
        c.refuse(place, f"is {shown(told if value.constant else given)}, which is no effect",
                 f"Effects are {', '.join(EVALUATED)} and disabled.{meant(str(told), EFFECTS.values())}")  # fmt: skip
    return EFFECTS[told.lower()]


def _unwrapped(definition: Any, c: Compiler) -> tuple[Json, str]:
    """The properties of a definition, out of its ARM envelope."""
    if not isinstance(definition, dict):
        c.refuse("the definition", f"is {kind(definition)} {shown(definition)}, not an object", "Give a definition.")
    name = str(definition.get("name") or "")
    inner = _keyed(definition, ("properties",)).get("properties")
    if not isinstance(inner, dict):
        return definition, name
    both = sorted(
        {key.lower() for key in inner} & {key.lower() for key in definition} & {p.lower() for p in PROPERTIES}
    )
    if both:
        c.refuse(both[0], "stands both in and outside of `properties`", "Say it once, in `properties`.")
    return inner, name


def _is_rule(body: Json) -> bool:
    return any(str(key).lower() in ("if", "then") for key in body) or not body


def _keyed(given: Json, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of `names` that are there, in whichever case."""
    return {str(key).lower(): value for key, value in given.items() if str(key).lower() in names}
