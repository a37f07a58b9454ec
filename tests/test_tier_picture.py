"""The picture of a plan: it adds up to the inventory, and nothing in it is drawn outside of it."""

from __future__ import annotations

from itertools import pairwise

from finops.tiering.model import Aged
from finops.tiering.picture import BANDS, BESIDE, picture
from finops.tiering.schema import AGES

TIB = 2**40
AGED = (Aged(0, "Hot", "Hot", 10, TIB), Aged(365, "Hot", "Archive", 30, 3 * TIB), Aged(450, "Cool", "Cool", 5, TIB))


def test_every_age_lies_in_one_band_whole():
    assert {days for days, _ in BANDS} <= set(AGES)


def test_the_lines_add_up_to_the_inventory():
    drawn = picture(AGED, 50, 7 * TIB)

    assert sum(line.bytes for line in drawn.lines) == 7 * TIB
    assert sum(line.blobs for line in drawn.lines) == 50
    assert drawn.lines[-1].name == BESIDE


def test_today_and_the_rules_hold_the_same_bytes():
    year = next(line for line in picture(AGED, 45, 5 * TIB).lines if line.name == "1 to 2 years")

    today, ruled = (sum(part.bytes for part in bar.parts) for bar in year.bars)
    assert today == ruled == year.bytes == 4 * TIB
    assert [part.tier for part in year.bars[1].parts] == ["Cool", "Archive"]


def test_an_age_that_no_rule_changes_has_one_bar():
    first = picture(AGED, 45, 5 * TIB).lines[0]

    assert [bar.when for bar in first.bars] == ["today"]


def test_the_longest_bar_is_as_wide_as_the_drawing_and_none_wider():
    ends = [
        part.left + part.width for line in picture(AGED, 50, 7 * TIB).lines for bar in line.bars for part in bar.parts
    ]

    assert max(ends) == 100


def test_a_blob_beside_a_thousand_tebibytes_is_still_seen():
    drawn = picture((Aged(0, "Hot", "Hot", 1, 1), Aged(30, "Hot", "Cool", 9, 1000 * TIB)), 10, 1000 * TIB + 1)

    assert drawn.lines[0].bars[0].parts[0].width > 0.3


def test_tiny_parts_beside_a_full_one_stay_inside_the_drawing():
    aged = [Aged(0, "Hot", "Hot", 1, 1), Aged(0, "Cool", "Cool", 1, 1), Aged(0, "Cold", "Cold", 1, 10**15)]

    parts = picture(aged, 3, 10**15 + 2).lines[0].bars[0].parts

    assert all(part.left + part.width <= 100 for part in parts)


def test_ages_without_a_blob_between_others_are_lines_too_and_those_outside_are_not():
    names = [line.name for line in picture((Aged(0, "Hot", "Hot", 1, 5), Aged(90, "Hot", "Hot", 1, 5)), 2, 10).lines]

    assert names == ["Less than a week", "1 to 4 weeks", "1 to 3 months", "3 to 6 months"]


def test_an_inventory_without_a_blob_draws_nothing():
    assert picture((), 0, 0).lines == ()


def test_blobs_without_content_alone_draw_no_bar():
    drawn = picture((Aged(30, "Hot", "Hot", 10_000_000, 0),), 10_000_000, 0)

    assert [line.bars[0].parts for line in drawn.lines] == [()]


def test_no_line_lies_on_another():
    drawn = picture(AGED, 50, 7 * TIB)

    for upper, lower in pairwise(drawn.lines):
        assert upper.bars[-1].top + drawn.bar < lower.base - 12
    assert drawn.lines[-1].bars[-1].top + drawn.bar <= drawn.height
