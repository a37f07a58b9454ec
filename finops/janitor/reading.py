"""Reads the rules of a folder, with what a site sets otherwise. What is wrong is told with file, place and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.conditions import compile_condition, read_rule, shipped_aliases
from finops.conditions.compiler import Compiler, meant
from finops.conditions.expressions import Call, Literal
from finops.conditions.parameters import resolve
from finops.errors import ConfigError, DataError
from finops.janitor.actions import KIND, refuse_misfit
from finops.janitor.facts import known_for
from finops.janitor.fingerprint import digest_of
from finops.janitor.model import Json, Leaf, Quiet, Rule
from finops.janitor.shape import checked, required_equals
from finops.janitor.wording import OTHERS, blanks
from finops.policy.expressions import tree
from finops.policy.lint.walk import conditions, leaf

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings, RuleSettings, Settings

FILE = "rule.json"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Parameters whose default is a setting of the whole janitor, so that it is said once.
SETTINGS = {"keepnewest": "keep_newest"}


@dataclass(frozen=True)
class Written:
    """A rule as it is in its file, its shape checked."""

    name: str
    file: Path
    body: Json

    @property
    def parameters(self) -> Json:
        found = self.body.get("parameters")
        return found if isinstance(found, dict) else {}


def folders(settings: Settings) -> list[Path]:
    """Where rules are: the shipped folder, then the site's own, whose rules win."""
    from finops.config import folder

    own = settings.folders.janitor
    return [folder("janitor"), *([own] if own else [])]


def names(folder: Path | Sequence[Path]) -> list[str]:
    """The names of the rules, without reading them."""
    return sorted({file.parent.name for one in _all(folder) for file in one.glob(f"*/{FILE}")})


def rules(folder: Path | Sequence[Path], settings: JanitorSettings | None = None) -> list[Rule]:
    """Every rule of the folder, or of several of which the later ones win, by name, as the settings have them."""
    found: dict[str, Written] = {}
    for one in _all(folder):
        found |= {each.name: each for each in written(one)}
    own: Mapping[str, RuleSettings] = settings.rules if settings else {}
    for name in own:
        if name not in found:
            raise ConfigError(
                f"janitor.rules names {name!r}, which is no rule.", f"Rules are {', '.join(found)}.{meant(name, found)}"
            )
    return [rule_of(each, settings) for _, each in sorted(found.items())]


def written(folder: Path) -> list[Written]:
    """The rules in the files of one folder, which may also be the folder of one rule."""
    if (folder / FILE).is_file():
        return [read(folder / FILE)]
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of rules.", "Check the path, or the setting folders.janitor.")
    found = []
    for each in sorted(folder.iterdir()):
        if each.is_dir() and not each.name.startswith((".", "_")):
            if not (each / FILE).is_file():
                raise DataError(f"{each} has no {FILE}.", f"Add {FILE}, or take the folder away: it is no rule.")
            found.append(read(each / FILE))
    return found


def read(file: Path) -> Written:
    """The rule in one file, its shape checked, but not its condition."""
    name = file.resolve().parent.name
    if not NAME.fullmatch(name):
        raise DataError(f"{file.parent} is no name for a rule.", "Use small letters, digits and hyphens.")
    body = read_rule(file)
    checked(body, str(file))
    return Written(name, file, body)


def rule_of(
    given: Written, settings: JanitorSettings | None = None, parameters: Mapping[str, Any] | None = None
) -> Rule:
    """The rule that a file and the settings make. `parameters` win over both."""
    own = settings.rules.get(given.name) if settings else None
    source, body, then = str(given.file), given.body, given.body["then"]
    values = _values(given, settings, {**(own.parameters if own else {}), **(parameters or {})})
    kind = _type(body["if"], source)
    refuse_misfit(kind, body, source)
    condition = compile_condition(body["if"], values, fields="arm", facts=known_for(kind), source=source)
    for place, why in condition.gaps:
        raise DataError(f"{source}: {place} can never be evaluated: {why}.", "Ask for something that is known.")
    _refuse_blanks(body, known_for(kind), values, source)
    quiet = _quiet(then, own)
    relied_on: Json = {
        "if": body["if"],
        "parameters": values,
        "why": body["why"],
        "action": then["action"],
        "quiet": [quiet.action, quiet.days] if quiet else None,
        "graceDays": own.grace_days if own and own.grace_days is not None else then["graceDays"],
        "risk": then.get("risk", "low"),
        "runs": own.persist_runs if own and own.persist_runs is not None else then.get("runs", 1),
    }
    return Rule(
        name=given.name,
        title=body["title"],
        why=body["why"],
        type=kind,
        condition=condition,
        parameters=values,
        action=then["action"],
        quiet=quiet,
        grace_days=relied_on["graceDays"],
        risk=relied_on["risk"],
        persist_runs=relied_on["runs"],
        digest=digest_of(relied_on),
        mode=settings.mode_of(given.name) if settings else "list",
        source=source,
        leaves=tuple(_leaves(body["if"], values)),
        kind=(required_equals(body["if"], KIND) or "").lower(),
    )


def _all(folder: Path | Sequence[Path]) -> Sequence[Path]:
    return [folder] if isinstance(folder, Path) else folder


def _values(given: Written, settings: JanitorSettings | None, own: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters' values: of the settings, else the defaults."""
    told = dict(own)
    lower = {name.lower() for name in told}
    for name in given.parameters:
        setting = SETTINGS.get(name.lower())
        if setting and settings and name.lower() not in lower:
            told[name] = getattr(settings, setting)
    where = f"{given.file}" if not own else f"{given.file}, with janitor.rules.{given.name}"
    c = Compiler(shipped_aliases(), {}, source=where)
    values = resolve(given.body.get("parameters", {}), told, c)
    for name in given.parameters:
        if name.lower() not in values:
            c.refuse(f"parameters.{name}", "has no value", "Give it a defaultValue.")
    return values


def _type(condition: Any, source: str) -> str:
    found = required_equals(condition, "type")
    if found is None:
        raise DataError(
            f"{source}: if does not say what it is about.",
            'Let it be an allOf that begins with {"field": "type", "equals": "Microsoft.../..."}.',
        )
    return found.lower()


def _quiet(then: Json, own: RuleSettings | None) -> Quiet | None:
    told = then.get("quiet")
    if told is None:
        return None
    days = own.quiet_days if own and own.quiet_days is not None else told["days"]
    return Quiet(told["action"], days) if days else None


def _refuse_blanks(body: Json, facts: Iterable[str], values: Mapping[str, Any], source: str) -> None:
    for written_as, kind, name in blanks(body["why"]):
        known = {"facts": set(facts), "parameters": set(values)}.get(kind)
        fits = name.lower() in {each.lower() for each in known} if known is not None else kind in OTHERS and not name
        if not fits:
            among = sorted(known) if known is not None else ["facts.x", "parameters.x", *OTHERS]
            raise DataError(
                f"{source}: why has {written_as}, which stands for nothing.",
                f"It may have {', '.join(among)}.{meant(name or kind, among)}",
            )


def _leaves(condition: Any, values: Mapping[str, Any]) -> Iterable[Leaf]:
    for place, node in conditions(condition, "if"):
        found = leaf(node)
        if found is None:
            continue
        kind, subject, operator, asked = found
        told = subject if isinstance(subject, str) else f"count of {subject.get('field', subject.get('value'))}"
        spelt = next(str(key) for key in node if str(key).lower() == operator)
        yield Leaf(place, told if kind != "value" or isinstance(subject, str) else str(subject), spelt,
                   _with_values(asked, values))  # fmt: skip


def _with_values(asked: Any, values: Mapping[str, Any]) -> Any:
    """The value of "[parameters('days')]"; anything else as it is."""
    found = tree(asked)
    if isinstance(found, Call) and found.name.lower() == "parameters" and isinstance(found.args[0], Literal):
        return values.get(str(found.args[0].value).lower(), asked)
    return asked
