"""What people bring back, out of Archive or to Hot, is theirs for a while: rules let go of it, and none is set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_azure import StillTime
from storing import ACCOUNT
from test_tier_approve import LOCAL
from test_tier_narrowed import in_force, taking
from tier_applying import INVENTORY, Tiering, results, tiering

from finops.cloud import Blob, ToTier, connect
from finops.jobs.tiering.deeds import SET_RULES, TAKE_RULES

RAW = "raw/frames/"


def blobs(account: Tiering, which: Callable[[Blob], bool]) -> list[Blob]:
    with connect(account.settings.azure, time=StillTime().time) as azure:
        storage = azure.storage(azure.get(ACCOUNT, "2023-05-01"))
        return [blob for blob in storage.blobs("raw") if which(blob)]


def put(account: Tiering, some: list[Blob], tier: str = "Hot") -> None:
    """What a person does in the portal."""
    with connect(account.settings.azure, time=StillTime().time) as azure:
        storage = azure.storage(azure.get(ACCOUNT, "2023-05-01"))
        storage.set_tiers([ToTier("raw", blob.name, tier) for blob in some])


def listed(account: Tiering) -> None:
    """From now on every run lists the blobs as they are."""
    account.inventory = None
    account.served.world.resources.delete(INVENTORY)


def archived(account: Tiering) -> list[Blob]:
    """What a rule in force has archived of raw data by now."""
    in_force(account)
    account.served.world.clock.advance(days=5)
    listed(account)
    found = blobs(account, lambda blob: blob.tier == "Archive")
    assert found
    return found


def test_a_rule_lets_go_of_what_is_on_its_way_out_of_archive_and_the_run_says_so(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        back = archived(account)[:20]
        put(account, back)
        account.served.world.clock.advance(hours=4)

        done = account.apply()

        said = " ".join(line.why for line in done.lines if line.what == TAKE_RULES)
        assert "on its way out of Archive" in said
        assert taking(account, f"raw/{back[0].name}") == []


def test_what_was_brought_back_stays_where_it_is_for_weeks(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        back = archived(account)[:20]
        names = {blob.name for blob in back}
        put(account, back)
        account.served.world.clock.advance(hours=4)
        account.apply()

        for _ in range(3):
            account.served.world.clock.advance(days=8)
            account.apply()

        assert {blob.tier for blob in blobs(account, lambda blob: blob.name in names)} == {"Hot"}


@pytest.mark.parametrize("small", [0, 5000], ids=["by rules", "one by one"])
def test_what_somebody_put_to_hot_yesterday_is_not_cooled_in_mode_enforce(tmp_path: Path, small: int):
    with tiering(tmp_path, small_account=small) as account:
        kept = blobs(account, lambda blob: blob.tier == "Hot")[:20]
        names = {blob.name for blob in kept}
        put(account, kept, "Cool")
        put(account, kept, "Hot")
        account.served.world.clock.advance(days=1)
        listed(account)

        account.apply()
        account.served.world.clock.advance(days=3)

        assert {blob.tier for blob in blobs(account, lambda blob: blob.name in names)} == {"Hot"}


def test_a_rule_in_force_lets_go_of_what_somebody_put_to_hot(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.served.world.clock.advance(days=3)
        listed(account)
        [first, *_] = blobs(account, lambda blob: blob.tier in ("Cool", "Cold"))
        put(account, [first])

        done = account.apply()

        assert (TAKE_RULES, "done") in results(done), done.lines
        assert "set to Hot by somebody" in " ".join(line.why for line in done.lines)
        assert taking(account, f"raw/{first.name}") == []
        assert all(line.what != SET_RULES for line in done.lines if line.result == "done")
