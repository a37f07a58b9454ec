"""What refers to a resource, and by what."""

from __future__ import annotations

from collections.abc import Iterator

from finops.estate import queries
from finops.estate.evidence import Evidence
from finops.estate.facts import fact
from finops.estate.facts.jobs import is_over
from finops.estate.facts.traffic import share_of
from finops.estate.ids import key, scopes, subscription_of, type_of
from finops.estate.model import Json, text

# Said to whoever approves: these may refer to it all the same.
NOT_LOOKED_AT = (
    "clients outside of Azure that know its address",
    "components and pipelines that no job of the last 90 days and no schedule names",
    "pipelines published with the first SDK (azureml-core)",
    "diagnostic settings and alert rules",
)
WORDS = {
    queries.AUTOSCALE_SETTING: "autoscale setting",
    queries.BATCH_DEPLOYMENT: "batch deployment",
    queries.BATCH_ENDPOINT: "batch endpoint",
    queries.COMPONENT_VERSION: "component",
    queries.COMPUTE: "compute",
    queries.DEPLOYMENT: "deployment",
    queries.ENDPOINT: "online endpoint",
    queries.ENVIRONMENT_VERSION: "environment",
    queries.JOB: "job",
    queries.SCHEDULE: "schedule",
    queries.WORKSPACE: "workspace",
}
# What comes and goes by itself, or with the resource: no reason to keep it.
NOT_DEPENDING = {queries.LOCK, queries.ROLE_ASSIGNMENT, queries.BATCH_JOB}
# What could refer to each type, and so must have been listed.
LISTS = {
    queries.COMPUTE: (queries.JOBS, queries.SCHEDULES, queries.DEPLOYMENTS),
    queries.ENVIRONMENT_VERSION: (queries.JOBS, queries.SCHEDULES, queries.DEPLOYMENTS),
    queries.ENDPOINT: (queries.SCHEDULES, queries.AUTOSCALE),
    queries.DEPLOYMENT: (queries.SCHEDULES, queries.AUTOSCALE),
    queries.BATCH_ENDPOINT: (queries.SCHEDULES,),
    queries.BATCH_DEPLOYMENT: (queries.SCHEDULES,),
}


@fact("dependents", of=LISTS, needs=[queries.SCHEDULES], on_request=True)
def dependents(body: Json, evidence: Evidence) -> list[str]:
    """What refers to it and would miss it, and by what; an empty list where nothing does."""
    name = key(body["id"])
    workspace = workspace_of(name)
    for what in LISTS[type_of(name)]:
        if what == queries.JOBS:
            evidence.jobs_on(f"{workspace}/computes/any")
        else:
            evidence.expect(what, f"/subscriptions/{subscription_of(name)}" if what == queries.AUTOSCALE else workspace)
    by_id = (
        f"{named(one.source)} ({one.path})"
        for one in evidence.references.into(name)
        if _would_miss_it(one.source, evidence.bodies[one.source])
    )
    return sorted({*by_id, *_by_name(body, name, evidence)})


def workspace_of(resource_id: str) -> str:
    """The workspace above a resource, in lower case; "" where there is none."""
    return next((one for one in scopes(resource_id) if type_of(one) == queries.WORKSPACE), "")


def named(resource_id: str) -> str:
    """Kind and name, as people say them: deployment churn/blue, environment sklearn/3."""
    kind = type_of(resource_id)
    names = resource_id.split("/")[::-1]
    inner = kind in (
        queries.DEPLOYMENT,
        queries.BATCH_DEPLOYMENT,
        queries.ENVIRONMENT_VERSION,
        queries.COMPONENT_VERSION,
    )
    shown = f"{names[2]}/{names[0]}" if inner and len(names) > 2 else names[0]
    return f"{WORDS.get(kind, kind.rpartition('/')[2])} {shown}"


def _would_miss_it(source: str, body: Json) -> bool:
    kind = type_of(source)
    return kind not in NOT_DEPENDING and not (kind == queries.JOB and is_over(body))


def _by_name(body: Json, name: str, evidence: Evidence) -> Iterator[str]:
    """Where Azure refers by name alone."""
    kind, short = type_of(name), name.rpartition("/")[2]
    parent = name.rpartition("/deployments/")[0]
    if kind == queries.DEPLOYMENT:
        for field, said in (("traffic", "of its requests"), ("mirrorTraffic", "of its requests as a copy")):
            if share := share_of(body, evidence, field):
                yield f"{named(parent)} sends it {share} % {said} (properties.{field})"
    workspace = workspace_of(name)
    for of, place, path, said in (
        (queries.BATCH_DEPLOYMENT, parent, "properties.defaults.deploymentName", "uses it by default"),
        (queries.COMPUTE, workspace, "properties.imageBuildCompute", "builds its images on it"),
    ):
        if kind == of and text(evidence.body(place), path).lower() == short:
            yield f"{named(place)} {said} ({path})"
