"""Which blobs Azure Machine Learning still reads: what jobs, schedules and deployments name, down to the container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from finops.errors import AzureError, NotFound
from finops.estate import queries
from finops.estate.ids import key, type_of
from finops.estate.model import Estate, Json, at, text
from finops.tiering.model import Account, Protected

if TYPE_CHECKING:
    from finops.cloud import Azure

DATASTORE = f"{queries.ML}/workspaces/datastores"
ASSETS = tuple(
    f"{queries.ML}/workspaces/{kind}/{named}" for kind in ("data", "models") for named in ("versions", "labels")
)
READERS = (queries.JOB, queries.SCHEDULE, queries.DEPLOYMENT, queries.BATCH_DEPLOYMENT, queries.BATCH_JOB)

# What a job writes, or where its pages are, is not what it reads.
_NOT_READ = frozenset({"outputs", "services"})
# Where "azureml:NAME:VERSION" means data or a model; elsewhere it is an environment, a component or a compute.
_SHORT_IN = frozenset({"uri", "model", "assetid"})
_DEEPEST = 24

# How addresses of blobs are written (learn.microsoft.com/azure/machine-learning/how-to-access-data-interactive).
_HTTPS = re.compile(r"https?://([a-z0-9]+)(?:\.[a-z0-9-]+)?\.(?:blob|dfs)\.[^/]+/([^/?]+)/?([^?]*).*", re.I)
_DRIVER = re.compile(r"(?:wasbs?|abfss?)://([^@/]+)@([a-z0-9]+)(?:\.[a-z0-9-]+)?\.(?:blob|dfs)\.[^/]+/?(.*)", re.I)
_STORE = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)(?:/paths/?(.*))?/?", re.I)
# A registry's assets lie in an account of Azure's own, so only workspaces' count.
_ASSET = re.compile(r".*/workspaces/[^/]+/(data|models)/([^/]+)/(versions|labels)/([^/]+)", re.I)
_SHORT = re.compile(r"azureml:([^/:@]+)([:@])([^/:@]+)", re.I)
# What has ended reads nothing more, so that an asset that is gone since holds nothing.
_OVER = frozenset({"completed", "failed", "canceled", "notresponding"})
_LABEL, _LATEST = "/labels/", "/labels/latest"
_WORKSPACE = re.compile(r"/workspaces/([^/]+)", re.I)
_TABLE = "mltable"
_GONE = "neither data nor a model with an address is there under that name"


@dataclass(frozen=True)
class Readers:
    """protected: the blobs of an account that something reads. unresolved: as sentences, what may read others of them.

    While something is unresolved, nothing of the account is safe in Archive, where a job cannot read it.
    """

    protected: tuple[Protected, ...]
    unresolved: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """places: what is read, by the name of the account and by container and prefix. unresolved: as in `Readers`."""

    places: Mapping[str, Mapping[tuple[str, str], Protected]]
    unresolved: tuple[str, ...]

    def of(self, account: Account) -> Readers:
        mine = self.places.get(account.name.lower(), {})
        return Readers(tuple(mine[name] for name in sorted(mine)), self.unresolved)


@dataclass(frozen=True)
class Assets:
    """bodies: datastores, schedules, data and models of workspaces. gaps: what of them could not be read, and why."""

    bodies: tuple[Json, ...] = ()
    gaps: tuple[str, ...] = ()


def assets(azure: Azure, estate: Estate) -> Assets:
    """What `readers` resolves by: each workspace's datastores and schedules, the data and models that are named.

    One that is gone is among them without an address.
    """
    found: list[Json] = []
    gaps: list[str] = []
    for workspace in estate.of_type(queries.WORKSPACE):
        for what, params in (("datastores", None), ("schedules", {"listViewType": "All"})):
            try:
                found += azure.pages(f"{workspace.id}/{what}", queries.ML_VERSION, params)
            except AzureError as fault:
                gaps.append(f"The {what} of {workspace.id.rpartition('/')[2]} could not be read: {fault.what}")
    known = _Known(estate, ())
    named = {
        asset
        for body in _reading(estate, found)
        for written in _addresses(at(body, "properties"))
        for asset in known.assets(written, str(body["id"]))
    }
    for asset in sorted(named):
        if _LABEL in asset and not asset.endswith(_LATEST):
            continue  # Azure knows no other, so nobody can tell what it means
        with suppress(AzureError):  # whatever names it stays unresolved
            body = _newest(azure, asset) if _LABEL in asset else azure.state_of(asset, queries.ML_VERSION)
            found.append({"properties": {}, **(body or {}), "id": asset})
    return Assets(tuple(found), tuple(gaps))


def _newest(azure: Azure, label: str) -> Json | None:
    """What the label "latest" means: the version that was made last, as long as there is not a newer one."""
    try:
        versions = list(azure.pages(f"{label.partition(_LABEL)[0]}/versions", queries.ML_VERSION))
    except NotFound:
        return None
    return max(versions, key=lambda version: text(version, "systemData.createdAt"), default=None)


def readers(estate: Estate, account: Account, assets: Assets) -> Readers:
    """What reads blobs of `account`: jobs as far back as the estate goes, schedules that are on, and deployments."""
    return reading(estate, assets).of(account)


def reading(estate: Estate, assets: Assets) -> Reading:
    """The same of all accounts at once: what jobs name is the same, whichever account is looked at."""
    known = _Known(estate, assets.bodies)
    places: dict[str, dict[tuple[str, str], Protected]] = {}
    unresolved = dict.fromkeys([*_unread(estate), *assets.gaps])
    for body in _reading(estate, assets.bodies):
        kind = type_of(str(body["id"])).rpartition("/")[2].removesuffix("s")
        named = f"{kind} {text(body, 'name') or str(body['id']).rpartition('/')[2]}"
        over = text(body, "properties.status").lower() in _OVER
        written_in = list(_addresses(at(body, "properties")))
        for table in known.tables(at(body, "properties"), str(body["id"])):
            named_in = known.paths_of(table, str(body["id"]))
            written_in += named_in or ()
            if named_in is None and not over:
                unresolved[f"{named} reads {table}, an MLTable, and which paths its file names cannot be told."] = None
        for written in dict.fromkeys(written_in):
            place = known.place(written, str(body["id"]))
            if place == _GONE and over:
                continue
            if isinstance(place, str):
                unresolved[f"{named} reads {written}, and {place}."] = None
            elif place:
                found = places.setdefault(place[0], {})
                # A blob's name has what an address may write as %20; a name may have a % of its own, too.
                for prefix in dict.fromkeys((place[2], unquote(place[2]))):
                    told = Protected(place[1], prefix, f"{named} reads it", key(str(body["id"])))
                    found.setdefault((place[1], prefix), told)
    return Reading(places, tuple(unresolved))


def _unread(estate: Estate) -> Iterator[str]:
    """Which lists of what reads data are not whole, as sentences."""
    asked = (queries.GRAPH, queries.JOBS, queries.JOBS_OF_90_DAYS, queries.DEPLOYMENTS)
    for gap in estate.gaps:
        if gap.what in asked:
            yield f"{gap.what} of {gap.scope} could not be read: {gap.reason}."
    told = {key(gap.scope) for gap in estate.gaps}
    for workspace in estate.of_type(queries.WORKSPACE):
        if key(workspace.id) not in estate.jobs_since and key(workspace.id) not in told:
            yield f"The jobs of {workspace.id.rpartition('/')[2]} were not asked for."


def _reading(estate: Estate, more: Iterable[Json]) -> Iterator[Json]:
    """The bodies of everything that reads data, each once; a schedule only while it is on."""
    found = {key(str(body["id"])): body for body in more}
    found |= {each.id: {**each.body, "id": each.id} for kind in READERS for each in estate.of_type(kind)}
    for name, body in sorted(found.items()):
        if type_of(name) in READERS and at(body, "properties.isEnabled") is not False:
            yield body


class _Known:
    """Where datastores, data and models lie, as far as their bodies are known."""

    def __init__(self, estate: Estate, assets: Iterable[Json]) -> None:
        self._workspaces = {key(each.id): each.body for each in estate.of_type(queries.WORKSPACE)}
        given = [*(each.body | {"id": each.id} for each in estate.resources.values()), *assets]
        kinds = (DATASTORE, *ASSETS)
        self._bodies = {key(str(body["id"])): body for body in given if type_of(str(body.get("id"))) in kinds}

    def place(self, written: str, reader: str, depth: int = 0) -> tuple[str, str, str] | str | None:
        """Account, container and prefix of an address; None: no blobs of workspaces; a text: why it is not known."""
        if found := _HTTPS.fullmatch(written):
            return found[1].lower(), found[2], _prefix(found[3])
        if found := _DRIVER.fullmatch(written):
            return found[2].lower(), found[1], _prefix(found[3])
        if found := _STORE.fullmatch(written):
            return self._store(self._workspace(written, reader), found[1], _prefix(found[2] or ""))
        asked = self.assets(written, reader)
        known = [self._bodies[asset] for asset in asked if asset in self._bodies]
        addresses = [text(body, path) for body in known for path in ("properties.dataUri", "properties.modelUri")]
        inner = next(filter(None, addresses), "")
        if asked and not inner:
            unread = [asset for asset in asked if asset not in self._bodies]
            if unread and _LABEL in unread[0]:
                return f"which version '{unread[0].rpartition('/')[2]}' means cannot be told"
            return f"{'/'.join(unread[0].split('/')[-4:])} could not be read" if unread else _GONE
        return self.place(inner, asked[0], depth + 1) if inner and depth < 3 else None

    def tables(self, properties: Any, reader: str) -> Iterator[str]:
        """The addresses of MLTables among those that are read: files that name other paths."""
        inputs = set(_inputs(properties))
        for written in dict.fromkeys(_addresses(properties)):
            if written in inputs or any(
                _is_table(self._bodies.get(asset, {})) for asset in self.assets(written, reader)
            ):
                yield written

    def paths_of(self, table: str, reader: str) -> list[str] | None:
        """What the file of an MLTable names, as it was told when it was registered; None: that cannot be told."""
        bodies = [self._bodies[asset] for asset in self.assets(table, reader) if asset in self._bodies]
        told = next((at(body, "properties.referencedUris") for body in bodies if _is_table(body)), None)
        if not isinstance(told, list) or not told or any(".." in str(path).split("/") for path in told):
            return None
        return [str(path) for path in told]

    def assets(self, written: str, reader: str) -> list[str]:
        """The ids of data or models that an address may mean; none where it is an address of blobs."""
        workspace = self._workspace(written, reader)
        if found := _ASSET.fullmatch(written):
            return [key(f"{workspace}/{found[1]}/{found[2]}/{found[3]}/{found[4]}")]
        if found := _SHORT.fullmatch(written):
            named = "versions" if found[2] == ":" else "labels"
            return [key(f"{workspace}/{kind}/{found[1]}/{named}/{found[3]}") for kind in ("data", "models")]
        return []

    def _store(self, workspace: str, name: str, prefix: str) -> tuple[str, str, str] | str | None:
        """A workspace's own blob store is known from the workspace itself."""
        body = self._bodies.get(key(f"{workspace}/datastores/{name}"))
        if body is not None:
            account = text(body, "properties.accountName").lower()
            container = text(body, "properties.containerName") or text(body, "properties.filesystem")
            return (account, container, prefix) if account and container else None
        home = self._workspaces.get(workspace, {})
        account, guid = text(home, "properties.storageAccount"), text(home, "properties.workspaceId")
        if name.lower() == "workspaceblobstore" and account and guid:
            return account.rpartition("/")[2].lower(), f"azureml-blobstore-{guid}", prefix
        return f"the datastore {name} could not be read"

    def _workspace(self, written: str, reader: str) -> str:
        """The id of the workspace that an address names, by name or GUID, or else of what reads it."""
        named, own = _WORKSPACE.search(written), _WORKSPACE.search(reader)
        if not named:
            return key(reader[: own.end()]) if own else ""
        guids = {text(body, "properties.workspaceId").lower(): name for name, body in self._workspaces.items()}
        if named[1].lower() in guids:
            return guids[named[1].lower()]
        scope = "/" + written[: named.start()].removeprefix("azureml:").strip("/").lower()
        provider = "/providers/microsoft.machinelearningservices"
        return f"{scope.removesuffix(provider)}{provider}/workspaces/{named[1].lower()}"


def _addresses(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """Every address of data or models in the properties of a body, wherever it stands."""
    if isinstance(value, str):
        written = value.strip()
        long = any(form.fullmatch(written) for form in (_HTTPS, _DRIVER, _STORE, _ASSET))
        if long or (name in _SHORT_IN and _SHORT.fullmatch(written)):
            yield written
    elif depth < _DEEPEST:
        if isinstance(value, Mapping):
            for inner_name, inner in value.items():
                if str(inner_name).lower() not in _NOT_READ:
                    yield from _addresses(inner, str(inner_name).lower(), depth + 1)
        elif isinstance(value, list):
            for inner in value:
                yield from _addresses(inner, name, depth + 1)


def _inputs(value: Any, depth: int = 0) -> Iterator[str]:
    """The addresses that jobs read as MLTables, wherever they stand."""
    if isinstance(value, Mapping):
        if str(value.get("jobInputType")).lower() == _TABLE:
            yield str(value.get("uri")).strip()
        value = list(value.values())
    if isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _inputs(inner, depth + 1)


def _is_table(body: Json) -> bool:
    return text(body, "properties.dataType").lower() == _TABLE


def _prefix(path: str) -> str:
    """What the names of the blobs begin with: a path up to its first wildcard."""
    return re.split(r"[*?\[{]", path.lstrip("/").removeprefix("./"), maxsplit=1)[0]
