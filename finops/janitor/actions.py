"""Which action fits which type, so that a rule never asks for something that cannot be done to what it finds."""

from __future__ import annotations

from finops.errors import DataError
from finops.janitor.facts import MANIFEST
from finops.janitor.model import Json
from finops.janitor.shape import required_equals

ML = "microsoft.machinelearningservices/workspaces"
COMPUTE = f"{ML}/computes"
INSTANCE, CLUSTER = "computeinstance", "amlcompute"
KIND = "properties.computeType"

FITS = {
    f"{ML}/onlineendpoints": ("delete",),
    f"{ML}/onlineendpoints/deployments": ("delete",),
    f"{ML}/batchendpoints": ("delete",),
    COMPUTE: ("stop", "scaleToZero", "delete"),
    MANIFEST: ("deleteImage",),
    f"{ML}/environments/versions": ("archive",),
    f"{ML}/schedules": ("disable",),
}
# What is asked of a compute whose kind is not known to be the right one would be refused by Azure.
ONLY = {"stop": INSTANCE, "scaleToZero": CLUSTER, "minNodes0": CLUSTER}
QUIET = {
    f"{ML}/onlineendpoints": ("traffic0",),
    f"{ML}/onlineendpoints/deployments": ("traffic0",),
    COMPUTE: ("minNodes0", "stop"),
}


def refuse_misfit(kind: str, body: Json, source: str) -> None:
    """Raises where the rule's action, or its quiet step, cannot be done to the type `kind`."""
    then = body["then"]
    action, quiet = then["action"], (then.get("quiet") or {}).get("action")
    if kind not in FITS:
        raise DataError(
            f"{source}: if asks for the type {kind}, for which the janitor has no action.",
            f"Types are {', '.join(sorted(FITS))}.",
        )
    if action not in FITS[kind]:
        raise DataError(
            f"{source}: then.action is {action!r}, which cannot be done to {kind}.", f"Write {' or '.join(FITS[kind])}."
        )
    if quiet and (action != "delete" or quiet not in QUIET.get(kind, ())):
        fit = QUIET.get(kind, ())
        raise DataError(
            f"{source}: then.quiet.action is {quiet!r}, which is no quiet step before {action!r} of {kind}.",
            f"Write {' or '.join(fit)} with the action delete." if fit else "Take it out.",
        )
    for each in (action, quiet or ""):
        wanted = ONLY.get(each)
        if wanted and (required_equals(body["if"], KIND) or "").lower() != wanted:
            raise DataError(
                f"{source}: {each!r} can be done to computes of the kind {wanted} only, which if does not ask for.",
                f'Add {{"field": "{KIND}", "equals": "{"ComputeInstance" if wanted == INSTANCE else "AmlCompute"}"}}.',
            )
