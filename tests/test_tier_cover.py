"""The search for rules: what it must never choose, on ground made by hand."""

from __future__ import annotations

import numpy as np

from finops.tiering.cover import NEVER, Chosen, Cover, cover, ground, shapes, state_of
from finops.tiering.schema import AGES

TIERS = ("Cool", "Cold", "Archive")
WEEK, MONTH, QUARTER = AGES.index(7), AGES.index(30), AGES.index(90)


def plain(*areas: str, closed: tuple[str, ...] = ()):
    """Ground on which every blob saves 1 in Cool, 2 in Cold and 3 in Archive."""
    saved = np.ones((len(areas), NEVER, 1)) * np.array([1.0, 2.0, 3.0])
    return ground(areas, saved, np.zeros(saved.shape, bool), closed)


def test_a_folder_inside_what_is_closed_is_closed():
    of = plain("c/a/x/", "c/b/", closed=("c/a/",))

    assert not of.open[of.nodes.index("c/a/x/")]
    assert of.open[of.nodes.index("c/b/")]


def test_two_rules_are_not_chosen_that_together_leave_a_tier_too_early():
    of = plain("c/a/")
    search = Cover(of, [])
    node = of.nodes.index("c/a/")
    cooled = search.added(search.start(), Chosen((WEEK, NEVER, NEVER), (node,)))

    both = search.added(cooled, Chosen((NEVER, AGES.index(21), NEVER), (node,)))

    assert search.worth(cooled).sum() > 0
    assert search.worth(both).sum() < 0


def test_an_age_that_must_not_go_to_archive_keeps_younger_ones_out_of_it():
    of = plain("c/a/")
    of.barred[0, QUARTER, 2] = True

    chosen = cover(of, shapes(7, TIERS), 10, 0.5)

    assert state_of(of, chosen)[0, 2] == QUARTER + 1


def test_each_shape_serves_the_days_of_its_tiers():
    for cool, cold, archive in shapes(7, TIERS):
        if NEVER not in (cool, cold):
            assert AGES[cold] - AGES[cool] >= 30
        if NEVER not in (cold, archive):
            assert AGES[archive] - AGES[cold] >= 90


def test_of_ages_that_save_the_same_the_oldest_is_chosen():
    saved = np.zeros((1, NEVER, 3))
    saved[0, AGES.index(365), 1] = 5.0
    of = ground(("c/a/",), saved, np.zeros(saved.shape, bool), ())

    chosen = cover(of, shapes(7, ("Cold",)), 10, 0.5)

    assert [rule.shape for rule in chosen] == [(NEVER, AGES.index(365), NEVER)]


def test_of_many_containers_the_prefixes_are_chosen_that_save_most_together():
    draw = np.random.default_rng(5)
    areas = tuple(f"c{number:03d}/{folder}/" for number in range(60) for folder in "ab")
    saved = np.zeros((len(areas), NEVER, 3))
    saved[:, MONTH, 1] = draw.normal(0, 10, len(areas)).round(3)
    of = ground(areas, saved, np.zeros(saved.shape, bool), ("zz/",))

    found = Cover(of, [(NEVER, MONTH, NEVER)]).best(np.full((len(areas), 3), NEVER), limit=4)

    pairs = saved[:, MONTH, 1].reshape(60, 2)
    # Of each container by two prefixes, by one (one folder, or both folders), or not at all: all ways of 4 prefixes.
    one, two = np.maximum(pairs.max(axis=1), pairs.sum(axis=1)), np.maximum(pairs, 0).sum(axis=1)
    best = [0.0] + [-np.inf] * 4
    for single, double in zip(one, two, strict=True):
        best = [max(best[k], best[k - 1] + single if k else -np.inf, best[k - 2] + double if k > 1 else -np.inf)
                for k in range(5)]  # fmt: skip
    assert found is not None
    assert abs(found[0] - max(best)) < 0.01


def test_what_was_weighed_before_a_rule_is_weighed_again_where_the_rule_changed_it():
    draw = np.random.default_rng(6)
    areas = tuple(f"c/{number:02d}/" for number in range(30))
    saved = draw.normal(0.1, 1, (30, NEVER, 3))
    of = ground(areas, saved, np.zeros(saved.shape, bool), ())
    used = Cover(of, shapes(7, TIERS))
    first = used.best(used.start())
    state = used.added(used.start(), first[1])

    assert used.best(state) == Cover(of, shapes(7, TIERS)).best(state)


def test_of_prefixes_that_take_the_same_blobs_the_longest_is_written():
    of = plain("c/a/")

    chosen = cover(of, shapes(7, TIERS), 10, 0.5)

    assert [of.nodes[node] for rule in chosen for node in rule.nodes] == ["c/a/"]
