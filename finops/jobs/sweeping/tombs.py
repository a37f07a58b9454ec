"""The tombstone of what is about to be changed: ARM bodies, or an image with all its layers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from finops import images, tombstones
from finops.acts import is_image
from finops.state import Record
from finops.tombstones import Content, Tombstone

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings

IMAGE = images.TYPE


def written(azure: Azure, settings: Settings, record: Record, action: str, now: datetime) -> Tombstone:
    """The tombstone of the resource as it is now, on the disk and read back. FinopsError where it cannot be."""
    finding = record.finding
    with tombstones.draft(settings.janitor.tombstones, record.number, action) as made:
        if is_image(finding.resource_id):
            content = tombstones.exported(azure, finding.resource_id, made.folder)
        else:
            content = _gathered(azure, settings, record, action)
        return made.seal(content, finding.rule, finding.generation, now)


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
