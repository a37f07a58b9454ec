"""Environments of each workspace, version by version, which of them nothing runs in, and production's schedules."""

from __future__ import annotations

from collections.abc import Iterator

from finops.simulator.generate import ml_bodies
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place
from finops.simulator.store import Json, inside

# Days since each version was made, the first one first. Those of serving from the fourth to the last but one are given
# to deployments by chance; the last is too young to be missed. Training uses its last, batch scoring too.
SERVING = (340, 300, 260, 220, 180, 150, 125, 100, 12)
TRAINING = (250, 200, 150, 110, 30)
SCORING = (200, 120)
ARCHIVED = 2  # of training: somebody archived it already
MISSED_AFTER = 90  # days in which nothing used a version, as far back as facts look


def serving(draft: Draft, place: Place, what: str) -> str:
    """Name and version of the environment that a deployment runs in."""
    return f"{place.team}-serving/{draft.number(4, len(SERVING) - 1, 'serving', what)}"


def training(place: Place) -> str:
    return f"{place.id}/environments/{place.team}-train/versions/{len(TRAINING)}"


def scoring(place: Place) -> str:
    return f"{place.team}-scoring/{len(SCORING)}"


def environments(draft: Draft, places: list[Place]) -> None:
    """The environments of all workspaces. Call it when everything that may use one has been put."""
    used = {each.lower() for body in draft.bodies for each in _used(body)}
    used |= {str(profile["environment"]).lower() for profile in draft.world.life.profiles.values()
             if "environment" in profile and float(profile.get("jobsPerDay", 0))}  # fmt: skip
    for place in places:
        kinds = [(f"{place.team}-serving", SERVING), (f"{place.team}-train", TRAINING)]
        if any(each.startswith(f"{place.id}/environments/{place.team}-scoring/".lower()) for each in used):
            kinds.append((f"{place.team}-scoring", SCORING))
        for name, ages in kinds:
            _versions(draft, place, name, ages, used)


def _used(body: Json) -> Iterator[str]:
    properties = inside(body, "properties")
    job = inside(properties, "action", "jobDefinition")
    yield from (str(each["environmentId"]) for each in (properties, job) if each.get("environmentId"))


def _versions(draft: Draft, place: Place, name: str, ages: tuple[int, ...], used: set[str]) -> None:
    person = draft.person(place.team, "environments")
    container = ml_bodies.environment(place.id, name, len(ages), draft.ago(ages[0]), person)
    draft.put(draft.ago(ages[0]), person, container)
    for version, age in enumerate(ages, 1):
        created, archived = draft.ago(age), name.endswith("-train") and version == ARCHIVED
        body = ml_bodies.environment_version(container, version, created, person, archived)
        draft.put(created, person, body)
        if body["id"].lower() in used:
            continue
        if archived:
            draft.keep("environment-version-unused", body["id"], "archived already")
        elif age < MISSED_AFTER:
            draft.keep("environment-version-unused", body["id"], f"made {age} days ago")
        else:
            draft.waste("environment-version-unused", body["id"], created, place.locked)


def schedules(draft: Draft, places: list[Place]) -> None:
    """Production retrains every night, on a cluster that is there."""
    for place in places:
        if place.environment == "prod":
            created = draft.ago(140)
            action = ml_bodies.nightly_job(f"{place.id}/computes/cpu-scoring", training(place), "python retrain.py")
            body = ml_bodies.schedule(place.id, f"{place.team}-retrain", created, place.owner, action)
            draft.put(created, place.owner, body)
            draft.keep("schedule-feeds-nothing", body["id"], "its cluster is there")
