"""Plain files about the same days: versions replace each other, shares add up, and what is neither is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from charges_files import SUB, charge, focus, total

from finops import charges


def days(count: int, resource: str = "vm", **more: Any) -> list[dict[str, Any]]:
    return [charge(f"2026-11-{n:02}", "1", ResourceId=f"{SUB}/{resource}", **more) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cost-data-20261111.csv", "cost-data-20261112.csv"),
        ("2026.csv", "202611.csv"),
        ("part_0_0001.csv", "part_0_0001 (1).csv"),
        ("part_0_0001.csv", "part_0_0001.csv.gz"),
        ("export-2026-11-11.csv", "export-2026-11-12.csv"),
    ],
)
def test_dates_and_copies_are_no_part_numbers(tmp_path: Path, one: str, other: str):
    focus(tmp_path / one, *days(10))
    focus(tmp_path / other, *days(11))

    assert total(tmp_path) == 11


@pytest.mark.parametrize(("one", "other"), [("export-1.csv", "export-2.csv"), ("team-a.csv", "team-b.csv")])
def test_files_that_share_days_and_no_charge_add_up(tmp_path: Path, one: str, other: str):
    focus(tmp_path / one, *days(10, "a"))
    focus(tmp_path / other, *days(10, "b"))

    with charges.load([tmp_path]) as book:
        assert book.total() == 20
        assert "no charge: they add up" in book.notes[0]
        assert book.is_complete


def test_a_restated_file_replaces_though_amounts_and_tags_changed(tmp_path: Path):
    focus(tmp_path / "cost 2026-11-11.csv", *days(10))
    focus(tmp_path / "cost 2026-11-12.csv", *days(10, Tags='{"CostCenter": "ml"}', EffectiveCost="2"))

    assert total(tmp_path) == 20


def test_shares_by_tag_add_up_where_rows_have_no_resource(tmp_path: Path):
    focus(tmp_path / "a.csv", *[row | {"ResourceId": "", "Tags": '{"CostCenter": "a"}'} for row in days(10)])
    focus(tmp_path / "b.csv", *[row | {"ResourceId": "", "Tags": '{"CostCenter": "b"}'} for row in days(10)])

    assert total(tmp_path) == 20


def test_files_that_share_some_charges_and_have_others_are_a_gap(tmp_path: Path):
    focus(tmp_path / "a.csv", *days(10, "a"), *days(10, "b"), *days(10, "c"))
    focus(tmp_path / "b.csv", *days(10, "c"), *days(10, "d"))

    with charges.load([tmp_path]) as book:
        assert book.total() == 30
        assert "cannot be told" in book.gaps[0].reason
        assert not book.is_complete


def test_the_date_in_the_name_goes_before_the_time_of_the_file(tmp_path: Path):
    newer = focus(tmp_path / "2026-11-20.csv", charge("2026-11-10", "5"))
    older = focus(tmp_path / "2026-11-01.csv", charge("2026-11-10", "1"))
    os.utime(newer, (1_000, 1_000)), os.utime(older, (2_000, 2_000))

    with charges.load([tmp_path]) as book:
        assert book.total() == 5
        assert "newer by the date in the name" in book.notes[0]


def test_without_a_date_in_each_name_the_time_of_the_file_tells(tmp_path: Path):
    older = focus(tmp_path / "2026-11-20.csv", charge("2026-11-10", "5"))
    newer = focus(tmp_path / "latest.csv", charge("2026-11-10", "1"))
    os.utime(older, (1_000, 1_000)), os.utime(newer, (2_000, 2_000))

    with charges.load([tmp_path]) as book:
        assert book.total() == 1
        assert "newer by the file's time" in book.notes[0]


def test_the_same_bytes_among_parts_count_once(tmp_path: Path):
    focus(tmp_path / "part_0_0001.csv", *days(10))
    focus(tmp_path / "part_1_0001.csv", *days(10))

    with charges.load([tmp_path]) as book:
        assert book.total() == 10
        assert "is a copy of" in book.notes[0]


def test_a_part_number_that_comes_twice_is_a_second_delivery(tmp_path: Path):
    for delivery, count in (("1f2e", 10), ("9a8b", 11)):
        focus(tmp_path / f"part-00000-{delivery}.csv", *days(count, "a"))
        focus(tmp_path / f"part-00001-{delivery}.csv", *days(count, "b"))
    focus(tmp_path / "part-00002-9a8b.csv", *days(11, "c"))

    assert total(tmp_path) == 33
