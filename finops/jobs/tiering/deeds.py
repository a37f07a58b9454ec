"""The changes of tiering, as acts on a storage account: its lifecycle rules, last access tracking, its inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.acts import Act, Held
from finops.acts.storage import CONTAINER, INVENTORY, PARTS, PATHS, RULES, SERVICE, VERSION, afterwards, part_of, plain
from finops.approvals import NotAllowed

if TYPE_CHECKING:
    from finops.cloud import Json
    from finops.tiering.model import Account

TIERING = "tiering/"  # before the kind of act, in intents
SET_RULES, TAKE_RULES = "set lifecycle rules", "take out lifecycle rules"
TRACK, UNTRACK = "turn on last access tracking", "turn off last access tracking"
MAKE_CONTAINER = "make the container for inventories"
MOVE, MOVE_BACK = "move single blobs", "move single blobs back"
SET_INVENTORY, TAKE_INVENTORY = "set the inventory rule", "take out the inventory rule"

# What ARM tells of a blob service and does not take back.
_READ_ONLY = frozenset({"provisioningState"})
# https://learn.microsoft.com/azure/storage/blobs/blob-inventory#custom-schema-fields-supported-for-blob-inventory
FIELDS = (
    "Name", "Creation-Time", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "AccessTierInferred",
    "AccessTierChangeTime", "LastAccessTime", "LeaseState", "LegalHold", "ArchiveStatus", "Snapshot",
)  # fmt: skip
FLAT = ("Tags",)  # index tags, which accounts with a hierarchical namespace do not have
VERSIONED = ("VersionId", "IsCurrentVersion")
OUR_RULE = "finops-inventory"


def rules_act(
    account: Account,
    seen: Sequence[Mapping[str, Any]],
    policy: Mapping[str, Any] | None,
    why: str,
    evidence: Json,
    saving: Decimal,
    decision: str,
    *,
    gives_back: bool = False,
    enter: Callable[[], None] | None = None,
) -> Act:
    """Write the whole policy. seen: the rules in force when that was decided. policy: None deletes it.

    enter: uses up the approval, on the disk, before the request leaves; NotAllowed where there is none
    """
    wanted = {"rules": plain(policy["rules"])} if policy else {}

    def send(hand: Any, path: str) -> None:
        if policy is None:
            hand.delete(path, VERSION)
        else:
            hand.put(path, VERSION, {"properties": {"policy": dict(policy)}})

    return _act(
        account, RULES, TAKE_RULES if gives_back else SET_RULES, {"rules": plain(list(seen))} if seen else {}, wanted,
        send, "The lifecycle rules were changed since: plan again.", why, evidence | {"before": list(seen)}, saving,
        decision, gives_back, enter,
    )  # fmt: skip


def tracking_act(account: Account, on: bool, why: str, evidence: Json, decision: str) -> Act:
    """Turn last access tracking on or off; everything else of the blob service stays as it is read just before."""

    def send(hand: Any, path: str) -> None:
        found = hand.get(path, VERSION).get("properties") or {}
        kept = {name: value for name, value in found.items() if name not in _READ_ONLY}
        tracking: Json = {"enable": on}
        if on:
            tracking |= {"name": "AccessTimeTracking", "trackingGranularityInDays": 1, "blobType": ["blockBlob"]}
        hand.put(path, VERSION, {"properties": {**kept, "lastAccessTimeTrackingPolicy": tracking}})

    return _act(
        account, SERVICE, TRACK if on else UNTRACK, {"tracking": not on}, {"tracking": on}, send,
        "Somebody changed it since.", why, evidence, Decimal(0), decision, not on,
    )  # fmt: skip


def container_act(account: Account, name: str, why: str, evidence: Json, decision: str) -> Act:
    """Make the container that the inventory is written into."""

    def send(hand: Any, path: str) -> None:
        hand.put(path, VERSION, {"properties": {}})

    return _act(
        account, f"{CONTAINER}{name}", MAKE_CONTAINER, {}, {"there": True}, send, "It is there already.", why,
        evidence, Decimal(0), decision, False,
    )  # fmt: skip


def inventory_act(
    account: Account, seen: Json, policy: Json | None, why: str, evidence: Json, decision: str, *,
    gives_back: bool = False,
) -> Act:  # fmt: skip
    """Write the whole inventory policy. seen: the one in force when that was decided. policy: None deletes it."""

    def send(hand: Any, path: str) -> None:
        if policy is None:
            hand.delete(path, VERSION)
        else:
            hand.put(path, VERSION, {"properties": {"policy": policy}})

    return _act(
        account, INVENTORY, TAKE_INVENTORY if gives_back else SET_INVENTORY, plain(seen), plain(policy or {}), send,
        "The inventory policy was changed since.", why, evidence | {"before": seen}, Decimal(0), decision, gives_back,
    )  # fmt: skip


def inventory_rule(account: Account, container: str) -> Json:
    """A daily inventory of everything that a plan needs to know."""
    fields = [*FIELDS, *(() if account.hns else FLAT), *(VERSIONED if account.versioning else ())]
    types = ["blockBlob", "appendBlob"] if account.hns else ["blockBlob", "appendBlob", "pageBlob"]
    filters: Json = {"blobTypes": types, "includeSnapshots": True}
    if account.versioning:
        filters["includeBlobVersions"] = True
    definition = {
        "filters": filters, "format": "Parquet", "schedule": "Daily", "objectType": "Blob", "schemaFields": fields,
    }  # fmt: skip
    return {"enabled": True, "name": OUR_RULE, "destination": container, "definition": definition}


def once(enter: Callable[[], None] | None) -> Callable[[], None]:
    """Uses up the approval at its first call: a request that Azure turned away is sent again on the same one."""
    due = [enter] if enter else []

    def entered() -> None:
        for use_up in due:
            try:
                use_up()
            except NotAllowed as refused:
                raise Held(refused.what, refused.fix) from refused
        due.clear()

    return entered


def _act(
    account: Account, part: str, action: str, before: Json, wanted: Json, send: Callable[[Any, str], None],
    changed: str, why: str, evidence: Json, saving: Decimal, decision: str, gives_back: bool,
    enter: Callable[[], None] | None = None,
) -> Act:  # fmt: skip
    """One act on a part of an account: `before` when it was decided, `wanted` afterwards."""
    path = f"blobServices/default/containers/{part[len(CONTAINER) :]}" if part.startswith(CONTAINER) else PATHS[part]
    whole = f"{account.id}/{path}"
    entered = once(enter)

    def why_not(found: Json) -> str | None:
        if found == wanted:
            return "It is so already."
        return None if found == before else changed

    def request(hand: Any) -> None:
        hand.ready(whole)
        # Policies are written whole, without a condition that Azure would check: read once more, right before.
        if refusal := why_not(part_of(hand, account.id, part)):
            raise Held(refusal, "The next run looks at it again.")
        entered()
        send(hand, whole)

    def confirmed(body: Json | None) -> str | None:
        found = _part(body or {}, part)
        return None if found == wanted else f"Azure does not have it as it was written ({_said(found, wanted)})."

    return Act(
        resource_id=account.id,
        generation=account.created.isoformat() if account.created else "",
        action=action,
        why=why,
        rule=f"{TIERING}{part.partition(':')[0]}",
        evidence=evidence,
        expected_saving=saving,
        request=request,
        still_holds=lambda body: why_not(_part(body, part)),
        confirmed=confirmed,
        afterwards=afterwards(part, wanted),
        decision=decision,
        gives_back=gives_back,
    )


def _part(body: Json, part: str) -> Json:
    parts = (body.get("properties") or {}).get(PARTS) or {}
    found: Json = parts.get(part) or {}
    return found


def _said(found: Json, wanted: Json) -> str:
    names = [[str(rule.get("name")) for rule in each.get("rules", ())] for each in (found, wanted)]
    if names[0] != names[1]:
        return f"rules in force: {', '.join(names[0]) or 'none'}; written: {', '.join(names[1]) or 'none'}"
    return "some of it differs"
