"""The tombstone of what is about to be changed: ARM bodies, or an image with all its layers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops import images, tombstones
from finops.acts import is_image
from finops.errors import FinopsError
from finops.state import Record
from finops.tombstones import Content, Tombstone

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

IMAGE = images.TYPE
# Kept under, by number: the tombstone of what a quiet step took from a resource, until it is given back.
QUIETED = "janitor/quiet/"
# In these a tombstone is needed, however old it is.
NEEDED = {"approved", "scheduled", "quiet", "acted"}


def written(azure: Azure, settings: Settings, record: Record, action: str, now: datetime) -> Tombstone:
    """The tombstone of the resource as it is now, on the disk and read back. FinopsError where it cannot be."""
    finding = record.finding
    with tombstones.draft(settings.janitor.tombstones, record.number, action) as made:
        if is_image(finding.resource_id):
            content = tombstones.exported(azure, finding.resource_id, made.folder)
        else:
            content = _gathered(azure, settings, record, action)
        return made.seal(content, finding.rule, finding.generation, now)


def cleared(state: State, settings: Settings, now: datetime) -> list[str]:
    """Tombstones whose time is over, removed: past the day until which their finding is restorable."""
    removed = []
    grace = timedelta(days=settings.janitor.restore_days)
    for name, number in tombstones.names(settings.janitor.tombstones):
        try:
            record = state.findings.get(number)
        except FinopsError:
            continue  # of another memory
        until = record.restorable_until or record.changed_at + grace
        if record.status not in NEEDED and until < now and not state.kept(f"{QUIETED}{number}"):
            tombstones.remove(settings.janitor.tombstones, name)
            removed.append(name)
    return removed


def _gathered(azure: Azure, settings: Settings, record: Record, action: str) -> Content:
    """What is there now; after a quiet step, with what that took away: an undo shall not bring back our own change."""
    content = tombstones.gather(azure, record.finding.resource_id, action)
    if record.status != "quiet" or not record.tombstone:
        return content
    before = tombstones.read(settings.janitor.tombstones, record.tombstone).content
    return tombstones.as_before(content, before)


def differs(azure: Azure, settings: Settings, record: Record, action: str, tomb: Tombstone) -> bool:
    """Whether the resource is not as its tombstone has it any more. An image's layers are not read again: their digests
    name them."""
    finding = record.finding
    if is_image(finding.resource_id):
        now: Content = tombstones.listed(azure, finding.resource_id)
    else:
        now = _gathered(azure, settings, record, action)
    return not tombstones.same(tomb.content, now)
