"""Which prefixes under which ages save most: a greedy cover of areas by few lifecycle rules, with exact money.

A rule is a shape (days after which a blob goes to Cool, Cold and Archive), up to ten prefixes, and an index tag where
blobs that lie together are used differently by what they are tagged with. Where several match a
blob, Azure does the cheapest action whose condition holds, so that each tier counts from the least of its days. What a
set of rules saves is therefore a sum over areas of differences of running totals, and never an estimate.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finops.tiering.model import EARLY_DAYS, TIERS
from finops.tiering.schema import AGES, parted

# The number of ages: a tier that counts from there is never reached.
NEVER = len(AGES)
MOST_PREFIXES = 10
# Shapes that are kept after all have been weighed once, and of those the ones tried on prefixes one by one.
_KEPT, _TRIED = 120, 16
FORBIDDEN = -1e15
# Older ages win where a younger one saves no more than this share besides: it would only touch blobs to come.
_RATHER_OLD = 1e-5

_DAYS = np.array([*AGES, 10 * AGES[-1]])

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Ground:
    """What can be saved where. areas: sorted. saved: areas x ages x 3, by cooling all blobs of an age to Cool, Cold,
    Archive. barred: the same shape, whether blobs of that age must not go there. open: whether a rule may say so,
    for each of nodes; a node takes the areas from first up to last. tags: those that rules may ask for, "" (any) first.
    tagged: for each area the number of its tag in them.
    """

    areas: tuple[str, ...]
    saved: Any
    barred: Any
    nodes: tuple[str, ...]
    first: Any
    last: Any
    open: Any
    tags: tuple[str, ...]
    tagged: Any

    def takes(self, node: int, tag: int) -> Any:
        """Whether each area is taken by a prefix of a rule that asks for a tag."""
        import numpy as np

        taken = np.zeros(len(self.areas), bool)
        taken[self.first[node] : self.last[node]] = True
        return taken & (self.tagged == tag) if tag else taken


@dataclass(frozen=True)
class Chosen:
    """One rule: numbers of ages, of nodes, and of a tag."""

    shape: Shape
    nodes: tuple[int, ...]
    tag: int = 0


def ground(areas: Sequence[str], saved: Any, barred: Any, closed: Sequence[str]) -> Ground:
    """areas: sorted and distinct. closed: beginnings of paths that no rule may take."""
    paths, texts = [], []
    for area in areas:
        path, tag = parted(area)
        paths.append(path)
        texts.append(tag)
    containers = {f"{path.partition('/')[0]}/" for path in paths if path}
    # Of those that take the same areas the longest alone, which takes the least of what is to come.
    spans: dict[tuple[int, int], str] = {}
    for node in sorted({*containers, *filter(None, paths), *_around(paths, closed)}):
        spans[bisect.bisect_left(paths, node), _end(paths, node)] = node
    nodes = ("", *sorted(spans.values()))
    first = np.array([bisect.bisect_left(paths, node) for node in nodes])
    last = np.array([_end(paths, node) for node in nodes])
    # A rule without a prefix would also take containers to come; it is for accounts that have too many to name.
    whole = not closed and len(containers) > MOST_PREFIXES
    fits = [not any(path.startswith(node) or node.startswith(path) for path in closed) for node in nodes]
    fits[0] = whole
    tags = ("", *sorted(set(filter(None, texts))))
    tagged = np.array([tags.index(text) for text in texts], np.int64)
    return Ground(tuple(areas), saved, barred, nodes, first, last, np.array(fits), tags, tagged)


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
        children = _tree(of)
        self._leaves = [[child for child in below if not children[child]] for below in children]
        self._inner = [[child for child in below if children[child]] for below in children]
        # The number of the last node below each one, itself included: they are sorted.
        self._ends = np.array([_end(of.nodes, node) for node in of.nodes])
        self._known: tuple[Any, Any, Any] | None = None

    def narrow(self) -> None:
        """Keep the shapes that suit single prefixes best."""
        weight = np.zeros(len(self.shapes))
        for gains in self._gains(self.start(), self._gained(self.start())):
            best = gains.argmax(axis=1)
            weight += np.bincount(best, np.maximum(gains[np.arange(len(best)), best], 0), len(self.shapes))
            weight += np.maximum(gains, 0).max(axis=0) * 1e-3
        kept = sorted(np.argsort(-weight, kind="stable")[:_KEPT].tolist())
        self.shapes = self.shapes[kept]

    def start(self) -> Any:
        return _start(self.of)

    def worth(self, state: Any, some: Any = None) -> Any:
        """What each area (or some of them) saves in a state (areas x 3, or areas x shapes x 3)."""
        cool, cold, archive = state[..., 0], state[..., 1], state[..., 2]
        cold_end = archive
        cold_from = np.minimum(cold, archive)
        cool_from = np.minimum(cool, cold_from)
        rows = (np.arange(len(self.of.areas)) if some is None else some).reshape((-1,) + (1,) * (state.ndim - 2))
        total = self._totals
        saved = total[rows, cool_from, 0] - total[rows, cold_from, 0] + total[rows, cold_from, 1]
        saved += total[rows, archive, 2] - total[rows, cold_end, 1]
        for number, (begin, end) in enumerate(((cool_from, cold_from), (cold_from, cold_end), (archive, NEVER))):
            saved = np.where((begin < end) & (begin < self._soonest[rows, number]), FORBIDDEN, saved)
        # Rules together may not ask for what one alone may not: leaving a tier before its days are served.
        for tier, begin, end in (("Cool", cool_from, cold_from), ("Cold", cold_from, cold_end)):
            early = (begin < end) & (end < NEVER) & (_DAYS[end] - _DAYS[begin] < EARLY_DAYS[tier])
            saved = np.where(early, FORBIDDEN, saved)
        return saved

    def added(self, state: Any, chosen: Chosen) -> Any:
        """The state with one rule more."""
        return _added(self.of, state.copy(), chosen)

    def best(self, state: Any, limit: int = MOST_PREFIXES) -> tuple[float, Chosen] | None:
        """The rule that saves most besides those in `state`, None where none does."""
        found: tuple[float, Chosen] | None = None
        for tag, gains in enumerate(self._gains(state, self._gained_since(state))):
            if not gains.size:
                continue
            scale = max(float(np.max(gains, initial=0.0)), 0.0) * _RATHER_OLD
            gains = gains - scale * (3 * NEVER - self.shapes.sum(axis=1)) / (3 * NEVER)
            most = np.partition(gains, max(len(gains) - limit, 0), axis=0)[-limit:]
            rough, alone = np.maximum(most, 0).sum(axis=0), gains.max(axis=0)
            tried = {*np.argsort(-rough, kind="stable")[:_TRIED], *np.argsort(-alone, kind="stable")[:_TRIED]}
            for number in sorted(tried, key=lambda each: (-rough[each], each)):
                # No choice of prefixes can save more than the best ones together, whatever lies within another.
                if found and rough[number] <= found[0]:
                    break
                saved, nodes = self._picked(gains[:, number], limit)
                if nodes and saved > (found[0] if found else 0.0):
                    cool, cold, archive = (int(each) for each in self.shapes[number])
                    found = saved, Chosen((cool, cold, archive), nodes, tag)
        return found

    def _gained_since(self, state: Any) -> Any:
        """As _gained, of the areas alone whose state is not that of the last time."""
        if self._known is None or self._known[0] is not self.shapes:
            self._known = self.shapes, state.copy(), self._gained(state)
        _, before, gained = self._known
        changed = np.flatnonzero((before != state).any(axis=1))
        if len(changed):
            gained[changed] = self._gained(state, changed)
            before[changed] = state[changed]
        return gained

    def _gained(self, state: Any, some: Any = None, at_once: int = 1 << 19) -> Any:
        """Areas (or some of them) x shapes: what one rule more would save in each."""
        rows = np.arange(len(state)) if some is None else some
        parts = [np.zeros((0, len(self.shapes)))]
        step = max(at_once // max(len(self.shapes), 1), 1)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            after = np.minimum(state[part][:, None, :], self.shapes[None, :, :])
            parts.append(self.worth(after, part) - self.worth(state[part], part)[:, None])
        return np.concatenate(parts)

    def _gains(self, state: Any, gained: Any) -> list[Any]:
        """For each tag nodes x shapes: what one prefix more would save."""
        of = self.of
        bad = gained < FORBIDDEN / 2
        calm = np.where(bad, 0.0, gained)
        found = []
        for tag in range(len(of.tags)):
            ours = (of.tagged == tag)[:, None] if tag else np.True_
            # Counted apart: a running total that what is forbidden is part of would lose the cents.
            wide, sums = (_running(np.where(ours, each, 0)) for each in (bad, calm))
            gains = sums[of.last] - sums[of.first]
            gains[wide[of.last] - wide[of.first] > 0] = FORBIDDEN
            gains[~of.open] = FORBIDDEN
            found.append(gains)
        return found

    def _highest(self, gains: Any) -> list[float]:
        """The highest gain in each node's part of the tree."""
        if not len(gains):
            return []
        edges = np.stack([np.arange(len(gains)), self._ends], axis=1).ravel()
        return [float(each) for each in np.maximum.reduceat(np.append(gains, FORBIDDEN), edges)[::2]]

    def _picked(self, gains: Any, limit: int) -> tuple[float, tuple[int, ...]]:
        """The `limit` prefixes, none within another, that save most together: a knapsack over the tree of nodes."""

        def of_node(node: int) -> list[tuple[float, tuple[int, ...]]]:
            leaves = [child for child in self._leaves[node] if worth[child] > 0]
            leaves = heapq.nsmallest(limit, leaves, key=lambda child: -worth[child])
            table: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
            for child in leaves:
                table.append((table[-1][0] + worth[child], (*table[-1][1], child)))
            for other in _telling([of_node(child) for child in self._inner[node] if best[child] > 0], limit):
                table = _joined(table, other, limit)
            if worth[node] > 0:
                table += [table[-1]] * (2 - len(table))
                table = [
                    each if not number or each[0] >= worth[node] else (worth[node], (node,))
                    for number, each in enumerate(table)
                ]
            return table

        worth: list[float] = gains.tolist()
        best = self._highest(gains)
        return of_node(0)[-1]


def _telling(
    tables: list[list[tuple[float, tuple[int, ...]]]], limit: int
) -> list[list[tuple[float, tuple[int, ...]]]]:
    """The tables that the best choice can use. At most `limit` children get a prefix, so that of those with as many
    prefixes the `limit` best are enough."""
    if len(tables) <= limit:
        return tables
    kept: set[int] = set()
    for number in range(1, limit + 1):
        worth = [table[min(number, len(table) - 1)][0] for table in tables]
        kept.update(heapq.nsmallest(limit, range(len(tables)), key=lambda each: -worth[each]))
    return [tables[each] for each in sorted(kept)]


def _running(figures: Any) -> Any:
    """Running totals down the areas, from 0."""
    return np.concatenate([np.zeros((1, figures.shape[1])), np.cumsum(figures, axis=0)])


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
            if search.worth(others).min(initial=0) < FORBIDDEN / 2:
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
    state = _start(of)
    for rule in chosen:
        _added(of, state, rule)
    return state


def _start(of: Ground) -> Any:
    return np.full((len(of.areas), 3), NEVER, np.int64)


def _added(of: Ground, state: Any, chosen: Chosen) -> Any:
    for node in chosen.nodes:
        part = slice(of.first[node], of.last[node])
        lower = np.minimum(state[part], np.array(chosen.shape))
        ours = (of.tagged[part] == chosen.tag)[:, None] if chosen.tag else np.True_
        state[part] = np.where(ours, lower, state[part])
    return state
