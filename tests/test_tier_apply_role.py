"""The role that tiering asks for is enough to apply and to undo, and changes nothing that these leave alone."""

from __future__ import annotations

import json
from pathlib import Path

from tier_applying import Tiering, tiering

from finops.simulator.rbac import action_of

ROLE = json.loads((Path(__file__).parent.parent / "docs" / "tiering-role.json").read_text("utf-8"))


def taken(account: Tiering) -> set[str]:
    """The rights that the requests took that changed something."""
    found = set()
    for one in account.served.requests:
        if one["method"] in {"PUT", "PATCH", "DELETE"} and "/storageaccounts/" in one["path"].lower():
            needed = action_of(one["method"], one["path"])
            assert needed is not None, one["path"]
            found.add(needed[0].lower())
    return found


def test_the_role_is_enough_and_holds_no_change_that_is_not_made(tmp_path: Path):
    with tiering(tmp_path / "rules") as account:
        account.apply()
        account.undo()
        rules = taken(account)
    own = {"tracked": False, "tracking": True, "inventory": False, "inventory_rule": "finops-inventory"}
    with tiering(tmp_path / "setting-up", **own) as account:  # type: ignore[arg-type]
        account.apply()
        account.undo()
        setting_up = taken(account)

    given = {one.lower() for one in ROLE["Actions"] if not one.endswith("/read")}
    assert rules | setting_up == given
