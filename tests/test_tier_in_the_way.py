"""What stands in the way of a rule: every reason counts for the prefix, however many hold for one blob, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tier_inventories import ago, blob
from tier_rulesets import plan_of

from finops.tiering.plan import TierPlan

SIZE = 2 * 2**30
FRAMES = [blob(f"raw/frames/{number}", SIZE, written=700, used=500) for number in range(300)]
RISING = {"AccessTier": "Archive", "AccessTierInferred": False, "ArchiveStatus": "rehydrate-pending-to-hot"}
SMART = "in smart tier, which a tier of its own would take it out of for good"
LATELY = "set to Hot by somebody in the last 30 days"


def beside(**more: Any) -> list[dict[str, Any]]:
    """Frames that nobody needs, and ten in their midst that something is to be known of."""
    return [*FRAMES, *(blob(f"raw/frames/{number}x", SIZE, written=700, used=500, **more) for number in range(10))]


def put_to_hot(days: float, **more: Any) -> dict[str, Any]:
    return {"AccessTierInferred": False, "AccessTierChangeTime": ago(days), **more}


def taken(made: TierPlan, name: str) -> list[str]:
    """The rules that Azure's engine would move the blob by."""
    return [rule.name for rule in made.rules if not rule.prefixes or any(map(name.startswith, rule.prefixes))]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"LeaseState": "leased"}, "leased"),
        ({"LeaseState": "Breaking"}, "leased"),
        ({"LegalHold": True}, "under a legal hold"),
        ({"LeaseState": "leased", "LegalHold": True}, "under a legal hold and leased"),
        (RISING, "on its way out of Archive"),
        ({**RISING, "LeaseState": "leased"}, "leased and on its way out of Archive"),
        ({"AccessTier": "Smart"}, SMART),
        ({"AccessTier": "Smart", "LeaseState": "leased"}, f"leased and {SMART}"),
        ({"AccessTier": "P10"}, "of an unknown tier"),
        ({"AccessTier": "P10", "LegalHold": True}, "under a legal hold and of an unknown tier"),
        (put_to_hot(1), LATELY),
        ({**put_to_hot(29), "LeaseState": "leased"}, f"leased and {LATELY}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_rule_takes_a_blob_that_something_stands_in_the_way_of(tmp_path: Path, more: dict[str, Any], said: str):
    made = plan_of(tmp_path, beside(**more))

    assert not any(taken(made, f"raw/frames/{number}x") for number in range(10)), made.rules
    assert [(each.reason, each.blobs) for each in made.aside] == [(said, 10)]


@pytest.mark.parametrize(
    "more",
    [
        put_to_hot(31),
        {"AccessTierInferred": False, "AccessTierChangeTime": ago(700)},
        {"AccessTier": "Cool", "AccessTierInferred": False, "AccessTierChangeTime": ago(1)},
        {"ImmutabilityPolicyUntilDate": ago(-900)},
    ],
    ids=["a month ago", "as it was written", "cooled, as rules do", "immutable: it may change tiers"],
)
def test_others_do_not_keep_a_prefix_from_being_tiered(tmp_path: Path, more: dict[str, Any]):
    made = plan_of(tmp_path, beside(**more))

    assert made.aside == ()
    assert taken(made, "raw/frames/1x")


@pytest.mark.parametrize(
    "more",
    [
        {"BlobType": "PageBlob", "LeaseState": "leased"},
        {"Snapshot": "2026-01-01T00:00:00.0000000Z", "LegalHold": True},
        {"VersionId": "2026-01-01T00:00:00.0000000Z", "IsCurrentVersion": False, "LegalHold": True},
        {"Deleted": True, "LeaseState": "leased"},
    ],
    ids=["page blob", "snapshot", "version", "deleted"],
)
def test_what_no_rule_of_ours_acts_on_keeps_no_prefix(tmp_path: Path, more: dict[str, Any]):
    made = plan_of(tmp_path, beside(**more))

    assert taken(made, "raw/frames/1x")
    assert [each.blobs for each in made.aside] == [10]


def test_rules_that_move_nothing_yet_and_save_later_are_no_loss(tmp_path: Path):
    # Reads are noted for 10 days, in which nothing of this was read.
    rows = [blob(f"raw/q/{number}", SIZE, written=700) | {"LastAccessTime": None} for number in range(500)]
    rows += [blob(f"raw/new/{number}", 1000, written=9.5) for number in range(3)]

    made = plan_of(tmp_path, rows)

    assert (made.rules != (), made.moved_blobs, made.refusals) == (True, 0, ())
    assert made.policy is not None
    assert any(note.startswith("No blob is old enough yet") for note in made.notes)
