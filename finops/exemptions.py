"""What the rules leave alone for now: exemptions by tag or by file, each with an owner, a reason and an end.

By tag, on the resource or on any scope above it:   finops:keep = 2026-12-31;training the summer model
By file (YAML), under `exemptions:`                 scope, owner, reason, until, and optionally rules

A keep that names no rules is one from all of them: the guard's and the janitor's.

A keep that cannot be understood still keeps, and is reported: whoever wrote it meant to protect something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.errors import ConfigError
from finops.estate import Estate, Known, Resource
from finops.estate.ids import key, scopes

TAG = "finops:keep"
RULES = ("spot", "scale", "tags")  # the guard's; the janitor's are the folders in janitor/
KEYS = {"scope", "owner", "reason", "until", "rules"}


@dataclass(frozen=True)
class Exemption:
    """One keep: what it covers, until the end of which day (UTC), why and by whom.

    until  None: it does not say
    rules  those that it keeps from; none: from every rule there is
    """

    scope: str
    until: date | None
    reason: str
    owner: str
    source: str
    rules: tuple[str, ...] = ()
    problem: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it keeps what it covers: until its end; one that cannot be understood keeps for good."""
        return self.until is None or now.astimezone(UTC).date() <= self.until

    def days_left(self, now: datetime) -> int | None:
        return None if self.until is None else (self.until - now.astimezone(UTC).date()).days


@dataclass(frozen=True)
class Listed:
    """An exemption with what it keeps: the cost of 30 days in BillingCurrency, None where it is not known."""

    exemption: Exemption
    cost: Decimal | None
    status: str  # in force, expiring, expired, malformed, covers nothing (its scope is misspelt, or gone)
    covers: int


class Exemptions:
    """All exemptions of a run; asks whether one keeps a resource from a rule."""

    def __init__(self, found: Iterable[Exemption]) -> None:
        self.all = tuple(found)
        self._by_scope: dict[str, list[Exemption]] = {}
        for one in self.all:
            self._by_scope.setdefault(key(one.scope), []).append(one)

    def keeping(self, resource_id: str, rule: str, now: datetime) -> Exemption | None:
        """The exemption that keeps a resource from `rule`, the nearest one first."""
        for scope in scopes(resource_id):
            for one in self._by_scope.get(scope, ()):
                if (not one.rules or rule in one.rules) and one.holds(now):
                    return one
        return None

    def any_at(self, scope: str, now: datetime, but_for: Collection[str] = ()) -> Exemption | None:
        """One that is in force on this very scope, from whatever rules; none that names only rules of `but_for`."""
        for one in self._by_scope.get(key(scope), ()):
            if (not one.rules or set(one.rules) - set(but_for)) and one.holds(now):
                return one
        return None

    def listed(self, estate: Estate, now: datetime, expiring_days: int) -> list[Listed]:
        """Every exemption with its cost and status, those that end first before the others."""
        found = [self._listed(one, estate, now, expiring_days) for one in self.all]
        return sorted(found, key=lambda one: (one.exemption.until or date.min, one.exemption.scope.lower()))

    def _listed(self, one: Exemption, estate: Estate, now: datetime, expiring_days: int) -> Listed:
        left = one.days_left(now)
        status = "in force"
        if left is not None and left < 0:
            status = "expired"
        elif one.problem:
            status = "malformed"
        elif left is not None and left <= expiring_days:
            status = "expiring"
        covered = estate.resources.get(key(one.scope))
        covers = (covered is not None) + len(estate.children(one.scope))
        if status in {"in force", "expiring"} and not covers and estate.complete:
            status = "covers nothing"
        return Listed(one, _cost(covered), status, covers)


def by_tag(resources: Iterable[Resource], now: datetime, longest_days: int) -> Iterator[Exemption]:
    """What the keep tags of the estate say."""
    for resource in resources:
        tags = resource.body.get("tags")
        for name, value in tags.items() if isinstance(tags, dict) else ():
            if str(name).strip().lower() == TAG:
                yield of_tag(resource.id, value, _owner(resource), now, longest_days)


def of_tag(resource_id: str, value: Any, owner: str, now: datetime, longest_days: int) -> Exemption:
    """The exemption in one keep tag, `<until>;<reason>`."""
    ends, _, reason = str(value if value is not None else "").partition(";")
    until, problem = _end(ends.strip(), now, longest_days)
    problems = [problem] if problem else []
    if not reason.strip():
        problems.append("it gives no reason")
    if not owner:
        problems.append("nobody is known as its owner: add an Owner tag")
    said = f" Write {TAG} = 2026-12-31;why." if problem or not reason.strip() else ""
    return Exemption(
        resource_id, until, reason.strip(), owner, f"tag {TAG}", problem=_sentence(problems, said, f"{value!r}: ")
    )


def by_file(file: Path, now: datetime, longest_days: int, known: Collection[str] = RULES) -> list[Exemption]:
    """What the exemptions file says. Raises ConfigError when it cannot be read: what it protects is then not known.

    known: every rule that an entry may name
    """
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except OSError as fault:
        raise ConfigError(
            f"The exemptions file {file} cannot be read ({fault.strerror}).",
            "Check guard.exemptions; without the file the guard does not know what to leave alone.",
        ) from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{file} is not YAML: {' '.join(str(fault).split())}.", "Mend that line.") from fault
    entries = (content or {}).get("exemptions") if isinstance(content, dict | None) else None
    if content and not isinstance(entries, list):
        raise ConfigError(f"{file} holds no list of exemptions.", "Start it with 'exemptions:'; see docs/guard.md.")
    return [
        _entry(entry, f"{file}, entry {place}", now, longest_days, known)
        for place, entry in enumerate(entries or [], 1)
    ]


def _entry(entry: Any, source: str, now: datetime, longest_days: int, known: Collection[str]) -> Exemption:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("scope"), str) or not _is_scope(entry["scope"]):
        # What it protects cannot be told, so nothing may be touched until it can.
        raise ConfigError(
            f"{source}: its scope is not an ARM id.", "Write scope: /subscriptions/GUID/resourceGroups/NAME or deeper."
        )
    problems = [f"'{name}' is not a key" for name in sorted(set(map(str, entry)) - KEYS)]
    until, problem = _end(entry.get("until"), now, longest_days)
    problems += [problem] if problem else []
    reason, owner = (str(entry.get(name) or "").strip() for name in ("reason", "owner"))
    problems += ["it gives no reason"] if not reason else []
    problems += ["it names no owner"] if not owner else []
    rules = entry.get("rules", [])
    if not isinstance(rules, list) or ("rules" in entry and not rules) or set(map(str, rules)) - set(known):
        problems.append(f"rules is {rules!r}, but the rules are {', '.join(known)}")
        rules = []
    return Exemption(entry["scope"], until, reason, owner, source, tuple(rules), _sentence(problems))


def _end(written: Any, now: datetime, longest_days: int) -> tuple[date | None, str]:
    """The last day, and what is wrong with it. A day too far away counts as no end."""
    if isinstance(written, datetime):
        written = written.date()
    if not isinstance(written, date):
        if not str(written or "").strip():
            return None, "it has no end"
        try:
            written = date.fromisoformat(str(written).strip())
        except ValueError:
            return None, f"its end {str(written).strip()!r} is not a day such as 2026-12-31"
    last = (now + timedelta(days=longest_days)).date()
    if written > last:
        return written, f"its end {written} is more than {longest_days} days away (guard.exemption_days)"
    return written, ""


def _is_scope(text: str) -> bool:
    parts = key(text).strip("/").split("/")
    return text.startswith("/") and len(parts) >= 2 and len(parts) % 2 == 0 and parts[0] == "subscriptions"


def _owner(resource: Resource) -> str:
    tags = resource.body.get("tags")
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if str(name).lower() == "owner" and isinstance(value, str) and value.strip():
            return value.strip()
    known = resource.facts.get("owner")
    return str(known.value) if isinstance(known, Known) else ""


def _cost(resource: Resource | None) -> Decimal | None:
    known = resource.facts.get("costLast30Days") if resource else None
    return known.value if isinstance(known, Known) else None


def _sentence(problems: list[str], fix: str = "", start: str = "") -> str:
    return f"{start}{'; '.join(problems)}.{fix}" if problems else ""
