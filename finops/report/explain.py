"""What is behind a printed figure: the charges that add up to it, or the evidence that it was read from."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges.book import added
from finops.errors import UsageError
from finops.report import behind, effects, resting
from finops.report.behind import Answer, Behind, Of
from finops.report.figures import Figure, figures
from finops.report.gather import Asked
from finops.report.known import NOTHING, Known
from finops.report.model import UNTAGGED, Report
from finops.report.rounding import printable

if TYPE_CHECKING:
    from finops.charges import Charges


@dataclass(frozen=True)
class Explained:
    """A figure with its rows, the largest first. adds_up: they are its parts, and their sum is `total`.

    evidence: what was read besides the charges, in sentences.
    """

    figure: Figure
    rows: tuple[Behind, ...]
    total: Decimal | None
    adds_up: bool
    evidence: tuple[str, ...]


def explain(report: Report, book: Charges, figure: str, known: Known = NOTHING) -> Explained:
    """What is behind the figure of that id. Raises UsageError where the report has none."""
    there = {one.id.lower(): one for one in figures(report)}
    found = there.get(figure.strip().lower())
    if found is None:
        near = difflib.get_close_matches(figure.lower(), list(there), n=3)
        hint = f"Did you mean {' or '.join(there[one].id for one in near)}?" if near else ""
        raise UsageError(
            f"The report has no figure {printable(figure)!r}.", hint or "`finops report figures` lists every id."
        )
    of = Of(report, Asked(book, report.basis, report.currency, report.audience.key), known)
    rows, evidence = _answer(found.id, of)
    rows.sort(key=lambda row: (-abs(row.amount), row.day, row.name, row.meter))
    if not rows and not evidence:
        evidence = ["No charges are behind it." if not found.value else "It is not known what is behind it."]
    total = added(row.amount for row in rows) if rows or not found.value else None
    adds_up = total is not None and found.value is not None and total == found.value
    return Explained(found, tuple(rows), total, adds_up, tuple(evidence))


def _answer(name: str, of: Of) -> Answer:
    kind, _, rest = name.partition("/")
    # A key may have slashes of its own: the last part is the measure only where it is one.
    key, _, measure = rest.rpartition("/")
    if kind in {"cost-centre", "service"}:
        column = "CostCenter" if kind == "cost-centre" else "ServiceName"
        measured = measure in {"change", "month", "forecast"} and bool(key)
        return resting.line(of, column, key if measured else rest, measure if measured else "")
    if kind in {"driver", "total"} and measure and measure.replace("-", " ") in effects.KINDS:
        return behind.effect(of, key if kind == "driver" else None, measure.replace("-", " "))
    simple: dict[str, Callable[[Of, str], Answer]] = {
        "total": lambda of, rest: behind.changed(of, {}) if rest == "change" else behind.charged(of, of.period, {}),
        "month": resting.month,
        "untagged": lambda of, rest: behind.charged(of, of.period, {"CostCenter": [UNTAGGED]}),
        "savings": resting.savings,
        "saving": resting.saving,
        "decision": resting.decision,
        "resource": behind.resource,
        "budget": resting.budget,
        "anomaly": resting.anomaly,
        "bridge": behind.bridge,
        "restated": behind.restated,
        "compliance": behind.compliance,
        "exemptions": behind.exempt,
        "exemption": behind.exempt,
        "unit": resting.unit,
        "close": resting.close,
    }
    return simple[kind](of, rest)


__all__ = ["Behind", "Explained", "explain"]
