"""Stale images of a large estate: what finops finds, what `acr purge` would delete, and what was really waste.

    python benchmarks/images.py                     100,000 manifests in 120 registries; invents the estate first
    python benchmarks/images.py --estate DIR        on an estate that `finops simulate new DIR --size large` made

Beside it: the selection of `acr purge --filter '.*:.*' --ago 90d --keep 3 --untagged` (Azure/acr-cli, cmd/acr/purge.go
and cmd/common/image_functions.go, read in 2026), in our own words, on the very same manifests. The simulator runs in a
process of its own. The bar: precision 1.0, recall 0.98, nothing that is unknown called stale.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]
AGO = timedelta(days=90)
UNTAGGED = timedelta(days=30)
KEEP = 3
PURGE_PAGE, OUR_PAGE = 100, 1000
INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
HAVE_SUBJECTS = {"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"}
SERVER = """
import sys, time
from pathlib import Path
from finops.simulator import serving
with serving(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(3600)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--estate", type=Path)
    options.add_argument("--size", default="large", choices=["small", "medium", "large"])
    options.add_argument("--layers", type=int, default=0, help="bodies to read for the bytes that would be freed")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        estate = asked.estate or invent(Path(folder) / "estate", asked.size)
        command = [sys.executable, "-c", SERVER, str(estate)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            compare(estate, server.stdout.readline().strip(), asked.layers)
        finally:
            server.terminate()
            server.wait()


def invent(folder: Path, size: str) -> Path:
    from finops.simulator import new_estate

    start = time.perf_counter()
    new_estate(folder, size=size)
    print(f"invented a {size} estate in {time.perf_counter() - start:.0f} s")
    return folder


def compare(folder: Path, url: str, layers: int) -> None:
    truth = json.loads((folder / "ground-truth.json").read_text())
    waste = {fact["id"].lower() for fact in truth["planted"] if fact["kind"] in {"image-stale", "image-untagged"}}
    unknown = {
        fact["id"].lower() for fact in truth.get("kept", []) if fact["kind"].startswith("image-") and fact["unknown"]
    }
    ours, calls, manifests, references = finops_finds(url, layers, folder)
    purged, purge_calls = purge(folder)
    reached = {name for name in purged if name in references}
    print(f"\n{manifests:,} manifests, {len(waste):,} of them waste")
    print(f"{'':24}{'finops':>12}{'acr purge':>12}")
    for title, mine, theirs in (
        ("selected", len(ours), len(purged)),
        ("of it waste", len(ours & waste), len(purged & waste)),
        ("waste missed", len(waste - ours), len(waste - purged)),
        ("wrongly selected", len(ours - waste), len(purged - waste)),
        ("... in use or held", len(ours & references), len(reached)),
        ("... nobody can know", len(ours & unknown), len(purged & unknown)),
        ("calls to registries", calls, purge_calls),
    ):
        print(f"{title:24}{mine:>12,}{theirs:>12,}")
    for title, found in (("precision", len), ("recall", len)):
        mine, theirs = (
            (found(one & waste) / max(1, found(one if title == "precision" else waste))) for one in (ours, purged)
        )
        print(f"{title:24}{mine:>12.4f}{theirs:>12.4f}")


def finops_finds(url: str, layers: int, folder: Path) -> tuple[set[str], int, int, set[str]]:
    """Ids that the two rules select, calls to registries, manifests, and ids that something reaches."""
    from finops import estate, images
    from finops.cloud import connect
    from finops.config.model import AzureSettings
    from finops.estate import Known

    now = estate.stamp(folder).as_of
    with connect(AzureSettings(endpoint=url)) as azure:
        start = time.perf_counter()
        read = estate.read(azure, now)
        middle = time.perf_counter()
        before = azure.calls.copy()
        found = images.read(azure, read, now, KEEP, layer_reads=layers)
        end = time.perf_counter()
        resources = found.resources()
        last = time.perf_counter()
        calls = azure.calls - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    repositories = len(found.homes)
    print(f"estate {middle - start:.1f} s, images {end - middle:.1f} s, facts {last - end:.1f} s, {memory:.0f} MiB")
    registries = len({home.registry.id for home in found.homes})
    asked = Counter({service: 0 for service, _ in calls})
    for (service, _), count in calls.items():
        asked[service] += count
    pages = sum(-(-len(home.manifests) // OUR_PAGE) for home in found.homes)
    print(
        f"{asked['registry']:,} calls to {registries} registries with {repositories} repositories; to list them takes "
        f"{registries + pages:,} at least, tokens {3 * registries:,}; {asked['arm'] + asked['graph']:,} calls to ARM"
    )

    def value(one: Any, name: str) -> Any:
        fact = one.facts.get(name)
        return fact.value if isinstance(fact, Known) else None

    selected, reached = set(), set()
    for name, one in resources.items():
        if value(one, "reached") is not False:
            reached |= {name} if value(one, "reached") else set()
            continue
        days = value(one, "pushedDays")
        if days is None or value(one, "imageLocked") is not False or value(one, "locked") is not False:
            continue
        if value(one, "tagged"):
            if days >= AGO.days and value(one, "newestRank") > KEEP:
                selected.add(name)
        elif days >= UNTAGGED.days:
            selected.add(name)
    return selected, asked["registry"], len(resources), reached


def purge(folder: Path) -> tuple[set[str], int]:
    """Ids that `acr purge --ago 90d --keep 3 --untagged` would delete, and the calls that it would make."""
    now = datetime.fromisoformat(json.loads((folder / "estate.json").read_text())["asOf"])
    ids = {}
    for line in (folder / "arm/microsoft.containerregistry/registries.jsonl").read_text().splitlines():
        body = json.loads(line)
        ids[body["name"]] = body["id"].lower()
    selected: set[str] = set()
    calls = 0
    for file in sorted((folder / "images").glob("*.jsonl")):
        repositories: dict[str, list[Json]] = {}
        for line in file.read_text().splitlines():
            manifest = json.loads(line)
            repositories.setdefault(manifest["imageName"], []).append(manifest)
        calls += 1 + -(-len(repositories) // PURGE_PAGE)
        for name, manifests in repositories.items():
            found, made = purge_repository(manifests, now)
            calls += made
            selected |= {f"{ids[file.stem]}/manifests/{name.replace('/', '~')}@{digest}" for digest in found}
    return selected, calls


def purge_repository(manifests: list[Json], now: datetime) -> tuple[set[str], int]:
    """Digests that are deleted: tags older than `ago` go, all but the newest KEEP of those; then what has no tag left,
    is older, is not locked, has no subject, and is no child of an index that still has a tag."""
    tags = sorted(
        ((moment(one["lastUpdateTime"]), tag, one["digest"]) for one in manifests for tag in one.get("tags") or []),
        reverse=True,
    )
    locked = {(one["digest"], tag) for one in manifests for tag, how in (one.get("tagAttributes") or {}).items() if how}
    eligible = [(tag, digest) for at, tag, digest in tags if at < now - AGO and (digest, tag) not in locked]
    gone = Counter(digest for _, digest in eligible[KEEP:])
    calls = -(-len(tags) // PURGE_PAGE) + 1 + -(-len(manifests) // PURGE_PAGE) + 1
    by_digest = {one["digest"]: one for one in manifests}
    ignored: set[str] = set()
    candidates = set()
    for one in manifests:
        attributes = one["changeableAttributes"]
        if not (attributes["deleteEnabled"] and attributes["writeEnabled"]):
            continue
        if len(one.get("tags") or []) > gone[one["digest"]]:
            if one["mediaType"] in INDEXES:
                calls += 1
                ignored |= children(one, by_digest)
            continue
        if moment(one["lastUpdateTime"]) >= now - AGO:
            continue
        if one["mediaType"] in HAVE_SUBJECTS:
            calls += 1
            if one.get("subject"):
                ignored |= children(one, by_digest) or {one["digest"]}
        candidates.add(one["digest"])
    return candidates - ignored, calls


def children(index: Json, by_digest: dict[str, Json]) -> set[str]:
    found: set[str] = set()
    for child in index.get("references", []):
        if child["digest"] in by_digest and child["digest"] not in found:
            found |= {child["digest"], *children(by_digest[child["digest"]], by_digest)}
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", text))


if __name__ == "__main__":
    main()
