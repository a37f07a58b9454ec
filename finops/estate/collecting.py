"""Gather answers into evidence: what each kind of answer means, and what it proves to have been listed whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from finops.errors import AzureError
from finops.estate import queries
from finops.estate.asking import Ask, gap
from finops.estate.evidence import Evidence, Line, Series
from finops.estate.facts import facts_of
from finops.estate.facts.clusters import IDLE_NODES
from finops.estate.facts.instances import CPU
from finops.estate.facts.requests import DEPLOYMENT_REQUESTS, REQUESTS_OF_A_MONTH, requests_by_day
from finops.estate.ids import key, subscription_of, type_of
from finops.estate.lists import Jobs
from finops.estate.model import Estate, Gap, Json, Resource, Usage, text
from finops.estate.pricing import Pricing, Rates
from finops.estate.spending import Charges, spending


class Collection:
    """What was answered so far."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.bodies: dict[str, Json] = {}
        self.listed: dict[str, set[str]] = {}
        self.absent: set[str] = set()
        self.gaps: list[Gap] = []  # within an answer
        self._nodes: dict[str, list[Json]] = {}
        self._locks: dict[str, list[Json]] = {}
        self._jobs_since: dict[str, datetime] = {}
        self._metrics: dict[Line, list[Json]] = {}
        self._activity: dict[str, list[Json]] = {}
        self._users: dict[str, Json | None] = {}
        self._prices: list[Json] = []

    def whole(self, what: str, scopes: Iterable[str]) -> None:
        """All of `what` below each of `scopes` has been listed."""
        self.listed.setdefault(what, set()).update(key(scope) for scope in scopes)

    def take(self, one: Ask, found: Any) -> None:
        """Add the answer to one ask."""
        scope = key(one.scope)
        if one.what == queries.METRICS:
            self._metrics |= found
        elif one.what == queries.NODES:
            self._nodes[scope] = found
        elif one.what == queries.USERS:
            self._take_accounts(found)
        elif one.what == queries.PRICES:
            self._prices += found
        elif one.what == queries.ACTIVITY:
            events = sorted(found, key=lambda event: text(event, "eventTimestamp"))
            self._activity[subscription_of(scope)] = events
        elif one.what in (queries.RESOURCE, queries.COMPONENTS):
            if found is None:
                self.absent.add(scope)
            else:
                self.bodies[scope] = found
        elif isinstance(found, Jobs):
            self._jobs_since[scope] = found.since
            self._add(found.bodies)
        else:
            if one.what == queries.LOCKS:
                self._locks[subscription_of(scope)] = found
            self._add(found)
            # These are listed one endpoint or environment at a time: the workspace is settled when all of them are.
            if not (one.what in (queries.ENVIRONMENTS, queries.DEPLOYMENTS) and type_of(scope) == queries.WORKSPACE):
                self.whole(one.what, [scope])

    def _take_accounts(self, found: Mapping[str, Json | AzureError | None]) -> None:
        for who, account in found.items():
            if isinstance(account, AzureError):
                self.gaps.append(gap(f"/users/{who}", queries.USERS, account))
            else:
                self._users[who.lower()] = account

    def settle(self, what: str, workspaces: Iterable[str], gaps: Iterable[Gap]) -> None:
        """All of `what` has been asked for in these workspaces: those without a gap at or below them are whole."""
        broken = [key(gap.scope) + "/" for gap in gaps if gap.what == what]
        self.whole(what, (one for one in workspaces if not any(scope.startswith(key(one) + "/") for scope in broken)))

    def evidence(self, gaps: Iterable[Gap], pricing: Pricing | None = None) -> Evidence:
        """Everything taken."""
        return Evidence(
            as_of=self.now,
            bodies=self.bodies,
            nodes=self._nodes,
            locks=self._locks,
            jobs_read=frozenset(self._jobs_since),
            jobs_since=self._jobs_since,
            listed={what: frozenset(scopes) for what, scopes in self.listed.items()},
            absent=frozenset(self.absent),
            users=self._users,
            metrics=self._metrics,
            activity=self._activity,
            rates=Rates(tuple(self._prices), pricing) if pricing else None,
            gaps=(*gaps, *self.gaps),
        )

    def _add(self, found: Iterable[Json]) -> None:
        self.bodies |= {key(body["id"]): body for body in found}


def with_facts(
    evidence: Evidence, charges: Charges | None = None, first_seen: Mapping[str, datetime] | None = None
) -> Estate:
    """The estate that the evidence shows. Nothing is asked.

    first_seen: when our own memory first saw each id (lower case), for `knownDays`
    """
    if charges is not None:
        evidence = replace(evidence, spending=spending(charges, evidence.as_of))
    if first_seen is not None:
        evidence = replace(evidence, first_seen=first_seen)
    resources = {
        name: Resource(body["id"], body, {} if type_of(name) == queries.LOCK else facts_of(body, evidence))
        for name, body in evidence.bodies.items()
    }
    return Estate(
        evidence.as_of,
        resources,
        evidence.gaps,
        lambda resource_id: usage(evidence, resource_id),
        evidence.listed,
        evidence.jobs_since,
    )


def usage(evidence: Evidence, resource_id: str) -> Usage:
    """How much a resource was used, day by day, as far as Monitor was read."""
    kind = type_of(resource_id)
    if kind in (queries.ENDPOINT, queries.DEPLOYMENT):
        series = REQUESTS_OF_A_MONTH if kind == queries.ENDPOINT else DEPLOYMENT_REQUESTS
        return Usage("requests a day", tuple(requests_by_day(resource_id, series, evidence)))
    workspace, _, name = key(resource_id).rpartition("/computes/")
    if kind != queries.COMPUTE:
        return Usage()
    if evidence.has_line(workspace, IDLE_NODES, name):
        return Usage("fewest idle nodes of the day", _of_days(evidence, workspace, IDLE_NODES, name, min))
    if evidence.has_line(workspace, CPU, name):
        return Usage("highest processor load of the day, percent", _of_days(evidence, workspace, CPU, name, max))
    return Usage()


def _of_days(
    evidence: Evidence, workspace: str, series: Series, value: str, pick: Callable[[float, float], float]
) -> tuple[tuple[date, float], ...]:
    days: dict[date, float] = {}
    for moment, measured in evidence.measured(workspace, series, value):
        day = moment.date()
        days[day] = pick(days[day], measured) if day in days else measured
    return tuple(sorted(days.items()))
