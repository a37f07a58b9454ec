"""Whether a cluster is at work: its jobs and its nodes, asked just now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from finops import spot
from finops.errors import AzureError
from finops.estate.evidence import moment_of
from finops.estate.model import Json, text
from finops.estate.queries import JOBS_AT_MOST, JOBS_OLD_IN_A_ROW, JOBS_SINCE, ML_VERSION

if TYPE_CHECKING:
    from finops.cloud import Azure


def with_jobs(azure: Azure, compute_id: str, now: datetime) -> str | None:
    """Which jobs keep the cluster, in words; None for none."""
    names = live_jobs(azure, compute_id, now)
    if not names:
        return None
    return f"Jobs run or queue on it: {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}."


def live_jobs(azure: Azure, compute_id: str, now: datetime) -> list[str]:
    """Names of the jobs that keep a cluster; archived ones too, for archiving stops no job.

    Raises AzureError when the list is too long to be read whole: then it is not known.
    """
    workspace = compute_id[: compute_id.lower().rindex("/computes/")]
    read: list[Json] = []
    old = 0
    for job in azure.pages(f"{workspace}/jobs", ML_VERSION, {"listViewType": "All"}):
        read.append(job)
        created = moment_of(job, "systemData.createdAt")
        old = old + 1 if created and now - created > JOBS_SINCE else 0
        if old >= JOBS_OLD_IN_A_ROW:
            break
        if len(read) > JOBS_AT_MOST:
            raise AzureError(
                f"{workspace} has more than {JOBS_AT_MOST} jobs of the last {JOBS_SINCE.days} days.",
                "Delete jobs that are over.",
                code="TooMany",
            )
    return spot.busy(compute_id, read)


def with_nodes(azure: Azure, compute_id: str, *, idle_may_stay: bool) -> str | None:
    """Which nodes keep the cluster, in words; None for none.

    idle_may_stay: a node that Azure calls idle, and that names no run, keeps nothing
    """
    kept = [node for node in azure.nodes(compute_id) if not (idle_may_stay and _is_idle(node))]
    if not kept:
        return None
    states = ", ".join(sorted({text(node, "nodeState") or "in no state that Azure tells" for node in kept}))
    return f"It still has {len(kept)} {'node' if len(kept) == 1 else 'nodes'} ({states})."


def _is_idle(node: Json) -> bool:
    return text(node, "nodeState").lower() == "idle" and not node.get("runId")
