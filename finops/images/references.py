"""Who names which image: everything in the estate that can, followed through environments and components."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, DataError, SignInError
from finops.estate import queries
from finops.estate.evidence import moment_of
from finops.estate.ids import key, type_of
from finops.estate.model import Estate, Json, Resource, at, text
from finops.images import completing
from finops.images.model import Blind, Looked, Reference

if TYPE_CHECKING:
    from finops.cloud import Azure

NAMED = re.compile(
    r"(?i)(?<![\w.-])([a-z0-9][a-z0-9-]{0,62}\.azurecr\.(?:io|us|cn))/([^\s\"'`@:,;|<>\\()]+)"
    r"(?::([^\s\"'`@,;|<>\\()/]+))?(@[^\s\"'`,;|<>\\()]+)?"
)
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
TAG = re.compile(r"\w[\w.-]{0,127}")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
ASSET = re.compile(
    r"(?i)^(?:azureml:)?(/subscriptions/.+/(?:workspaces|registries)/[^/]+/(?:environments|components)/[^/]+)"
    r"(?:/(versions|labels)/([^/]+))?/?$"
)
SHARED = re.compile(
    r"(?i)^azureml://registries/([^/]+)/(environments|components)/([^/]+)(?:/(versions|labels)/([^/]+))?/?$"
)
SHORT = re.compile(r"(?i)^azureml:([\w.-]+)(?:[:@]([\w.-]+))?$")
# Registries of Microsoft's own, whose environments name Microsoft's images.
CURATED = "azureml"

# What cannot name an image, so that a reading without it is still whole.
HARMLESS = {
    queries.METRICS, queries.LOCKS, queries.NODES, queries.COMPUTES, queries.ACTIVITY, queries.POLICY_STATES,
    queries.PRICES, queries.CHARGES, queries.USERS, queries.ROLES, queries.AUTOSCALE, queries.BATCH_JOBS,
}  # fmt: skip
REGISTRY = "microsoft.containerregistry/registries"
NOT_WALKED = {REGISTRY, queries.SUBSCRIPTION, queries.RESOURCE_GROUP, queries.LOCK, queries.COMPONENT_VERSION}
# What runs containers of which ARM does not tell the images.
SILENT = (
    "microsoft.containerservice/managedclusters",
    "microsoft.kubernetes/connectedclusters",
    "microsoft.redhatopenshift/openshiftclusters",
    "microsoft.servicefabric/clusters",
    "microsoft.servicefabric/managedclusters",
    "microsoft.batch/batchaccounts",
)
ELSEWHERE = (
    "resources"
    " | where tostring(properties) contains '.azurecr.' and type !in~ ({types})"
    " | project id, name, type, location, properties"
    " | order by id asc"
)
CLUSTERS = "resources | where type in~ ({types}) | project id, name, type | order by id asc"
# A list of what a cluster runs that is older than this says nothing about now.
LIST_DAYS = 7
DEEPEST = 32
RUNNING = {"notstarted", "queued", "provisioning", "preparing", "starting", "running", "finalizing", "paused"}


@dataclass(frozen=True)
class Found:
    """Every reference, what could hide further ones, and what was looked through."""

    references: tuple[Reference, ...]
    blind: tuple[Blind, ...]
    looked: tuple[Looked, ...]


def find(azure: Azure, estate: Estate, now: datetime, job_days: int, files: Sequence[Path]) -> Found:
    """Every reference to an image of any container registry.

    job_days: how long the image of a job is still needed after the job was sent.
    files: references that Azure cannot tell, see docs/images.md.
    """
    blind = [
        Blind(f"{gap.what} could not be read below {gap.scope}: {gap.reason}")
        for gap in estate.gaps
        if gap.what not in HARMLESS | completing.ASKED_AGAIN
    ]
    estate, unread = completing.complete(azure, estate, now, job_days)
    blind += unread
    search = _Search(azure, estate)
    counts: Counter[str] = Counter()
    walked = {name: one.body for name, one in estate.resources.items() if _counts(one, now, job_days)}
    elsewhere, silent = _others(azure, estate, blind)
    walked |= {key(body["id"]): body for body in elsewhere}
    search.fetch(walked)
    for name, body in walked.items():
        counts[type_of(name)] += 1
        search.walk(name, body, _HOW.get(type_of(name), "names it"))
    listed, covered = _from_files(files, now, blind)
    for body in silent:
        counts[key(text(body, "type"))] += 1
        if key(body["id"]) not in covered:
            blind.append(Blind(f"{body['id']} runs containers, and nobody told which images (docs/images.md)"))
    counts["lines of the site's own files"] = len(listed)
    for kind in (
        queries.DEPLOYMENT,
        queries.BATCH_DEPLOYMENT,
        queries.JOB,
        queries.SCHEDULE,
        queries.ENVIRONMENT_VERSION,
    ):
        counts.setdefault(kind, 0)
    counts.setdefault("microsoft.containerinstance/containergroups", 0)
    looked = tuple(Looked(kind, count, estate.as_of) for kind, count in sorted(counts.items()))
    return Found((*search.found, *listed), (*blind, *search.blind), looked)


# In words of its own where a reader wonders what is meant.
_HOW = {
    queries.DEPLOYMENT: "runs it",
    queries.BATCH_DEPLOYMENT: "runs it",
    queries.JOB: "ran in it",
    queries.SCHEDULE: "starts it",
    queries.ENVIRONMENT_VERSION: "is built on it",
    "microsoft.containerinstance/containergroups": "runs it",
}


def named_in(value: str) -> Iterator[tuple[str, str, str, str, bool]]:
    """Server, repository, tag, digest of each image that a text names; True where the whole repository may be meant.

    A repository of "" is every repository of the server: the text names one that cannot be read.
    """
    if ".azurecr." not in value.lower():
        return
    for server, repository, tag, digest in NAMED.findall(value):
        repository = repository.rstrip("/.-_")
        if not REPOSITORY.fullmatch(repository):
            yield server.lower(), "", "", "", True
        elif digest:
            is_one = bool(DIGEST.fullmatch(digest.lower()))
            yield server.lower(), repository, "", digest[1:].lower() if is_one else "", not is_one
        else:
            is_plain = not tag or bool(TAG.fullmatch(tag))
            yield server.lower(), repository, tag if is_plain else "", "", not is_plain


class _Search:
    """Walks bodies for images, and for the environments and components that name images in their turn."""

    def __init__(self, azure: Azure, estate: Estate) -> None:
        self.azure = azure
        self.estate = estate
        self.found: list[Reference] = []
        self.blind: list[Blind] = []
        self._bodies: dict[str, Json | None] = {}
        self._images: dict[str, tuple[Reference, ...]] = {}

    def fetch(self, bodies: Mapping[str, Json]) -> None:
        """Get every environment and component that these bodies name, and those that such name, many at a time."""
        todo = bodies
        while todo:
            wanted: dict[str, str] = {}
            for source, body in todo.items():
                for name, value in strings(at(body, "properties")):
                    for asset in self._assets(name, value, _home(source)):
                        if asset not in self.estate.resources and asset not in self._bodies:
                            wanted.setdefault(asset, source)
            todo = {}
            for asset, answer in completing.assets(self.azure, wanted):
                if isinstance(answer, SignInError):
                    raise answer
                if isinstance(answer, AzureError):
                    self.blind.append(Blind(f"{asset}, which {wanted[asset]} uses, could not be read: {answer.what}"))
                self._bodies[asset] = answer if isinstance(answer, dict) else None
                if isinstance(answer, dict):
                    todo[asset] = answer

    def walk(self, source: str, body: Json, how: str) -> None:
        """Keep every reference of one body."""
        self.found += self._of(source, body, how, ())

    def _of(self, source: str, body: Json, how: str, above: tuple[str, ...]) -> Iterator[Reference]:
        home = _home(source)
        for name, value in strings(at(body, "properties")):
            for server, repository, tag, digest, whole in named_in(value):
                yield Reference(server, repository, tag, digest, source, how, (), whole)
            for asset in self._assets(name, value, home):
                if asset not in above and asset != source:
                    for one in self._through(asset, (*above, source)):
                        yield replace(one, by=source, how=how, via=(asset, *one.via))

    def _through(self, asset: str, above: tuple[str, ...]) -> tuple[Reference, ...]:
        """The images of an environment or component, each once."""
        if asset not in self._images:
            body = self._body(asset)
            self._images[asset] = () if body is None else tuple(self._of(asset, body, "", above))
        return self._images[asset]

    def _body(self, asset: str) -> Json | None:
        """The body of an asset; None where Azure says that there is none, or refused it (see `blind`)."""
        known = self.estate.resources.get(asset)
        return self._bodies.get(asset) if known is None else known.body

    def _assets(self, name: str, value: str, home: str) -> list[str]:
        """Ids of the environment and component versions that a text is the reference of."""
        if len(value) > 1000 or not value.lstrip().lower().startswith(("azureml:", "/subscriptions/")):
            return []
        if found := ASSET.match(value.strip()):
            return self._versions(key(found[1]), found[2], found[3])
        if found := SHARED.match(value.strip()):
            if found[1].lower().startswith(CURATED):
                return []
            homes = [
                one for one in self.estate.of_type(f"{queries.ML}/registries") if _last(one.id) == found[1].lower()
            ]
            if not homes:
                self.blind.append(Blind(f"{value} is of a registry of assets that this login does not see"))
                return []
            return self._versions(key(f"{homes[0].id}/{found[2]}/{found[3]}"), found[4], found[5])
        short = SHORT.match(value.strip())
        if short and home and name.lower() in {"environment", "environmentid", "component", "componentid"}:
            kind = "components" if name.lower().startswith("component") else "environments"
            return self._versions(key(f"{home}/{kind}/{short[1]}"), "versions" if "@" not in value else "", short[2])
        return []

    def _versions(self, container: str, how: str | None, version: str | None) -> list[str]:
        """One version, or all of them where a label or none is named: which one it is may change."""
        if version and (how or "").lower() == "versions":
            return [f"{container}/versions/{version.lower()}"]
        return [key(one.id) for one in self.estate.children(container) if type_of(one.id).endswith("/versions")]


def _home(source: str) -> str:
    """The workspace or registry of assets that something is in."""
    for kind in ("/workspaces/", "/registries/"):
        before, found, after = source.partition(kind)
        if found:
            return before + found + after.partition("/")[0]
    return ""


def strings(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Field name and text of every text in a value from outside, names of fields included."""
    if isinstance(value, str):
        yield name, value
    elif depth > DEEPEST:
        return
    elif isinstance(value, Mapping):
        for inner, found in value.items():
            yield "", str(inner)
            yield from strings(found, str(inner), depth + 1)
    elif isinstance(value, list):
        for found in value:
            yield from strings(found, name, depth + 1)


def _counts(resource: Resource, now: datetime, job_days: int) -> bool:
    """Whether what a resource names is needed for its own sake; an archived environment is if somebody uses it."""
    if resource.type == queries.JOB:
        return not _is_over(resource.body, now, job_days)
    if resource.type.endswith("/environments/versions"):
        return not at(resource.body, "properties.isArchived")
    return resource.type not in NOT_WALKED


def _is_over(job: Json, now: datetime, days: int) -> bool:
    """Whether a job is so long ago that its image is no longer needed for its sake. One without a time is not."""
    if text(job, "properties.status").lower() in RUNNING:
        return False
    created = moment_of(job, "systemData.createdAt")
    return created is not None and now - created > timedelta(days=days)


def _others(azure: Azure, estate: Estate, blind: list[Blind]) -> tuple[list[Json], list[Json]]:
    """Resources outside of Machine Learning that name an image, and those that run images and do not say which."""
    known = ", ".join(repr(name) for name in sorted({REGISTRY, *queries.TYPES}))
    silent = ", ".join(repr(name) for name in SILENT)
    subscriptions = sorted(_last(one.id) for one in estate.of_type(queries.SUBSCRIPTION))
    answers: list[list[Json]] = []
    for query in (ELSEWHERE.format(types=known), CLUSTERS.format(types=silent)):
        try:
            answers.append(azure.graph(query, subscriptions) if subscriptions else [])
        except SignInError:
            raise
        except AzureError as fault:
            blind.append(Blind(f"Resource Graph did not say what else runs containers: {fault.what}"))
            answers.append([])
    return answers[0], answers[1]


def _from_files(files: Iterable[Path], now: datetime, blind: list[Blind]) -> tuple[list[Reference], set[str]]:
    """References that a site wrote down, and the clusters whose images they are."""
    found: list[Reference] = []
    covered: set[str] = set()
    for file in files:
        try:
            lines = Path(file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as fault:
            raise DataError(f"{file} cannot be read: {fault}.", "It lists images, see docs/images.md.") from fault
        cluster = ""
        written: datetime | None = None
        for number, line in enumerate(lines, 1):
            plain = line.strip()
            if told := re.fullmatch(r"#\s*(cluster|as-of)\s*:\s*(\S+)", plain, re.I):
                if told[1].lower() == "as-of":
                    written = moment_of({"at": told[2]}, "at")
                else:
                    cluster = key(told[2])
            elif plain and not plain.startswith("#"):
                names = list(named_in(plain.split()[0]))
                by = f"{file}, line {number}"
                found += [
                    Reference(*one[:4], by, f"says that {cluster} runs it" if cluster else "says so", (), one[4])
                    for one in names
                ]
        if cluster and written and now - timedelta(days=LIST_DAYS) <= written <= now + timedelta(hours=1):
            covered.add(cluster)
        if cluster and cluster not in covered:
            blind.append(
                Blind(f"{file} says what {cluster} runs, but not as of the last {LIST_DAYS} days (# as-of: TIME)")
            )
    return found, covered


def _last(resource_id: str) -> str:
    return key(resource_id).rpartition("/")[2]
