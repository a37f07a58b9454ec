"""What Azure knows of a resource: who changed it on some days, what it is like now, which jobs ran, whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from finops.approvals.naming import shown
from finops.budget.running import command_of
from finops.errors import AzureError, ConfigError, NotFound, SignInError
from finops.estate.evidence import moment_of
from finops.estate.facts.owner import creator_of
from finops.estate.ids import key, subscription_of, type_of
from finops.estate.model import Json, at, text
from finops.estate.owners import asked
from finops.estate.queries import ACTIVITY_SINCE, ACTIVITY_VERSION, COMPUTE, DEPLOYMENT, ML, ML_VERSION
from finops.mail.naming import address_of

if TYPE_CHECKING:
    from finops.cloud import Azure

BEFORE = timedelta(days=2)
"""A change shows in the cost of its own day or of the next two: a cluster costs once somebody uses it."""
JOBS_AT_MOST = 2000
OLD = 50
"""Jobs in a row that are too old, after which a list that is newest first holds no younger ones."""
ARM_ID = re.compile(
    r"/subscriptions/[0-9a-f-]{1,36}(/resourcegroups/[-\w.()]{1,90})?/providers/[a-z]\w*(\.\w+)+"
    r"(/[a-z]\w*/(?!\.{1,2}(/|$))[-\w.()~!@: ]{1,260})+",
    re.IGNORECASE,
)
"""What is put into addresses and filters of Azure: a cost file may hold anything under ResourceId."""
VERBS = {"write": "changed", "delete": "deleted", "start/action": "started", "stop/action": "stopped"}


@dataclass(frozen=True)
class Seen:
    """said: the change, in a few words; "" where none was found. gaps: what could not be asked.

    actor: who made the change. stop: how the cost is ended, a sentence; command: the same for `az`.
    """

    said: str = ""
    evidence: tuple[str, ...] = ()
    owner: str = ""
    gaps: tuple[str, ...] = ()
    actor: str = ""
    stop: str = ""
    command: str = ""


def look_in_azure(
    azure: Azure, ids: tuple[str, ...], first: date, last: date, now: datetime, gone: bool = False
) -> Seen:
    """What is known of the first of the resources. gone: a deletion explains more than a change."""
    if not ids:
        return Seen()
    if not ARM_ID.fullmatch(ids[0]):
        return Seen(evidence=("Its id is none that Azure can be asked about.",))
    resource = ids[0]
    evidence: list[str] = []
    gaps: list[str] = []
    said = owner = actor = stop = command = ""
    event: Json | None = None
    try:
        event = _change(azure, resource, first, now, gone)
        if event is None:
            evidence.append("The activity log shows no change of it in those days.")
        else:
            said, actor = _done(event), shown(text(event, "caller"))
            evidence.append(f"Activity log: {text(event, 'operationName.value')} by {_caller(event)}, {_at(event)}")
    except AzureError as fault:
        _raise_sign_in(fault)
        gaps.append(f"activity log: {fault.what}")
    try:
        body = azure.get(resource, _version(resource))
        owner = _owner(body)
        if event is not None and _verb(event) == "deleted":
            said = f"{said}, and there again now"
        if like := _like(body):
            evidence.append(f"It is now: {like}")
            held = at(body, "properties.properties.scaleSettings.minNodeCount")
            if isinstance(held, int) and held > 0 and not gone:
                said = f"{said}, and it keeps at least {held} nodes" if said else f"it keeps at least {held} nodes"
        stop, command = ("", "") if gone else _way_out(resource, body)
    except NotFound:
        evidence.append("It does not exist any more.")
    except AzureError as fault:
        _raise_sign_in(fault)
        gaps.append(f"{resource}: {fault.what}")
    if type_of(resource) == COMPUTE:
        try:
            evidence.append(_jobs(azure, resource, first, last))
        except AzureError as fault:
            _raise_sign_in(fault)
            gaps.append(f"jobs: {fault.what}")
    return Seen(said, tuple(evidence), owner, tuple(gaps), actor, stop, command)


def _change(azure: Azure, resource: str, first: date, now: datetime, gone: bool) -> Json | None:
    """The change of the resource, or of what holds it, that is nearest before its cost changed."""
    start = max(datetime.combine(first, time(), UTC) - BEFORE, now - ACTIVITY_SINCE)
    end = min(datetime.combine(first, time(), UTC) + timedelta(days=1), now)
    if start >= end:
        return None
    asked = f"eventTimestamp ge '{start:%Y-%m-%dT%H:%M:%SZ}' and eventTimestamp le '{end:%Y-%m-%dT%H:%M:%SZ}'"
    asked += f" and resourceProvider eq '{_provider(resource)}'"
    path = f"/subscriptions/{subscription_of(resource)}/providers/Microsoft.Insights/eventtypes/management/values"
    found = []
    for event in azure.pages(path, ACTIVITY_VERSION, {"$filter": asked}):
        own = key(text(event, "resourceId") or text(event, "resourceUri"))
        done = text(event, "status.value").lower() in {"", "succeeded", "accepted"}
        if done and _verb(event) and (own == key(resource) or key(resource).startswith(f"{own}/deployments/")):
            found.append(event)
    wanted = [event for event in found if (_verb(event) == "deleted") == gone] or found
    return max(wanted, key=lambda event: text(event, "eventTimestamp"), default=None)


def _provider(resource: str) -> str:
    own = type_of(resource)
    return "Microsoft.MachineLearningServices" if own.startswith(ML) else own.partition("/")[0]


def _verb(event: Json) -> str:
    operation = text(event, "operationName.value").lower()
    return next((verb for end, verb in VERBS.items() if operation.endswith(f"/{end}")), "")


def _caller(event: Json) -> str:
    return shown(text(event, "caller")) or "somebody"


def _at(event: Json) -> str:
    moment = moment_of(event, "eventTimestamp")
    return f"{moment:%-d %b %H:%M} UTC" if moment else "at an unknown time"


def _done(event: Json) -> str:
    return f"{_verb(event)} by {_caller(event)} on {_at(event)}"


def _version(resource: str) -> str:
    return ML_VERSION if type_of(resource).startswith(ML) else "2021-04-01"


def _owner(body: Json) -> str:
    """As `owner_of` an estate has it, by the resource alone."""
    named = asked(body, creator_of(body))
    return first_address(named) or named


def first_address(text: str) -> str:
    """The first mail address in what people write, such as "Jane Doe <jane@x.example>; joe@x.example", or ""."""
    for part in re.split(r"[\s,;<>]+", text):
        try:
            return address_of(part).addr_spec
        except ConfigError:
            continue
    return ""


def _way_out(resource: str, body: Json) -> tuple[str, str]:
    """How the cost of a compute or a deployment is ended: for people, and for `az`; ("", "") for anything else."""
    parts = resource.strip("/").split("/")
    kind = text(body, "properties.computeType").lower()
    held = at(body, "properties.properties.scaleSettings.minNodeCount")
    if type_of(resource) == COMPUTE and kind == "amlcompute":
        if isinstance(held, int) and held > 0:
            return f"Set the fewest nodes of {shown(parts[-1])} from {held} to 0.", command_of("compute cluster", parts)
        return f"Cancel the jobs that {shown(parts[-1])} runs, if nobody needs them: without any it costs nothing.", ""
    if type_of(resource) == COMPUTE and kind == "computeinstance":
        return f"Stop {shown(parts[-1])}: it costs until then.", command_of("compute instance", parts)
    if type_of(resource) == DEPLOYMENT:
        name = shown(f"{parts[-3]}/{parts[-1]}")
        return f"Give {name} fewer instances, or delete it if nobody calls it.", ""
    return "", ""


def _like(body: Json) -> str:
    """What makes its cost, as it is now."""
    inside = at(body, "properties.properties")
    if not isinstance(inside, dict):
        return ""
    scale = inside.get("scaleSettings")
    parts = [str(inside.get("vmSize") or ""), str(inside.get("vmPriority") or "")]
    if isinstance(scale, dict) and "minNodeCount" in scale:
        parts.append(f"{scale.get('minNodeCount')} to {scale.get('maxNodeCount')} nodes")
    return shown(", ".join(part for part in parts if part))


def _jobs(azure: Azure, compute: str, first: date, last: date) -> str:
    """How many jobs ran on a compute in those days, and who started most of them."""
    workspace = compute[: key(compute).rindex("/computes/")]
    start, end = datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1)
    found: list[Json] = []
    seen = old = 0
    for body in azure.pages(f"{workspace}/jobs", ML_VERSION, {"listViewType": "ActiveOnly"}):
        created = moment_of(body, "systemData.createdAt")
        seen, old = seen + 1, old + 1 if created and created < start - BEFORE else 0
        if old >= OLD or seen >= JOBS_AT_MOST:
            break
        ran_on = key(text(body, "properties.computeId")) == key(compute)
        if ran_on and created is not None and start - BEFORE <= created < end:
            found.append(body)
    if not found:
        return "No job was started on it in those days."
    people = [text(body, "systemData.createdBy") for body in found]
    most = max(sorted({who for who in people if who}), key=people.count, default="")
    names = sorted({shown(text(body, "properties.experimentName")) for body in found} - {""})[:2]
    of = f" ({', '.join(names)})" if names else ""
    one = "1 job was" if len(found) == 1 else f"{len(found)} jobs were"
    return f"{one} started on it in those days{of}" + (f", most by {shown(most)}" if most and len(found) > 1 else "")


def _raise_sign_in(fault: AzureError) -> None:
    if isinstance(fault, SignInError):
        raise fault
