"""Lists that references need and the reading of the estate did without: asked here, so that none is taken for empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from finops.estate import lists, queries
from finops.estate.asking import Ask, Asker
from finops.estate.ids import key
from finops.estate.model import Estate, Json, Resource
from finops.images.model import Blind

if TYPE_CHECKING:
    from finops.cloud import Azure

ALL = {"listViewType": "All"}
SHARED = f"{queries.ML}/registries"
# Kinds of gaps that are asked again here, so that an old one says nothing.
ASKED_AGAIN = {queries.SCHEDULES, queries.ENVIRONMENTS, queries.JOBS, queries.COMPONENTS}


def complete(azure: Azure, estate: Estate, now: datetime, job_days: int) -> tuple[Estate, list[Blind]]:
    """The estate with every schedule, environment version and job of `job_days`, and what of it could not be read."""
    workspaces = [one.id for one in estate.of_type(queries.WORKSPACE)]
    shared = [one.id for one in estate.of_type(SHARED)]
    since = now - timedelta(days=job_days)
    ask = Asker(azure)
    bodies: dict[str, Json] = {}
    containers: dict[str, str] = {}
    blind: list[Blind] = []
    first = [
        *lists.schedules(azure, _missing(estate, queries.SCHEDULES, workspaces)),
        *lists.environments(azure, [*_missing(estate, queries.ENVIRONMENTS, workspaces), *shared]),
        *lists.jobs(azure, _unknown_jobs(estate, workspaces, since), now, long=True),
    ]
    for one, found in ask.all(first):
        if isinstance(found, lists.Jobs):
            bodies |= {key(body["id"]): body for body in found.bodies}
            if found.since > since:
                blind.append(
                    Blind(f"the jobs of {one.scope} are so many that only those since {found.since:%d %B} were read")
                )
            continue
        bodies |= {key(body["id"]): body for body in found}
        if one.what == queries.ENVIRONMENTS:
            containers |= {key(body["id"]): str(body["id"]) for body in found if not lists.is_curated(body["id"])}
    for _, found in ask.all(_versions(azure, containers.values())):
        bodies |= {key(body["id"]): body for body in found}
    blind += [Blind(f"{gap.what} could not be read below {gap.scope}: {gap.reason}") for gap in ask.gaps]
    more = {name: Resource(str(body["id"]), body) for name, body in bodies.items()}
    return replace(estate, resources={**more, **estate.resources}), blind


def assets(azure: Azure, wanted: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Id and body of each environment or component version: None where there is none, else an AzureError."""
    names = sorted(set(wanted))
    yield from azure.each(names, lambda name: azure.state_of(name, queries.ML_VERSION)) if names else ()


def _versions(azure: Azure, environments: Iterable[str]) -> Iterator[Ask]:
    for name in environments:
        call = partial(lists.listed, azure, f"{name}/versions", queries.ML_VERSION, ALL)
        yield Ask(queries.ENVIRONMENTS, name, call)


def _missing(estate: Estate, what: str, workspaces: Iterable[str]) -> list[str]:
    """Workspaces of which it is not proven that all of `what` was listed."""
    whole = estate.listed.get(what, frozenset())
    return [one for one in workspaces if key(one) not in whole]


def _unknown_jobs(estate: Estate, workspaces: Iterable[str], since: datetime) -> list[str]:
    """Workspaces of which jobs were not read as far back as `since`."""
    read = estate.jobs_since
    return [one for one in workspaces if key(one) not in read or read[key(one)] > since]
