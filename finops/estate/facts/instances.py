"""What a compute instance has been doing, and whose it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from finops.estate.evidence import Evidence, NotKnown, Series, moment_of
from finops.estate.facts import fact
from finops.estate.facts.jobs import is_over
from finops.estate.ids import subscription_of
from finops.estate.model import Json, Known, text
from finops.estate.queries import COMPUTE, USERS, WORKSPACE

# Azure publishes neither kernels nor terminals nor connections: what stops an instance by itself
# (idleTimeBeforeShutdown) knows them, and tells nobody. What can be read is the processor and the jobs.
CPU = Series(WORKSPACE, "CpuUtilizationPercentage", aggregation="maximum", days=7, dimension="ComputeName")
# A minute above it within an hour is work: the instance's own agents stay below.
BUSY_PERCENT = 10.0
HOUR = timedelta(hours=1)


@fact("idleHours", of=COMPUTE, series=[CPU], on_request=True)
def idle_hours(body: Json, evidence: Evidence) -> Known:
    """Whole hours in which a running instance had no job and no minute of 10 % processor load; at most 168."""
    _instance(body)
    state = text(body, "properties.properties.state")
    if state.lower() != "running":
        raise NotKnown(f"it is not running: its state is {state or 'not told'}")
    jobs = evidence.jobs_on(body["id"])
    start, end = CPU.window(evidence.as_of)
    if not all(is_over(job) for job in jobs):
        return Known(0, end)
    since = _last_operation(body) or moment_of(body, "properties.modifiedOn")
    if since is None:
        raise NotKnown("Azure does not say since when it runs")
    workspace, _, name = body["id"].rpartition("/computes/")
    if evidence.lines(workspace, CPU) and not evidence.has_line(workspace, CPU, name):
        raise NotKnown("Monitor has no processor load of it")
    points = evidence.points(workspace, CPU, name, since=since)
    busy = [moment + HOUR for moment, value in points if value >= BUSY_PERCENT]
    sent = [moment for job in jobs if (moment := moment_of(job, "systemData.createdAt"))]
    last = max([start, since, *busy[-1:], *sent])
    return Known(max(0, int((end - last) / HOUR)), end)


@fact("daysStopped", of=COMPUTE)
def days_stopped(body: Json, evidence: Evidence) -> int:
    """Whole days since a stopped instance was stopped."""
    _instance(body)
    state = text(body, "properties.properties.state")
    if state.lower() != "stopped":
        raise NotKnown(f"it is not stopped: its state is {state or 'not told'}")
    operation = text(body, "properties.properties.lastOperation.operationName").lower()
    status = text(body, "properties.properties.lastOperation.operationStatus").lower()
    moment = _last_operation(body)
    if operation != "stop" or status != "succeeded" or moment is None:
        raise NotKnown("its last operation is not a stop that succeeded, so Azure does not say when it was stopped")
    if moment > evidence.as_of:
        raise NotKnown(f"it was stopped at {moment:%Y-%m-%dT%H:%MZ}, after this reading began")
    return (evidence.as_of - moment).days


@fact("ownerExists", of=COMPUTE, needs=[USERS], on_request=True)
def owner_exists(body: Json, evidence: Evidence) -> bool:
    """Whether the directory still has the account of the person whom the instance is assigned to, or who made it."""
    _instance(body)
    who, tenant = account_of(body)
    if not who:
        raise NotKnown("Azure does not say whose it is")
    home = text(evidence.bodies.get(f"/subscriptions/{subscription_of(body['id'])}"), "tenantId")
    if tenant and home and tenant.lower() != home.lower():
        raise NotKnown("its owner belongs to another directory, which we cannot ask")
    return evidence.has_account(who)


def account_of(body: Json) -> tuple[str, str]:
    """Object id (or address) and directory of the person to whom an instance belongs; "" where Azure does not say."""
    for place, person, tenant in (
        ("properties.properties.personalComputeInstanceSettings.assignedUser", "objectId", "tenantId"),
        ("properties.properties.createdBy", "userId", "userOrgId"),
    ):
        if found := text(body, f"{place}.{person}"):
            return found, text(body, f"{place}.{tenant}")
    made_by_person = text(body, "systemData.createdByType") in ("", "User")
    return (text(body, "systemData.createdBy") if made_by_person else ""), ""


def is_instance(body: Json) -> bool:
    """Whether a compute is a compute instance."""
    return text(body, "properties.computeType").lower() == "computeinstance"


def _instance(body: Json) -> None:
    if not is_instance(body):
        raise NotKnown("it is not a compute instance")


def _last_operation(body: Json) -> datetime | None:
    return moment_of(body, "properties.properties.lastOperation.operationTime")
