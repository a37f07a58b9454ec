"""What people call a resource and what would be done to it, from its id and the action."""

from __future__ import annotations

KINDS = {
    "onlineendpoints": "online endpoint",
    "deployments": "deployment",
    "batchendpoints": "batch endpoint",
    "computes": "compute",
    "manifests": "container image",
    "versions": "environment version",
    "schedules": "schedule",
    "workspaces": "workspace",
    "storageaccounts": "storage account",
}
# What would be done, by action; each is followed by the resource's kind and name.
VERBS = {
    "stop": "stop",
    "scaleToZero": "scale to zero",
    "delete": "delete",
    "deleteImage": "delete",
    "archive": "archive",
    "disable": "disable",
    "tier": "re-tier",
}
# What was done, by action.
DONE = {
    "stop": "stopped",
    "scaleToZero": "scaled to zero",
    "delete": "deleted",
    "deleteImage": "deleted",
    "archive": "archived",
    "disable": "disabled",
    "tier": "re-tiered",
}
QUIET = {"traffic0": "its traffic is set to 0", "minNodes0": "its minimum is set to 0 nodes", "stop": "it is stopped"}
# Characters that turn the direction of what follows: https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")


def name_of(resource_id: str) -> str:
    """The last part of an id, with what it is a part of; "name:version" of an asset; of an image its repository and the
    start of its digest."""
    parts = _parts(resource_id)
    if not parts:
        return "(no name)"
    if parts[-2:-1] == ["manifests"]:
        repository, _, digest = parts[-1].partition("@")
        return f"{repository.replace('~', '/')}@{digest[:19]}" if digest else repository.replace("~", "/")
    if len(parts) > 2 and parts[-2].lower() == "versions":
        return f"{parts[-3]}:{parts[-1]}"  # as azure-ai-ml and the studio write it
    return f"{parts[-3]}/{parts[-1]}" if len(parts) > 11 else parts[-1]


def kind_of(resource_id: str) -> str:
    """ "online endpoint", "compute"; the last type of the id where it has no word of its own."""
    parts = _parts(resource_id)
    kind = parts[-2].lower() if len(parts) > 1 else ""
    return KINDS.get(kind, kind or "resource")


def holder_of(resource_id: str) -> str:
    """The workspace or registry that holds it; "" where there is none."""
    parts = _parts(resource_id)
    lower = [part.lower() for part in parts]
    return next((parts[lower.index(kind) + 1] for kind in ("workspaces", "registries") if kind in lower[:-2]), "")


def shown(text: object) -> str:
    """Text of others as it may stand between ours: nothing in it turns the direction of what follows."""
    return str(text).translate(TURNING)


def _parts(resource_id: str) -> list[str]:
    return [part for part in resource_id.split("/") if part]
