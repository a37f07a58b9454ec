"""Whether policies do what their cases say, are well made, and whether their cases would notice if they changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from finops.conditions import Aliases, shipped_aliases
from finops.errors import FinopsError
from finops.policy.content import Content, Definition
from finops.policy.initiatives import lint_initiative
from finops.policy.lint import Finding, fault_in, lint
from finops.policy.scoring import Compiled, Score, score

LEAST = 95.0  # percent of its mutants that a policy's cases must notice


class Case(Protocol):
    """What is told of a case: of a policy's, and of a waste rule's."""

    @property
    def file(self) -> Path: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Failure:
    """A case that is decided otherwise than it says. `told` is why, expression by expression."""

    case: Case
    what: str
    told: str = ""


@dataclass(frozen=True)
class Checked:
    """What was found out about one policy, initiative or waste rule. `score` is None where it was not mutated."""

    name: str
    file: Path
    cases: tuple[Case, ...] = ()
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()
    score: Score | None = None
    least: float = field(default=LEAST, repr=False)

    @property
    def errors(self) -> list[Finding]:
        return [found for found in self.findings if found.level == "error"]

    @property
    def is_weak(self) -> bool:
        """Whether its cases would not notice enough of what could change."""
        return self.score is not None and self.score.percent < self.least

    @property
    def passed(self) -> bool:
        return not self.failures and not self.errors and not self.is_weak


def check(
    content: Content,
    aliases: Aliases | None = None,
    least: float = LEAST,
    mutate: bool = True,
    step: Callable[[str], None] = lambda name: None,
) -> list[Checked]:
    """Each policy and initiative of `content`, the files that cannot be read among them.

    least   percent of mutants that must be noticed; step: told which policy is looked at now
    """
    table = aliases or shipped_aliases()
    checked: list[Checked] = []
    for definition in content.definitions:
        step(definition.name)
        checked.append(check_one(definition, table, least, mutate))
    for item in content.bundle.initiatives:
        findings = lint_initiative(item, content.bundle, content.definitions)
        checked.append(Checked(item.name, Path(item.source), findings=tuple(findings)))
    for source, fault in content.bundle.faults:
        file = Path(source)
        checked.append(Checked(file.parent.name, file, findings=(fault_in(file, fault, "schema"),)))
    return sorted(checked, key=lambda one: one.name)


def check_one(definition: Definition, aliases: Aliases, least: float = LEAST, mutate: bool = True) -> Checked:
    """One policy. It is mutated only where it compiles and all its cases pass: else the score would say nothing."""
    findings = tuple(lint(definition, aliases))
    broken = any(each.rule == "compile" for each in findings)
    # What keeps it from compiling would be said once more of every case.
    failures = () if broken else _failures(definition, aliases)
    sound = mutate and definition.cases and not failures and not broken
    scored = score(definition, aliases) if sound else None
    return Checked(definition.name, definition.file, definition.cases, failures, findings, scored, least)


def _failures(definition: Definition, aliases: Aliases) -> tuple[Failure, ...]:
    compiled = Compiled(definition.item.properties, aliases, definition.item.source)
    found: list[Failure] = []
    for case in definition.cases:
        try:
            policy = compiled.given(case.parameters)
        except FinopsError as fault:
            found.append(Failure(case, str(fault).removeprefix(f"{definition.item.source}: ")))
            continue
        complaint = case.complaint(policy)
        if complaint:
            found.append(Failure(case, complaint, case.told(policy)))
    return tuple(found)
