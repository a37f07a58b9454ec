"""Nothing is deleted that could not be made again, and what could not be is owed, loudly, until it is there."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import pytest
from guarding import DEV_WORKSPACE, GPU, PROD_WORKSPACE, Guarding, dedicated, guarding

from finops.cloud import Azure
from finops.cloud.policyrestrictions import refusing
from finops.errors import AzureError

Json = dict[str, Any]
ADMINS = ["admins@contoso.com"]
REFUSED = {"fault": "status", "status": 400, "code": "ClusterCoreQuotaReached", "message": "no quota",
           "method": "PUT", "path": "/computes/"}  # fmt: skip


class Answers:
    """Stands for Azure: says this of every question about policies."""

    def __init__(self, evaluations: list[Json]) -> None:
        self.json = {"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": evaluations}}

    def send(self, *asked: Any, **more: Any) -> Answers:
        return self


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def owed(guard: Guarding) -> list[Json]:
    with guard.state() as state:
        return list(state.kept("guard/owed/").values())


def is_there(guard: Guarding, resource_id: str = GPU) -> bool:
    return guard.served.world.resources.get(resource_id) is not None


def made_by_somebody(guard: Guarding, before: Json, state: str, **inner: Any) -> None:
    """A cluster like the one before, made now."""
    body = copy.deepcopy(before)
    body["systemData"]["createdAt"] = body["properties"]["createdOn"] = guard.now.isoformat()
    body["properties"]["provisioningState"] = state
    body["properties"]["properties"] |= {"vmPriority": "LowPriority", **inner}
    guard.put(body)


# -- asked before it is deleted


def test_a_cluster_that_a_policy_would_not_let_us_make_again_is_not_touched(tmp_path: Path):
    with guarding(tmp_path, dedicated(), admins=ADMINS) as guard:
        guard.deploy("gpu-in-approved-cost-centers", approvedCostCenters=["vision"])
        done = told(guard).run()

        assert guard.changes() == ["PUT policyDefinitions/gpu-in-approved-cost-centers",
                                   "PUT policyAssignments/gpu-in-approved-cost-centers"]  # fmt: skip
        assert done.partial
        for person in ("ana@contoso.com", *ADMINS):
            assert "a policy forbids the cluster that would be made" in guard.texts(person)


def test_that_a_policy_keeps_it_is_told_once(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.deploy("gpu-in-approved-cost-centers", approvedCostCenters=["vision"])
        told(guard).run()
        before = len(guard.mails())
        guard.live(days=1)
        guard.run()

        assert len(guard.mails()) == before


@pytest.mark.parametrize("asked", ["checkPolicyRestrictions", "/usages", "/vmSizes"])
def test_what_cannot_be_asked_is_not_taken_for_allowed(tmp_path: Path, asked: str):
    with guarding(tmp_path, dedicated(), faults=[{"fault": "403", "path": asked}]) as guard:
        done = told(guard).run()

        assert guard.changes() == []
        assert done.partial


def test_an_answer_that_says_nothing_is_not_taken_for_allowed(tmp_path: Path):
    fault = {"fault": "empty-object", "path": "checkPolicyRestrictions"}
    with guarding(tmp_path, dedicated(), faults=[fault]) as guard:
        told(guard).run()

        assert guard.changes() == []


@pytest.mark.parametrize("evaluation", [{"evaluationResult": "Error"}, {}, {"evaluationResult": None}])
def test_an_evaluation_that_went_wrong_is_not_taken_for_allowed(evaluation: Json):
    with pytest.raises(AzureError):
        refusing(cast(Azure, Answers([evaluation])), "/subscriptions/s/resourceGroups/g", {}, "2024-04-01", "")


def test_a_policy_that_only_audits_refuses_nothing():
    told = {"evaluationResult": "NonCompliant", "effectDetails": {"policyEffect": "Audit"}}

    assert refusing(cast(Azure, Answers([told])), "/subscriptions/s/resourceGroups/g", {}, "2024-04-01", "") == []


def test_without_spot_quota_for_all_its_nodes_it_is_not_deleted(tmp_path: Path):
    with guarding(tmp_path, dedicated(high=60)) as guard:
        told(guard).run()

        assert guard.changes() == []
        assert "the spot quota in eastus is 350 cores, and its 60 nodes need 360" in guard.texts()


def test_while_the_spot_quota_is_used_up_it_is_not_deleted(tmp_path: Path):
    other = dedicated(name="other", priority="LowPriority", low=58, high=58, tags={"finops:keep": "2026-12-31;exam"})
    with guarding(tmp_path, dedicated(), other) as guard:
        told(guard).run()

        assert guard.changes() == []
        assert "of the 350 cores of the spot quota in eastus, 348 are used: 6 are needed" in guard.texts()


def test_a_policy_that_comes_between_the_two_looks_saves_the_cluster(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        plan = guard.plan()
        about = {"approvedCostCenters": ["vision"]}
        with guard.during("nodes", "gpu", lambda: guard.deploy("gpu-in-approved-cost-centers", **about)) as azure:
            done = guard.carry_out(plan, azure)

        assert [one.result for one in done] == ["done", "changed-since"]
        assert guard.priority() == "Dedicated"


# -- what is owed


def test_what_could_not_be_made_is_the_first_line_of_the_plan(tmp_path: Path):
    with guarding(tmp_path, dedicated(), dedicated(name="b"), faults=[REFUSED]) as guard:
        told(guard).run()
        first = guard.plan().lines[0]

    assert (first.rule, first.action) == ("owed", "make it anew as spot")
    assert "no quota" in first.until


def test_owner_and_admins_are_told_at_once_and_again_each_day(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[REFUSED], admins=ADMINS) as guard:
        told(guard).run()
        guard.run()
        guard.live(days=1)
        guard.run(enforce=False)

        for person in ("ana@contoso.com", *ADMINS):
            missing = [mail for mail in guard.mails() if mail["To"] == person and "Not given back" in mail["Subject"]]
            assert len(missing) == 2
            assert "no quota" in missing[0].get_body(["plain"]).get_content()


def test_after_one_that_could_not_be_made_no_other_is_deleted(tmp_path: Path):
    with guarding(tmp_path, dedicated(), dedicated(name="other"), faults=[REFUSED]) as guard:
        done = told(guard).run()

        assert sorted((is_there(guard), is_there(guard, f"{DEV_WORKSPACE}/computes/other"))) == [False, True]
        assert any("is owed" in one.why for one in done.outcomes)


def test_it_is_tried_once_a_run_also_where_another_is_made_after_it(tmp_path: Path):
    other = dedicated(PROD_WORKSPACE, name="other", tags={"Environment": "dev", "CostCenter": "CC-1"})
    with guarding(tmp_path, dedicated(), other, faults=[{**REFUSED, "path": "/computes/other"}]) as guard:
        told(guard).run()

        assert guard.changes()[-4:] == ["DELETE computes/other", "PUT computes/other", "DELETE computes/gpu",
                                        "PUT computes/gpu"]  # fmt: skip


def test_a_run_that_leaves_something_owed_is_partial(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[REFUSED]) as guard:
        told(guard).run()

        assert guard.run(enforce=False).owed == (GPU,)
        assert guard.run(enforce=False).partial


def test_while_the_kill_switch_is_there_what_is_owed_is_not_made(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{**REFUSED, "times": 1}]) as guard:
        told(guard).run()
        (tmp_path / "STOP").touch()
        guard.run()
        assert not is_there(guard)

        (tmp_path / "STOP").unlink()
        guard.run()
        assert guard.priority() == "LowPriority"


def test_a_deletion_that_is_still_on_its_way_stays_owed(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{**REFUSED, "times": 1}]) as guard:
        before = guard.body()
        told(guard).run()
        before["properties"]["provisioningState"] = "Deleting"
        guard.put(before)
        guard.run()
        assert len(owed(guard)) == 1

        guard.served.world.resources.delete(GPU)
        guard.run()
        assert guard.priority() == "LowPriority"


# -- what is there when it is looked at again


def lost(tmp_path: Path) -> Any:
    """A guard over a cluster whose making was asked for, and of which no answer came."""
    return guarding(tmp_path, dedicated(), faults=[{"fault": "503", "method": "PUT", "path": "/computes/"}])


def test_one_that_failed_is_not_called_made(tmp_path: Path):
    with lost(tmp_path) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Failed")
        done = guard.run()

        assert len(owed(guard)) == 1
        assert "Everything else is as it was" not in guard.texts()
        assert done.partial


def test_ours_that_failed_is_deleted_and_made_again(tmp_path: Path):
    with lost(tmp_path) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Failed")
        guard.served.faults.clear()
        seen = len(guard.changes())
        guard.run()

        assert guard.changes()[seen:] == ["DELETE computes/gpu", "PUT computes/gpu"]
        assert guard.body()["properties"]["provisioningState"] == "Succeeded"
        assert owed(guard) == []


def test_somebody_elses_that_failed_is_left_alone(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{**REFUSED, "times": 1}]) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Failed", vmSize="STANDARD_DS3_V2")
        seen = len(guard.changes())
        guard.run()

        assert guard.changes()[seen:] == []
        assert len(owed(guard)) == 1


def test_a_namesake_that_somebody_else_made_is_not_called_ours(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{**REFUSED, "times": 1}], admins=ADMINS) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Succeeded", vmSize="STANDARD_DS3_V2")
        guard.run()

        assert "It was made anew" not in guard.texts()
        for person in ("ana@contoso.com", *ADMINS):
            assert "somebody else made a cluster of that name" in guard.texts(person)
        assert owed(guard) == []


def test_what_was_there_before_we_asked_is_not_ours(tmp_path: Path):
    with guarding(tmp_path, dedicated(), faults=[{**REFUSED, "times": 1}]) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Succeeded")
        anothers = guard.body()
        anothers["systemData"]["createdAt"] = "2026-11-29T06:00:00+00:00"
        guard.put(anothers)
        guard.run()

        assert "It was made anew" not in guard.texts()


def test_one_that_is_there_as_we_sent_it_is_ours(tmp_path: Path):
    with lost(tmp_path) as guard:
        before = guard.body()
        told(guard).run()
        made_by_somebody(guard, before, "Succeeded")
        guard.run()

        assert "It was made anew with spot nodes" in guard.texts()
        assert owed(guard) == []
