"""What is wrong with a policy, or could be said better: each rule is one function in a file of this folder.

    @rule("unused-parameter", "error")
    def unused(subject: Subject) -> Iterator[Found]: ...

A rule yields places of the definition (policyRule.if.allOf[1]) with what is wrong there and what to do. Where Azure's
own linter has the same rule it has the same name: https://github.com/Azure/azure-policy-linter (b17bf89).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from finops.conditions import Aliases, Policy
from finops.errors import FinopsError
from finops.policy.content import Definition
from finops.policy.positions import line_of

Level = Literal["error", "warning", "note"]
Json = dict[str, Any]
Found = tuple[str, str, str]  # the place, what is wrong there, what to do


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `line` counts from 1."""

    level: Level
    rule: str
    file: Path
    line: int
    place: str
    what: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.place} " if self.place else ""
        return f"{self.file}:{self.line}: {self.level}: {where}{self.what} {self.fix} [{self.rule}]"


@dataclass(frozen=True)
class Subject:
    """The definition that a rule looks at. `policy` is None where it cannot be compiled."""

    definition: Definition
    aliases: Aliases
    policy: Policy | None = None

    @property
    def properties(self) -> Json:
        return self.definition.item.properties

    @property
    def parameters(self) -> Json:
        return self.definition.item.parameters

    @cached_property
    def rule(self) -> Json:
        found = part(self.properties, "policyRule")
        return found if isinstance(found, dict) else {}

    @cached_property
    def condition(self) -> Any:
        return part(self.rule, "if")

    @cached_property
    def then(self) -> Json:
        found = part(self.rule, "then")
        return found if isinstance(found, dict) else {}

    @cached_property
    def details(self) -> Any:
        return part(self.then, "details")

    @cached_property
    def effect_parameter(self) -> str:
        """The name of the parameter that is the effect; "" where the effect is written out."""
        from finops.policy.expressions import tree

        found = tree(part(self.then, "effect"))
        if getattr(found, "name", "").lower() != "parameters":
            return ""
        wanted = str(getattr(found.args[0], "value", "")) if getattr(found, "args", ()) else ""  # type: ignore[union-attr]
        return next((name for name in self.parameters if name.lower() == wanted.lower()), "")

    @cached_property
    def effects(self) -> list[str]:
        """The effects that it can have, in lower case."""
        about = self.parameters.get(self.effect_parameter) if self.effect_parameter else None
        if isinstance(about, dict):
            allowed, default = part(about, "allowedValues"), part(about, "defaultValue")
            told = allowed if isinstance(allowed, list) else [default]
            return [str(each).lower() for each in told if each is not None]
        written = part(self.then, "effect")
        return [written.lower()] if isinstance(written, str) and not written.startswith("[") else []


Work = Callable[[Subject], Iterator[Found]]
RULES: list[tuple[str, Level, Work]] = []


def rule(name: str, level: Level) -> Callable[[Work], Work]:
    """Mark a function as a rule."""

    def mark(work: Work) -> Work:
        RULES.append((name, level, work))
        return work

    return mark


@cache
def _loaded() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def lint(definition: Definition, aliases: Aliases) -> list[Finding]:
    """All that is wrong with one definition and its cases, worst first."""
    text = definition.file.read_text("utf-8-sig")
    policy, findings = _compiled(definition, aliases, text)
    subject = Subject(definition, aliases, policy)
    for name, level, (place, what, fix) in applied(subject):
        findings.append(Finding(level, name, definition.file, line_of(text, place), place, what, fix))
    findings += [fault_in(file, fault, "case") for file, fault in definition.faults]
    return sorted(findings, key=lambda found: (("error", "warning", "note").index(found.level), found.line))


def applied(subject: Subject, names: Collection[str] = ()) -> Iterator[tuple[str, Level, Found]]:
    """What the rules find, those called `names`, or all of them: the rule's name and level, and what it found."""
    _loaded()
    for name, level, work in RULES:
        if not names or name in names:
            yield from ((name, level, found) for found in work(subject))


def _compiled(definition: Definition, aliases: Aliases, text: str) -> tuple[Policy | None, list[Finding]]:
    try:
        return definition.looked_at(aliases), []
    except FinopsError as fault:
        what = fault.what.removeprefix(f"{definition.item.source}: ")
        place, _, rest = what.partition(" ")
        found = Finding("error", "compile", definition.file, line_of(text, place), place, rest, fault.fix)
        return None, [found]


def fault_in(file: Path, fault: FinopsError, name: str) -> Finding:
    """The finding for a file that could not be read."""
    from finops.policy.positions import broken_at

    try:
        line = broken_at(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        line = 1
    what = fault.what.removeprefix(str(file)).lstrip(": ")
    return Finding("error", name, file, line, "", what, fault.fix)


def part(body: Any, name: str) -> Any:
    """The value under a key, whatever its case; None where there is none."""
    if not isinstance(body, dict):
        return None
    return next((value for key, value in body.items() if str(key).lower() == name.lower()), None)
