"""What is missing from the figures, in words for people who do not run Azure, and when that forbids a comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from finops.charges import Period
from finops.report.model import Absent, Gap, Wording
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges

_CHARGES = re.compile(r"charges(?: of (.+))?$")
_MONTH = re.compile(r"\b(\d{4})-(\d{2})\b(?!-)")
# Status, code or action of Azure's refusal -> what finance needs to know of it.
_WHY = [
    (re.compile(r"\b40[13]\b|authoriz|access ?denied|permission|forbidden", re.IGNORECASE), "no permission"),
    (re.compile(r"\b429\b|throttl|too many requests", re.IGNORECASE), "Azure asked to come back later"),
    (re.compile(r"\b50[0234]\b|timed? ?out|unreachable|never answered", re.IGNORECASE), "Azure did not answer"),
]
# A path on this machine says nothing to its reader; ids of Azure begin in the same way.
_PATH = re.compile(r"(?<![\w./])/(?!subscriptions/|providers/)(?:[^\s/'\"]+/)+([^\s/'\",;:()]+)")


def absent(gaps: Iterable[Any], names: Mapping[str, str]) -> tuple[Absent, ...]:
    """One entry for each thing that is missing and why, with all months in which it is."""
    found: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        scope, what, reason = str(gap.scope), str(gap.what), str(gap.reason)
        named = _CHARGES.match(what)
        why = next((words for pattern, words in _WHY if pattern.search(reason)), "") if named else ""
        name = _called(scope, names) if named else without_paths(f"{what} of {scope}")
        kept = found.setdefault((name, why or _first_sentence(reason)), [])
        when = _MONTH.sub(_month, named[1]) if named and named[1] else ""
        kept += [when] if when and when not in kept else []
    return tuple(Absent(name, why, ", ".join(when)) for (name, why), when in found.items())


def _called(scope: str, names: Mapping[str, str]) -> str:
    if scope.lower().startswith("/subscriptions/"):
        return subscription_name(scope, names)
    return "Everything" if scope == "all subscriptions" else without_paths(scope[:1].upper() + scope[1:])


def in_full(gaps: Iterable[Any]) -> tuple[Gap, ...]:
    """Every gap with all that is known of it, for the workbook."""
    return tuple(
        Gap(f"{without_paths(gap.what)} of {without_paths(gap.scope)}", without_paths(gap.reason, 300)) for gap in gaps
    )


def subscription_name(scope: str, names: Mapping[str, str]) -> str:
    """What people call the subscription, else its id without the path around it."""
    return printable(names.get(scope.lower())) or printable(scope.rstrip("/").rpartition("/")[2])


def not_compared(book: Charges, period: Period, before: Period, wording: Wording, covered: bool) -> str:
    """Why a change from `before` to `period` would be of what was read, not of what was spent; empty: it is sound."""
    if not covered:
        return f"the charges of {wording.the} are not all in yet"
    if book.missing(period):
        return f"charges of {wording.the} are missing"
    if book.missing(before):
        return f"charges of {wording.before} are missing"
    if _lacking(book, period) != _lacking(book, before):
        return "a subscription could only be read for one of the two"
    return ""


def _lacking(book: Charges, period: Period) -> set[str]:
    """Which scopes have a month of `period` that could not be read."""
    months = {f"{day:%Y-%m}" for day in period.days}
    return {gap.scope for gap in book.gaps if months & {match[0] for match in _MONTH.finditer(gap.what)}}


def source_names(book: Charges) -> tuple[str, ...]:
    """Files by name, what was asked from Azure as "Cost Management"; each once."""
    named = (
        "Cost Management" if PurePath(source).parent.name == "ingested" else PurePath(source).name
        for source in book.sources
    )
    return tuple(dict.fromkeys(printable(name, longest=300) for name in named))


def without_paths(text: object, longest: int = 200) -> str:
    """`text` with files by their names only."""
    return printable(_PATH.sub(r"\1", str(text)), longest=longest)


def _month(match: re.Match[str]) -> str:
    year, month = int(match[1]), int(match[2])
    return f"{date(year, month, 1):%b}" if 1 <= month <= 12 else match[0]


def _first_sentence(reason: str) -> str:
    return without_paths(re.split(r"(?<=[.!?])\s", reason.strip(), maxsplit=1)[0]).rstrip(".") or "no reason given"
