"""The duty `tier`, and what `apply` does of it: rules once, approvals first, and no account that nobody meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dutiful import counted, never_asked, run
from test_tier_apply_singles import blob, count, small
from test_tier_approve import after_the_grace, approve, asked, record
from tier_applying import Tiering, tiering

from finops.config.model import ChargesSettings, StateSettings
from finops.jobs.duties import Done


def duty(account: Tiering, folder: Path, name: str = "tier", **more: Any) -> Done:
    own = {"state": StateSettings(url=account.state.where), "charges": ChargesSettings(store=folder / "charges")}
    return run(name, account.settings.model_copy(update=own), account.now, **more)


def test_without_tiering_azure_is_not_asked(tmp_path: Path):
    with tiering(tmp_path, mode="off") as account:
        assert duty(account, tmp_path, acting=never_asked).outcome == "done"


def test_in_mode_enforce_rules_are_put_into_force_once(tmp_path: Path):
    with tiering(tmp_path) as account:
        first, second = duty(account, tmp_path), duty(account, tmp_path)

        assert (counted(first, "acts.done"), counted(second, "acts.done")) == (1, None)
        assert account.changes() == ["PUT datalake/managementpolicies/default"]


def test_what_is_only_asked_about_is_neither_done_by_tier_nor_by_apply(tmp_path: Path):
    with tiering(tmp_path, mode="ask") as account:
        asked = duty(account, tmp_path)
        duty(account, tmp_path, "apply", acting=never_asked)

        assert account.changes() == []
        assert counted(asked, "findings.asked") or counted(asked, "findings.pending")


def test_stopped_between_looking_and_acting_it_changes_nothing_and_the_next_run_does(tmp_path: Path):
    with tiering(tmp_path) as account:
        said: list[str] = []
        stopped = duty(account, tmp_path, said=said, stopping=lambda: "Acting" in said)
        changed = account.changes()
        done = duty(account, tmp_path)

        assert (stopped.outcome, changed) == ("partial", [])
        assert counted(done, "acts.done") == 1


def test_apply_does_what_was_approved_of_tiers_and_goes_on_where_it_was_stopped(tmp_path: Path):
    blobs = [blob(number, days=700) for number in range(300)]  # two batches
    with small(tmp_path, blobs, sku="Standard_LRS") as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        stopped = duty(account, tmp_path, "apply", stopping=lambda: count(account, "Hot") < 300)
        left, status = count(account, "Hot"), record(account).status
        done = duty(account, tmp_path, "apply")
        nothing = duty(account, tmp_path, "apply", acting=never_asked)

        assert (0 < left < 300, status, stopped.outcome) == (True, "acted", "partial")
        assert (count(account, "Hot"), record(account).status) == (0, "confirmed")
        assert (counted(done, "acts.done") > 0, nothing.outcome) == (True, "done")


def test_apply_looks_at_no_account_of_which_nothing_was_approved(tmp_path: Path):
    with tiering(tmp_path) as account:  # in mode enforce: `tier` would set rules
        duty(account, tmp_path, "apply", acting=never_asked)

        assert account.changes() == []
