"""Clusters that hold nodes or names for nothing, and those that only seem to."""

from __future__ import annotations

from finops.simulator.generate import assets, ml_bodies
from finops.simulator.generate.organisation import Place
from finops.simulator.generate.waste.site import Site
from finops.simulator.life.jobs import Job, body_of
from finops.simulator.store import Json

UNUSED, IDLE, UNTAGGED = "cluster-unused", "cluster-idle-nodes", "cluster-untagged"
SIZE = "Standard_DS2_v2"


def plant(site: Site) -> None:
    _unused(site)
    _idle(site)
    _untagged(site)


def _unused(site: Site) -> None:
    draft, place = site.draft, site.other
    draft.plant(UNUSED, _cluster(site, place, "obsolete", 120), draft.ago(120))
    waiting = _cluster(site, place, "waiting", 120, nodes=(0, 0))
    _job(site, place, waiting, 0.2)
    draft.keep(UNUSED, waiting, "a job waits for it")
    seldom = _cluster(site, place, "seldom", 120)
    _job(site, place, seldom, 12)
    draft.keep(UNUSED, seldom, "used twelve days ago")
    undated = _cluster(site, place, "undated", 120)
    _job(site, place, undated, 12, dated=False)
    draft.keep(UNUSED, undated, "its only job does not say when it was sent", unknown=True)
    steps = {"jobsPerDay": 1.5, "minutes": 60, "shape": "night", "pipelines": True, "people": [place.owner]}
    draft.keep(UNUSED, _cluster(site, place, "steps", 120, profile=steps), "used by steps of pipelines only")
    draft.keep(UNUSED, _cluster(site, place, "new", 20), "twenty days old")
    draft.keep(UNUSED, _cluster(site, place, "reserve", 120, tags=site.keep_tag()), "a finops:keep tag")
    locked = _cluster(site, place, "vault", 120)
    site.lock(locked)
    draft.keep(UNUSED, locked, "a lock on it")
    # The batch endpoints of this round run on it, see batch.py.
    _cluster(site, site.dev, "score", 120, profile={"jobsPerDay": 1.2, "minutes": 40, "shape": "night"})


def _idle(site: Site) -> None:
    draft, place = site.draft, site.dev
    draft.plant(IDLE, _cluster(site, place, "warm", 60, nodes=(1, 2)), draft.ago(60), nodes=1)
    draft.plant("dedicated-dev-cluster", draft.bodies[-1]["id"], draft.ago(60))
    since = _cluster(site, place, "raised", 60)
    _job(site, place, since, 5)

    def raise_least(body: Json) -> None:
        body["properties"]["properties"]["scaleSettings"]["minNodeCount"] = 1

    draft.change(draft.ago(1.1), draft.person(place.team, 2), since, raise_least)
    draft.keep(IDLE, since, "its minimum was raised yesterday")
    daily = {"jobsPerDay": 2.5, "minutes": 90, "shape": "global", "people": place.people(draft)}
    used = _cluster(site, place, "daily", 60, nodes=(1, 2), profile=daily)
    draft.keep(IDLE, used, "its node works every day")
    dark = _cluster(site, place, "dark", 60, nodes=(1, 2), profile={"noMetrics": True, "jobsPerDay": 0})
    draft.plant("unknown-metric", dark, draft.ago(60), metric="Active Nodes")
    draft.keep(IDLE, dark, "Monitor has no data", unknown=True)


def _untagged(site: Site) -> None:
    draft, place = site.draft, site.lab
    for what, tags, why, unknown in (
        ("untagged", {}, "", False),
        ("busy", {}, "a job waits for it", False),
        ("misspelt", {"cost-centre": "lab"}, "its tag is misspelt, and names who pays", False),
        ("two-payers", {"cost-center": "lab", "CostCentre": "platform"}, "two tags name two payers", True),
    ):
        cluster = _cluster(site, place, what, 95, nodes=(0, 0 if what == "busy" else 2), tags=tags)
        _job(site, place, cluster, 0.2 if what == "busy" else 5)
        if why:
            draft.keep(UNTAGGED, cluster, why, unknown)
        else:
            draft.plant(UNTAGGED, cluster, draft.ago(95))
        if not tags:
            draft.plant("untagged", cluster, draft.ago(95))
        draft.plant("dedicated-dev-cluster", cluster, draft.ago(95))


def _cluster(site: Site, place: Place, what: str, days: float, nodes: tuple[int, int] = (0, 2),
             profile: Json | None = None, tags: dict[str, str] | None = None) -> str:  # fmt: skip
    """A cluster of small nodes: spot ones, or dedicated where they are to stay. Its id."""
    draft, created = site.draft, site.draft.ago(days)
    person, name = draft.person(place.team, "waste", what), site.named(place, what)
    own = site.tags(place) if place.tagged else {"Environment": place.environment, "Owner": place.owner}
    spot = place.tagged and nodes[0] == 0
    body = ml_bodies.cluster(
        place.id, name, place.region, created, person, {**own, **(tags or {})}, SIZE,
        "LowPriority" if spot else "Dedicated", nodes, "PT10M",
    )  # fmt: skip
    if profile is not None:
        profile = {"region": place.region, "experiment": what, "environment": assets.training(place), **profile}
    draft.put(created, person, body, profile)
    return str(body["id"])


def _job(site: Site, place: Place, cluster: str, days: float, dated: bool = True) -> None:
    """A job that somebody sent to the cluster `days` ago."""
    at, name = site.draft.ago(days), f"{cluster.rsplit('/', 1)[-1]}-once"
    job = Job(f"{place.id}/jobs/{name}", 0, 1, at, fails=False)
    body = body_of(job, cluster, {"people": [place.owner], "region": place.region}, "Queued")
    if not dated:
        del body["systemData"]
    site.draft.put(at, "", body)
