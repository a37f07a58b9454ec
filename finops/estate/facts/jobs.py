"""The jobs of a compute."""

from __future__ import annotations

from finops.estate.evidence import Evidence
from finops.estate.facts import fact
from finops.estate.facts.nodes import is_cluster, node_list
from finops.estate.model import Json, text
from finops.estate.queries import COMPUTE

OVER = {"completed", "failed", "canceled"}
WAITING = {"notstarted", "queued", "starting", "provisioning", "preparing", "scheduled"}


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


def _status(job: Json) -> str:
    return text(job, "properties.status").lower()
