"""What the guard looks at in the last moment before it stops or deletes a cluster: what others did meanwhile counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from estates import DEV
from guarding import DEV_WORKSPACE, GPU, Guarding, dedicated, guarding

from finops.cloud import Azure
from finops.errors import AzureError
from finops.estate.queries import JOBS_AT_MOST
from finops.jobs.guarding.busy import live_jobs

Json = dict[str, Any]
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def with_inner(guard: Guarding, **inner: Any) -> None:
    body = guard.body()
    body["properties"]["properties"] |= inner
    guard.put(body)


def tagged(guard: Guarding, **tags: str) -> None:
    body = guard.body()
    guard.put({**body, "tags": {**body["tags"], **tags}})


# -- between the last questions and the deletion


@pytest.mark.parametrize("question", ["checkPolicyRestrictions", "/usages", "/jobs"])
def test_a_tag_written_after_any_question_is_not_lost(tmp_path: Path, question: str):
    call, nth = ("send", 2) if question == "checkPolicyRestrictions" else ("pages", 2)
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        with guard.during(call, question, lambda: tagged(guard, Late="yes"), nth) as azure:
            guard.carry_out(plan, azure)
        guard.run()

        assert guard.body()["tags"] == {"CostCenter": "CC-2", "Project": "ocr", "Late": "yes"}
        assert guard.priority() == "LowPriority"


def test_a_keep_tag_written_after_the_last_question_saves_the_cluster(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        keeps = {"finops:keep": "2026-12-31;exam"}
        with guard.during("pages", "/jobs", lambda: tagged(guard, **keeps), nth=2) as azure:
            done = guard.carry_out(plan, azure)

        assert guard.priority() == "Dedicated"
        assert done[-1].why == "Its tag finops:keep protects it."


def test_a_namesake_made_after_the_last_question_is_not_deleted(tmp_path: Path):
    def anew(guard: Guarding) -> None:
        body = guard.body()
        guard.put({**body, "systemData": {**body["systemData"], "createdAt": "2026-11-30T05:59:00+00:00"}})

    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        with guard.during("pages", "/jobs", lambda: anew(guard), nth=2) as azure:
            guard.carry_out(plan, azure)

        assert guard.priority() == "Dedicated"


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ({"vmPriority": "LowPriority"}, "by now"),
        ({"userAccountCredentials": {"adminUserName": "me"}}, "SSH"),
        ({"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 9, "nodeIdleTimeBeforeScaleDown": "PT2M"}}, "changed"),
    ],
)
def test_what_somebody_changed_before_the_deletion_saves_the_cluster(tmp_path: Path, inner: Json, why: str):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        with guard.during("nodes", "gpu", lambda: with_inner(guard, **inner)) as azure:
            done = guard.carry_out(plan, azure)

        assert [one.result for one in done] == ["done", "changed-since"]
        assert why in done[-1].why
        assert guard.body()["properties"]["properties"].items() >= inner.items()


def test_a_cluster_that_somebody_made_spot_meanwhile_is_not_stopped_from_growing(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        is_spot = {"vmPriority": "LowPriority"}
        with guard.during("send", "checkPolicyRestrictions", lambda: with_inner(guard, **is_spot)) as azure:
            done = guard.carry_out(plan, azure)

        assert [one.result for one in done] == ["changed-since"]
        assert guard.scale()["maxNodeCount"] == 4


# -- which jobs keep it


class Jobs:
    """Stands for Azure: a workspace with these jobs."""

    def __init__(self, *jobs: Json) -> None:
        self.jobs = jobs

    def pages(self, *asked: Any) -> tuple[Json, ...]:
        return self.jobs


def job(status: str, number: int = 0) -> Json:
    return {
        "name": f"job{number}",
        "properties": {"jobType": "Command", "computeId": GPU, "status": status},
        "systemData": {"createdAt": "2026-11-20T08:00:00+00:00"},
    }


@pytest.mark.parametrize("status", ["Pausing", "Paused", "Unapproved", "CancelRequested", "Finalizing", "Unknown"])
def test_only_what_is_over_keeps_no_cluster(status: str):
    assert live_jobs(cast(Azure, Jobs(job(status), job("Completed"))), GPU, NOW) == ["job0"]


def test_a_list_of_jobs_that_is_too_long_to_be_read_is_not_known():
    many = [job("Completed", number) for number in range(JOBS_AT_MOST + 2)]
    with pytest.raises(AzureError, match="more than"):
        live_jobs(cast(Azure, Jobs(*many)), GPU, NOW)


# -- what protects it, in the plan


@pytest.mark.parametrize("scope", [f"/subscriptions/{DEV}", DEV_WORKSPACE, GPU])
def test_a_lock_is_in_the_plan(tmp_path: Path, scope: str):
    name = "Microsoft.Authorization/locks"
    lock = {"id": f"{scope}/providers/{name}/hold", "name": "hold", "type": name,
            "properties": {"level": "CanNotDelete"}}  # fmt: skip
    with guarding(tmp_path, dedicated(), lock) as guard:
        [line] = [line for line in told(guard).plan().lines if line.rule == "spot"]

    assert (line.status, line.until) == ("keep", "locked")


def test_locks_that_cannot_be_read_are_in_the_plan(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{"fault": "403", "path": "/locks"}]) as guard:
        [line] = [line for line in guard.plan().lines if line.rule == "spot"]

    assert line.status == "keep"
    assert "whether it is locked is not known" in line.until
