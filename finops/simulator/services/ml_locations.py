"""What a region has left for AML: usage against quota, and the VM sizes it offers."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import ok, page
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import existing_subscription
from finops.simulator.sizes import SIZES, size_of
from finops.simulator.store import Json
from finops.simulator.world import World

LOCATION = "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"
# Defaults of a new subscription: computes of a region (azure-docs, how-to-manage-quotas); cores are our guess.
MOST_COMPUTES, MOST_CORES = 500, 350


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{LOCATION}/usages", partial(_usages, world), methods=["GET"]),
        Route(f"{LOCATION}/vmSizes", partial(_sizes, world), methods=["GET"]),
    ]


def _usages(world: World, request: Request) -> Response:
    subscription = existing_subscription(world, request.path_params["subscription"])["id"]
    location = request.path_params["location"].lower()
    computes = 0
    cores: dict[str, int] = {}
    low_priority = 0
    for body in world.resources.of_type("microsoft.machinelearningservices/workspaces/computes", under=subscription):
        if str(body.get("location", "")).lower() != location:
            continue
        computes += 1
        inner = (body.get("properties") or {}).get("properties") or {}
        size = size_of(str(inner.get("vmSize") or "Standard_DS3_v2"))
        nodes = inner.get("currentNodeCount", 1 if inner.get("state") == "Running" else 0) or 0
        if str(inner.get("vmPriority", "")).lower() == "lowpriority":
            low_priority += nodes * size.cores
        else:
            cores[size.family] = cores.get(size.family, 0) + nodes * size.cores
    rows = [
        _usage(subscription, "totalCores", "Clusters", computes, MOST_COMPUTES),
        _usage(
            subscription, "dedicatedCores", "Total Cluster Dedicated Regional vCPUs", sum(cores.values()), MOST_CORES
        ),
        _usage(subscription, "lowPriorityCores", "Total Cluster LowPriority Regional vCPUs", low_priority, MOST_CORES),
        *(
            _usage(f"{subscription}", "vmFamily", f"{family} Cluster Dedicated vCPUs", used, MOST_CORES)
            for family, used in sorted(cores.items())
        ),
    ]
    return page(request, rows, token="$skipToken", key=None)  # noqa: S106  # a parameter's name


def _usage(subscription: str, kind: str, name: str, used: int, limit: int) -> Json:
    return {
        "id": f"{subscription}/usages/{name.replace(' ', '_')}",
        "type": f"Microsoft.MachineLearningServices/{kind}/usages",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": name},
        "unit": "Count",
    }


def _sizes(world: World, request: Request) -> Response:
    existing_subscription(world, parts_of(request.scope["path"]).subscription)
    region = request.path_params["location"]
    return ok({"value": [_size(name, region) for name in sorted(SIZES)]})


def _size(name: str, region: str) -> Json:
    size = size_of(name)
    prices = [("LowPriority", size.price(region, spot=True)), ("Standard", size.price(region, spot=False))]
    return {
        "name": size.name,
        "family": size.family,
        "vCPUs": size.cores,
        "gpus": size.gpus,
        "osVhdSizeMB": 1047552,
        "maxResourceVolumeMB": size.memory_gb * 2048,
        "memoryGB": float(size.memory_gb),
        "lowPriorityCapable": True,
        "premiumIO": True,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
        "estimatedVMPrices": {
            "billingCurrency": "USD",
            "unitOfMeasure": "OneHour",
            "values": [{"retailPrice": float(price), "osType": "Linux", "vmTier": tier} for tier, price in prices],
        },
    }
