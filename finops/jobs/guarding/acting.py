"""The guard's changes, as acts: tags inherited, scale settings set right, clusters stopped from growing and let go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops import spot, tags
from finops.acts import Act, generation_of, tagging
from finops.acts.protection import has_keep
from finops.estate.evidence import moment_of
from finops.estate.facts.spot import DEDICATED
from finops.estate.ids import key
from finops.estate.model import Json, at, text
from finops.estate.queries import ML_VERSION
from finops.jobs.guarding import allowed, busy
from finops.jobs.guarding.plan import Line

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.estate import Estate
    from finops.state import State

FROZEN = "guard/frozen/"  # kept under: the scale settings that a cluster had before we stopped it from growing
OWED = "guard/owed/"  # kept under: the body of a cluster that was deleted in order to be made anew, until it is there
CLOCKS_APART = timedelta(minutes=5)  # between Azure's and ours, at most

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
        return _not_dedicated(body) or busy.with_jobs(azure, line.id, now)

    return _scaling(line, seen, {**seen, "minNodeCount": 0, "maxNodeCount": 0}, "freeze", line.saving, idle)


def thaw_act(line_id: str, generation: str, seen: Json, wanted: Json, why: str, owner: str) -> Act:
    """Give a cluster back the scale settings that it had before we stopped it from growing."""
    line = _Subject(line_id, generation, why, "spot", owner)
    return _scaling(line, seen, wanted, "thaw", Decimal(0), lambda body: None)


def let_go_act(
    line: Line, azure: Azure, state: State, scale: Json, wanted: Json, now: datetime, *, drained: bool
) -> Act:
    """Delete a dedicated cluster that nothing uses, in order to make it anew. What it is made from is kept just before.

    scale: its scale settings as they were decided on
    wanted: those that the new one gets
    drained: whether it was stopped from growing; where a policy denies that, idle nodes may go with it
    """

    def still(body: Json) -> str | None:
        sent = spot.remade(body, wanted)
        refused = allowed.refusal(azure, body, sent)
        if refused:
            return f"It could not be made anew: {refused}."
        reason = busy.with_nodes(azure, line.id, idle_may_stay=not drained) or busy.with_jobs(azure, line.id, now)
        if reason:
            return reason
        # Last of all, as the questions before took their time: what somebody wrote meanwhile must not be lost.
        last = azure.state_of(line.id, ML_VERSION)
        if last is None or generation_of(last) != line.generation:
            return "It is gone, or another one of the same name."
        if has_keep(last.get("tags"), now):
            return "Its tag finops:keep protects it."
        reason = _not_dedicated(last) or _cannot(last) or _not_scaled(last, scale)
        if reason:
            return reason
        if spot.remade(last, wanted) != sent:
            return "It was changed while we looked at it."
        owed = {"id": last["id"], "generation": line.generation, "owner": line.owner, "why": line.why,
                "body": sent, "before": last, "since": now.isoformat()}  # fmt: skip
        state.keep(f"{OWED}{key(line.id)}", owed, now)
        return None

    return Act(
        resource_id=line.id,
        generation=line.generation,
        action="delete to make anew as spot",
        why=line.why,
        rule="guard/spot",
        evidence={"why": line.why, "scale": wanted},
        expected_saving=line.saving,
        request=_deletion(line.id),
        still_holds=still,
        confirmed=_is_gone,
        afterwards=None,
        owner=line.owner,
    )


def clear_act(owed: Json, failed: Json, azure: Azure, now: datetime) -> Act:
    """Delete a cluster that we made and that failed, so that it can be made once more."""

    def still(body: Json) -> str | None:
        state = text(body, "properties.provisioningState")
        if state.lower() != "failed":
            return f"It is {state} by now."
        return busy.with_nodes(azure, owed["id"], idle_may_stay=False) or busy.with_jobs(azure, owed["id"], now)

    return Act(
        resource_id=owed["id"],
        generation=generation_of(failed),
        action="delete the one that failed",
        why="It was made anew, and Azure says that it failed.",
        rule="guard/spot",
        evidence={"failed": failed},
        expected_saving=Decimal(0),
        request=_deletion(owed["id"]),
        still_holds=still,
        confirmed=_is_gone,
        afterwards=None,
        owner=owed["owner"],
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


def scale_of(body: Json) -> Json:
    scale = at(body, "properties.properties.scaleSettings")
    return dict(scale) if isinstance(scale, dict) else {}


def is_dedicated(priority: str) -> bool:
    """Whether a vmPriority says dedicated, in whatever spelling."""
    return "".join(char for char in priority.lower() if char.isalpha()) in DEDICATED


def is_ours(owed: Json, body: Json) -> bool:
    """Whether a cluster of that name is the one that we sent: as we sent it, and not from before.

    Tags do not tell: policies change them on the way.
    """
    asked = moment_of(owed, "asked")
    made = moment_of(body, "systemData.createdAt") or moment_of(body, "properties.createdOn")
    if asked is None or made is None or made < asked - CLOCKS_APART:
        return False
    different = spot.differences(owed["body"], body)
    return all(one.startswith("tags.") or " was not there, and is " in one for one in different)


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
        found: str | None = _not_scaled(body, seen) or also(body)
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


def _not_scaled(body: Json, scale: Json) -> str | None:
    return None if _same(scale_of(body), scale) else f"Its scale settings were changed since: {scale_of(body)}."


def _deletion(compute_id: str) -> Callable[[Azure], Any]:
    return lambda hand: hand.delete(compute_id, ML_VERSION, params={"underlyingResourceAction": "Delete"})


def _is_gone(body: Json | None) -> str | None:
    return None if body is None else "It is still there."


def _not_dedicated(body: Json) -> str | None:
    priority = text(body, "properties.properties.vmPriority")
    return None if is_dedicated(priority) else f"Its vmPriority is {priority!r} by now."


def _cannot(body: Json) -> str | None:
    found = spot.cannot_be_remade(body)
    return f"It would not be the same: {found[0]}." if found else None
