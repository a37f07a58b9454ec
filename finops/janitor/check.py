"""Whether waste rules do what their cases say, are well made, and whether their cases would notice a change.

The machinery is that of the policies: the same mutants, proofs, lint rules and scores, over the rule's `if`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from finops.conditions import shipped_aliases
from finops.conditions.compiler import meant
from finops.errors import DataError, FinopsError
from finops.janitor.cases import USUAL, Case, read_case
from finops.janitor.facts import known_for
from finops.janitor.model import Json, Rule
from finops.janitor.reading import FILE, Written, read, rule_of
from finops.policy.bundle import Item
from finops.policy.check import LEAST, Checked, Failure
from finops.policy.content import Definition
from finops.policy.lint import Finding, Level, Subject, applied, fault_in
from finops.policy.mutate import Mutant, mutants
from finops.policy.positions import line_of
from finops.policy.proof import equivalent
from finops.policy.scoring import Score

# The lint rules of policies that are about conditions and parameters, not about Azure.
LINT = (
    "like-notlike-without-wildcards", "match-without-wildcards", "nested-same-type-quantifiers-should-be-flattened",
    "parameter-missing-description", "simplify-multiple-equals-to-in", "simplify-multiple-notequals-to-notin",
    "type-condition-first-in-allof", "unguarded-tryget-operator-value", "unnecessary-quantifier-wrapper",
    "unused-parameter",
)  # fmt: skip
LONGEST = {"title": 60, "why": 500}  # a line of the list, a paragraph of the mail
PREFIX = "policyRule."


def check(folder: Path, least: float = LEAST, mutate: bool = True) -> list[Checked]:
    """Each rule of the folder, which may also be that of one rule; what is wrong with one stops no other."""
    single = (folder / FILE).is_file()
    if not single and not folder.is_dir():
        raise DataError(f"{folder} is no folder of rules.", "Give the folder of rules, such as janitor/.")
    found = [folder / FILE] if single else [each / FILE for each in sorted(folder.iterdir()) if _is_rule(each)]
    if not found:
        raise DataError(f"{folder} holds no rule.", f"A rule is a folder with {FILE} in it.")
    return [check_one(file, least, mutate) for file in found]


def _is_rule(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith((".", "_"))


def check_one(file: Path, least: float = LEAST, mutate: bool = True) -> Checked:
    """One rule. It is mutated only where it can be read and all its cases pass: else the score would say nothing."""
    name = file.resolve().parent.name
    cases, findings = _cases(file)
    try:
        given = read(file) if file.is_file() else _missing(file)
        rule = rule_of(given)
    except FinopsError as fault:
        return Checked(name, file, tuple(cases), (), (*findings, _placed(file, fault)), None, least)
    findings += _lint(given, rule, cases)
    failures = tuple(_failures(given, cases))
    sound = mutate and cases and not failures
    return Checked(name, file, tuple(cases), failures, tuple(findings), score(given, cases) if sound else None, least)


def _missing(file: Path) -> Written:
    raise DataError(f"{file.parent} has no {FILE}.", f"Add {FILE}, or take the folder away: it is no rule.")


def _cases(file: Path) -> tuple[list[Case], list[Finding]]:
    cases: list[Case] = []
    findings: list[Finding] = []
    for each in sorted((file.parent / "tests").glob("*")):
        try:
            cases.append(read_case(each))
        except FinopsError as fault:
            findings.append(fault_in(each, fault, "case"))
    return cases, findings


def _failures(given: Written, cases: list[Case]) -> Iterator[Failure]:
    for case in cases:
        try:
            rule = rule_of(given, parameters=case.parameters)
        except FinopsError as fault:
            yield Failure(case, fault.what.removeprefix(f"{given.file}: "))
            continue
        complaint = case.complaint(rule)
        if complaint:
            yield Failure(case, complaint, case.told(rule))


def score(given: Written, cases: list[Case]) -> Score:
    """How many changes of the rule its cases notice."""
    ours = _as_policy(given.body)
    noticed = 0
    survivors: list[Mutant] = []
    proved: list[tuple[Mutant, str]] = []
    for each in mutants(ours):
        changed = replace(given, body={**given.body, **_as_rule(each.properties)})
        held = _noticed(changed, cases)
        mutant = replace(each, place=each.place.removeprefix(PREFIX))
        if held:
            noticed += 1
        elif held is False:
            why = equivalent(ours, each.properties, shipped_aliases())
            if why:
                proved.append((mutant, why))
            else:
                survivors.append(mutant)
    return Score(noticed, tuple(survivors), tuple(proved))


def _noticed(given: Written, cases: list[Case]) -> bool | None:
    """Whether a case decides otherwise than it says; None for a rule that is refused when it is read."""
    known: list[tuple[Mapping[str, Any], Rule]] = []
    try:
        for case in cases:
            rule = next((rule for parameters, rule in known if parameters == case.parameters), None)
            if rule is None:
                rule = rule_of(given, parameters=case.parameters)
                known.append((case.parameters, rule))
            if case.complaint(rule):
                return True
    except FinopsError:
        return None
    return False


def _as_policy(body: Json) -> Json:
    """The rule as the policies' machinery takes it."""
    return {"policyRule": {"if": body["if"]}, "parameters": body.get("parameters", {})}


def _as_rule(properties: Json) -> Json:
    return {"if": properties["policyRule"]["if"], "parameters": properties["parameters"]}


def _lint(given: Written, rule: Rule, cases: list[Case]) -> list[Finding]:
    text = given.file.read_text("utf-8-sig")
    subject = Subject(Definition(Item(given.name, _as_policy(given.body), str(given.file))), shipped_aliases())
    found: list[tuple[Level, str, str, str, str]] = [
        (level, name, place.removeprefix(PREFIX), what, fix)
        for name, level, (place, what, fix) in applied(subject, LINT)
    ]
    for name, longest in LONGEST.items():
        if len(given.body[name]) > longest:
            fix = f"{longest} are enough for whoever reads it."
            found.append(("warning", "too-long", name, f"has {len(given.body[name])} characters.", fix))
    found += _lint_of_cases(rule, cases)
    return [Finding(level, name, given.file, line_of(text, at), at, what, fix) for level, name, at, what, fix in found]


def _lint_of_cases(rule: Rule, cases: list[Case]) -> Iterator[tuple[Level, str, str, str, str]]:
    expected = {case.expected for case in cases}
    for word in ("waste", "kept", *(["unknown"] if rule.condition.facts else [])):
        if word not in expected:
            yield "error", "cases-missing", "if", f"has no case that expects {word}.", f"Add tests/<case>-{word}.json."
    known = known_for(rule.type) | set(USUAL)
    for case in cases:
        for name in case.facts:
            if name not in known:
                yield ("error", "case", "", f"{case.file.name} tells the fact {name!r}, which nothing measures.",
                       f"Facts of this type: {', '.join(sorted(known))}.{meant(name, known)}")  # fmt: skip
    for name in sorted(rule.condition.facts):
        told = [case for case in cases if isinstance(case.facts.get(name), dict) and case.expected == "unknown"]
        if not told:
            fix = f'Add a case -unknown.json with "{name}": {{"reason": "..."}}: what is not known must keep.'
            yield "error", "unknown-untested", "if", f"asks facts.{name}, which no case leaves unknown.", fix


def _placed(file: Path, fault: FinopsError) -> Finding:
    """The finding for a rule that cannot be read, at the line of the place that is wrong."""
    what = fault.what.removeprefix(f"{file}: ")
    place, _, rest = what.partition(" ")
    if what == fault.what or not file.is_file():
        return fault_in(file, fault, "rule")
    return Finding("error", "rule", file, line_of(file.read_text("utf-8-sig"), place), place, rest, fault.fix)
