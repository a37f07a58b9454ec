"""What people protect from tiering: by the command or by the settings, read in one place and with one look at Azure."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_azure import StillTime
from storing import NAME
from test_tier_plan import blobs
from tier_applying import Tiering, tiering

from finops import estate
from finops.cloud import connect
from finops.errors import DataError, UsageError
from finops.jobs.tiering.planning import seen_of
from finops.tiering.looking import Seen


def looked(account: Tiering, *protect: str) -> tuple[Seen, list[str]]:
    """What was seen, and what was asked of Azure for it."""
    account.served.requests.clear()
    with connect(account.settings.azure, time=StillTime().time) as azure:
        found = estate.read(azure, account.now)
        seen = seen_of(azure, account.settings, found, NAME, account.now, protect)
    return seen, sorted(one["path"] for one in account.served.requests)


def test_what_the_settings_protect_costs_no_second_look(tmp_path: Path):
    with tiering(tmp_path, blobs("raw", 1, 9), inventory=False) as account:
        _, without = looked(account)
        account.set(protect={NAME.upper(): ["raw/frames/"]})

        seen, asked = looked(account)

    assert asked == without
    assert [(each.container, each.prefix, each.source) for each in seen.protected][:1] == [
        ("raw", "frames/", "tiering.protect")
    ]


def test_the_command_and_the_settings_are_read_alike(tmp_path: Path):
    with tiering(tmp_path, blobs("raw", 1, 9), inventory=False, protect={NAME: ["raw/frames/"]}) as account:
        seen, _ = looked(account, "raw/frames/")

    assert [each.reason for each in seen.protected[:2]] == [
        "protected by --protect raw/frames/",
        "protected by tiering.protect raw/frames/",
    ]


def test_a_protected_path_needs_a_container(tmp_path: Path):
    account = tiering(tmp_path, blobs("raw", 1, 9), inventory=False)
    with account as served, pytest.raises(UsageError, match="names no container"):
        looked(served, "/frames/")


def test_a_container_of_the_settings_that_is_gone_refuses_its_account_alone(tmp_path: Path):
    account = tiering(tmp_path, blobs("raw", 1, 9), inventory=False, protect={NAME: ["raww/"]})
    with account as served, pytest.raises(DataError, match="no container 'raww'"):
        looked(served)
