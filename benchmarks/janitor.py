"""What the waste rules find of the waste that is planted in a simulated estate, and what finding it takes.

    python benchmarks/janitor.py                      2,000 endpoints, 1,000 computes, 100,000 manifests
    python benchmarks/janitor.py --size small         an estate of 50 endpoints
    python benchmarks/janitor.py --estate DIR         one that `finops simulate new` has made
    python benchmarks/janitor.py --c7n PYTHON         beside it: Cloud Custodian's filters, which PYTHON has

The simulator runs in a process of its own. Every rule is held against ground-truth.json: what was planted, and what
looks like it and must be kept, some of it because a fact cannot be known. The bar: precision 1.0, recall 0.98, and
nothing found of which something cannot be known; else it exits with 1.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.jobs.sweeping import Looked

Json = dict[str, Any]
LEAST = {"precision": 1.0, "recall": 0.98, "unknown kept": 1.0}
MAKE = "import sys; from pathlib import Path; from finops.simulator import new_estate; new_estate(Path(sys.argv[1]), size=sys.argv[2])"  # noqa: E501
SERVER = """
import sys, threading
from pathlib import Path
from finops.simulator import serving
with serving(Path(sys.argv[1]), clock="frozen") as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", choices=("small", "large"), default="large")
    options.add_argument("--estate", type=Path)
    options.add_argument("--rule", action="append", default=[], help="only this rule; may be given more than once")
    options.add_argument("--c7n", metavar="PYTHON", help="a Python that has c7n and c7n-azure")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        estate = asked.estate or made(Path(folder) / "estate", asked.size)
        server, url = serve(estate)
        try:
            looked, seconds, calls = look(url, estate, asked.rule)
            again = repeated(url)
        finally:
            server.terminate()
            server.wait()
        passed = score(looked, json.loads((estate / "ground-truth.json").read_text("utf-8")))
        spent(looked, seconds, calls, again)
        if asked.c7n:
            beside(asked.c7n, looked, estate, Path(folder))
    return 0 if passed else 1


def made(folder: Path, size: str) -> Path:
    subprocess.run([sys.executable, "-c", MAKE, str(folder), size], check=True)
    return folder


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The simulator in a process of its own, and its address."""
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def look(url: str, folder: Path, only: list[str]) -> tuple[Looked, float, Counter[tuple[str, int]]]:
    """One look as `finops janitor plan` makes it: seconds, and calls by service and status."""
    from finops.cloud import connect
    from finops.config.model import AzureSettings, ChargesSettings, Settings
    from finops.estate import stamp
    from finops.jobs.sweeping import look as job

    # The simulator shares this machine's cores: an answer may take its time, and that is not what is measured.
    azure_settings = AzureSettings(endpoint=url, read_timeout_seconds=300, call_deadline_seconds=3600)
    settings = Settings(azure=azure_settings, charges=ChargesSettings(sources=[str(folder / "charges")]))
    began = time.perf_counter()
    with connect(settings.azure) as azure:
        looked = job(azure, settings, stamp(folder).as_of, only=only)
        return looked, time.perf_counter() - began, Counter(azure.calls)


def repeated(url: str) -> int:
    """How many calls asked what an earlier one had asked: the least possible asks everything once."""
    with urllib.request.urlopen(f"{url}/simulator/requests") as answer:
        found = json.load(answer)
    log = found["value"] if isinstance(found, dict) else found
    asked = Counter(json.dumps([each.get(name) for name in ("method", "path", "query", "body")]) for each in log)
    return sum(count - 1 for count in asked.values())


def score(looked: Looked, truth: Json) -> bool:
    """Prints each rule against the truth; whether all are above the bar."""
    planted: dict[str, set[str]] = defaultdict(set)
    unknown: dict[str, set[str]] = defaultdict(set)
    alike: Counter[str] = Counter()
    for each in truth["planted"]:
        planted[each["kind"]].add(each["id"].lower())
    for each in truth.get("kept", []):
        alike[each["kind"]] += 1
        if each.get("unknown"):
            unknown[each["kind"]].add(each["id"].lower())
    found: dict[str, set[str]] = defaultdict(set)
    for finding in looked.found.findings:
        found[finding.rule].add(finding.resource_id.lower())
    print(f"{'rule':30}{'looked at':>10}{'planted':>9}{'look-alikes':>12}{'found':>7}{'precision':>11}{'recall':>8}"
          f"{'unknown kept':>14}")  # fmt: skip
    passed = True
    for rule in looked.rules:
        name = rule.name
        right = len(found[name] & planted[name])
        marks = {
            "precision": ratio(right, len(found[name])),
            "recall": ratio(right, len(planted[name])),
            "unknown kept": ratio(len(unknown[name] - found[name]), len(unknown[name])),
        }
        passed &= all(mark >= LEAST[what] for what, mark in marks.items())
        print(
            f"{name:30}{looked.found.looked_at.get(name, 0):10,}{len(planted[name]):9,}{alike[name]:12,}"
            f"{len(found[name]):7,}{marks['precision']:11.3f}{marks['recall']:8.3f}{marks['unknown kept']:14.3f}"
        )
    return passed


def ratio(part: int, whole: int) -> float:
    """1.0 of nothing: nothing was wrong."""
    return part / whole if whole else 1.0


def spent(looked: Looked, seconds: float, calls: Counter[tuple[str, int]], again: int) -> None:
    from finops import janitor
    from finops.config.model import Settings

    began = time.process_time()
    janitor.find(looked.estate, looked.rules, looked.estate.as_of, Settings())
    deciding = time.process_time() - began
    by_service: Counter[str] = Counter()
    for (service, _), count in calls.items():
        by_service[service] += count
    failed = sum(count for (_, status), count in calls.items() if not 200 <= status < 300)
    services = ", ".join(f"{service} {count:,}" for service, count in sorted(by_service.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(looked.estate.resources):,} resources; {len(looked.found.findings):,} findings, "
          f"{len(looked.found.kept):,} kept; not read: {len(looked.estate.gaps)}")  # fmt: skip
    for gap in looked.estate.gaps[:3]:
        print(f"not read: {gap.what} below {gap.scope}: {gap.reason}")
    print(f"calls     {calls.total():,} ({services}); {again:,} asked what another had asked, {failed:,} failed")
    print(f"time      {seconds:.1f} s to read and decide, of which deciding {deciding:.2f} s of one core")
    print(f"memory    {peak:,.0f} MiB at most")


def beside(python: str, looked: Looked, estate: Path, folder: Path) -> None:
    """The same resources, with what Monitor measured of them, under Cloud Custodian's own filters."""
    lines = folder / "resources.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        for one in looked.estate.resources.values():
            locked = one.facts.get("locked")
            if "/manifests/" in one.id or getattr(locked, "value", False):
                continue  # c7n has a filter for locks, which would ask Azure: for its good, nothing locked is given
            days = {str(day): value for day, value in looked.estate.usage(one.id).days}
            file.write(json.dumps({**one.body, "x-usage": days}) + "\n")
    script = Path(__file__).parent / "janitor_c7n.py"
    command = [python, str(script), str(lines), looked.estate.as_of.isoformat()]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    truth = json.loads((estate / "ground-truth.json").read_text("utf-8"))
    began = time.process_time()
    from finops import janitor
    from finops.config.model import Settings

    same = [rule for rule in looked.rules if rule.name in told["policies"]]
    janitor.find(looked.estate, same, looked.estate.as_of, Settings())
    ours = time.process_time() - began
    print(f"\nCloud Custodian {told['version']}, its own filters on the same resources:")
    print(f"{'policy':30}{'found':>7}{'precision':>11}{'recall':>8}  ours: precision 1.000 or the line above")
    for name, ids in told["policies"].items():
        planted = {each["id"].lower() for each in truth["planted"] if each["kind"] == name.partition(" ")[0]}
        right = len({each.lower() for each in ids} & planted)
        print(f"{name:30}{len(ids):7,}{ratio(right, len(ids)):11.3f}{ratio(right, len(planted)):8.3f}")
    for name, why in told["cannot"].items():
        print(f"{name:30}cannot be asked: {why}")
    print(f"deciding: {told['seconds'] / ours:.1f} times our time for the {len(same)} rules that both have")


if __name__ == "__main__":
    sys.exit(main())
