"""Invent an estate: `new_estate(folder, seed, size, as_of)` lets a made-up company live for 90 days and records it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from finops.errors import UsageError
from finops.simulator.clock import Clock, minutes, moment_of
from finops.simulator.draws import key_of
from finops.simulator.generate import (
    assets,
    bodies,
    computes,
    governance,
    images,
    inventory,
    money,
    organisation,
    retail,
    serving,
    storing,
    waste,
    writing,
)
from finops.simulator.generate.draft import DAY, Draft
from finops.simulator.simulation import write
from finops.simulator.store import Json
from finops.simulator.world import World

# A Tuesday noon: the week before is complete under every habit of counting weeks, and partly still to be restated.
AS_OF = datetime(2026, 11, 17, 12, tzinfo=UTC)
DAYS = 90
JOB_DAYS = 14  # jobs asked for before are forgotten


@dataclass(frozen=True)
class Plan:
    """How much of everything; `metric_days` is how far back Monitor's points are kept, `rounds` how many times one
    of every waste is planted with its look-alikes, in a lab of its own, beside the others."""

    workspaces: int
    clusters: int
    instances: int
    endpoints: int
    manifests: int
    blobs: int
    metric_days: int
    rounds: int


PLANS = {
    "small": Plan(workspaces=6, clusters=18, instances=15, endpoints=25, manifests=240, blobs=400, metric_days=38,
                  rounds=1),
    "medium": Plan(workspaces=40, clusters=80, instances=60, endpoints=100, manifests=4000, blobs=4000,
                   metric_days=35, rounds=3),
    "large": Plan(workspaces=120, clusters=440, instances=270, endpoints=1760, manifests=100_000, blobs=100_000,
                  metric_days=31, rounds=10),
}  # fmt: skip


def new_estate(folder: Path, seed: int = 7, size: str = "small", as_of: datetime | None = None, blobs: int = 0) -> None:
    """Write an estate folder. The same arguments write the same bytes. blobs: about so many in one account."""
    if size not in PLANS:
        raise UsageError(f"There is no size {size!r}.", f"Choose one of {', '.join(PLANS)}.")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.", "Name a folder that does not exist yet.")
    plan, now = PLANS[size], as_of or AS_OF
    draft = _draft(seed, size, now)
    places = organisation.lay_out(draft, plan.workspaces)
    labs = organisation.labs(draft, plan.rounds)
    money.commit(draft, scale=max(1, plan.endpoints // 25))
    computes.clusters(draft, places, plan.clusters)
    computes.instances(draft, places, plan.instances)
    serving.endpoints(draft, places, plan.endpoints)
    serving.batches(draft, places)
    vision = next(place for place in places if place.team == "vision")
    forecasting = next(place for place in places if place.team == "forecasting")
    computes.runaway(draft, vision)
    computes.moved_to_spot(draft, forecasting)
    serving.departed(draft, forecasting)
    waste.plant(draft, places, labs)
    assets.schedules(draft, places)
    assets.environments(draft, places)
    governance.locks(draft, places)
    governance.access(draft, places)
    images.refer(draft, places)
    governance.policies(draft)
    draft.world.life.measured_from = draft.ago(plan.metric_days) // DAY * DAY
    draft.world.life.jobs_from = draft.ago(JOB_DAYS)
    draft.world.life.begin()
    draft.run()
    draft.world.policy_states = governance.states(draft)
    draft.world.activity = governance.activity(draft)
    writing.write_estate(draft, folder, f"contoso-{size}")
    write(folder / "directory.jsonl", organisation.directory())
    sizes = {str(body["properties"]["properties"].get("vmSize", "")).lower()
             for body in draft.world.resources.of_type(f"{bodies.ML}/workspaces/computes")}  # fmt: skip
    used = sizes | {size.lower() for size in serving.SIZES}
    write(folder / "prices.jsonl", retail.items(used, ["eastus", "westeurope"]))
    registries = [place.registry for place in [*places, *labs]]
    for registry in registries:
        each = images.manifests(draft, registry, plan.manifests // len(registries))
        write(folder / "images" / f"{registry.rsplit('/', 1)[-1]}.jsonl", each)
    for place in [vision, forecasting]:
        inventory.report(draft, place.storage.rsplit("/", 1)[-1], folder / "inventory", plan.blobs)
    if blobs:
        storing.fill(draft, folder, vision.storage, blobs)
    truth = {"seed": seed, "size": size, "asOf": f"{now:%Y-%m-%dT%H:%M:%SZ}",
             "planted": sorted(draft.truth, key=_by_kind), "kept": sorted(draft.kept, key=_by_kind)}  # fmt: skip
    (folder / "ground-truth.json").write_text(json.dumps(truth, indent=1) + "\n", "utf-8")


def _by_kind(fact: Json) -> tuple[str, str]:
    return str(fact["kind"]), str(fact["id"]).lower()


def _draft(seed: int, size: str, now: datetime) -> Draft:
    key, as_of = key_of("estate", seed, size), minutes(now)
    start = as_of // DAY * DAY - DAYS * DAY
    stamp = {"name": f"contoso-{size}", "tenantId": bodies.TENANT}
    world = World(Path("."), stamp, Clock(moment_of(start)))
    world.key = world.life.key = world.charges.key = key
    draft = Draft(world, key, start, as_of)
    world.life.account = money.account(draft)
    return draft
