"""Rules are put into force through acts: what others wrote stays, what changed meanwhile is not written over."""

from __future__ import annotations

import json
from pathlib import Path

from estates import workspace, workspace_id
from storing import ACCOUNT, NAME, rule
from tier_applying import POLICY, results, tiering

from finops.cloud import Json
from finops.jobs.tiering.deeds import SET_RULES
from finops.tiering.policy import is_ours

THEIRS: Json = rule("tmp-away", ["scratch/tmp/"], delete={"daysAfterModificationGreaterThan": 3})


def test_in_mode_enforce_rules_are_put_into_force_beside_those_of_others(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.govern(THEIRS)

        done = account.apply()

        assert results(done) == [(SET_RULES, "done")], done.lines
        assert account.rules()[0] == THEIRS
        assert len(account.rules()) > 1
        assert all(is_ours(each, NAME) for each in account.rules()[1:])
        assert account.changes() == ["PUT datalake/managementpolicies/default"]


def test_without_execute_nothing_is_changed_and_nothing_is_remembered(tmp_path: Path):
    with tiering(tmp_path) as account:
        done = account.apply(execute=False)

        assert results(done) == [(SET_RULES, "would")]
        assert account.changes() == []
        assert account.state.audit_entries() == []


def test_a_second_run_changes_nothing_more(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()

        done = account.apply()

        assert results(done) == [(SET_RULES, "so")]
        assert len(account.changes()) == 1


def test_in_mode_list_nothing_is_changed(tmp_path: Path):
    with tiering(tmp_path, mode="list") as account:
        done = account.apply()

        assert results(done) == [(SET_RULES, "listed")]
        assert account.changes() == []


def test_what_is_done_is_written_down_before_it_is_sent(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()

        first, second = account.state.audit_entries()
        assert (first["what"], second["what"]) == (f"will {SET_RULES}", "done")
        assert json.loads(first["evidence"])["before"] == []
        assert first["resource_id"].endswith(f"/storageaccounts/{NAME}")


def test_undo_takes_out_our_rules_and_leaves_those_of_others_to_the_letter(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.govern(THEIRS)
        account.apply()

        done = account.undo()

        assert [line.result for line in done.lines] == ["done"], done.lines
        assert account.rules() == [THEIRS]


def test_undo_deletes_the_policy_that_held_only_rules_of_ours(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()

        account.undo()

        assert account.body(POLICY) is None


def test_a_second_undo_changes_nothing(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.undo()
        before = account.changes()

        done = account.undo()

        assert [line.result for line in done.lines] == ["so"]
        assert account.changes() == before


def test_what_jobs_read_is_asked_once_for_all_accounts(tmp_path: Path):
    with tiering(tmp_path, inventory=False) as account:
        account.put(workspace(workspace_id("ml")))
        body = account.body(ACCOUNT)
        assert body is not None
        account.put({**body, "id": f"{ACCOUNT}2", "name": f"{NAME}2"})
        account.served.requests.clear()

        done = account.apply(execute=False)

        assert {line.account for line in done.lines} == {NAME, f"{NAME}2"}
        asked = [one["path"].rpartition("/")[2].lower() for one in account.served.requests]
        assert [asked.count(each) for each in ("schedules", "datastores")] == [1, 1]
