"""One simulated Azure estate in memory: what exists, what it does, what it costs, and since when."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path

from finops.errors import DataError
from finops.simulator.charges import Charges
from finops.simulator.clock import Clock, minutes
from finops.simulator.draws import key_of
from finops.simulator.ledger import Ledger
from finops.simulator.life import Life
from finops.simulator.metrics import Metrics
from finops.simulator.simulation import lines, recall
from finops.simulator.storage import Storage
from finops.simulator.store import Json, Store

FORMAT = 1


class World:
    """An estate folder brought to life. Services read and write it under `lock`, after `settle`.

    `resources` holds ARM bodies; put one to create or change it, delete it to delete it: life hears of both.
    `nodes` is what listNodes tells of each cluster, `metrics` what Monitor tells, `charges` what Cost Management tells,
    `ledger` the truth behind the charges, `directory` who Microsoft Graph knows, by object id in lower case (None where
    the directory was not asked), `keys` the keys that endpoints were asked for, `storage` the blobs of its accounts.
    """

    def __init__(self, folder: Path, stamp: Json, clock: Clock) -> None:
        self.folder = folder
        self.stamp = stamp
        self.clock = clock
        self.lock = threading.RLock()
        self.key = key_of("estate", stamp.get("name"))
        self.resources = Store()
        self.nodes: dict[str, list[Json]] = {}
        self.activity: list[Json] = []
        self.policy_states: list[Json] = []
        self.prices: list[Json] = []
        self.directory: dict[str, Json] | None = None
        self.keys: dict[str, str] = {}
        self.ledger = Ledger()
        self.metrics = Metrics(folder)
        self.charges = Charges(folder, self.ledger, self.key)
        self.life = Life(self.key, self.resources, self.nodes, self.ledger, self.metrics, minutes(clock.now()))
        self.storage = Storage(self.life, minutes(clock.now()))

    @classmethod
    def load(cls, folder: Path, speed: float = 0.0) -> World:
        """The world at the estate's `asOf`, its clock running at `speed` (see `Clock`)."""
        stamp = _stamp(folder / "estate.json")
        world = cls(folder, stamp, Clock(datetime.fromisoformat(stamp["asOf"]), speed))
        for file in sorted((folder / "arm").rglob("*.jsonl")):
            for body in lines(file):
                world.resources.put(body)
        world.nodes.update({line["computeId"].lower(): line["nodes"] for line in lines(folder / "nodes.jsonl")})
        world.activity = list(lines(folder / "activity-log.jsonl"))
        world.policy_states = list(lines(folder / "policy-states.jsonl"))
        world.prices = list(lines(folder / "prices.jsonl"))
        if (folder / "directory.jsonl").exists():
            world.directory = {str(user["id"]).lower(): user for user in lines(folder / "directory.jsonl")}
        recall(world)
        world.storage.recall({file.stem.lower(): list(lines(file)) for file in folder.glob("blobs/*.jsonl")})
        return world

    def settle(self) -> None:
        """Bring everything up to `clock.now()`, to the minute."""
        with self.lock:
            self.life.settle(minutes(self.clock.now()))
            self.storage.settle(minutes(self.clock.now()))


def _stamp(file: Path) -> Json:
    try:
        stamp: Json = json.loads(file.read_text("utf-8"))
        datetime.fromisoformat(stamp["asOf"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise DataError(
            f"{file.parent} is not an estate: estate.json cannot be read ({fault}).",
            "Record one with `finops estate capture DIR`, or invent one with `finops simulate new DIR`.",
        ) from fault
    if stamp.get("format") != FORMAT:
        raise DataError(
            f"{file} has format {stamp.get('format')!r}; this version reads format {FORMAT}.",
            "Record the estate again with this version.",
        )
    return stamp
