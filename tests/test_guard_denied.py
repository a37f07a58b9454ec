"""The guard beside policies that deny its own changes: it gets on where it may, and says so where it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from estates import AML
from guarding import DEV_WORKSPACE, GPU, Guarding, dedicated, guarding

Json = dict[str, Any]
SPOT = "dev-clusters-are-spot"
ADMINS = ["admins@contoso.com"]


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def job(status: str) -> Json:
    return {
        "id": f"{DEV_WORKSPACE}/jobs/train",
        "name": "train",
        "type": f"{AML}/jobs",
        "properties": {"jobType": "Command", "computeId": GPU, "status": status},
        "systemData": {"createdAt": "2026-11-20T08:00:00+00:00"},
    }


def test_a_cluster_that_may_not_be_drained_goes_with_its_idle_nodes(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.deploy(SPOT)
        guard.deploy("clusters-scale-to-zero")
        told(guard).run()

        assert guard.priority() == "LowPriority"
        assert guard.scale() == {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"}


def test_a_run_in_which_it_was_made_anew_is_whole_whatever_was_denied_on_the_way(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2), costs=True) as guard:
        guard.deploy(SPOT)
        done = told(guard).run()

        assert [one.result for one in done.outcomes] == ["failed", "failed", "done", "done"]
        assert not done.partial


def test_a_node_that_is_not_idle_keeps_it(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.deploy(SPOT)
        told(guard)
        guard.served.world.nodes[GPU.lower()][0]["nodeState"] = "preparing"
        done = guard.run()

        assert guard.priority() == "Dedicated"
        assert done.partial


def test_a_node_that_starts_to_work_between_the_two_looks_keeps_it(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.deploy(SPOT)
        told(guard)
        plan = guard.plan()

        def works() -> None:
            guard.served.world.nodes[GPU.lower()][0] |= {"nodeState": "running", "runId": "train"}

        with guard.during("nodes", "gpu", works, nth=2) as azure:
            guard.carry_out(plan, azure)

        assert guard.priority() == "Dedicated"


def test_a_job_that_comes_after_the_denial_keeps_it(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.deploy(SPOT)
        plan = told(guard).plan()
        with guard.during("nodes", "gpu", lambda: guard.put(job("Pausing"))) as azure:
            done = guard.carry_out(plan, azure)

        assert guard.priority() == "Dedicated"
        assert "train" in done[-1].why


def test_one_that_policies_keep_from_being_made_again_is_kept_and_its_owner_told_what_to_do(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.deploy(SPOT)
        guard.deploy("gpu-in-approved-cost-centers", approvedCostCenters=["vision"])
        told(guard).run()

        assert guard.priority() == "Dedicated"
        assert "policy exemption" in guard.texts("ana@contoso.com")


def test_what_azure_refused_is_told_as_refused_once(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2), recreate="never") as guard:
        guard.deploy(SPOT)
        told(guard).run()
        guard.run()

        assert guard.texts().count("Setting its maximum to 0 nodes was tried. Azure refused it") == 1
        assert guard.texts().count("Setting minNodeCount to 0 was tried. Azure refused it") == 1
        assert "policy exemption" in guard.texts()
        assert "was set from" not in guard.texts()


# -- a cluster that was stopped, and that a policy keeps from growing again


def stopped(guard: Guarding) -> Guarding:
    """Stopped from growing before the policy came."""
    told(guard).run(recreate="never")
    assert guard.scale()["maxNodeCount"] == 0
    guard.deploy(SPOT)
    return guard


def test_that_it_cannot_grow_again_is_told_to_owner_and_admins_each_day(tmp_path: Path):
    with guarding(tmp_path, dedicated(), recreate="never", admins=ADMINS) as guard:
        stopped(guard).run(mode="audit")
        guard.run(mode="audit")
        guard.live(days=1)
        guard.run(mode="audit")

        for person in ("ana@contoso.com", *ADMINS):
            assert guard.texts(person).count("Its maximum was set to 0 nodes, and could not be set back") == 2


def test_that_it_cannot_grow_again_is_in_the_plan_and_makes_the_run_partial(tmp_path: Path):
    with guarding(tmp_path, dedicated(), costs=True, recreate="never") as guard:
        done = stopped(guard).run(mode="audit")
        first = guard.plan(mode="audit").lines[0]

        assert done.partial
        assert (first.rule, first.id) == ("thaw", GPU)
        assert "RequestDisallowedByPolicy" in first.until


def test_where_it_may_be_made_anew_it_is(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        stopped(guard).run()

        assert (guard.priority(), guard.scale()["maxNodeCount"]) == ("LowPriority", 4)


def test_one_that_was_stopped_and_cannot_be_made_anew_may_grow_again(tmp_path: Path):
    with guarding(tmp_path, dedicated(high=60), recreate="never") as guard:
        told(guard).run()
        assert guard.scale()["maxNodeCount"] == 0
        guard.run(recreate="allow")

        assert (guard.priority(), guard.scale()["maxNodeCount"]) == ("Dedicated", 60)


def test_an_exemption_of_a_stopped_cluster_is_told_with_what_is_left_to_do(tmp_path: Path):
    with guarding(tmp_path, dedicated(), recreate="never") as guard:
        told(guard).run()
        body = guard.body()
        guard.put({**body, "tags": {**body["tags"], "finops:keep": "2026-12-31;demo"}})
        guard.run()
        guard.run()

        assert guard.texts().count("Set its maximum back to 4 nodes") == 1
