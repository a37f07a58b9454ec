"""Which jobs run or queue on a cluster, or may."""

from __future__ import annotations

from collections.abc import Iterable

from finops.estate.evidence import targets
from finops.estate.ids import key
from finops.estate.model import Json, text

# In any other status a job may still take nodes: Paused, Pausing, Unapproved and NotResponding among them
# (JobStatus, Microsoft.MachineLearningServices 2024-04-01).
OVER = {"completed", "failed", "canceled"}


def busy(cluster_id: str, jobs: Iterable[Json]) -> list[str]:
    """Names of the jobs that keep a cluster: sent to it and not over, or not over and silent about where they go."""
    found = []
    for job in jobs:
        if text(job, "properties.status").lower() in OVER:
            continue
        named = targets(job)
        if key(cluster_id) in named or not (named or _is_serverless(job)):
            found.append(text(job, "name") or str(job.get("id")))
    return sorted(found)


def _is_serverless(job: Json) -> bool:
    """Whether a job without a target surely needs no cluster: it names the kind of machine that it wants.

    A pipeline's steps need not be in the list of jobs, so of a pipeline this is never sure.
    """
    return text(job, "properties.jobType").lower() != "pipeline" and bool(
        text(job, "properties.resources.instanceType")
    )
