"""The names in the first chart: on no line and on no other name."""

from __future__ import annotations

from finops.report.chart_names import Box, Names


def test_a_name_is_on_no_line_and_on_no_other_name() -> None:
    rising, higher, budget = [(1, 0), (31, 31)], [(1, 0), (30, 37)], [(1, 21), (31, 21)]
    names = Names(31, 0, 37, [rising, higher, budget])

    boxes = [names.put("October $31,390", 31, 31, [higher]), names.put("$36,663", 30, 37), names.put("Budget", 1, 21)]

    assert not any(box.is_crossed(line) for box in boxes for line in (rising, higher, budget))
    assert not any(one.meets(other) for one in boxes for other in boxes if one is not other)


def test_a_name_is_not_put_behind_another_line() -> None:
    names = Names(31, 0, 37, [[(1, 0), (31, 31)], [(1, 0), (31, 37)]])

    assert names.put("October $31,390", 31, 31, [[(1, 0), (31, 37)]]).high < 31


def test_a_line_crosses_a_box_that_it_runs_through() -> None:
    box = Box(2, 4, 2, 4)

    assert box.is_crossed([(0, 0), (6, 6)])
    assert not box.is_crossed([(0, 3), (6, 12)])
