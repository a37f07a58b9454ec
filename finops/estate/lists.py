"""The lists that Azure gives, one ask each: computes, nodes, jobs, schedules, environments, locks, events, accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from finops.errors import AzureError
from finops.estate import queries
from finops.estate.asking import Ask
from finops.estate.evidence import moment_of
from finops.estate.facts.instances import account_of, is_instance
from finops.estate.facts.nodes import is_cluster
from finops.estate.ids import subscription_of, type_of
from finops.estate.model import Gap, Json, at, text
from finops.estate.references import ids_in

if TYPE_CHECKING:
    from finops.cloud import Azure

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Jobs:
    """Jobs of a workspace: every one that was sent after `since` is among them."""

    bodies: list[Json]
    since: datetime


def locks(azure: Azure, subscriptions: Iterable[str]) -> Iterator[Ask]:
    """All locks of each subscription, those on resources included."""
    for subscription in sorted(subscriptions):
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Authorization/locks"
        yield Ask(queries.LOCKS, scope, partial(listed, azure, path, queries.LOCKS_VERSION))


def roles(azure: Azure, subscriptions: Iterable[str]) -> Iterator[Ask]:
    """All role assignments of each subscription, those on resources included."""
    for subscription in sorted(subscriptions):
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        yield Ask(queries.ROLES, scope, partial(listed, azure, path, queries.ROLES_VERSION))


def autoscale(azure: Azure, subscriptions: Iterable[str]) -> Iterator[Ask]:
    """All autoscale settings of each subscription, from ARM itself."""
    for subscription in sorted(subscriptions):
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Insights/autoscaleSettings"
        version = queries.VERSIONS[queries.AUTOSCALE_SETTING]
        yield Ask(queries.AUTOSCALE, scope, partial(listed, azure, path, version))


def computes(azure: Azure, workspaces: Iterable[str]) -> Iterator[Ask]:
    """The computes of each workspace."""
    for scope in workspaces:
        yield Ask(queries.COMPUTES, scope, partial(listed, azure, f"{scope}/computes", queries.ML_VERSION))


def jobs(azure: Azure, workspaces: Iterable[str], now: datetime, long: bool = False) -> Iterator[Ask]:
    """The recent jobs of each workspace, as `Jobs`; with `long` those of 90 days, archived ones included."""
    for scope in workspaces:
        yield Ask(queries.JOBS, scope, partial(_recent_jobs, azure, scope, now, long))


def schedules(azure: Azure, workspaces: Iterable[str]) -> Iterator[Ask]:
    """The schedules of each workspace, switched off or on."""
    for scope in workspaces:
        call = partial(listed, azure, f"{scope}/schedules", queries.ML_VERSION, {"listViewType": "All"})
        yield Ask(queries.SCHEDULES, scope, call)


def environments(azure: Azure, workspaces: Iterable[str]) -> Iterator[Ask]:
    """The environments of each workspace, archived or not."""
    for scope in workspaces:
        call = partial(listed, azure, f"{scope}/environments", queries.ML_VERSION, {"listViewType": "All"})
        yield Ask(queries.ENVIRONMENTS, scope, call)


def versions(azure: Azure, bodies: Mapping[str, Json]) -> Iterator[Ask]:
    """The versions of each environment that people here made."""
    for name, body in bodies.items():
        if type_of(name) == queries.ENVIRONMENT and not is_curated(name):
            path = f"{body['id']}/versions"
            call = partial(listed, azure, path, queries.ML_VERSION, {"listViewType": "All"})
            yield Ask(queries.ENVIRONMENTS, name, call)


def is_curated(environment_id: str) -> bool:
    """Whether an environment comes with the workspace."""
    return environment_id.rpartition("/")[2].lower().startswith(queries.CURATED)


def components(azure: Azure, bodies: Mapping[str, Json], gaps: list[Gap]) -> Iterator[Ask]:
    """Each component version that a body names; a workspace that names too many to read becomes one of `gaps`."""
    named: dict[str, set[str]] = {}
    for body in bodies.values():
        for _, target in ids_in(at(body, "properties")):
            if type_of(target) == queries.COMPONENT_VERSION and target not in bodies:
                named.setdefault(target.partition("/components/")[0], set()).add(target)
    for workspace, found in sorted(named.items()):
        if len(found) > queries.COMPONENTS_AT_MOST:
            reason = f"its jobs and schedules name {len(found)} components, more than {queries.COMPONENTS_AT_MOST}"
            gaps.append(Gap(f"{workspace}/components", queries.COMPONENTS, reason))
            continue
        for target in sorted(found):
            yield Ask(queries.COMPONENTS, target, partial(azure.state_of, target, queries.ML_VERSION))


def batch_jobs(azure: Azure, bodies: Iterable[Json], now: datetime) -> Iterator[Ask]:
    """The jobs that calls of each batch endpoint started."""
    for body in bodies:
        if type_of(body["id"]) == queries.BATCH_ENDPOINT:
            yield Ask(queries.BATCH_JOBS, body["id"], partial(_calls, azure, body["id"], region_of(body), now))


def nodes(azure: Azure, bodies: Iterable[Json]) -> Iterator[Ask]:
    """The nodes of each cluster that has any."""
    for body in bodies:
        cluster = type_of(body["id"]) == queries.COMPUTE and is_cluster(body)
        if cluster and at(body, "properties.properties.currentNodeCount") != 0:
            yield Ask(queries.NODES, body["id"], partial(azure.nodes, body["id"]))


def accounts(azure: Azure, bodies: Iterable[Json]) -> Iterator[Ask]:
    """The account of everybody to whom a compute instance belongs, each once."""
    instances = (body for body in bodies if type_of(body["id"]) == queries.COMPUTE and is_instance(body))
    owners = sorted({account_of(body)[0] for body in instances} - {""})
    for start in range(0, len(owners), queries.ACCOUNTS_TOGETHER):
        asked = owners[start : start + queries.ACCOUNTS_TOGETHER]
        yield Ask(queries.USERS, "/users", partial(azure.users, asked))


def events(azure: Azure, subscriptions: Iterable[str], now: datetime) -> Iterator[Ask]:
    """The activity log of each subscription, as far back as Azure keeps it."""
    since = now - queries.ACTIVITY_SINCE
    asked = (
        f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}' and eventTimestamp le '{now:%Y-%m-%dT%H:%M:%SZ}'"
        " and resourceProvider eq 'Microsoft.MachineLearningServices'"
    )
    for subscription in sorted(subscriptions):
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Insights/eventtypes/management/values"
        yield Ask(queries.ACTIVITY, scope, partial(_events, azure, path, asked))


def listed(azure: Azure, path: str, api_version: str, params: Mapping[str, str] | None = None) -> list[Json]:
    """Every item of a list, each with its id."""
    return [_with_id(body, path) for body in azure.pages(path, api_version, params)]


def region_of(body: Json) -> str:
    """The short name of the region that a body names."""
    return text(body, "location").replace(" ", "").lower()


def subscriptions_of(names: Iterable[str]) -> set[str]:
    """The subscriptions that ids are in."""
    return {subscription_of(name) for name in names} - {""}


def _events(azure: Azure, path: str, asked: str) -> list[Json]:
    return list(azure.pages(path, queries.ACTIVITY_VERSION, {"$filter": asked}))


def _recent_jobs(azure: Azure, workspace: str, now: datetime, long: bool) -> Jobs:
    """Jobs of a workspace that can still matter, newest first.

    Too many of the last 30 days are an error, never a part. Further back a part will do: it says how far it goes.
    """
    path = f"{workspace}/jobs"
    back = queries.LONG_SINCE if long else queries.JOBS_SINCE
    most = queries.JOBS_AT_MOST_LONG if long else queries.JOBS_AT_MOST
    found: list[Json] = []
    old = 0
    for body in azure.pages(path, queries.ML_VERSION, {"listViewType": "All" if long else "ActiveOnly"}):
        found.append(_with_id(body, path))
        created = moment_of(body, "systemData.createdAt")
        old = old + 1 if created and now - created > back else 0
        if old >= queries.JOBS_OLD_IN_A_ROW:
            return Jobs(found, now - back)
        if len(found) > most:
            reached = _reached(found)
            if reached is None or now - reached < queries.JOBS_SINCE:
                what = f"more than {most} jobs of the last {queries.JOBS_SINCE.days} days"
                raise AzureError(f"{path} has {what}.", "Archive jobs that are over.", code="TooMany")
            return Jobs(found, reached)
    return Jobs(found, EVER)


def _reached(found: list[Json]) -> datetime | None:
    """How far back a list has come that is newest first on the whole: not further than its last ones."""
    last = [moment_of(body, "systemData.createdAt") for body in found[-queries.JOBS_OLD_IN_A_ROW :]]
    return max((moment for moment in last if moment), default=None)


def _calls(azure: Azure, endpoint_id: str, region: str, now: datetime) -> list[Json]:
    """Jobs of a batch endpoint; all of them, unless one is of the last day, which says enough."""
    found: list[Json] = []
    for number, body in enumerate(azure.batch_jobs(endpoint_id, region), 1):
        name = text(body, "name") or str(number)
        # This API names jobs in a way of its own; here they lie below their endpoint.
        found.append({**body, "id": f"{endpoint_id}/jobs/{name.rpartition('/')[2]}"})
        created = moment_of(body, "systemData.createdAt")
        if created and now - created < timedelta(days=1):
            break
        if number >= queries.JOBS_AT_MOST:
            what = f"{endpoint_id} has more than {queries.JOBS_AT_MOST} jobs, none of the last day among the first."
            raise AzureError(what, "It is in use, or was: keep it.", code="TooMany")
    return found


def _with_id(body: Json, path: str) -> Json:
    if not isinstance(body.get("id"), str) or not body["id"].startswith("/"):
        raise AzureError(f"{path} answered an item without an id.", "Run it again.", code="OddAnswer")
    return body
