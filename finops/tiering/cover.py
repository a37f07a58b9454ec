"""Which prefixes under which ages save most: a greedy cover of areas by few lifecycle rules, with exact money.

A rule is a shape (days after which a blob goes to Cool, Cold and Archive) and up to ten prefixes. Where several match a
blob, Azure does the cheapest action whose condition holds, so that each tier counts from the least of its days. What a
set of rules saves is therefore a sum over areas of differences of running totals, and never an estimate.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finops.tiering.model import EARLY_DAYS, TIERS
from finops.tiering.schema import AGES

# The number of ages: a tier that counts from there is never reached.
NEVER = len(AGES)
MOST_PREFIXES = 10
# Shapes that are kept after all have been weighed once, and of those the ones tried on prefixes one by one.
_KEPT, _TRIED = 120, 16
_FORBIDDEN = -1e15
# Older ages win where a younger one saves no more than this share besides: it would only touch blobs to come.
_RATHER_OLD = 1e-5

_DAYS = np.array([*AGES, 10 * AGES[-1]])

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Ground:
    """What can be saved where. areas: sorted. saved: areas x ages x 3, by cooling all blobs of an age to Cool, Cold,
    Archive. barred: the same shape, whether blobs of that age must not go there. open: whether a rule may say so,
    for each of nodes; a node takes the areas from first up to last.
    """

    areas: tuple[str, ...]
    saved: Any
    barred: Any
    nodes: tuple[str, ...]
    first: Any
    last: Any
    open: Any


@dataclass(frozen=True)
class Chosen:
    """One rule: numbers of ages, and of nodes."""

    shape: Shape
    nodes: tuple[int, ...]


def ground(areas: Sequence[str], saved: Any, barred: Any, closed: Sequence[str]) -> Ground:
    """areas: sorted and distinct. closed: beginnings of paths that no rule may take."""
    containers = {f"{area.partition('/')[0]}/" for area in areas if area}
    nodes = tuple(sorted({"", *containers, *areas, *_around(areas, closed)}))
    first = np.array([np.searchsorted(areas, node) for node in nodes]) if areas else np.zeros(len(nodes), int)
    last = np.array([_end(areas, node) for node in nodes])
    # A rule without a prefix would also take containers to come; it is for accounts that have too many to name.
    whole = not closed and len(containers) > MOST_PREFIXES
    fits = [not any(path.startswith(node) or node.startswith(path) for path in closed) for node in nodes]
    fits[0] = whole
    return Ground(tuple(areas), saved, barred, nodes, first, last, np.array(fits))


def _around(areas: Sequence[str], closed: Sequence[str]) -> set[str]:
    """The shortest beginnings that take what lies around something closed: Azure's prefixes need not end with a folder,
    and cannot leave anything out."""
    found: set[str] = set()
    stems = {path[:length] for path in closed for length in range(path.find("/") + 1, len(path)) if length}
    for stem in stems:
        within = areas[bisect.bisect_left(areas, stem) : _end(areas, stem)]
        found |= {area[: len(stem) + 1] for area in within if len(area) > len(stem)}
    return found


def _end(areas: Sequence[str], node: str) -> int:
    """The number of the first area past those that begin with `node`."""
    return bisect.bisect_left(areas, node + "\U0010ffff") if node else len(areas)


def shapes(soonest: int, usable: Sequence[str]) -> list[Shape]:
    """Every shape whose tiers follow one another no sooner than their minimum days, oldest ages first."""
    steps = [k for k in range(NEVER) if AGES[k] >= soonest]
    of_tier = {tier: ([*steps, NEVER] if tier in usable else [NEVER]) for tier in TIERS[1:]}
    found = []
    for cool in of_tier["Cool"]:
        for cold in of_tier["Cold"]:
            if (cold < cool and cool != NEVER) or not _served("Cool", cool, cold):
                continue
            for archive in of_tier["Archive"]:
                stages = [(t, k) for t, k in (("Cool", cool), ("Cold", cold)) if k != NEVER]
                if all(archive > k and _served(t, k, archive) for t, k in stages[-1:]):
                    found.append((cool, cold, archive))
    found.remove((NEVER, NEVER, NEVER))
    return sorted(found, key=sum, reverse=True)


def _served(tier: str, start: int, end: int) -> bool:
    """Whether a blob that goes on at the age `end` has served its minimum by then."""
    return NEVER in (start, end) or AGES[end] - AGES[start] >= EARLY_DAYS[tier]


class Cover:
    """A search over one ground. `state`: from which age each area's tiers count, as the rules so far have it."""

    def __init__(self, of: Ground, tried: Sequence[Shape]) -> None:
        self.of = of
        self.shapes = np.array(tried, np.int64).reshape(-1, 3)
        totals = np.cumsum(of.saved[:, ::-1], axis=1)[:, ::-1]
        self._totals = np.concatenate([totals, np.zeros((len(of.areas), 1, 3))], axis=1)
        # The youngest age from which on a tier is barred to none.
        ages = np.arange(1, NEVER + 1)[None, :, None]
        self._soonest = np.max(np.where(of.barred, ages, 0), axis=1) if len(of.areas) else np.zeros((0, 3))
        self._children = _tree(of)

    def narrow(self) -> None:
        """Keep the shapes that suit single prefixes best."""
        gains = self._gains(self.start())
        best = gains.argmax(axis=1)
        weight = np.bincount(best, np.maximum(gains[np.arange(len(best)), best], 0), len(self.shapes))
        weight += np.maximum(gains, 0).max(axis=0) * 1e-3
        kept = sorted(np.argsort(-weight, kind="stable")[:_KEPT].tolist())
        self.shapes = self.shapes[kept]

    def start(self) -> Any:
        return np.full((len(self.of.areas), 3), NEVER, np.int64)

    def worth(self, state: Any) -> Any:
        """What each area saves in a state (areas x 3, or areas x shapes x 3)."""
        cool, cold, archive = state[..., 0], state[..., 1], state[..., 2]
        cold_end = archive
        cold_from = np.minimum(cold, archive)
        cool_from = np.minimum(cool, cold_from)
        rows = np.arange(len(self.of.areas)).reshape((-1,) + (1,) * (state.ndim - 2))
        total = self._totals
        saved = total[rows, cool_from, 0] - total[rows, cold_from, 0] + total[rows, cold_from, 1]
        saved += total[rows, archive, 2] - total[rows, cold_end, 1]
        for number, (begin, end) in enumerate(((cool_from, cold_from), (cold_from, cold_end), (archive, NEVER))):
            saved = np.where((begin < end) & (begin < self._soonest[rows, number]), _FORBIDDEN, saved)
        # Rules together may not ask for what one alone may not: leaving a tier before its days are served.
        for tier, begin, end in (("Cool", cool_from, cold_from), ("Cold", cold_from, cold_end)):
            early = (begin < end) & (end < NEVER) & (_DAYS[end] - _DAYS[begin] < EARLY_DAYS[tier])
            saved = np.where(early, _FORBIDDEN, saved)
        return saved

    def added(self, state: Any, chosen: Chosen) -> Any:
        """The state with one rule more."""
        state = state.copy()
        for node in chosen.nodes:
            part = slice(self.of.first[node], self.of.last[node])
            state[part] = np.minimum(state[part], np.array(chosen.shape))
        return state

    def best(self, state: Any, limit: int = MOST_PREFIXES) -> tuple[float, Chosen] | None:
        """The rule that saves most besides those in `state`, None where none does."""
        gains = self._gains(state)
        if not gains.size:
            return None
        scale = max(float(np.max(gains, initial=0.0)), 0.0) * _RATHER_OLD
        gains = gains - scale * (3 * NEVER - self.shapes.sum(axis=1)) / (3 * NEVER)
        rough = np.sort(np.where(gains > 0, gains, 0), axis=0)[-limit:].sum(axis=0)
        alone = gains.max(axis=0)
        tried = set(np.argsort(-rough, kind="stable")[:_TRIED]) | set(np.argsort(-alone, kind="stable")[:_TRIED])
        found = [(*self._picked(gains[:, number], limit), number) for number in sorted(tried)]
        if not found:
            return None
        saved, nodes, number = max(found, key=lambda each: (each[0], -each[2]))
        shape = tuple(int(each) for each in self.shapes[number])
        return (saved, Chosen((shape[0], shape[1], shape[2]), nodes)) if saved > 0 and nodes else None

    def _gains(self, state: Any, at_once: int = 64) -> Any:
        """Nodes x shapes: what one prefix more would save."""
        of, before = self.of, self.worth(state)
        parts = []
        for start in range(0, len(self.shapes), at_once):
            some = self.shapes[start : start + at_once]
            after = np.minimum(state[:, None, :], some[None, :, :])
            gain = self.worth(after) - before[:, None]
            zero, bad = np.zeros((1, len(some))), gain < _FORBIDDEN / 2
            # Counted apart: a running total that what is forbidden is part of would lose the cents.
            wide = np.concatenate([zero, np.cumsum(bad, axis=0)])
            calm = np.concatenate([zero, np.cumsum(np.where(bad, 0.0, gain), axis=0)])
            sums = calm[of.last] - calm[of.first]
            sums[wide[of.last] - wide[of.first] > 0] = _FORBIDDEN
            parts.append(sums)
        gains = np.concatenate(parts, axis=1) if parts else np.zeros((len(of.nodes), 0))
        gains[~of.open] = _FORBIDDEN
        return gains

    def _picked(self, gains: Any, limit: int) -> tuple[float, tuple[int, ...]]:
        """The `limit` prefixes, none within another, that save most together: a knapsack over the tree of nodes."""

        def of_node(node: int) -> list[tuple[float, tuple[int, ...]]]:
            leaves = [child for child in self._children[node] if not self._children[child]]
            leaves = sorted((child for child in leaves if gains[child] > 0), key=lambda child: -gains[child])[:limit]
            table: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
            for child in leaves:
                table.append((table[-1][0] + float(gains[child]), (*table[-1][1], child)))
            for child in self._children[node]:
                if self._children[child]:
                    table = _joined(table, of_node(child), limit)
            if gains[node] > 0:
                table += [table[-1]] * (2 - len(table))
                table = [
                    each if not number or each[0] >= gains[node] else (float(gains[node]), (node,))
                    for number, each in enumerate(table)
                ]
            return table

        return of_node(0)[-1]


def _joined(
    one: list[tuple[float, tuple[int, ...]]], other: list[tuple[float, tuple[int, ...]]], limit: int
) -> list[tuple[float, tuple[int, ...]]]:
    found: list[tuple[float, tuple[int, ...]]] = []
    for number in range(min(limit, len(one) + len(other) - 2) + 1):
        splits = [(k, number - k) for k in range(number + 1) if k < len(one) and number - k < len(other)]
        k, rest = max(splits, key=lambda split: one[split[0]][0] + other[split[1]][0])
        found.append((one[k][0] + other[rest][0], one[k][1] + other[rest][1]))
    return found


def _tree(of: Ground) -> list[list[int]]:
    """The nodes right below each node; the first one, "", is above all."""
    children: list[list[int]] = [[] for _ in of.nodes]
    above: list[int] = []
    for number, node in enumerate(of.nodes):
        while above and not node.startswith(of.nodes[above[-1]]):
            above.pop()
        if above:
            children[above[-1]].append(number)
        above.append(number)
    return children


def cover(of: Ground, tried: Sequence[Shape], limit: int, least: float) -> list[Chosen]:
    """At most `limit` rules, greedily, each then sought again beside the others. least: what a rule must save."""
    if not tried:
        return []
    search = Cover(of, tried)
    search.narrow()
    chosen: list[Chosen] = []
    state = search.start()
    while len(chosen) < limit:
        found = search.best(state)
        if found is None or found[0] < least:
            break
        chosen.append(found[1])
        state = search.added(state, found[1])
    for _ in range(2):
        changed = False
        near = {shape for rule in chosen for shape in _near(rule.shape)}
        search.shapes = np.array(sorted({*map(tuple, search.shapes.tolist()), *near.intersection(tried)},
                                        key=sum, reverse=True))  # fmt: skip
        for number in range(len(chosen)):
            others = search.start()
            for other in chosen[:number] + chosen[number + 1 :]:
                others = search.added(others, other)
            if search.worth(others).min(initial=0) < _FORBIDDEN / 2:
                continue
            found = search.best(others)
            kept = float(search.worth(search.added(others, chosen[number])).sum())
            if found and float(search.worth(search.added(others, found[1])).sum()) > kept + least / 100:
                chosen[number], changed = found[1], True
        if not changed:
            break
    return _needed(search, chosen, least)


def _near(shape: Shape) -> list[Shape]:
    """The shapes one age away."""
    cool, cold, archive = shape
    steps = (-1, 0, 1)
    return [(cool + a, cold + b, archive + c) for a in steps for b in steps for c in steps]


def _needed(search: Cover, chosen: list[Chosen], least: float) -> list[Chosen]:
    """Without the rules that the others have made superfluous."""
    for rule in list(reversed(chosen)):
        rest = [other for other in chosen if other is not rule]
        with_it, without = search.start(), search.start()
        for other in chosen:
            with_it = search.added(with_it, other)
        for other in rest:
            without = search.added(without, other)
        if float(search.worth(with_it).sum() - search.worth(without).sum()) < least:
            chosen = rest
    return chosen


def state_of(of: Ground, chosen: Sequence[Chosen]) -> Any:
    """From which age each area's tiers count under the rules."""
    search = Cover(of, [])
    state = search.start()
    for rule in chosen:
        state = search.added(state, rule)
    return state
