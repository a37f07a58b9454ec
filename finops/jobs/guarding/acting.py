"""The guard's changes, as acts: tags inherited, scale settings set right, clusters stopped from growing and let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops import spot, tags
from finops.acts import Act, tagging
from finops.errors import AzureError
from finops.estate.evidence import moment_of
from finops.estate.facts.spot import DEDICATED
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json, at, text
from finops.estate.queries import JOBS_AT_MOST, JOBS_OLD_IN_A_ROW, JOBS_SINCE, ML_VERSION
from finops.jobs.guarding.plan import Line

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.estate import Estate
    from finops.state import State

FROZEN = "guard/frozen/"  # kept under: the scale settings that a cluster had before we stopped it from growing
OWED = "guard/owed/"  # kept under: the body of a cluster that was deleted in order to be made anew, until it is there

# With which version types are read that finops.acts does not know (providers' OpenAPI documents, 2026-11).
VERSIONS = {
    "microsoft.insights/components": "2020-02-02",
    "microsoft.keyvault/vaults": "2023-07-01",
    "microsoft.operationalinsights/workspaces": "2022-10-01",
}


def tag_act(line: Line, estate: Estate) -> Act:
    """Write the inherited CostCenter: merged, and only while nobody else has set one."""
    resource = estate.resources[key(line.id)]
    return tagging(
        line.id,
        line.generation,
        {tags.NAME: str(line.change[tags.NAME])},
        tags.tags_of(resource),
        line.why,
        "guard/tags",
        {"tags": resource.body.get("tags"), "why": line.why},
        line.owner,
        VERSIONS.get(resource.type, ""),
    )


def scale_act(line: Line, estate: Estate) -> Act:
    """Set minimum nodes and idle time right, while nobody else has changed them."""
    seen = scale_of(estate.resources[key(line.id)].body)
    return _scaling(line, seen, {**seen, **line.change}, "scale", line.saving, lambda body: None)


def freeze_act(line: Line, seen: Json, azure: Azure, now: datetime) -> Act:
    """Let the cluster grow no more: maximum 0 nodes, only while nothing runs or queues on it.

    seen: its scale settings as they will be by then
    """

    def idle(body: Json) -> str | None:
        return _not_dedicated(body) or _busy(azure, line.id, now)

    return _scaling(line, seen, {**seen, "minNodeCount": 0, "maxNodeCount": 0}, "freeze", line.saving, idle)


def thaw_act(line_id: str, generation: str, frozen: Json, why: str, owner: str) -> Act:
    """Give a cluster back the scale settings that it had before we stopped it from growing."""
    now_set = {**frozen, "minNodeCount": 0, "maxNodeCount": 0}
    line = _Subject(line_id, generation, why, "spot", owner)
    return _scaling(line, now_set, frozen, "thaw", Decimal(0), lambda body: None)


def let_go_act(line: Line, azure: Azure, state: State, scale: Json, now: datetime, *, frozen: bool) -> Act:
    """Delete a drained dedicated cluster in order to make it anew. What it is made from is kept just before.

    scale: the settings that the new one gets, as those of this one may be ours
    frozen: whether it was stopped from growing; a policy that denies it may deny any change of it as well
    """
    expected = {**scale, "minNodeCount": 0, "maxNodeCount": 0} if frozen else scale

    def drained(body: Json) -> str | None:
        reason = _not_dedicated(body) or _cannot(body) or _busy(azure, line.id, now)
        if reason:
            return reason
        if not _same(scale_of(body), expected):
            return f"Its scale settings were changed since: {scale_of(body)}."
        nodes = azure.nodes(line.id)
        if nodes:
            return f"It still has {len(nodes)} {'node' if len(nodes) == 1 else 'nodes'}."
        # From this very reading: a tag that somebody wrote since the decision is carried over.
        owed = {"id": body["id"], "generation": line.generation, "owner": line.owner, "why": line.why,
                "body": spot.remade(body, scale), "before": body}  # fmt: skip
        state.keep(f"{OWED}{key(line.id)}", owed, now)
        return None

    return Act(
        resource_id=line.id,
        generation=line.generation,
        action="delete to make anew as spot",
        why=line.why,
        rule="guard/spot",
        evidence={"why": line.why, "scale": scale},
        expected_saving=line.saving,
        request=lambda hand: hand.delete(line.id, ML_VERSION, params={"underlyingResourceAction": "Delete"}),
        still_holds=drained,
        confirmed=lambda body: None if body is None else "It is still there.",
        afterwards=None,
        owner=line.owner,
    )


def make_act(owed: Json) -> Act:
    """Make the cluster that is owed. What Azure added or left out is told by `spot.differences` afterwards."""
    body: Json = owed["body"]
    inner = body["properties"]["properties"]

    def made(read: Json | None) -> str | None:
        if read is None:
            return "It is not there."
        state = text(read, "properties.provisioningState")
        if state.lower() != "succeeded":
            return f"It is {state or 'in no state that Azure tells'}."
        priority = at(read, "properties.properties.vmPriority")
        return None if priority == inner["vmPriority"] else f"Its vmPriority is {priority!r}."

    return Act(
        resource_id=owed["id"],
        generation=None,
        action="make anew as spot",
        why=owed["why"],
        rule="guard/spot",
        evidence={"sent": body, "before": owed["before"]},
        expected_saving=Decimal(0),
        request=lambda hand: hand.put(owed["id"], ML_VERSION, body),
        still_holds=lambda read: None,
        confirmed=made,
        afterwards={"properties": {"properties": {"vmPriority": inner["vmPriority"]}}},
        owner=owed["owner"],
    )


def live_jobs(azure: Azure, compute_id: str, now: datetime) -> list[str]:
    """Names of the jobs that keep a cluster, asked just now; archived ones too, for archiving stops no job.

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


def can_be_spot(azure: Azure, body: Json) -> str | None:
    """None where Azure offers the cluster's size as spot in its region, else why not."""
    size = text(body, "properties.properties.vmSize")
    region = (text(body, "properties.computeLocation") or text(body, "location")).replace(" ", "").lower()
    path = (
        f"/subscriptions/{subscription_of(body['id'])}/providers/Microsoft.MachineLearningServices/locations/{region}"
    )
    for offered in azure.pages(f"{path}/vmSizes", ML_VERSION):
        if text(offered, "name").lower() == size.lower():
            return None if offered.get("lowPriorityCapable") is True else f"Azure offers no spot nodes of size {size}."
    return f"Azure does not offer {size} in {region}."


def scale_of(body: Json) -> Json:
    scale = at(body, "properties.properties.scaleSettings")
    return dict(scale) if isinstance(scale, dict) else {}


def is_dedicated(priority: str) -> bool:
    """Whether a vmPriority says dedicated, in whatever spelling."""
    return "".join(char for char in priority.lower() if char.isalpha()) in DEDICATED


def is_frozen(body: Json) -> bool:
    return scale_of(body).get("maxNodeCount") == 0


@dataclass(frozen=True)
class _Subject:
    """What an act is about, where it comes from no line of the plan."""

    id: str
    generation: str
    why: str
    rule: str
    owner: str


def _scaling(line: Line | _Subject, seen: Json, wanted: Json, action: str, saving: Decimal | None, also: Any) -> Act:
    def still(body: Json) -> str | None:
        state = text(body, "properties.provisioningState")
        if state.lower() != "succeeded":
            return f"It is {state or 'in no state that Azure tells'}."
        if not _same(scale_of(body), seen):
            return f"Its scale settings were changed since: {scale_of(body)}."
        found: str | None = also(body)
        return found

    def confirmed(body: Json | None) -> str | None:
        if body is None:
            return "It is gone."
        found = scale_of(body)
        return None if _same(found, wanted) else f"Its scale settings are {found}."

    return Act(
        resource_id=line.id,
        generation=line.generation,
        action=action,
        why=line.why,
        rule=f"guard/{line.rule}",
        evidence={"seen": seen, "wanted": wanted},
        expected_saving=saving,
        request=lambda hand: hand.patch(
            line.id, ML_VERSION, {"properties": {"properties": {"scaleSettings": wanted}}}
        ),
        still_holds=still,
        confirmed=confirmed,
        afterwards={"properties": {"properties": {"scaleSettings": {
            name: wanted[name] for name in ("minNodeCount", "maxNodeCount") if name in wanted}}}},
        owner=line.owner,
    )  # fmt: skip


def _same(one: Json, other: Json) -> bool:
    """Whether two scale settings say the same; PT2M and PT120S do."""

    def plain(scale: Json) -> tuple[Any, Any, timedelta | Any]:
        idle = scale.get("nodeIdleTimeBeforeScaleDown")
        waited = spot.duration(idle) if isinstance(idle, str) else None
        return scale.get("minNodeCount"), scale.get("maxNodeCount"), waited if waited is not None else idle

    return plain(one) == plain(other)


def _not_dedicated(body: Json) -> str | None:
    priority = text(body, "properties.properties.vmPriority")
    return None if is_dedicated(priority) else f"Its vmPriority is {priority!r} by now."


def _cannot(body: Json) -> str | None:
    found = spot.cannot_be_remade(body)
    return f"It would not be the same: {found[0]}." if found else None


def _busy(azure: Azure, compute_id: str, now: datetime) -> str | None:
    names = live_jobs(azure, compute_id, now)
    if not names:
        return None
    return f"Jobs run or queue on it: {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}."
