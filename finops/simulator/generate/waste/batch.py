"""Batch endpoints that nobody calls, and those that somebody does."""

from __future__ import annotations

from finops.simulator.generate import ml_bodies, serving
from finops.simulator.generate.bodies import guid
from finops.simulator.generate.waste.site import Site
from finops.simulator.store import Json

NEVER = "batch-endpoint-never-invoked"


def plant(site: Site) -> None:
    draft = site.draft
    draft.plant(NEVER, _batch(site, "backfill", 130)["id"], draft.ago(130))
    draft.keep(NEVER, _batch(site, "monthly", 130, 12)["id"], "called twelve days ago")
    draft.keep(NEVER, _batch(site, "upcoming", 10)["id"], "ten days old")
    held = _batch(site, "yearly", 130)
    site.lock(held["id"])
    draft.keep(NEVER, held["id"], "a lock on it")
    timeless = _batch(site, "timeless", 130)
    job = ml_bodies.batch_job(
        timeless, f"batchjob-{guid('no time', timeless['id'])}", 0, site.dev.owner, _cluster(site)
    )
    del job["systemData"]
    draft.put(draft.ago(50), "", job)
    draft.keep(NEVER, timeless["id"], "its only call does not say when it came", unknown=True)


def _cluster(site: Site) -> str:
    """The cluster that scores; see clusters.py."""
    return f"{site.dev.id}/computes/{site.named(site.dev, 'score')}"


def _batch(site: Site, what: str, days: float, *called: float) -> Json:
    place = site.dev
    return serving.batch(
        site.draft, place, site.named(place, what), site.draft.ago(days), site.tags(place), _cluster(site), [*called]
    )
