"""One simulated Azure estate in memory: what exists, what it does, what it costs, and since when."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.simulator.clock import Clock
from finops.simulator.store import Json, Store


class World:
    """An estate folder brought to life. Services read and write it under `lock`, after `settle`."""

    def __init__(self, folder: Path, stamp: Json, clock: Clock) -> None:
        self.folder = folder
        self.stamp = stamp
        self.clock = clock
        self.lock = threading.RLock()
        self.resources = Store()
        self.nodes: dict[str, list[Json]] = {}
        self.activity: list[Json] = []
        self.policy_states: list[Json] = []
        self.prices: list[Json] = []

    @classmethod
    def load(cls, folder: Path, speed: float = 0.0) -> World:
        stamp = json.loads((folder / "estate.json").read_text("utf-8"))
        world = cls(folder, stamp, Clock(datetime.fromisoformat(stamp["asOf"]), speed))
        for file in sorted((folder / "arm").rglob("*.jsonl")):
            for body in lines(file):
                world.resources.put(body)
        world.nodes = {line["computeId"].lower(): line["nodes"] for line in lines(folder / "nodes.jsonl")}
        world.activity = list(lines(folder / "activity-log.jsonl"))
        world.policy_states = list(lines(folder / "policy-states.jsonl"))
        world.prices = list(lines(folder / "prices.jsonl"))
        return world

    def settle(self) -> None:
        """Bring everything up to `clock.now()`."""


def lines(file: Path) -> Iterator[Any]:
    """The JSON value on each line of `file`; none where the file is absent."""
    if file.exists():
        with file.open(encoding="utf-8") as source:
            yield from (json.loads(line) for line in source if line.strip())
