"""The guard over dedicated dev clusters, from Azure over HTTP to the mail: told, waited for, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from estates import AML, DEV, storage_account
from guarding import DEV_WORKSPACE, GPU, PROD_WORKSPACE, Guarding, dedicated, guarding

Json = dict[str, Any]


def told(guard: Guarding) -> Guarding:
    """After the owner was told and the grace is over."""
    guard.run()
    guard.live(days=8)
    return guard


def job(status: str, archived: bool = False, **properties: Any) -> Json:
    named = {"jobType": "Command", "computeId": GPU, "status": status, "isArchived": archived}
    return {
        "id": f"{DEV_WORKSPACE}/jobs/train",
        "name": "train",
        "type": f"{AML}/jobs",
        "properties": named | properties,
        "systemData": {"createdAt": "2026-11-20T08:00:00+00:00"},
    }


def is_frozen(resource_id: str, body: Json | None) -> bool:
    scale = body["properties"]["properties"]["scaleSettings"] if body and resource_id == GPU.lower() else {}
    return scale.get("maxNodeCount") == 0


def test_the_owner_is_told_before_anything_is_changed(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.run()

        [mail] = guard.mails()
        assert mail["To"] == "ana@contoso.com"
        assert "After 29 November 2026 06:00 UTC" in mail.get_body(["html"]).get_content()
        assert guard.changes() == []


def test_the_owner_is_told_once_and_left_alone_during_the_grace(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.run()
        guard.live(days=6)
        guard.run()

        assert len(guard.mails()) == 1
        assert guard.changes() == []


def test_an_idle_cluster_is_made_anew_as_spot_with_everything_else_equal(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        before = guard.body()
        done = told(guard).run()
        after = guard.body()

    assert [one.result for one in done.outcomes] == ["done", "done", "done"]
    assert after["properties"]["properties"]["vmPriority"] == "LowPriority"
    for told_anew in ("createdOn", "modifiedOn"):
        before["properties"].pop(told_anew)
        after["properties"].pop(told_anew)
    inner, made = (one["properties"].pop("properties") for one in (before, after))
    for name in ("vmSize", "osType", "scaleSettings", "subnet", "remoteLoginPortPublicAccess", "enableNodePublicIp",
                 "isolatedNetwork"):  # fmt: skip
        assert made[name] == inner[name]
    assert after["tags"] == before["tags"]
    assert after["location"] == before["location"]
    assert list(after["identity"]["userAssignedIdentities"]) == list(before["identity"]["userAssignedIdentities"])
    assert after["properties"] == {**before["properties"], "provisioningState": "Succeeded"}


def test_the_owner_is_told_what_was_done_and_that_nothing_else_is_different(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).run()

        [_, mail] = sorted(guard.mails(), key=lambda one: one["Subject"], reverse=True)
        assert "made anew with spot nodes" in (text := mail.get_body(["plain"]).get_content())
        assert "Everything else is as it was" in text


def test_what_azure_made_different_is_reported(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)

        def somebody_adds_a_tag() -> None:
            body = guard.body()
            guard.put({**body, "tags": {**body["tags"], "Added": "by a policy"}})

        guard.when(lambda name, body: name == GPU.lower() and bool(body) and guard.priority() == "LowPriority",
                   somebody_adds_a_tag)  # fmt: skip
        done = guard.run()

    assert any("tags.Added was not there" in note for deed in done.deeds for note in deed.notes)


@pytest.mark.parametrize("status", ["Running", "Queued", "Paused", "Pausing", "Unapproved", "NotResponding"])
def test_a_cluster_with_a_job_that_is_not_over_is_left_alone(tmp_path: Path, status: str):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).put(job(status))
        before = guard.changes()
        guard.run()

        assert guard.changes() == before
        assert guard.priority() == "Dedicated"


def test_an_archived_job_that_queues_is_seen(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).put(job("Queued", archived=True))
        done = guard.run()

        assert guard.scale()["maxNodeCount"] == 4
        assert [one.result for one in done.outcomes] == ["changed-since"]
        assert "train" in done.outcomes[0].why


def test_a_pipeline_that_does_not_say_where_its_steps_go_keeps_the_cluster(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).put(job("Running", jobType="Pipeline", computeId=None))
        guard.run()

        assert guard.changes() == []


def test_a_job_that_queues_while_we_look_saves_the_cluster_and_runs(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        guard.when(is_frozen, lambda: guard.put(job("Queued")))
        guard.run()
        assert guard.priority() == "Dedicated"

        guard.run()
        assert guard.scale()["maxNodeCount"] == 4


def test_a_cluster_that_still_has_nodes_is_stopped_from_growing_and_made_anew_when_they_are_gone(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=0, idle="PT20M")) as guard:
        told(guard).put(job("Queued"))
        guard.live(minutes=15)
        body = guard.body(f"{DEV_WORKSPACE}/jobs/train")
        guard.put({**body, "properties": {**body["properties"], "status": "CancelRequested"}})
        guard.live(minutes=1)
        guard.run()
        assert (guard.scale()["maxNodeCount"], guard.priority()) == (0, "Dedicated")

        guard.live(minutes=30)
        guard.run()
        assert (guard.scale()["maxNodeCount"], guard.priority()) == (4, "LowPriority")


def test_a_tag_written_while_we_work_is_on_the_new_cluster_too(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        guard.when(is_frozen, lambda: guard.put({**guard.body(), "tags": {"CostCenter": "CC-2", "Note": "mine"}}))
        guard.run()

        assert guard.priority() == "LowPriority"
        assert guard.body()["tags"] == {"CostCenter": "CC-2", "Note": "mine"}


def test_without_leave_to_recreate_it_only_stops_growing(tmp_path: Path):
    with guarding(tmp_path, dedicated(), recreate="never") as guard:
        told(guard).run()

        assert (guard.scale()["maxNodeCount"], guard.priority()) == (0, "Dedicated")
        assert any("from 4 to 0 nodes" in mail.get_body(["plain"]).get_content() for mail in guard.mails())


def test_a_cluster_that_need_not_be_stopped_any_more_may_grow_as_before(tmp_path: Path):
    with guarding(tmp_path, dedicated(), recreate="never") as guard:
        told(guard).run()
        guard.run(mode="warn")

        assert guard.scale()["maxNodeCount"] == 4


def test_a_deleted_cluster_whose_creation_was_refused_is_made_by_the_next_run(tmp_path: Path):
    refusal = {"fault": "403", "method": "PUT", "path": "/computes/gpu", "times": 1}
    with guarding(tmp_path, dedicated(), faults=[refusal]) as guard:
        first = told(guard).run()
        assert [one.result for one in first.outcomes] == ["done", "done", "failed"]
        assert first.partial

        guard.put(storage_account(DEV, "rg-dev", "mldata"))
        before = len(guard.changes())
        guard.run()
        assert guard.changes()[before:] == ["PUT computes/gpu", "PATCH tags/default"]
        assert (guard.scale()["maxNodeCount"], guard.priority()) == (4, "LowPriority")


@pytest.mark.parametrize("lost", ["PATCH", "DELETE", "PUT"])
def test_an_answer_that_is_lost_on_the_way_loses_no_cluster(tmp_path: Path, lost: str):
    with guarding(tmp_path, dedicated(), faults=[{"fault": "reset-after", "method": lost, "times": 1}]) as guard:
        told(guard).run()
        guard.run()

        assert (guard.scale()["maxNodeCount"], guard.priority()) == (4, "LowPriority")


@pytest.mark.parametrize(
    "change",
    [
        {"identity": {"type": "SystemAssigned", "principalId": "1"}},
        {"identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {}}},
    ],
)
def test_a_cluster_that_would_lose_its_identity_is_not_deleted(tmp_path: Path, change: Json):
    with guarding(tmp_path, dedicated() | change) as guard:
        told(guard).run()

        assert guard.priority() == "Dedicated"
        assert any("system-assigned" in mail.get_body(["plain"]).get_content() for mail in guard.mails())


def test_a_cluster_with_an_ssh_account_is_not_deleted(tmp_path: Path):
    with guarding(tmp_path, dedicated(userAccountCredentials={"adminUserName": "me"})) as guard:
        told(guard).run()

        assert guard.priority() == "Dedicated"


def test_a_size_that_azure_does_not_offer_as_spot_is_not_deleted(tmp_path: Path):
    with guarding(tmp_path, dedicated(vmSize="STANDARD_NV6")) as guard:
        told(guard).run()

        assert guard.priority() == "Dedicated"
        assert any("does not offer STANDARD_NV6" in mail.get_body(["plain"]).get_content() for mail in guard.mails())


def test_a_namesake_made_during_the_grace_gets_a_grace_of_its_own(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        anew = guard.body()
        guard.put({**anew, "systemData": {**anew["systemData"], "createdAt": "2026-11-29T08:00:00+00:00"}})
        guard.run()

        assert guard.changes() == []
        assert len(guard.mails()) == 2


def test_a_production_cluster_may_be_dedicated(tmp_path: Path):
    with guarding(tmp_path, dedicated(PROD_WORKSPACE)) as guard:
        told(guard).run()

        assert guard.changes() == []
        assert guard.mails() == []


@pytest.mark.parametrize("priority", ["Regular", "DEDICATED", "dedicated"])
def test_dedicated_in_another_spelling_is_dedicated(tmp_path: Path, priority: str):
    with guarding(tmp_path, dedicated(priority=priority)) as guard:
        told(guard).run()

        assert guard.priority() == "LowPriority"


@pytest.mark.parametrize("priority", ["low_priority", "Spot", "lowpriority"])
def test_spot_in_another_spelling_is_spot(tmp_path: Path, priority: str):
    with guarding(tmp_path, dedicated(priority=priority)) as guard:
        told(guard).run()

        assert guard.changes() == []


@pytest.mark.parametrize("odd", [{"properties": None}, {"tags": None, "properties": {"computeType": None}}])
def test_a_cluster_of_which_nothing_is_known_is_kept_and_the_others_still_run(tmp_path: Path, odd: Json):
    broken = {**dedicated(name="broken"), **odd}
    with guarding(tmp_path, broken, dedicated(tags={"CostCenter": "CC-2"})) as guard:
        told(guard).run()

        assert guard.priority() == "LowPriority"
        assert guard.body(broken["id"])["properties"] == odd["properties"]


def test_a_priority_that_nobody_knows_is_kept_and_said(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="Sometimes")) as guard:
        found = guard.plan()

    [line] = [line for line in found.lines if line.rule == "spot"]
    assert (line.status, line.until) == ("keep", "vmPriority is 'Sometimes'")


def test_a_cluster_without_tags_in_dev_is_found(tmp_path: Path):
    body = dedicated()
    body["tags"] = None
    with guarding(tmp_path, body) as guard:
        told(guard).run()

        assert guard.priority() == "LowPriority"
