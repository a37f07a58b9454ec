"""The report for programs: what it is about, how it stands, and every figure by its id, exact."""

from __future__ import annotations

import json
from typing import Any

from finops.report.figures import figures
from finops.report.model import Report
from finops.report.periods import last_day

# Raised when a key is renamed, goes, or means something else; not when one is added.
VERSION = 1


def figures_json(model: Report, subject: str, verdict: str) -> bytes:
    """UTF-8 JSON. Amounts are texts: a number would lose digits in most readers."""
    return (json.dumps(_plain(model, subject, verdict), ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _plain(model: Report, subject: str, verdict: str) -> dict[str, Any]:
    data = model.completeness
    return {
        "version": VERSION,
        "name": model.name,
        "organisation": model.organisation,
        "audience": model.audience.name if model.audience.key is not None else "everything",
        "title": f"Closing statement, {model.close.label}" if model.close else model.wording.title,
        "subject": subject,
        "verdict": verdict,
        "from": f"{model.period.start.date()}",
        "to": f"{last_day(model.period)}",
        "currency": model.currency,
        "basis": model.basis,
        "statuses": [{"word": status.word, "tone": status.tone} for status in model.statuses],
        "made": model.made.isoformat(),
        "madeBy": f"aml-finops {model.version}",
        "completeUntil": data.until.isoformat() if data.until else None,
        "isWhole": data.is_whole,
        "auditHead": model.audit_head or None,
        "figures": [
            {"id": one.id, "says": one.says, "value": None if one.value is None else f"{one.value:f}", "unit": one.unit}
            for one in figures(model)
        ],
    }
