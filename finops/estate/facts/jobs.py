"""The jobs of a compute."""

from __future__ import annotations

from datetime import datetime, timedelta

from finops.estate.evidence import Evidence, NotKnown, moment_of
from finops.estate.facts import fact
from finops.estate.facts.age import created_at
from finops.estate.facts.nodes import is_cluster, node_list
from finops.estate.ids import key
from finops.estate.model import Json, text
from finops.estate.queries import BATCH_ENDPOINT, BATCH_JOBS, COMPUTE, JOBS, JOBS_OF_90_DAYS

OVER = {"completed", "failed", "canceled"}
WAITING = {"notstarted", "queued", "starting", "provisioning", "preparing", "scheduled"}
QUARTER = 90


@fact("runningJobs", of=COMPUTE)
def running_jobs(body: Json, evidence: Evidence) -> int:
    """Jobs that run on it now, steps of pipelines included.

    A status that is neither over nor waiting counts as running. Steps are not in the list of jobs: their names are
    the run ids on the nodes.
    """
    jobs = evidence.jobs_on(body["id"])
    names = {text(job, "name") or job["id"] for job in jobs if _status(job) not in OVER | WAITING}
    nodes = node_list(body, evidence) if is_cluster(body) else []
    return len(names | ({text(node, "runId") for node in nodes} - {""}))


@fact("queuedJobs", of=COMPUTE)
def queued_jobs(body: Json, evidence: Evidence) -> int:
    """Jobs that wait for it."""
    return sum(_status(job) in WAITING for job in evidence.jobs_on(body["id"]))


@fact("daysSinceLastJob", of=COMPUTE, needs=[JOBS_OF_90_DAYS], on_request=True)
def days_since_last_job(body: Json, evidence: Evidence) -> int:
    """Whole days since the newest job was sent to it, 0 while one is not over, or since it was made; at most 90."""
    jobs = evidence.jobs_on(body["id"])
    if not all(is_over(job) for job in jobs):
        return 0
    if is_cluster(body) and any(text(node, "runId") for node in node_list(body, evidence)):
        return 0
    workspace = key(body["id"]).rpartition("/computes/")[0]
    return days_since([sent_at(job) for job in jobs], body, workspace, evidence)


@fact("daysSinceInvoked", of=BATCH_ENDPOINT, needs=[BATCH_JOBS], on_request=True)
def days_since_invoked(body: Json, evidence: Evidence) -> int:
    """Whole days since the newest call of a batch endpoint, or since it was made if there was none; at most 90."""
    evidence.expect(BATCH_JOBS, body["id"])
    calls = evidence.below(body["id"], f"{BATCH_ENDPOINT}/jobs")
    if not all(is_over(call) for call in calls):
        return 0
    return _days([sent_at(call) for call in calls], body, evidence)


def days_since(moments: list[datetime | None], body: Json, workspace: str, evidence: Evidence) -> int:
    """Whole days since the newest of `moments`, which come from the jobs of a workspace, at most 90. Where there is
    none, since `body` was made; unknown if the jobs were not read that far back."""
    if not moments:
        since = evidence.jobs_since.get(key(workspace))
        created = created_at(body)
        if since is None:
            raise (
                evidence.missing(JOBS, workspace)
                if workspace not in evidence.jobs_read
                else NotKnown("the jobs of its workspace were not read far enough back")
            )
        if since > evidence.as_of - timedelta(days=QUARTER) and (created is None or created < since):
            raise NotKnown(f"the jobs of its workspace were read back to {since:%Y-%m-%d}, and none of them used it")
    return _days(moments, body, evidence)


def _days(moments: list[datetime | None], body: Json, evidence: Evidence) -> int:
    told = [moment for moment in moments if moment]
    if len(told) < len(moments):
        raise NotKnown("a job that used it does not say when it was sent")
    newest = max(told, default=created_at(body))
    if newest is None:
        raise NotKnown("Azure does not say when it was created")
    return min(max(0, (evidence.as_of - newest).days), QUARTER)


def sent_at(job: Json) -> datetime | None:
    """When a job was sent; ARM does not say when it ended, which is 21 days later at most."""
    return moment_of(job, "systemData.createdAt")


def is_over(job: Json) -> bool:
    """Whether a job has come to an end; one that does not say so has not."""
    return _status(job) in OVER


def _status(job: Json) -> str:
    return text(job, "properties.status").lower()
