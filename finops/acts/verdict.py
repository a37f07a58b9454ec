"""What a reading says about a change: done, not done, somebody else's doing, or not to be told yet."""

from __future__ import annotations

from typing import Any

from finops.cloud import Json
from finops.estate.generation import same_generation

from .model import generation_of

SETTLED = {"", "succeeded", "failed", "canceled", "cancelled", "unknown"}
# What a compute instance is on its way to another state (ComputeInstanceState, 2024-04-01), provisioned all the while.
ON_THE_WAY = {"creating", "starting", "stopping", "restarting", "settingup", "usersettingup", "deleting"}


def verdict(generation: str | None, gone: bool, differs: str | None, body: Json | None) -> tuple[str | None, str]:
    """The outcome that `body`, read after the change, shows, and why. None: Azure is still at it.

    generation: of what was to be changed; None: it was to be made
    gone: it was to go
    differs: what in `body` is not as it should be afterwards
    """
    if generation is None:
        if body is None:
            return "not-done", "Nothing is there."
        if differs is None:
            return "done", "It is there as it should be."
        return ("changed-since", f"Something else is there: {differs}") if settled(body) else (None, _busy(body))
    if gone:
        if body is None:
            return "done", "It is gone."
        if not _is_it(body, generation):
            return "done", "It is gone; something of the same name is there since."
        return ("not-done", "It is still there.") if settled(body) else (None, _busy(body))
    if body is None:
        return "changed-since", "It is gone."
    if not _is_it(body, generation):
        return "changed-since", "It was deleted, and something of the same name was made."
    if differs is None:
        return "done", "It is as it should be."
    return ("not-done", differs) if settled(body) else (None, _busy(body))


def _is_it(body: Json, generation: str) -> bool:
    """Whether it is the one of before. "" is of what Azure does not tell the making of: only its tags are changed."""
    found = generation_of(body)
    return found == generation or same_generation(found, generation)


def settled(body: Json) -> bool:
    return _provisioning(body).lower() in SETTLED and _turning(body).lower() not in ON_THE_WAY


def differs(afterwards: Json | None, body: Json | None) -> str | None:
    """The first part of `afterwards` that `body` does not show; None when it shows all. Names in any letter case.

    Whether something is there at all is for `verdict` to look at.
    """
    if afterwards is None or body is None:
        return None
    return _differs(afterwards, body, "")


def _differs(wanted: Any, found: Any, where: str) -> str | None:
    if isinstance(wanted, dict) and isinstance(found, dict):
        spelled = {str(name).lower(): value for name, value in found.items()}
        for name, value in wanted.items():
            if said := _differs(value, spelled.get(str(name).lower()), f"{where}.{name}" if where else str(name)):
                return said
        return None
    return (
        None
        if wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
        else (f"{where} is {found!r}, not {wanted!r}.")
    )


def _provisioning(body: Json) -> str:
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return state if isinstance(state, str) else ""


def _turning(body: Json) -> str:
    """The state of a compute instance, "" of anything else."""
    properties = body.get("properties")
    inner = properties.get("properties") if isinstance(properties, dict) else None
    state = inner.get("state") if isinstance(inner, dict) else None
    return state if isinstance(state, str) else ""


def _busy(body: Json) -> str:
    return f"Azure is still at it ({_turning(body) or _provisioning(body)})."
