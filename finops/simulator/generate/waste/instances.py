"""Compute instances that idle, that were stopped and left, or whose owner left; and those of people at work."""

from __future__ import annotations

from typing import Any

from finops.simulator.clock import stamp_of
from finops.simulator.generate import ml_bodies
from finops.simulator.generate.bodies import TENANT, guid
from finops.simulator.generate.draft import LEAVERS
from finops.simulator.generate.waste.site import Site
from finops.simulator.life.jobs import Job, body_of
from finops.simulator.store import Json

IDLE, STOPPED, LEFT = "instance-idle", "instance-stopped-long", "instance-owner-left"
SIZE = "Standard_DS2_v2"
ASLEEP, AT_WORK = {"cpu": [1.0, 4.0]}, {"cpu": [22.0, 71.0]}


def plant(site: Site) -> None:
    _idle(site)
    _stopped(site)
    _left(site)


def _idle(site: Site) -> None:
    draft = site.draft
    draft.plant(IDLE, _put(site, "asleep", 30, ASLEEP), draft.ago(30))
    working = _instance(site, "sending", 30)
    job = Job(f"{site.other.id}/jobs/{site.named(site.other, 'by-hand')}", 30, 1, draft.ago(0.2), fails=False)
    sent = body_of(job, working["id"], {"people": [draft.person("sending")]}, "Completed")
    draft.put(draft.ago(30), "", working, ASLEEP)
    draft.put(draft.ago(0.2), "", sent)
    draft.keep(IDLE, working["id"], "a job ran on it five hours ago")
    dark = _put(site, "dark", 30, {**ASLEEP, "noMetrics": True})
    draft.keep(IDLE, dark, "Monitor has no data", unknown=True)
    draft.keep(IDLE, _put(site, "kept", 30, ASLEEP, tags=site.keep_tag()), "a finops:keep tag")
    fresh, maker = _put(site, "fresh", 30, ASLEEP, stopped=29), site.draft.person(site.other.team, "instance", "fresh")

    def start(body: Json) -> None:
        inner, at = body["properties"]["properties"], stamp_of(draft.ago(0.1))
        inner["state"] = "Running"
        inner["lastOperation"] |= {"operationName": "Start", "operationTime": at}
        body["properties"]["modifiedOn"] = at

    draft.change(draft.ago(0.1), "", fresh, start)
    draft.event(draft.ago(0.1), maker, "start/action", fresh)
    draft.keep(IDLE, fresh, "started two hours ago")


def _stopped(site: Site) -> None:
    draft = site.draft
    draft.plant(STOPPED, _put(site, "parked", 150, None, stopped=100), draft.ago(100))
    draft.keep(STOPPED, _put(site, "evening", 150, None, stopped=0.7), "stopped yesterday")
    draft.keep(STOPPED, _put(site, "shelved", 150, None, stopped=100, tags=site.keep_tag()), "a finops:keep tag")
    silent = _instance(site, "untold", 150, state="Stopped")
    silent["properties"]["properties"]["lastOperation"] = None
    draft.put(draft.ago(150), draft.person("untold"), silent)
    draft.keep(STOPPED, silent["id"], "Azure does not say when it was stopped", unknown=True)


def _left(site: Site) -> None:
    draft, there = site.draft, draft_person(site)
    gone = LEAVERS[site.number % len(LEAVERS)]
    draft.plant(LEFT, _put(site, "orphan", 90, AT_WORK, person=gone), draft.ago(20), by=gone)
    handed = _instance(site, "handed", 90, person=gone)
    _assign(handed, there)
    draft.put(draft.ago(90), gone, handed, AT_WORK)
    draft.keep(LEFT, handed["id"], "its maker left, and somebody else has it")
    guest = _instance(site, "guest", 90, person=there)
    _assign(guest, "guest@partner.invalid", tenant=guid("tenant", "partner"))
    draft.put(draft.ago(90), there, guest, AT_WORK)
    draft.keep(LEFT, guest["id"], "its owner belongs to another directory", unknown=True)
    shared = _instance(site, "shared", 90, person="sp-platform")
    shared["properties"]["properties"] |= {"createdBy": None, "personalComputeInstanceSettings": None}
    draft.put(draft.ago(90), "", shared, AT_WORK)
    draft.keep(LEFT, shared["id"], "an application made it for nobody in particular", unknown=True)


def draft_person(site: Site) -> str:
    return site.draft.person(site.other.team, "instances", site.number)


def _assign(body: Json, person: str, tenant: str = TENANT) -> None:
    user = {"objectId": guid("person", person), "tenantId": tenant}
    body["properties"]["properties"]["personalComputeInstanceSettings"] = {"assignedUser": user}


def _instance(
    site: Site,
    what: str,
    days: float,
    state: str = "Running",
    person: str = "",
    tags: dict[str, str] | None = None,
) -> Json:
    place, person = site.other, person or site.draft.person(site.other.team, "instance", what)
    name = f"ci-{what}-{site.number:02d}"
    return ml_bodies.instance(
        place.id,
        name,
        place.region,
        site.draft.ago(days),
        person,
        site.tags(place, **(tags or {})),
        SIZE,
        state,
        [],
        None,
    )


def _put(site: Site, what: str, days: float, profile: Json | None, stopped: float = 0, person: str = "",
         **more: Any) -> str:  # fmt: skip
    """An instance, put; stopped so many days ago, or never. Its id."""
    draft = site.draft
    body = _instance(site, what, days, "Stopped" if stopped else "Running", person, **more)
    maker = str(body["systemData"]["createdBy"])
    if stopped:
        at = draft.ago(stopped)
        body["properties"]["properties"]["lastOperation"] |= {"operationName": "Stop", "operationTime": stamp_of(at)}
        body["properties"]["modifiedOn"] = stamp_of(at)
        draft.event(at, maker, "stop/action", body["id"])
    draft.put(draft.ago(days), maker, body, profile)
    return str(body["id"])
