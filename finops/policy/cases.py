"""A policy's cases: a resource, its surroundings, and in the file's name what the policy does with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.conditions import Outcome, Policy, apply, read_rule
from finops.errors import DataError

Json = dict[str, Any]

EFFECTS = ("deny", "audit", "append", "modify", "denyAction", "auditIfNotExists", "deployIfNotExists", "manual")
# none: the policy does not apply. unknown: that cannot be told, which is never "compliant".
EXPECTED = (*EFFECTS, "none", "unknown")
# What a case may say beside the resource. A case that says nothing else is just the resource.
BESIDE = ("resourceGroup", "subscription", "parameters", "related", "after", "now", "apiVersion", "why")
ENVELOPE = ("resource", *BESIDE)


@dataclass(frozen=True)
class Case:
    """One case.

    expected    an effect, "none" or "unknown", in Azure's spelling
    context     resourceGroup and subscription, where the case tells them
    parameters  the values that the assignment gives, beside the defaults
    related     what exists beside the resource; None where the case does not tell
    after       what the resource must have once modify or append is done
    """

    file: Path
    expected: str
    resource: Json
    context: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    related: tuple[Json, ...] | None = None
    after: Json | None = None
    now: datetime | None = None
    api_version: str | None = None

    @property
    def name(self) -> str:
        return self.file.stem

    def outcome(self, policy: Policy) -> Outcome:
        return policy.evaluate(self.resource, None, self.related, self.now, self.context, self.api_version)

    def told(self, policy: Policy) -> str:
        """Why, expression by expression."""
        return str(policy.explain(self.resource, None, self.related, self.now, self.context, self.api_version))

    def complaint(self, policy: Policy) -> str:
        """How the policy decides otherwise than the case says; "" where it decides as the case says."""
        outcome = self.outcome(policy)
        decided = verdict(outcome)
        if decided != self.expected:
            return f"expected {self.expected}, decided {decided}"
        if self.after is None:
            return ""
        changed = apply(self.resource, outcome.changes)
        wrong = [name for name, value in self.after.items() if changed.get(name) != value]
        return f"{wrong[0]} becomes {changed.get(wrong[0])}, not {self.after[wrong[0]]}" if wrong else ""


def verdict(outcome: Outcome) -> str:
    """The effect that applies, "none" or "unknown"."""
    if outcome.held is None or outcome.not_evaluated:
        return "unknown"
    return str(outcome.effect) if outcome.held else "none"


def read_case(file: Path) -> Case:
    """The case in a file. Its name ends in -<expected>.json."""
    stem, dash, word = file.stem.rpartition("-")
    expected = next((each for each in EXPECTED if each.lower() == word.lower()), None)
    if not dash or not stem or expected is None:
        raise DataError(
            f"{file} does not say in its name what is expected.",
            f"Name it <case>-<expected>.json; expected is one of {', '.join(EXPECTED)}.",
        )
    body = read_rule(file)
    if not isinstance(body, dict):
        raise DataError(f"{file} is not an object.", "Write a resource as Azure Resource Manager returns it.")
    if "resource" not in body:
        body = {"resource": body}
    odd = [name for name in body if name not in ENVELOPE]
    if odd:
        raise DataError(f"{file} has {odd[0]!r}.", f"A case may have {', '.join(ENVELOPE)}.")
    return _case(file, expected, body)


def _case(file: Path, expected: str, body: Json) -> Case:
    for name in ("resource", "resourceGroup", "subscription", "parameters", "after"):
        if not isinstance(body.get(name, {}), dict):
            raise DataError(f"{file}: {name} is not an object.", "See policies/README.md.")
    resource = body["resource"]
    if not isinstance(resource.get("type", resource.get("id")), str):
        raise DataError(f"{file}: the resource has no type.", 'Give it "type", as Azure Resource Manager does.')
    related = body.get("related")
    if related is not None and not (isinstance(related, list) and all(isinstance(each, dict) for each in related)):
        raise DataError(f"{file}: related is not a list of resources.", 'Write "related": [ {...} ].')
    context: Json = {name: body[name] for name in ("resourceGroup", "subscription") if name in body}
    now = body.get("now")
    try:
        moment = datetime.fromisoformat(now) if now is not None else None
    except (TypeError, ValueError) as fault:
        raise DataError(f"{file}: now is {now!r}.", "Write it as 2026-01-31T12:00:00Z.") from fault
    return Case(
        file,
        expected,
        resource,
        context,
        body.get("parameters", {}),
        None if related is None else tuple(related),
        body.get("after"),
        moment,
        body.get("apiVersion"),
    )
