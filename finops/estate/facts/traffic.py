"""What an endpoint has of deployments, and what it sends to each."""

from __future__ import annotations

from typing import Any

from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.ids import key, type_of
from finops.estate.model import Json, at
from finops.estate.queries import BATCH_ENDPOINT, DEPLOYMENT, DEPLOYMENTS, ENDPOINT


@fact("deployments", of=[ENDPOINT, BATCH_ENDPOINT])
def deployments(body: Json, evidence: Evidence) -> int:
    """How many deployments the endpoint has; unknown unless all of them were listed."""
    name = key(body["id"])
    evidence.expect(DEPLOYMENTS, name)
    return len(evidence.below(name, f"{type_of(name)}/deployments"))


@fact("traffic", of=DEPLOYMENT)
def traffic(body: Json, evidence: Evidence) -> int:
    """Percent of the endpoint's requests that it answers."""
    return share_of(body, evidence, "traffic")


@fact("mirrorTraffic", of=DEPLOYMENT)
def mirror_traffic(body: Json, evidence: Evidence) -> int:
    """Percent of the endpoint's requests that it gets as a copy."""
    return share_of(body, evidence, "mirrorTraffic")


def share_of(body: Json, evidence: Evidence, field: str) -> int:
    """Percent that a deployment's endpoint sends it, by `field` (traffic, mirrorTraffic), rounded up."""
    parent, _, name = key(body["id"]).rpartition("/deployments/")
    endpoint = evidence.body(parent)
    if not isinstance(at(endpoint, "properties.traffic"), dict):
        raise NotKnown("its endpoint does not say how it shares out its requests")
    # Azure leaves mirrorTraffic out, or writes null, where nothing is mirrored.
    shares: Any = at(endpoint, f"properties.{field}") or {}
    if not isinstance(shares, dict):
        raise NotKnown(f"its endpoint's {field} is {shares!r}")
    found = next((share for told, share in shares.items() if told.lower() == name), 0)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= 100:
        raise NotKnown(f"its endpoint's {field} is {found!r}")
    return int(-(-found // 1))
