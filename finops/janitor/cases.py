"""A rule's cases: a resource with its facts, and in the file's name what the rule makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.conditions import read_rule
from finops.errors import DataError
from finops.estate import Estate, Known, Resource, Unknown
from finops.estate.ids import key
from finops.exemptions import Exemptions, by_tag
from finops.janitor.find import Look, decide
from finops.janitor.model import Finding, Json, Kept, Rule

# waste: it is found. kept: the rule does not hold, or something protects it. unknown: something is not known, so it
# is kept.
EXPECTED = ("waste", "kept", "unknown")
ENVELOPE = ("resource", "facts", "beside", "parameters", "now", "why")
NOW = datetime(2026, 11, 17, 12, tzinfo=UTC)
LONGEST_DAYS = 366
# What a case need not say: nothing is locked, nothing refers to it.
USUAL = {"locked": False, "dependents": []}


@dataclass(frozen=True)
class Case:
    """One case.

    facts       by name: a value, or {"reason": "..."} where it is not known
    beside      other resources of the estate: what is above it, or below
    parameters  what a site sets, beside the defaults
    """

    file: Path
    expected: str
    resource: Json
    facts: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[Json, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def name(self) -> str:
        return self.file.stem

    def decided(self, rule: Rule) -> Finding | Kept | None:
        return decide(rule, self._resource, self._look)

    def complaint(self, rule: Rule) -> str:
        """How the rule decides otherwise than the case says; "" where it decides as the case says."""
        decided = verdict(self.decided(rule))
        return "" if decided == self.expected else f"expected {self.expected}, decided {decided}"

    def told(self, rule: Rule) -> str:
        """Why, expression by expression."""
        text = str(rule.condition.explain(self.resource, self._resource.facts, self.now))
        decided = self.decided(rule)
        return f"{text}\n{decided.why}" if isinstance(decided, Kept) else text

    @property
    def _resource(self) -> Resource:
        facts = {name: _fact(value, self.now) for name, value in {**USUAL, **self.facts}.items()}
        return Resource(str(self.resource["id"]), self.resource, facts)

    @property
    def _look(self) -> Look:
        all_of_them = [self._resource, *(Resource(str(each["id"]), each) for each in self.beside)]
        estate = Estate(self.now, {key(each.id): each for each in all_of_them})
        return Look(estate, Exemptions(by_tag(all_of_them, self.now, LONGEST_DAYS)), self.now)


def verdict(decided: Finding | Kept | None) -> str:
    if isinstance(decided, Finding):
        return "waste"
    return "unknown" if decided is not None and decided.unknown else "kept"


def _fact(value: Any, now: datetime) -> Known | Unknown:
    if isinstance(value, dict) and set(value) == {"reason"}:
        return Unknown(str(value["reason"]))
    return Known(value, now)


def read_case(file: Path) -> Case:
    """The case in a file. Its name ends in -waste.json, -kept.json or -unknown.json."""
    stem, dash, word = file.stem.rpartition("-")
    if file.suffix != ".json" or not dash or not stem or word not in EXPECTED:
        raise DataError(
            f"{file} does not say in its name what is expected.",
            f"Name it <case>-<expected>.json; expected is one of {', '.join(EXPECTED)}.",
        )
    body = read_rule(file)
    if not isinstance(body, dict) or not isinstance(body.get("resource"), dict):
        raise DataError(f"{file} has no resource.", 'Write {"resource": {"id": ..., "type": ...}, "facts": {...}}.')
    odd = [name for name in body if name not in ENVELOPE]
    if odd:
        raise DataError(f"{file} has {odd[0]!r}.", f"A case may have {', '.join(ENVELOPE)}.")
    for name in ("facts", "parameters"):
        if not isinstance(body.get(name, {}), dict):
            raise DataError(f"{file}: {name} is not an object.", "See janitor/README.md.")
    for each in (body["resource"], *_listed(body.get("beside", []), file)):
        if not isinstance(each, dict) or not all(isinstance(each.get(name), str) for name in ("id", "type")):
            raise DataError(f"{file}: a resource has no id or no type.", "Write both, as Azure Resource Manager does.")
    return Case(
        file, word, body["resource"], body.get("facts", {}), tuple(body.get("beside", [])), body.get("parameters", {}),
        _moment(body.get("now"), file),
    )  # fmt: skip


def _listed(value: Any, file: Path) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{file}: beside is not a list of resources.", 'Write "beside": [ {...} ].')
    return value


def _moment(written: Any, file: Path) -> datetime:
    if written is None:
        return NOW
    try:
        moment = datetime.fromisoformat(written)
    except (TypeError, ValueError) as fault:
        raise DataError(f"{file}: now is {written!r}.", "Write it as 2026-01-31T12:00:00Z.") from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
