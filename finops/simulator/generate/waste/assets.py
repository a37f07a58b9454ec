"""Environment versions and schedules: those that nothing needs, and those that one thing does."""

from __future__ import annotations

from finops.simulator.generate import assets, ml_bodies
from finops.simulator.generate.waste.site import Site
from finops.simulator.store import Json

UNUSED, FEEDS_NOTHING = "environment-version-unused", "schedule-feeds-nothing"


def plant(site: Site) -> None:
    _schedules(site)
    _versions(site)


def _schedules(site: Site) -> None:
    draft, place = site.draft, site.dev
    there, gone = (f"{place.id}/computes/{site.named(place, what)}" for what in ("score", "retired"))
    curated = "azureml://registries/azureml/environments/sklearn-1.5/versions/9"
    trained = assets.training(place)
    third = f"{trained.rpartition('/')[0]}/3"
    missing = f"{place.id}/batchEndpoints/{site.named(place, 'dissolved')}"
    call: Json = {"actionType": "InvokeBatchEndpoint", "endpointInvocationDefinition": {"endpointId": missing}}
    by_name: Json = {**call, "endpointInvocationDefinition": {"endpointName": site.named(place, "monthly")}}
    command = "python refresh.py"
    draft.plant(FEEDS_NOTHING, _put(site, "to-nowhere", ml_bodies.nightly_job(gone, curated, command)), draft.ago(80))
    draft.plant(FEEDS_NOTHING, _put(site, "call-nobody", call), draft.ago(80))
    draft.keep(
        FEEDS_NOTHING, _put(site, "refresh", ml_bodies.nightly_job(there, third, command)), "its cluster is there"
    )
    off = _put(site, "paused", ml_bodies.nightly_job(gone, curated, command), enabled=False)
    draft.keep(FEEDS_NOTHING, off, "switched off already")
    serverless = _put(site, "serverless", ml_bodies.nightly_job(None, curated, command))
    draft.keep(FEEDS_NOTHING, serverless, "needs no cluster")
    vague = _put(site, "by-name", by_name)
    draft.keep(FEEDS_NOTHING, vague, "does not say by its id what it calls", unknown=True)
    draft.keep(UNUSED, third, "used by a schedule only")


def _put(site: Site, what: str, action: Json, enabled: bool = True) -> str:
    created, place = site.draft.ago(80), site.dev
    body = ml_bodies.schedule(place.id, site.named(place, what), created, place.owner, action, enabled)
    site.draft.put(created, place.owner, body)
    return str(body["id"])


def _versions(site: Site) -> None:
    draft, place = site.draft, site.dev
    # Version 4 of training was last used by a job of twelve days ago, on a cluster that clusters.py makes.
    fourth = f"{assets.training(place).rpartition('/')[0]}/4"
    job = next(body for body in draft.bodies if str(body["id"]).endswith(f"{site.named(place, 'raised')}-once"))
    job["properties"]["environmentId"] = fourth
    draft.keep(UNUSED, fourth, "used by a job five days ago")
    name = site.named(place, "imported")
    container = ml_bodies.environment(place.id, name, 1, draft.ago(200), place.owner)
    timeless = ml_bodies.environment_version(container, 1, draft.ago(200), place.owner)
    del timeless["systemData"]
    draft.put(draft.ago(200), place.owner, container)
    draft.put(draft.ago(200), place.owner, timeless)
    draft.keep(UNUSED, timeless["id"], "Azure does not say when it was made", unknown=True)
