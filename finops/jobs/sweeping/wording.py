"""What a quiet step takes away, in words, as its event and its mail say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finops.estate.model import at, text

if TYPE_CHECKING:
    from finops.tombstones import Content

SCALE = "properties.properties.scaleSettings.minNodeCount"


def taking(content: Content) -> str:
    """What is set to what, where the tombstone has the resource as it is before."""
    action = content.action
    body = content.main().body if content.image is None else {}
    if action == "traffic0":
        mirrored = _shares(at(body, "properties.mirrorTraffic"))
        also = f", and mirrored {mirrored}" if mirrored else ""
        silent = "calls that name no deployment are not answered"
        return f"Its traffic is set to 0: {silent}. It was {_shares(at(body, 'properties.traffic')) or 'none'}{also}."
    if action == "minNodes0":
        return f"Its minimum of nodes is set to 0. It was {at(body, SCALE)}."
    if action == "stop":
        return f"It is stopped. It was {text(body, 'properties.properties.state') or 'in no state that Azure names'}."
    return f"{action} is sent to Azure."


def _shares(traffic: object) -> str:
    """ "blue 90 %, green 10 %"."""
    found = traffic.items() if isinstance(traffic, dict) else ()
    return ", ".join(f"{name} {share} %" for name, share in found if share)
