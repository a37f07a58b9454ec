"""What a resource costs an hour, as it is now, by the list."""

from __future__ import annotations

from decimal import Decimal

from finops.estate import queries
from finops.estate.evidence import Evidence, NotKnown
from finops.estate.facts import fact
from finops.estate.facts.instances import is_instance
from finops.estate.facts.nodes import is_cluster, node_states
from finops.estate.facts.spot import spot
from finops.estate.ids import key
from finops.estate.model import Json, at, text

# Nodes in these states are not billed: they are gone, or going (Azure ends the charge when it takes them back).
NOT_BILLED = {"leaving", "preempted"}


@fact("pricePerHour", of=queries.COMPUTE, needs=[queries.PRICES], on_request=True)
def compute_price_per_hour(body: Json, evidence: Evidence) -> Decimal:
    """USD an hour of its VMs as it stands now, by the list of retail prices: nodes of a cluster, an instance's VM."""
    size = text(body, "properties.properties.vmSize")
    if is_cluster(body):
        states = node_states(body, evidence)
        count = sum(number for state, number in states.items() if state not in NOT_BILLED)
        if not count:
            return Decimal(0)
        return _hour(size, body, evidence, "LowPriority" if spot(body, evidence) else "Dedicated") * count
    if not is_instance(body):
        raise NotKnown("only compute clusters and compute instances have VMs of their own")
    if text(body, "properties.properties.state").lower() == "stopped":
        raise NotKnown("it is stopped: what is billed is its disk, whose price we do not read")
    return _hour(size, body, evidence)


@fact("pricePerHour", of=queries.DEPLOYMENT, needs=[queries.PRICES], on_request=True)
def deployment_price_per_hour(body: Json, evidence: Evidence) -> Decimal:
    """USD an hour of its instances by the list of retail prices."""
    if text(body, "properties.endpointComputeType").lower() != "managed":
        raise NotKnown("it does not run on managed VMs")
    capacity = at(body, "sku.capacity")
    if not isinstance(capacity, int) or capacity < 0:
        raise NotKnown("Azure does not say how many instances it has")
    return _hour(text(body, "properties.instanceType"), body, evidence) * capacity


@fact("pricePerHour", of=queries.ENDPOINT, needs=[queries.PRICES], on_request=True)
def endpoint_price_per_hour(body: Json, evidence: Evidence) -> Decimal:
    """USD an hour of all its deployments by the list of retail prices."""
    evidence.expect(queries.DEPLOYMENTS, key(body["id"]))
    found = evidence.below(body["id"], queries.DEPLOYMENT)
    return sum((deployment_price_per_hour(one, evidence) for one in found), Decimal(0))


def _hour(size: str, body: Json, evidence: Evidence, priority: str = "Dedicated") -> Decimal:
    if evidence.rates is None:
        raise evidence.missing(queries.PRICES, "/")
    region = text(body, "properties.computeLocation") or text(body, "location")
    if not size or not region:
        raise NotKnown("Azure does not say its VM size and region")
    found = evidence.rates.vm_hour(size, region.replace(" ", ""), evidence.as_of, priority)
    if isinstance(found, str):
        raise NotKnown(found)
    return found
