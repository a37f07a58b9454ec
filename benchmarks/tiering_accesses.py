"""What rules keep of the saving of a decision for each blob, on the simulator's ways of access, and beside other ways.

    python benchmarks/tiering_accesses.py [--blobs 2000] [--only logs,training]

For each pattern a simulated account reports on its blobs; the plan of that report is then lived through for a year with
the reads that the simulator's people make in it (a day's reads in every read that they are, three of a training job's
epochs, twenty of a served feature's). Exits 1 where rules keep less than 95 % of what deciding blob by blob saves, or
need more than ten.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from storing import ACCOUNT, NAME, storage_estate
from tier_estates import reported

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.simulator import serving
from finops.simulator.clock import minutes
from finops.simulator.storage import crowds
from finops.simulator.storage.crowds import Crowd
from finops.tiering.counting import Uncounted
from finops.tiering.inventory import read_inventory
from finops.tiering.looking import look
from finops.tiering.plan import best, plan
from finops.tiering.rehearsal import COMMON, FORESIGHT, NOTHING, OURS, SINGLES, SMART, Read, Recorded, rehearse

YEAR, BAR, MOST_RULES = 365, 0.95, 10
SHAPES: dict[str, dict[str, Any]] = {
    "archive": {"megabytes": 2400.0, "youngest": 10, "oldest": 1200},
    "training": {"megabytes": 900.0, "oldest": 900, "per_folder": 5},
    "checkpoints": {"megabytes": 900.0, "oldest": 600, "per_folder": 20},
    "logs": {"megabytes": 200.0, "oldest": 400},
    "reports": {"megabytes": 500.0, "oldest": 1000, "per_folder": 5},
    "serving": {"megabytes": 1200.0, "oldest": 300},
}


def patterns(blobs: int) -> dict[str, list[Crowd]]:
    found = {habit: [Crowd(habit, habit, "lot/", blobs, **shape)] for habit, shape in SHAPES.items()}
    return found | {"all": [crowd for lot in found.values() for crowd in lot]}


def year_of_reads(blobs: Any, day: int) -> tuple[list[Recorded], list[Read]]:
    """The blobs as they are on `day` (from 1970), and who reads what in the year from then on."""
    rows = np.flatnonzero(blobs.alive & (blobs.habit >= 0))
    paths = {int(row): f"{blobs.containers[row]}/{blobs.names[row]}" for row in rows}
    now = day * crowds.DAY
    there = [
        Recorded(
            paths[int(row)],
            int(blobs.size[row]),
            (now - int(blobs.accessed[row])) / crowds.DAY,
            (now - int(blobs.created[row])) / crowds.DAY,
        )
        for row in rows
    ]
    reads = []
    for number in range(YEAR):
        read, _, times = crowds.reads_on(blobs, day + number)
        reads += [Read(paths[int(row)], number, int(often)) for row, often in zip(read, times, strict=True)]
    return there, reads


def lived(told: list[Crowd], folder: Path, times: float | None) -> tuple[Any, Any, float]:
    """The plan of an account that holds `told`, the year lived through under it, and how long planning took. times: how
    often the plan is told that a blob is read on a day on which it is; None: what Monitor counted; 0: nothing."""
    with serving(storage_estate(folder / "estate", told)) as served:
        report = reported(served, folder / "inventory")
        now = served.world.clock.now()
        with connect(AzureSettings(endpoint=served.url)) as azure:
            seen = look(azure, estate.read(azure, now), NAME, now)
        account = served.world.resources.get(ACCOUNT)
        assert account is not None
        blobs, reads = year_of_reads(served.world.storage.of(account).blobs, minutes(now) // crowds.DAY + 1)
    known = seen.times if times is None else times or Uncounted("not asked")
    start = time.perf_counter()
    with read_inventory([report], NAME, now, folder / "spool") as inventory:
        chosen = best(seen.account, inventory, seen.rates, seen.protected, seen.unresolved, times=known)
        made = plan(seen.account, inventory, seen.rates, chosen, None, seen.protected, seen.unresolved)
        took = time.perf_counter() - start
        singles = dict(chosen.connection.execute("SELECT path, after FROM decisions").fetchall())
    found = rehearse(blobs, reads, made.rules, seen.rates, YEAR, seen.account.tiers, singles)
    return made, found, took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blobs", type=int, default=2000, help="Of each pattern.")
    parser.add_argument("--only", help="Patterns, with commas between.")
    parser.add_argument("--told", action="store_true", help="Tell the plan how often blobs are read on such a day.")
    parser.add_argument("--uncounted", action="store_true", help="As if Monitor could not be read.")
    given = parser.parse_args()
    told = patterns(given.blobs)
    failed = False
    ways = ("rules", "single", "common", "smart", "knowing")
    named = " ".join(f"{way:>7}" for way in ways)
    print(f"{'saved in a year, %':18} {named} {'n':>3} {'s':>5} {'reads':>6} {'part':>5} {'most':>6}")
    for name in given.only.split(",") if given.only else told:
        often = [crowds.TIMES[crowds.HABITS.index(crowd.habit)] for crowd in told[name]] if given.told else []
        with tempfile.TemporaryDirectory() as folder:
            times = float(np.mean(often)) if often else 0.0 if given.uncounted else None
            made, found, took = lived(told[name], Path(folder), times)
        nothing = float(found.of(NOTHING).total)
        saved = {way: float(found.of(way).saving) for way in (OURS, SINGLES, COMMON, SMART, FORESIGHT)}
        shown = " ".join(f"{100 * amount / nothing:7.1f}" for amount in saved.values())
        assert made.often is not None
        reads = f"{made.often.reads:6.1f} {made.often.part:5.2f} {made.bearable or 0:6.1f}"
        print(f"{name:18} {shown} {len(made.rules):3} {took:5.1f} {reads}", flush=True)
        failed |= len(made.rules) > MOST_RULES or saved[OURS] < BAR * saved[SINGLES]
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
