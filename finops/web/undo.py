"""The way back of each action, in words, before anything is done. What is done is read from the tombstone."""

from __future__ import annotations

from dataclasses import dataclass

from finops.approvals.naming import kind_of
from finops.state import StoredFinding


@dataclass(frozen=True)
class WayBack:
    plan: str
    takes: str
    lost: str


# Times are Azure's usual ones: a managed online deployment takes 8 to 20 minutes, a cluster or instance 2 to 10.
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
_MADE_ANEW = "It is made again from its tombstone, under its name, with its tags, and compared field by field"
ENDPOINT = WayBack(
    f"{_MADE_ANEW}: endpoint, deployments, traffic, autoscale settings, roles.",
    "About 10 to 30 minutes a deployment.",
    "Its keys and tokens: callers need new ones. The logs and metrics that its hosts held. Its own identity gets "
    "another id, so roles that were granted to it elsewhere must be granted again.",
)
DEPLOYMENT = WayBack(
    f"{_MADE_ANEW}, with its autoscale settings.",
    "About 10 to 30 minutes.",
    "The logs and metrics that its hosts held.",
)
CLUSTER = WayBack(
    f"{_MADE_ANEW}: sizes, limits, network, identity.",
    "About 2 to 10 minutes.",
    "Secrets in its settings, such as passwords: they are not kept. Its own identity gets another id, if it has one.",
)
INSTANCE = WayBack(
    f"{_MADE_ANEW}: size, owner, schedules.",
    "About 2 to 10 minutes.",
    "Everything on its own disk: packages and files outside the workspace's file share.",
)
_IN_MEMORY = ("About 2 to 5 minutes.", "What was in memory. Disks stay.")
STOPPED = WayBack("Its owner starts it again.", *_IN_MEMORY)
ABANDONED = WayBack("An admin or another member of the workspace starts it.", *_IN_MEMORY)
SCALED = WayBack(
    "Its minimum of nodes is set back; with jobs it scales up by itself in any case.",
    "About 2 to 10 minutes for the first node.",
    "What was on the nodes' own disks.",
)
IMAGE = WayBack(
    "Manifest and layers were exported before and are pushed again, with the same digest and tags.",
    "Minutes, by size.",
    "The date of its first push, and the registry's own count of pulls.",
)
ARCHIVED = WayBack(
    "It is taken out of the archive.", "Seconds.", "Nothing: what is archived stays, and is only hidden."
)
DISABLED = WayBack("It is enabled again.", "Seconds.", "The runs that it would have started meanwhile.")
_PAID = "Nothing is deleted. What was paid for moving, and for leaving a tier early, is not paid back."
_AWAKE = "What is in Archive takes up to 15 hours to be read again, at high priority often under an hour."
TIERED = WayBack(
    "Our rules are taken out of the account's lifecycle policy, those of others stay: they move nothing more. What "
    "they have moved does not come back by that; it stays where it is until somebody moves it. The command: finops "
    "tier undo.",
    f"Rules go at once; blobs that they have moved do not come back by it. {_AWAKE}",
    _PAID,
)
MOVED = WayBack(
    "Blobs that are still where they were moved are moved back. The command: finops tier undo.",
    f"Minutes, by their number. {_AWAKE}",
    _PAID,
)
UNKNOWN = WayBack("Not known.", "Not known.", "Not known: take it for all of it.")


def way_back(finding: StoredFinding) -> WayBack:
    kind = kind_of(finding.resource_id)
    if finding.action == "delete":
        if kind == "compute":
            return CLUSTER if _is_cluster(finding) else INSTANCE
        return {"online endpoint": ENDPOINT, "batch endpoint": ENDPOINT, "deployment": DEPLOYMENT}.get(kind, UNKNOWN)
    return {
        "stop": ABANDONED if _owner_left(finding) else STOPPED,
        "scaleToZero": SCALED,
        "deleteImage": IMAGE,
        "archive": ARCHIVED,
        "disable": DISABLED,
        "tier": MOVED if finding.evidence.get("singles") else TIERED,
    }.get(finding.action, UNKNOWN)


def _owner_left(finding: StoredFinding) -> bool:
    """Whether the directory has the account no more for which it was made."""
    facts = finding.evidence.get("facts")
    there = facts.get("ownerExists") if isinstance(facts, dict) else None
    return isinstance(there, dict) and there.get("value") is False


def _is_cluster(finding: StoredFinding) -> bool:
    """By what the rule checked; where it does not say, the more is taken for lost."""
    checks = finding.evidence.get("checks")
    return any(
        isinstance(check, dict)
        and str(check.get("field")).lower().endswith("computetype")
        and str(check.get("is")).lower() == "amlcompute"
        for check in (checks if isinstance(checks, list) else [])
    )
