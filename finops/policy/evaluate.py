"""What the policies would do with a resource, and why, expression by expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from finops.conditions import Aliases, Change, Explanation, Outcome, Policy, Wanted, apply
from finops.errors import FinopsError
from finops.policy.content import Content, Definition
from finops.policy.initiatives import handed_on
from finops.policy.inputs.given import Given
from finops.policy.pending import Doubt, is_pending, pending, reconsidered
from finops.policy.words import lines

Verdict = Literal["denied", "changed", "audited", "not evaluated", "fine"]
VERDICTS: dict[str, Verdict] = {"deny": "denied", "denyAction": "denied", "modify": "changed", "append": "changed",
                                "deployIfNotExists": "changed"}  # fmt: skip
# What finops.conditions tells the caller of its Python interface.
HINT = re.compile(r" \(give context\[[^)]*\]\)")
# What stands in for a list or text that the assignment would give.
PENDING = {"array": lambda reason: [pending(reason)], "string": pending}


@dataclass(frozen=True)
class NotTold:
    """Why it cannot be told what is beside a resource."""

    reason: str


@dataclass(frozen=True)
class Answer:
    """What one policy says of one resource.

    message   what the person would read who is denied
    changes   what modify or append would change
    why       the whole rule, expression by expression
    words     the same in words, one line an expression
    unknown   what keeps it from being told
    """

    policy: str
    title: str
    verdict: Verdict
    message: str = ""
    changes: tuple[Change, ...] = ()
    why: Explanation | None = None
    unknown: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class Rules:
    """The policies of a folder with their parameters, ready to be asked."""

    def __init__(self, content: Content, parameters: Mapping[str, Any], aliases: Aliases | None = None) -> None:
        self._rules: list[tuple[Definition, Policy | FinopsError, frozenset[str]]] = []
        for definition in content.definitions:
            given = handed_on(content.bundle, definition.name, parameters)
            missing = {name for name in definition.needed if name.lower() not in {key.lower() for key in given}}
            given |= {name: stand_in for name in missing if (stand_in := _stand_in(definition, name)) is not None}
            try:
                policy: Policy | FinopsError = definition.compiled(given, aliases)
            except FinopsError as fault:
                policy = fault
            self._rules.append((definition, policy, frozenset(missing)))
        self.faults = [fault for _, fault in content.bundle.faults]
        self.faults += [policy for _, policy, _ in self._rules if isinstance(policy, FinopsError)]

    def asked(self, given: Given, beside: Iterable[Given] = (), now: datetime | None = None) -> list[Answer]:
        """What each policy says of a resource. beside: what else the same input brings.

        Azure changes a request first (append, modify), and then asks the other policies about the changed one:
        https://learn.microsoft.com/azure/governance/policy/concepts/effect-basics#order-of-evaluation
        """
        related = _related(given, beside)
        rules = [(one, policy, missing) for one, policy, missing in self._rules if isinstance(policy, Policy)]
        answers: dict[str, Answer] = {}
        for definition, policy, missing in rules:
            if policy.effect in ("modify", "append"):
                answer = _answer(definition, policy, missing, given, related, now)
                answers[definition.name] = answer
                given = replace(given, body=apply(given.body, answer.changes))
        for definition, policy, missing in rules:
            if definition.name not in answers:
                answers[definition.name] = _answer(definition, policy, missing, given, related, now)
        return [answers[definition.name] for definition, _, _ in rules]


def _stand_in(definition: Definition, name: str) -> Any:
    """Something in place of a value that nobody gave; None where the rule cannot be read without it."""
    about = {str(key).lower(): value for key, value in definition.item.parameters[name].items()}
    make = PENDING.get(str(about.get("type", "")).lower())
    return make(f"the policy's parameter {name} has no value") if make and "allowedvalues" not in about else None


def _related(given: Given, beside: Iterable[Given]) -> Any:
    bodies = [each.body for each in beside if not each.skipped]

    def found(wanted: Wanted) -> Any:
        kind = wanted.type.lower()
        there = [body for body in bodies if str(body.get("type", "")).lower() == kind]
        below = wanted.below.lower().rstrip("/") + "/"
        same = [body for body in there if body.get("id") and str(body["id"]).lower().startswith(below)]
        if same and wanted.below:
            return same
        return NotTold("Azure looks for it some minutes after the resource was made")

    return found


def _answer(
    definition: Definition, policy: Policy, missing: frozenset[str], given: Given, related: Any, now: datetime | None
) -> Answer:
    body = given.body
    outcome = policy.evaluate(body, None, related, now, given.context)
    told = policy.explain(body, None, related, now, given.context)
    doubt = Doubt(body, missing, given.tags)
    if doubt.any:
        told = reconsidered(told, doubt)
        outcome = _doubted(outcome, told)
    told = _without_hints(told)
    told_in_words = tuple(lines(told, policy, definition.item.properties))

    def answer(verdict: Verdict, unknown: tuple[str, ...] = (), changes: tuple[Change, ...] = ()) -> Answer:
        return Answer(
            definition.name, definition.item.title, verdict, definition.message, changes, told, unknown, told_in_words
        )

    if outcome.held is None:
        reasons = dict.fromkeys(
            [*map(str, told.unknown()), *([outcome.not_evaluated] if outcome.not_evaluated else [])]
        )
        return answer("not evaluated", tuple(dict.fromkeys(HINT.sub("", each) for each in reasons)))
    if not outcome.held:
        if outcome.not_evaluated:
            return answer("not evaluated", (outcome.not_evaluated,))
        return answer("fine")
    verdict = VERDICTS.get(str(outcome.effect), "audited")
    if outcome.denied:
        verdict = "denied"
    needed = tuple(change for change in outcome.changes if change.needed)
    if verdict == "changed" and outcome.changes and not needed:
        verdict = "fine"
    return answer(verdict, changes=needed)


def _without_hints(told: Explanation) -> Explanation:
    why = told.why and replace(told.why, reason=HINT.sub("", told.why.reason))
    return replace(told, why=why, parts=tuple(map(_without_hints, told.parts)))


def _doubted(outcome: Outcome, told: Explanation) -> Outcome:
    """The outcome once answers that rest on unknown values were taken back."""
    if told.held is None:
        return Outcome(None)
    if told.held is False:
        return Outcome(False)
    if outcome.held and any(is_pending(change.value) for change in outcome.changes):
        return Outcome(None, not_evaluated="what it would be changed to is not known yet")
    return outcome
