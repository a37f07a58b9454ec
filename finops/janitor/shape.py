"""Whether a rule's file has the parts of a rule, each of its kind, and nothing that would silently be ignored."""

from __future__ import annotations

from typing import Any, NoReturn

from finops.conditions.compiler import meant
from finops.conditions.values import kind, shown
from finops.errors import DataError
from finops.janitor.model import ACTIONS, QUIET_ACTIONS, Json
from finops.policy.lint.walk import leaf, required

TOP = ("title", "why", "parameters", "if", "then")
THEN = ("action", "graceDays", "quiet", "risk", "runs")
RISKS = ("low", "high")
FIX = {"title": "Name the kind of waste.", "why": "Say why to the owner, in a sentence with the numbers."}


def checked(body: Any, source: str) -> None:
    """Raises where the body is no rule."""
    if not isinstance(body, dict):
        raise DataError(f"{source} is {kind(body)}, not a rule.", "See janitor/README.md.")
    _keys(body, TOP, "", source)
    for name in ("title", "why"):
        if not isinstance(body.get(name), str) or not body[name].strip():
            told = "is missing" if name not in body else f"is {shown(body[name])}"
            _refuse(source, name, told, FIX[name])
    for name in ("if", "then"):
        if not isinstance(body.get(name), dict):
            told = "is missing" if name not in body else f"is {kind(body[name])} {shown(body[name])}"
            _refuse(source, name, told, "See janitor/README.md.")
    _then(body["then"], source)


def _then(then: Json, source: str) -> None:
    _keys(then, THEN, "then.", source)
    _one_of(then.get("action"), ACTIONS, "then.action", source)
    _one_of(then.get("risk", "low"), RISKS, "then.risk", source)
    _whole(then.get("graceDays"), 0, "then.graceDays", "Write the working days from asking to acting.", source)
    _whole(then.get("runs", 1), 1, "then.runs", "Write in how many runs in a row it must be found.", source)
    quiet = then.get("quiet")
    if quiet is None:
        return
    if not isinstance(quiet, dict):
        _refuse(source, "then.quiet", f"is {kind(quiet)}", 'Write {"action": "traffic0", "days": 7}.')
    _keys(quiet, ("action", "days"), "then.quiet.", source)
    _one_of(quiet.get("action"), QUIET_ACTIONS, "then.quiet.action", source)
    _whole(quiet.get("days"), 1, "then.quiet.days", "Write for how many days it is watched.", source)


def _keys(body: Json, known: tuple[str, ...], at: str, source: str) -> None:
    for name in body:
        if name not in known:
            _refuse(source, f"{at}{name}", "is nothing that a rule has",
                    f"It may have {', '.join(known)}.{meant(name, known)}")  # fmt: skip


def _one_of(value: Any, known: tuple[str, ...], place: str, source: str) -> None:
    if value not in known:
        near = meant(value, known) if isinstance(value, str) else ""
        told = "is missing" if value is None else f"is {shown(value)}"
        _refuse(source, place, told, f"Write one of {', '.join(known)}.{near}")


def _whole(value: Any, least: int, place: str, fix: str, source: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        _refuse(source, place, "is missing" if value is None else f"is {shown(value)}", fix)


def _refuse(source: str, place: str, what: str, fix: str) -> NoReturn:
    raise DataError(f"{source}: {place} {what}.", fix)


def required_equals(condition: Any, field: str) -> str | None:
    """The text that a field must equal for the condition to hold; None where it may be several."""
    for _, node in required(condition, "if"):
        found = leaf(node)
        if found and found[0] == "field" and str(found[1]).lower() == field.lower() and found[2] == "equals":
            asked = found[3]
            if isinstance(asked, str) and not asked.startswith("["):
                return asked
    return None
