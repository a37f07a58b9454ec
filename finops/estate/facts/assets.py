"""Whether anything uses an environment version, and whether what a schedule feeds is still there."""

from __future__ import annotations

from datetime import datetime

from finops.estate import queries
from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.facts.dependents import workspace_of
from finops.estate.facts.jobs import days_since, is_over, sent_at
from finops.estate.ids import key, type_of
from finops.estate.model import Json, at, text
from finops.estate.references import ids_in

IN_USE = {queries.DEPLOYMENT, queries.BATCH_DEPLOYMENT, queries.SCHEDULE}
# What a schedule can feed and we list: with what each is listed.
LISTED = {
    queries.COMPUTE: queries.COMPUTES,
    queries.ENDPOINT: queries.GRAPH,
    queries.DEPLOYMENT: queries.DEPLOYMENTS,
    queries.BATCH_ENDPOINT: queries.GRAPH,
    queries.BATCH_DEPLOYMENT: queries.DEPLOYMENTS,
    queries.ENVIRONMENT_VERSION: queries.ENVIRONMENTS,
}


@fact(
    "daysSinceUsed",
    of=queries.ENVIRONMENT_VERSION,
    needs=[queries.JOBS_OF_90_DAYS, queries.ENVIRONMENTS, queries.SCHEDULES, queries.COMPONENTS],
    on_request=True,
)
def days_since_used(body: Json, evidence: Evidence) -> int:
    """Whole days since the newest job that uses it was sent, 0 while a deployment or a schedule does; at most 90.

    Jobs use it by themselves or through the components of their steps.
    """
    workspace = workspace_of(body["id"])
    evidence.expect(queries.DEPLOYMENTS, workspace)
    evidence.expect(queries.SCHEDULES, workspace)
    users = _users(key(body["id"]), evidence)
    if any(type_of(one) in IN_USE for one in users):
        return 0
    jobs = [evidence.bodies[one] for one in users if type_of(one) == queries.JOB]
    if not all(is_over(job) for job in jobs):
        return 0
    moments: list[datetime | None] = [sent_at(job) for job in jobs]
    found = days_since(moments, body, workspace, evidence)
    if found:
        # A component of which nobody knows what it runs in may run in this one.
        evidence.expect(queries.COMPONENTS, workspace)
        if any(one.startswith(f"{workspace}/components/") for one in evidence.absent):
            raise NotKnown("a component that its workspace's jobs name is gone, and with it what it ran in")
    return found


def _users(name: str, evidence: Evidence) -> set[str]:
    """Ids of what refers to a version, by itself or through a component."""
    direct = {one.source for one in evidence.references.to(name)}
    components = {one for one in direct if type_of(one) == queries.COMPONENT_VERSION}
    return direct.union(*({one.source for one in evidence.references.to(part)} for part in components))


@fact("targetsMissing", of=queries.SCHEDULE, needs=[queries.SCHEDULES, queries.ENVIRONMENTS], on_request=True)
def targets_missing(body: Json, evidence: Evidence) -> int:
    """How many computes, endpoints, deployments and environments that it names are no longer there."""
    action = at(body, "properties.action")
    if not isinstance(action, dict):
        raise NotKnown("Azure does not say what it does")
    targets = {target for _, target in ids_in(action) if type_of(target) in LISTED}
    if not targets and text(action, "actionType").lower() == "invokebatchendpoint":
        raise NotKnown("it does not name by its id what it calls")
    missing = 0
    for target in sorted(targets):
        kind = type_of(target)
        if kind == queries.ENVIRONMENT_VERSION and target.split("/")[-3].startswith(queries.CURATED):
            continue
        missing += not evidence.exists(target, LISTED[kind])
    return missing
