"""The same job as in finops.checkpoint.rehearsing.replay, lived second by second: nothing is reckoned ahead.

Everything is whole seconds. What happens at the end of a node's last second is done before the node goes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import count

from finops.checkpoint.rehearsing.patterns import Pattern
from finops.checkpoint.rehearsing.replay import Costs, Notice, Policy


@dataclass
class Node:
    """seconds: how long it has been there. warned: when it is told that it goes, None where nobody tells."""

    warned: float | None
    seconds: int = 0
    since: int = 0  # the last save's stall ended, or training began
    counted: int = 0
    wished: float = 0.0
    resumed: int = 0
    snapshot: int = 0
    stalling: int = 0
    saving: int = 0


@dataclass
class Life:
    """Seconds, and what each eviction lost."""

    work: int
    costs: Costs
    policy: Policy
    progress: int = 0
    kept: int = 0
    billed: int = 0
    booted: int = 0
    stalled: int = 0
    waited: int = 0
    saves: int = 0
    lost: list[int] = field(default_factory=list)

    def a_second(self, node: Node) -> None:
        boots = node.seconds < self.costs.boot
        if not boots:
            if node.seconds == self.costs.boot:
                self._trains(node)
            self._saves_where_due(node)
        node.seconds += 1
        self.billed += 1
        if boots:
            self.booted += 1
        elif node.stalling:
            self.stalled += 1
            node.stalling -= 1
            if not node.stalling:
                self._goes_on(node)
        else:
            self.progress += 1
        if node.saving:
            node.saving -= 1
            if not node.saving:
                self.kept = node.snapshot
                self.policy.saved(self.costs.stall, max(self.costs.stall, self.costs.durable))
                node.wished = self.policy.until(node.resumed)

    def _trains(self, node: Node) -> None:
        node.since = node.counted = node.seconds
        node.wished = self.policy.until(self.progress)

    def _saves_where_due(self, node: Node) -> None:
        due = node.seconds - node.since >= node.wished
        warned = node.warned is not None and node.seconds >= node.warned
        if node.saving or not (due or warned):
            return
        self.saves += 1
        node.snapshot = self.progress
        node.stalling = int(self.costs.stall)
        node.saving = int(max(self.costs.stall, self.costs.durable))
        if not node.stalling:
            self._goes_on(node)

    def _goes_on(self, node: Node) -> None:
        self.policy.ran(node.seconds - node.counted)
        node.since = node.counted = node.seconds
        node.resumed = self.progress

    def goes(self, node: Node) -> None:
        if node.seconds > self.costs.boot:
            self.policy.ran(node.seconds - node.counted)
        self.lost.append(self.progress - self.kept)
        self.progress = self.kept
        self.policy.evicted()


def live(
    work: int,
    costs: Costs,
    pattern: Pattern,
    policy: Policy,
    start: int = 0,
    notice: Notice | None = None,
    seed: int = 0,
) -> Life:
    """Until the work is done; call it only where it will be."""
    life, chance = Life(work, costs, policy), random.Random(seed)
    there = [here for wait, up in pattern.runs for here in [0] * wait + [1] * (up - 1) + [2]]  # 2: its last second
    node: Node | None = None
    for clock in count(start):
        now = there[clock % len(there)] if there else 1
        if not now:
            life.waited += 1
            continue
        if node is None:
            lasts = (
                next(ahead for ahead in count(1) if there[(clock + ahead - 1) % len(there)] == 2) if there else 10**9
            )
            told = notice is not None and lasts > notice.seconds and chance.random() < notice.delivered
            node = Node(lasts - notice.seconds + notice.reaction if notice and told else None)
        life.a_second(node)
        if life.progress == work:
            return life
        if now == 2:
            life.goes(node)
            node = None
    raise AssertionError
