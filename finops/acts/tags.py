"""An act that sets tags: merged by Azure, never replaced, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from finops.cloud import Azure, Json

from .model import TAG, Act
from .protection import TAGS_VERSION


def tagging(
    resource_id: str,
    generation: str,
    wanted: Mapping[str, str],
    seen: Mapping[str, str] | None,
    why: str,
    rule: str,
    evidence: Json,
    owner: str = "",
    api_version: str = "",
) -> Act:
    """Set `wanted` on a resource, a group or a subscription. All its other tags stay.

    seen: its tags when that was decided. Where one of the names has another value by now, nothing is written.
    """
    merge = _Merge(resource_id, dict(wanted), _folded(seen))
    return Act(
        resource_id, generation, TAG, why, rule, evidence, Decimal(0),
        merge.send, merge.still_holds, merge.confirmed, {"tags": dict(wanted)}, owner, api_version,
    )  # fmt: skip


@dataclass
class _Merge:
    resource_id: str
    wanted: dict[str, str]
    seen: dict[str, str]  # by name in lower case: Azure takes CostCenter and costcenter for the same tag
    before: dict[str, str] = field(default_factory=dict)  # as read just before the write

    def still_holds(self, body: Json) -> str | None:
        self.before = _folded(body.get("tags"))
        for name, value in self.wanted.items():
            found = self.before.get(name.lower())
            if found != self.seen.get(name.lower()):
                return f"Somebody set {name} to {found!r} since." if found is not None else f"Somebody removed {name}."
            if found == value:
                return f"{name} is {value!r} already."
        return None

    def send(self, azure: Azure) -> Json:
        body = {"operation": "Merge", "properties": {"tags": self.wanted}}
        return azure.patch(f"{self.resource_id}/providers/Microsoft.Resources/tags/default", TAGS_VERSION, body)

    def confirmed(self, body: Json | None) -> str | None:
        if body is None:
            return "It is gone."
        found = _folded(body.get("tags"))
        for name, value in self.wanted.items():
            if found.get(name.lower()) != value:
                return f"{name} is {found.get(name.lower())!r}, not {value!r}: somebody else writes it too."
        lost = sorted(name for name in self.before if name not in found)
        return f"Tags that were there before the write are gone: {', '.join(lost)}." if lost else None


def _folded(tags: object) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else {}
