"""Compute clusters and instances, how they are used, and which of them are wasteful."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finops.simulator.clock import stamp_of
from finops.simulator.generate import assets, ml_bodies
from finops.simulator.generate.draft import DAY, Draft
from finops.simulator.generate.organisation import Place, tagged
from finops.simulator.life.shapes import weekday
from finops.simulator.store import Json


@dataclass(frozen=True)
class Kind:
    """A kind of cluster that teams make: its size and what it is used for."""

    name: str
    size: str
    spot: bool
    most: int
    idle: str
    profile: dict[str, Any]


def _kind(name: str, size: str, spot: bool, most: int, idle: str, jobs: float, minutes: int, shape: str,
          nodes: int = 1, utilization: int = 70) -> Kind:  # fmt: skip
    profile = {"jobsPerDay": jobs, "minutes": minutes, "shape": shape, "nodes": nodes, "utilization": utilization}
    return Kind(name, size, spot, most, idle, profile)


PROD = [
    _kind("cpu-scoring", "Standard_DS4_v2", True, 6, "PT2M", 12, 150, "night"),
    _kind("cpu-features", "Standard_D8s_v3", False, 6, "PT10M", 11, 165, "night"),
    _kind("gpu-retrain", "Standard_NC6s_v3", True, 4, "PT5M", 7, 190, "night", utilization=83),
    _kind("cpu-evaluation", "Standard_F8s_v2", True, 4, "PT2M", 6, 40, "office"),
]
DEV = [
    _kind("gpu-dev", "Standard_NC4as_T4_v3", True, 4, "PT10M", 7, 210, "office", utilization=61),
    _kind("gpu-v100", "Standard_NC6s_v3", False, 3, "PT15M", 4, 150, "office", utilization=74),
    _kind("cpu-dev", "Standard_DS3_v2", True, 4, "PT5M", 6, 40, "office"),
    _kind("cpu-sweep", "Standard_F8s_v2", True, 8, "PT2M", 3, 50, "office", nodes=2),
    _kind("cpu-notebooks", "Standard_E4s_v3", True, 3, "PT5M", 5, 30, "office"),
]


def clusters(draft: Draft, places: list[Place], count: int) -> None:
    """`count` clusters over all workspaces in turn, some of them wasteful."""
    for number in range(count):
        place = places[number % len(places)]
        turn = number // len(places)
        kinds = PROD if place.environment == "prod" else DEV
        kind = kinds[turn % len(kinds)]
        name = kind.name if turn < len(kinds) else f"{kind.name}-{turn // len(kinds) + 1}"
        _cluster(draft, place, kind, name, number)


def _cluster(draft: Draft, place: Place, kind: Kind, name: str, number: int) -> None:
    resource_id = f"{place.id}/computes/{name}"
    person = draft.person(place.team, draft.number(0, 3, "maker", resource_id))
    created = draft.some_day(95, 190, "created", resource_id)
    spot, least, idle, profile = kind.spot, 0, kind.idle, dict(kind.profile)
    profile |= {"region": place.region, "people": place.people(draft), "experiment": f"{place.team}-{kind.name[4:]}"}
    profile["environment"] = assets.training(place)
    profile["jobsPerDay"] = round(profile["jobsPerDay"] * (0.6 + 0.8 * draft.chance("pace", resource_id)), 2)
    held = number % 10 == 4 and number % 17 not in (9, 16)
    # Nodes that idle throughout are dedicated: spot ones are taken away every other day.
    if place.environment != "prod" and (not spot or number % 9 == 5 or held):
        spot = False
        draft.plant("dedicated-dev-cluster", resource_id, created)
    if held:
        since = draft.some_day(20, 60, "idle", resource_id)
        draft.waste("cluster-idle-nodes", resource_id, since, place.locked, nodes=1)
        least, profile["jobsPerDay"] = 1, 0
        created = since
    if number % 10 == 7:
        idle = "PT4H"
        draft.plant("slow-scale-down", resource_id, created, idle=idle)
    if number % 17 == 9:
        profile["noMetrics"] = True
        draft.plant("unknown-metric", resource_id, created, metric="Active Nodes")
    if number % 17 == 16:
        profile["jobsPerDay"] = 0
        draft.waste("cluster-unused", resource_id, created, place.locked)
    tags = tagged(draft, place, resource_id, created)
    body = ml_bodies.cluster(place.id, name, place.region, created, person, tags, kind.size,
                          "LowPriority" if spot else "Dedicated", (least, kind.most), idle)  # fmt: skip
    draft.put(created, person, body, profile)


INSTANCE_SIZES = ["Standard_DS3_v2", "Standard_DS3_v2", "Standard_DS12_v2", "Standard_E4s_v3", "Standard_D8s_v3",
                  "Standard_NC4as_T4_v3"]  # fmt: skip


def instances(draft: Draft, places: list[Place], count: int) -> None:
    """`count` instances: most are used in working hours, some are forgotten, some were stopped long ago."""
    # People work in dev and sandbox workspaces twice as often as in prod.
    seats = [place for place in places for _ in range(1 if place.environment == "prod" else 2)]
    for number in range(count):
        place = seats[number % len(seats)]
        person = draft.person(place.team, "instance", number)
        name = f"ci-{person.split('@')[0].replace('.', '-')}-{number % 100:02d}"[:24].rstrip("-")
        resource_id = f"{place.id}/computes/{name}"
        created = draft.some_day(92, 170, "created", resource_id)
        size = draft.pick(INSTANCE_SIZES, "size", resource_id)
        state, schedules, idle = "Stopped", list[Json](), None
        habit: Json = {"days": [0, 1, 2, 3, 4], "from": 500 + draft.number(0, 90, "from", resource_id),
                              "to": 1000 + draft.number(0, 120, "to", resource_id), "forgets": 0.12}  # fmt: skip
        profile: Json = {"habit": habit}
        if number % 7 == 3:
            state, profile = "Running", {"cpu": [1.0, 4.0]}
            created = draft.some_day(25, 80, "forgotten", resource_id)
            draft.waste("instance-idle", resource_id, created, place.locked)
        elif number % 7 == 5:
            profile = {}
            draft.waste("instance-stopped-long", resource_id, created, place.locked)
        elif number % 3 == 0:
            idle = "PT60M"
        elif number % 3 == 1:
            schedules = [ml_bodies.stop_schedule(name, "0 19 * * *")]
        tags = tagged(draft, place, resource_id, created)
        body = ml_bodies.instance(place.id, name, place.region, created, person, tags, size, state, schedules, idle)
        if state == "Stopped":
            body["properties"]["properties"]["lastOperation"]["operationName"] = "Stop"
        draft.put(created, person, body, profile)


def runaway(draft: Draft, place: Place) -> str:
    """The cluster behind last week's rise: a dedicated A100 cluster whose minimum was raised and never lowered."""
    name = "gpu-a100-train"
    person = draft.person(place.team, 1)
    created = draft.ago(46)
    resource_id = f"{place.id}/computes/{name}"
    tags = {"CostCenter": place.team, "Environment": place.environment, "Owner": place.owner}
    profile = {"jobsPerDay": 1.1, "minutes": 170, "shape": "office", "nodes": 1, "utilization": 88, "people": [person],
               "region": place.region, "experiment": "vision-foundation"}  # fmt: skip
    size = "Standard_NC24ads_A100_v4"
    body = ml_bodies.cluster(place.id, name, place.region, created, person, tags, size, "Dedicated", (0, 4), "PT30M")
    draft.put(created, person, body, profile)
    # A Wednesday at 16:10, four to ten days ago: somebody wanted to stop waiting for nodes.
    today = draft.as_of // DAY
    back = (weekday(today) - 2) % 7
    at = (today - (back if back >= 4 else back + 7)) * DAY + 970

    def hold(changed: Json) -> None:
        changed["properties"]["properties"]["scaleSettings"]["minNodeCount"] = 4
        changed["properties"]["modifiedOn"] = changed["systemData"]["lastModifiedAt"] = stamp_of(at, draft.key)

    draft.change(at, person, resource_id, hold)
    draft.plant("cost-anomaly", resource_id, at, cause="minNodeCount 0 -> 4 on a dedicated GPU cluster", by=person)
    draft.keep("cluster-idle-nodes", resource_id, "jobs run on it, and it was scaled up within the week")
    draft.plant("dedicated-dev-cluster", resource_id, created)
    return resource_id


def moved_to_spot(draft: Draft, place: Place) -> None:
    """The cluster behind last week's fall: its team made it anew on spot nodes eleven days ago."""
    name, person = "gpu-nightly", draft.person(place.team, 2)
    created, at = draft.ago(120), draft.ago(11.2)
    tags = {"CostCenter": place.team, "Environment": place.environment, "Owner": place.owner}
    profile = {"jobsPerDay": 3, "minutes": 190, "shape": "night", "utilization": 90, "people": [person],
               "region": place.region, "experiment": "forecast-nightly"}  # fmt: skip

    def made(priority: str, moment: int) -> Json:
        size = "Standard_NC12s_v3"
        return ml_bodies.cluster(place.id, name, place.region, moment, person, tags, size, priority, (0, 3), "PT10M")

    draft.put(created, person, made("Dedicated", created), profile)
    draft.remove(at, person, f"{place.id}/computes/{name}")
    draft.put(at + 8, person, made("LowPriority", at + 8), profile)
