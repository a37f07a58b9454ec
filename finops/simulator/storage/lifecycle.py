"""The lifecycle engine: once a day the whole policy, for every blob the cheapest action whose conditions hold.

Facts (azure-docs, lifecycle-management-policy-structure.md, 2025-06): conditions hold when more days have passed than
they say; of several actions the cheapest is done; a blob whose access is not known counts from when tracking was
enabled; a tier action only cools, it never brings back; the current blob is not deleted before its snapshots and
versions; what is immutable is not deleted. Containers that begin with $ are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from finops.simulator.storage.blobs import APPEND, BASE, BLOCK, SNAPSHOT, VERSION
from finops.simulator.storage.holding import DAY, Holding
from finops.simulator.storage.prices import ARCHIVE, COLD, COOL, HOT
from finops.simulator.storage.rules import ACTIONS, Action, Rule

KINDS = {"blockblob": BLOCK, "appendblob": APPEND}
PLACES = {"baseBlob": BASE, "snapshot": SNAPSHOT, "version": VERSION}
TIERS = {"tierToHot": HOT, "tierToCool": COOL, "tierToCold": COLD, "tierToArchive": ARCHIVE}


class Engine:
    """What a policy does to one account. It remembers which blobs each rule takes."""

    def __init__(self, holding: Holding, rules: Sequence[Rule]) -> None:
        self.holding = holding
        self.rules = rules
        self._seen, self._retagged = 0, -1
        self._taken: list[Any] = []

    def run(self, minute: int) -> int:
        """Do what the policy asks for at `minute`; how many actions that were."""
        blobs = self.holding.blobs
        chosen = np.full(blobs.count, len(ACTIONS), np.int8)
        returns = np.zeros(blobs.count, bool)
        for rule, taken in zip(self.rules, self._matches(), strict=True):
            for subject, place in PLACES.items():
                of = taken[blobs.place[taken] == place]
                for action in rule.actions[subject]:
                    number = ACTIONS.index(action.name)
                    meets = of[self._holds(action, of, minute)]
                    better = meets[chosen[meets] > number]
                    chosen[better] = number
                    if action.name == "tierToCool":
                        returns[better] = rule.returns
        return sum(self._do(name, np.flatnonzero(chosen == at), returns, minute) for at, name in enumerate(ACTIONS))

    def _holds(self, action: Action, rows: Any, minute: int) -> Any:
        blobs, holding = self.holding.blobs, self.holding
        since = getattr(blobs, action.since)[rows]
        if action.since == "accessed":
            if holding.tracked_at is None:
                return np.zeros(len(rows), bool)
            # Where access is not noted (any more), the day on which tracking was enabled counts.
            known = (since >= 0) & (holding.noted_since is not None)
            since = np.where(known, since, holding.tracked_at)
        met = minute - since > action.days * DAY
        if action.tier_days is not None:
            changed = blobs.tier_changed[rows]
            met &= (changed < 0) | (minute - changed > action.tier_days * DAY)
        return met

    def _do(self, name: str, rows: Any, returns: Any, minute: int) -> int:
        holding, blobs = self.holding, self.holding.blobs
        if name == "delete":
            rows = rows[~blobs.hold[rows] & (blobs.until[rows] <= minute) & ~blobs.leased[rows]]
            rows = self._deletable(rows)
            if len(rows):
                holding.delete(rows, minute)
            return len(rows)
        tier = TIERS[name]
        before = blobs.tier[rows]
        online = (blobs.kind[rows] == BLOCK) & (before != ARCHIVE) & (blobs.due[rows] < 0)
        # tierToHot takes what is cooler back, the others only cool.
        rows = rows[online & ((before > HOT) if tier == HOT else (before < tier))]
        if len(rows):
            holding.move(rows, tier, minute)
            if tier == COOL:
                blobs.returns[rows] = returns[rows]
        return len(rows)

    def _deletable(self, rows: Any) -> Any:
        """Without the current blobs that still have snapshots or versions."""
        blobs = self.holding.blobs
        others = np.flatnonzero(blobs.alive & (blobs.place != BASE))
        if not len(others):
            return rows
        kept = {(blobs.containers[row], blobs.names[row]) for row in others.tolist()}
        return np.array(
            [
                row
                for row in rows.tolist()
                if blobs.place[row] != BASE or (blobs.containers[row], blobs.names[row]) not in kept
            ],
            np.int64,
        )

    def _matches(self) -> list[Any]:
        """The rows that each rule takes, by type, prefix and index tags."""
        blobs = self.holding.blobs
        if self._retagged != blobs.retagged:
            self._seen, self._retagged = 0, blobs.retagged
            self._taken = [np.zeros(0, np.int64) for _ in self.rules]
        if self._seen < blobs.count:
            fresh = range(self._seen, blobs.count)
            paths = [(row, f"{blobs.containers[row]}/{blobs.names[row]}") for row in fresh]
            for number, rule in enumerate(self.rules):
                self._taken[number] = np.concatenate([self._taken[number], self._taken_by(rule, paths)])
            self._seen = blobs.count
        return [taken[blobs.alive[taken]] for taken in self._taken]

    def _taken_by(self, rule: Rule, paths: list[tuple[int, str]]) -> Any:
        blobs = self.holding.blobs
        found = [
            row
            for row, path in paths
            if not path.startswith("$") and (not rule.prefixes or path.startswith(rule.prefixes))
        ]
        if rule.tags:
            found = [row for row in found if all(blobs.tags_of(row).get(name) == value for name, value in rule.tags)]
        rows = np.array(found, np.int64)
        return rows[np.isin(blobs.kind[rows], [KINDS[kind] for kind in rule.types])]
