"""How many of a rule's mutants its cases notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finops.conditions import Aliases, Policy, compile_policy, shipped_aliases
from finops.errors import FinopsError
from finops.policy.cases import Case, Json
from finops.policy.content import Definition
from finops.policy.mutate import Mutant, mutants
from finops.policy.proof import equivalent


@dataclass(frozen=True)
class Score:
    """How a definition's mutants fared.

    noticed    how many a case noticed
    survivors  those that none noticed
    proved     those that nothing could notice, each with the proof; they do not count
    """

    noticed: int
    survivors: tuple[Mutant, ...]
    proved: tuple[tuple[Mutant, str], ...] = ()

    @property
    def all(self) -> int:
        return self.noticed + len(self.survivors)

    @property
    def percent(self) -> float:
        """100 where there is nothing to notice."""
        return 100 * self.noticed / self.all if self.all else 100.0


def score(definition: Definition, aliases: Aliases | None = None) -> Score:
    """The score of a definition whose own cases all pass."""
    table = aliases or shipped_aliases()
    noticed = 0
    survivors: list[Mutant] = []
    proved: list[tuple[Mutant, str]] = []
    for mutant in mutants(definition.item.properties):
        held = _noticed(mutant.properties, definition.cases, table)
        if held:
            noticed += 1
        elif held is False:
            why = equivalent(definition.item.properties, mutant.properties, table)
            if why:
                proved.append((mutant, why))
            else:
                survivors.append(mutant)
    return Score(noticed, tuple(survivors), tuple(proved))


def _noticed(properties: Json, cases: tuple[Case, ...], aliases: Aliases) -> bool | None:
    """Whether a case decides otherwise than it says; None for a rule that Azure would not accept at all."""
    try:
        compiled = Compiled(properties, aliases)
        return any(case.complaint(compiled.given(case.parameters)) for case in cases)
    except FinopsError:
        return None


class Compiled:
    """One definition, compiled once for each set of parameters."""

    def __init__(self, properties: Json, aliases: Aliases | None, source: str = "") -> None:
        self._properties, self._aliases, self._source = properties, aliases, source
        self._known: list[tuple[Mapping[str, Any], Policy]] = []

    def given(self, parameters: Mapping[str, Any]) -> Policy:
        for known, policy in self._known:
            if known == parameters:
                return policy
        policy = compile_policy(self._properties, parameters, self._aliases, source=self._source)
        self._known.append((parameters, policy))
        return policy
