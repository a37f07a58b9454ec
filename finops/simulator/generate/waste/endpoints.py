"""Online endpoints and deployments that nobody needs, and their look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finops.simulator.clock import stamp_of
from finops.simulator.generate import assets, governance, ml_bodies
from finops.simulator.generate.organisation import Place
from finops.simulator.generate.serving import SILENT, image_of
from finops.simulator.generate.waste.site import Site
from finops.simulator.store import Json

EMPTY, SPARE, FAILED, ENDED = (
    "endpoint-without-deployments",
    "deployment-without-requests",
    "endpoint-failed",
    "dev-endpoint-past-end-date",
)
SIZE = "Standard_DS2_v2"


@dataclass(frozen=True)
class Part:
    """One deployment: its share of the traffic, how old it is, how often it is called; `more` goes into its profile."""

    name: str = "blue"
    share: int = 100
    days: float = 91
    calls: float = 3.0
    state: str = "Succeeded"
    more: Json | None = None


def plant(site: Site) -> None:
    _empty(site)
    _silent(site)
    _spare(site)
    _failed(site)
    _ended(site)


def _empty(site: Site) -> None:
    draft, place = site.draft, site.other
    draft.plant(EMPTY, _online(site, place, "abandoned", 60), draft.ago(60))
    draft.keep(EMPTY, _online(site, place, "prepared", 3), "three days old")
    draft.keep(EMPTY, _online(site, place, "held", 60, tags=site.keep_tag()), "a finops:keep tag")
    locked = _online(site, place, "hold-empty", 60)
    site.lock(locked)
    draft.keep(EMPTY, locked, "a lock on it")


def _silent(site: Site) -> None:
    draft, place = site.draft, site.dev
    silent = {"silentSince": _moment(site, 40)}
    forgotten = _online(site, place, "forgotten", 120, [Part(more=silent)])
    draft.plant(SILENT, forgotten, draft.ago(40))
    # The fullest one, for whoever tries to bring it back: it scales by itself, and its identity has rights.
    governance.scale(draft, place, draft.bodies[-1])
    governance.give_access(draft, place, draft.bodies[-3])
    week = {"silentSince": _moment(site, 9)}
    draft.keep(SILENT, _online(site, place, "resting", 120, [Part(more=week)]), "called nine days ago")
    night = {"shape": "night"}
    draft.keep(SILENT, _online(site, place, "nightly", 120, [Part(calls=0.05, more=night)]), "called at night only")
    lost = {"lostData": [_moment(site, 9), _moment(site, 7)]}
    doubtful = _online(site, place, "patchy", 120, [Part(calls=0, more=lost)])
    draft.keep(SILENT, doubtful, "two days are missing", unknown=True)
    dark = _online(site, place, "dark", 120, [Part(calls=0, more={"noMetrics": True})])
    draft.keep(SILENT, dark, "Monitor has no data", unknown=True)
    held = _online(site, place, "kept", 120, [Part(more=silent)], tags=site.keep_tag())
    draft.keep(SILENT, held, "a finops:keep tag")
    locked = _online(site, place, "hold", 120, [Part(more=silent)])
    site.lock(locked)
    draft.keep(SILENT, locked, "a lock on it")
    below = _online(site, place, "hold-below", 120, [Part(more=silent)])
    site.lock(f"{below}/deployments/blue")
    draft.keep(SILENT, below, "a lock on its deployment")


def _spare(site: Site) -> None:
    draft, place = site.draft, site.dev
    live, green = Part(), Part("green", share=0, calls=0, days=60)
    spare = _online(site, place, "bluegreen", 91, [live, green])
    draft.plant(SPARE, f"{spare}/deployments/green", draft.ago(60))
    copied = _online(site, place, "shadow", 91, [live, green], mirror={"green": 20})
    draft.keep(SPARE, f"{copied}/deployments/green", "gets a copy of the traffic")
    fresh = _online(site, place, "rollout", 91, [live, Part("green", share=0, calls=0, days=3)])
    draft.keep(SPARE, f"{fresh}/deployments/green", "three days old")
    direct = _online(site, place, "canary", 91, [live, Part("green", share=0, days=60, more={"direct": True})])
    draft.keep(SPARE, f"{direct}/deployments/green", "called directly, past the traffic")
    dark = _online(site, place, "dim", 91, [live, Part("green", share=0, calls=0, days=60, more={"noMetrics": True})])
    draft.keep(SPARE, f"{dark}/deployments/green", "Monitor has no data", unknown=True)


def _failed(site: Site) -> None:
    draft, place = site.draft, site.other
    broken = Part(share=0, calls=0, days=50, state="Failed")
    draft.plant(FAILED, _online(site, place, "broken", 50, [broken], failed=45), draft.ago(45))
    draft.keep(FAILED, _online(site, place, "breaking", 50, [broken], failed=1), "failed yesterday")
    serving = _online(site, place, "limping", 91, [Part()], failed=40)
    draft.keep(FAILED, serving, "its last change failed, and it is called all the same")


def _ended(site: Site) -> None:
    draft, place = site.draft, site.dev
    over = _online(site, place, "pilot", 91, [Part()], tags={"EndDate": site.day(-20)})
    draft.plant(ENDED, over, draft.ago(20), endDate=site.day(-20))
    ahead = _online(site, place, "trial", 91, [Part()], tags={"EndDate": site.day(40)})
    draft.keep(ENDED, ahead, "its end is to come")
    other = {"EndDate": site.day(-20), "Environment": "prod"}
    draft.keep(ENDED, _online(site, place, "promoted", 91, [Part()], tags=other), "in production by its own tag")
    vague = _online(site, place, "vague", 91, [Part()], tags={"EndDate": "end of Q3"})
    draft.keep(ENDED, vague, "nobody can read its end")


def _online(
    site: Site,
    place: Place,
    what: str,
    days: float,
    parts: Sequence[Part] = (),
    tags: dict[str, str] | None = None,
    mirror: dict[str, int] | None = None,
    failed: float = 0,
) -> str:
    """An endpoint `days` old, whose last change failed `failed` days ago; its id."""
    draft, created = site.draft, site.draft.ago(days)
    person, name = draft.person(place.team, "waste", what), site.named(place, what)
    traffic = {part.name: part.share for part in parts if part.share}
    body = ml_bodies.online_endpoint(
        place.id, name, place.region, created, person, site.tags(place, **(tags or {})), traffic
    )
    if mirror:
        body["properties"]["mirrorTraffic"] = mirror
    if failed:
        body["properties"]["provisioningState"] = "Failed"
        body["systemData"]["lastModifiedAt"] = stamp_of(draft.ago(failed))
        draft.event(draft.ago(failed), person, "write", body["id"])
    draft.put(created, person, body)
    for part in parts:
        made, where = draft.ago(min(part.days, days)), f"{body['id']}/deployments/{part.name}"
        image = image_of(draft, place, f"{place.team}-{what}", where)
        deployed = ml_bodies.deployment(
            body, part.name, made, person, SIZE, 1, image, f"{place.team}-{what}", assets.serving(draft, place, where)
        )
        deployed["properties"]["provisioningState"] = part.state
        profile: dict[str, Any] = {"requestsPerMinute": part.calls, "shape": "global", **(part.more or {})}
        draft.put(made, person, deployed, profile)
    return str(body["id"])


def _moment(site: Site, days: float) -> str:
    return f"{stamp_of(site.draft.ago(days))[:19]}Z"
