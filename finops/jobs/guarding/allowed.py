"""Whether Azure would make a cluster: its size as spot, the policies in force, the quota. Asked before a deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops.cloud import policyrestrictions
from finops.errors import AzureError
from finops.estate.ids import key, subscription_of
from finops.estate.model import Json, at, text
from finops.estate.queries import ML_VERSION

if TYPE_CHECKING:
    from finops.cloud import Azure

COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
SPOT_CORES = "/lowprioritycores/usages"  # the end of the type of the row (Usage list example, 2024-04-01)


def offered(azure: Azure, body: Json) -> str | None:
    """None where Azure offers the cluster's size as spot in its region, else why not."""
    size = _size_of(body)
    found = _size(azure, body)
    if found is None:
        return f"Azure does not offer {size} in {_region(body)}."
    return None if found.get("lowPriorityCapable") is True else f"Azure offers no spot nodes of size {size}."


def refusal(azure: Azure, body: Json, sent: Json) -> str | None:
    """Why Azure would refuse to make `sent` in place of `body`, None when it would not; AzureError: it is not known."""
    return _by_policy(azure, body["id"], sent) or _by_quota(azure, body, sent)


def _by_policy(azure: Azure, compute_id: str, sent: Json) -> str | None:
    workspace = compute_id[: key(compute_id).rindex("/computes/")]
    group = workspace[: key(workspace).index("/providers/")]
    content = {"type": COMPUTES, "name": compute_id.rpartition("/")[2], **sent}
    denied = policyrestrictions.refusing(azure, group, content, ML_VERSION, workspace)
    if not denied:
        return None
    return f"a policy forbids the cluster that would be made: {', '.join(denied)}"


def _by_quota(azure: Azure, body: Json, sent: Json) -> str | None:
    """Its quota must hold all its nodes, or it would not be as it was, and have room for those that it starts with."""
    size = _size(azure, body) or {}
    scale = at(sent, "properties.properties.scaleSettings")
    scale = scale if isinstance(scale, dict) else {}
    cores = _number(size.get("vCPUs"), f"the cores of {_size_of(body)}")
    most = _number(scale.get("maxNodeCount"), "its maximum")
    first = max(1, _number(scale.get("minNodeCount", 0), "its minimum"))
    subscription, region = subscription_of(body["id"]), _region(body)
    for usage in azure.pages(f"{_location(subscription, region)}/usages", ML_VERSION):
        if not text(usage, "type").lower().endswith(SPOT_CORES):
            continue
        used, limit = (_number(usage.get(name), f"the {name} of the spot quota") for name in ("currentValue", "limit"))
        if limit < cores * most:
            return f"the spot quota in {region} is {limit} cores, and its {most} nodes need {cores * most}"
        if limit - used < cores * first:
            return f"of the {limit} cores of the spot quota in {region}, {used} are used: {cores * first} are needed"
        return None
    raise AzureError(f"Azure does not tell the spot quota in {region}.", "Nothing is deleted until it does.")


def _number(found: Any, what: str) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise AzureError(f"Azure does not tell {what}: {found!r}.", "Nothing is deleted until it does.")
    return found


def _size(azure: Azure, body: Json) -> Json | None:
    sizes = azure.pages(f"{_location(subscription_of(body['id']), _region(body))}/vmSizes", ML_VERSION)
    return next((one for one in sizes if text(one, "name").lower() == _size_of(body).lower()), None)


def _size_of(body: Json) -> str:
    return text(body, "properties.properties.vmSize")


def _region(body: Json) -> str:
    return (text(body, "properties.computeLocation") or text(body, "location")).replace(" ", "").lower()


def _location(subscription: str, region: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{region}"
