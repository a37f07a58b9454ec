"""FOCUS files: what they may look like, and that no figure changes on the way in."""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import SUB, VM, charge, focus, parquet, spend, text, total
from hypothesis import given, settings
from hypothesis import strategies as st

from finops import charges
from finops.charges import Period
from finops.errors import DataError, MixedCurrencies


def test_totals_of_the_focus_sample_equal_those_of_pythons_csv_and_decimal(shared_data: Path):
    file = shared_data / "cost_exports" / "focus" / "focus_sample_1000.csv"
    with file.open(encoding="utf-8", newline="") as source:
        lines = list(csv.DictReader(source))

    with charges.load([file]) as book:
        billed, effective = book.total("billed"), book.total("effective")
        counted = int(book.by([], "billed")["Charges"].sum())

    assert billed == sum(Decimal(line["BilledCost"]) for line in lines) == Decimal("20.52022672899")
    assert effective == sum(Decimal(line["EffectiveCost"]) for line in lines) == Decimal("14.97651418586")
    assert counted == len(lines) == 1000


def test_cost_centers_of_the_focus_sample_equal_those_read_with_pythons_json(shared_data: Path):
    file = shared_data / "cost_exports" / "focus" / "focus_sample_1000.csv"
    expected: dict[str, Decimal] = {}
    with file.open(encoding="utf-8", newline="") as source:
        for line in csv.DictReader(source):
            tags = json.loads(line["Tags"]) if line["Tags"] != "NULL" else {}
            name = tags.get("CostCenter", "(untagged)")
            expected[name] = expected.get(name, Decimal(0)) + Decimal(line["BilledCost"])

    with charges.load([file]) as book:
        frame = book.by(["CostCenter"], "billed")

    assert dict(zip(frame["CostCenter"], frame["Cost"], strict=True)) == expected


def test_amounts_are_exact_and_scientific_notation_is_read(tmp_path: Path):
    file = focus(
        tmp_path / "a.csv", charge("2024-09-01", "1E-07"), charge("2024-09-01", "0.1"), charge("2024-09-01", "0.2")
    )

    assert total(file) == Decimal("0.3000001")


@settings(max_examples=12, deadline=None)
@given(
    costs=st.lists(
        st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=18), min_size=1, max_size=30
    ),
    scientific=st.booleans(),
)
def test_any_amounts_add_up_to_the_last_decimal(costs: list[Decimal], scientific: bool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    written = [f"{cost:.30E}" if scientific else f"{cost:f}" for cost in costs]
    file = focus(folder / "a.csv", *(charge("2024-09-01", cost) for cost in written))

    found = total(file)

    exact = sum((int(cost.scaleb(18)) for cost in costs), 0)
    assert int(found.scaleb(18)) == exact


@pytest.mark.parametrize("nothing", ["NULL", "null", "", "N/A", " "])
def test_text_that_means_nothing_is_nothing(tmp_path: Path, nothing: str):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", ServiceName=nothing, Tags=nothing))

    with charges.load([file]) as book:
        assert spend(book, "ServiceName") == {"(none)": "1.00"}
        assert spend(book) == {"(untagged)": "1.00"}


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ('{"CostCenter": "ml"}', "ml"),
        ('"CostCenter": "ml","env": "prod"', "ml"),
        ('{"env":"prod","costcenter":"ml"}', "ml"),
        ('{"cost-center": " ml "}', "ml"),
        ('{"Cost_Center":"ml"}', "ml"),
        ('{" cost center ": "ml"}', "ml"),
        ('{"COSTCENTER": 4300}', "4300"),
        ('{"CostCenter": "R&D \\"core\\", \\u00e9t\\u00e9"}', 'R&D "core", été'),
        ('{"CostCenter": "a\\\\b"}', "a\\b"),
        ('{"note": "\\"CostCenter\\": \\"trap\\"", "CostCenter": "ml"}', "ml"),
        ('{"CostCenter": ""}', "(untagged)"),
        ('{"CostCenter": "  "}', "(untagged)"),
        ('{"CostCenter": null}', "(untagged)"),
        ('{"MyCostCenter": "x", "CostCenterOld": "y"}', "(untagged)"),
        ('{"env": "CostCenter"}', "(untagged)"),
        ("{}", "(untagged)"),
        ("NULL", "(untagged)"),
        ("not json", "(untagged)"),
    ],
)
def test_the_tag_is_found_in_every_spelling_and_kept_as_written(tmp_path: Path, tags: str, owner: str):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", Tags=tags))

    with charges.load([file]) as book:
        assert spend(book) == {owner: "1.00"}


SPACES = "".join(char for char in map(chr, range(sys.maxunicode)) if unicodedata.category(char) == "Zs")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40))
def test_any_tag_value_that_json_can_hold_comes_back(value: str):
    import duckdb

    from finops.charges import tags

    text = json.dumps({"env": value, "CostCenter": value}, ensure_ascii=len(value) % 2 == 0)

    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT {tags.value(tags.token('t', 'CostCenter'))} FROM (SELECT ? AS t)", [text])

        assert found.fetchall()[0][0] == (value.strip(SPACES) or None)


def test_any_other_tag_is_a_key_too(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", Tags='{"env": "prod"}'), charge("2024-09-01", "2"))

    with charges.load([file]) as book:
        assert spend(book, "Tags.ENV") == {"(untagged)": "2.00", "prod": "1.00"}


def test_ids_that_differ_in_case_are_one_resource(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1"), charge("2024-09-01", "2", ResourceId=VM.upper()))

    with charges.load([file]) as book:
        assert spend(book, "ResourceId") == {VM.lower(): "3.00"}
        assert spend(book, "ResourceName") == {"gpu-1": "3.00"}
        assert spend(book, "ResourceGroup") == {"ml-rg": "3.00"}


def test_a_workspace_is_named_by_what_lies_under_it(tmp_path: Path):
    workspace = f"{SUB}/resourcegroups/rg/providers/microsoft.machinelearningservices/workspaces/vision"
    file = focus(
        tmp_path / "a.csv",
        charge("2024-09-01", "1", ResourceId=workspace),
        charge("2024-09-01", "2", ResourceId=workspace.replace("/workspaces", "/Workspaces") + "/computes/gpu"),
        charge("2024-09-01", "4"),
    )

    with charges.load([file]) as book:
        assert spend(book, "Workspace") == {"(none)": "4.00", "vision": "3.00"}


def test_rows_that_repeat_an_id_are_all_counted(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", Id="7"), charge("2024-09-01", "1", Id="7"))

    assert total(file) == 2


def test_a_charge_over_many_days_stays_on_its_first(tmp_path: Path):
    monthly = charge("2024-09-01", "30", ChargePeriodEnd="2024-10-01T00:00:00Z")
    file = focus(tmp_path / "a.csv", monthly, charge("2024-09-02", "1"))

    with charges.load([file]) as book:
        assert spend(book, "Day") == {"2024-09-01": "30.00", "2024-09-02": "1.00"}


def test_a_period_does_not_hold_its_end(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-08-31", "1"), charge("2024-09-30", "2"), charge("2024-10-01", "4"))

    with charges.load([file]) as book:
        assert book.total(period=Period.month("2024-09")) == 2


def test_a_time_with_an_offset_is_turned_to_utc(tmp_path: Path):
    late = charge("2024-09-01", "1", ChargePeriodStart="2024-08-31T22:00:00-05:00")
    file = focus(tmp_path / "a.csv", late)

    with charges.load([file]) as book:
        assert spend(book, "Day") == {"2024-09-01": "1.00"}


def test_currencies_are_never_added(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1"), charge("2024-09-02", "2", BillingCurrency="EUR"))

    with charges.load([file]) as book:
        assert book.currencies == ["EUR", "USD"]
        assert book.total(currency="EUR") == 2
        assert book.total(period=Period(date(2024, 9, 1), date(2024, 9, 2))) == 1
        with pytest.raises(MixedCurrencies, match=r"EUR and USD.*--currency EUR"):
            book.by(["CostCenter"])
        with pytest.raises(MixedCurrencies):
            book.side_by_side(["CostCenter"], Period.month("2024-08"), Period.month("2024-09"))
        with pytest.raises(DataError, match="no charges in SEK"):
            book.total(currency="SEK")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_of_an_export_is_read(tmp_path: Path, encoding: str):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", ServiceName="Früchte"), encoding=encoding)

    with charges.load([file]) as book:
        assert spend(book, "ServiceName") == {"Früchte": "1.00"}


def test_bytes_that_are_no_utf8_are_read_as_excel_wrote_them(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", ServiceName="Café"), encoding="cp1252")

    with charges.load([file]) as book:
        assert spend(book, "ServiceName") == {"Café": "1.00"}
        assert book.rejected == []


def test_semicolons_and_lines_above_the_header_are_understood(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1.5"), delimiter=";")
    file.write_text("Cost report\n\n" + file.read_text("utf-8"), "utf-8")

    assert total(file) == Decimal("1.5")


def test_a_packed_file_is_read(tmp_path: Path):
    assert total(focus(tmp_path / "a.csv.gz", charge("2024-09-01", "1.5"))) == Decimal("1.5")


FOCUS_PARQUET = """
SELECT CAST('0.1' AS {money}) AS BilledCost, CAST('0.2' AS {money}) AS EffectiveCost, 'USD' AS BillingCurrency,
       {time} AS ChargePeriodStart, {tags} AS Tags, 'NULL' AS ServiceName
"""


@pytest.mark.parametrize("money", ["DECIMAL(38,18)", "DECIMAL(10,2)", "DOUBLE", "VARCHAR"])
@pytest.mark.parametrize("time", ["TIMESTAMP '2024-09-01'", "TIMESTAMPTZ '2024-09-01 02:00:00+02'", "'2024-09-01'"])
@pytest.mark.parametrize("tags", ["""'{"CostCenter": "ml"}'""", "MAP {'CostCenter': 'ml'}"])
def test_parquet_of_any_types_gives_the_same_figures(tmp_path: Path, money: str, time: str, tags: str):
    file = parquet(tmp_path / "a.parquet", FOCUS_PARQUET.format(money=money, time=time, tags=tags))

    with charges.load([file]) as book:
        assert book.total("billed") == Decimal("0.1")
        assert spend(book, "Day") == {"2024-09-01": "0.20"}
        assert spend(book) == {"ml": "0.20"}
        assert spend(book, "ServiceName") == {"(none)": "0.20"}


def test_exact_parquet_is_asked_where_it_lies(tmp_path: Path):
    select = FOCUS_PARQUET.format(money="DECIMAL(38,18)", time="TIMESTAMP '2024-09-01'", tags="'{}'")
    file = parquet(tmp_path / "a.parquet", select)
    store = tmp_path / "store"

    with charges.load([file], store) as book:
        assert book.total() == Decimal("0.2")

    assert not store.exists()


def test_csv_arrives_once(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1"))
    store = tmp_path / "store"
    charges.load([file], store).close()
    (arrived,) = (store / "arrived").glob("*.parquet")
    before = arrived.stat().st_mtime_ns

    with charges.load([file], store) as book:
        assert book.total() == 1

    assert arrived.stat().st_mtime_ns == before


def test_a_csv_that_changed_arrives_again(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1"))
    store = tmp_path / "store"
    charges.load([file], store).close()
    focus(file, charge("2024-09-01", "2"))
    os.utime(file, (1, 2))

    with charges.load([file], store) as book:
        assert book.total() == 2


def test_nothing_of_a_book_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)

    charges.load([focus(tmp_path / "a.csv", charge("2024-09-01", "1"))]).close()

    assert list((tmp_path / "tmp").iterdir()) == []


def test_columns_in_any_order_case_and_number_are_found(tmp_path: Path):
    row = charge("2024-09-01", "1", Extra="x")
    names = list(row)
    random.Random(1).shuffle(names)
    file = focus(tmp_path / "a.csv", {name.upper(): row[name] for name in names})

    with charges.load([file]) as book:
        assert spend(book, "ServiceName") == {"Virtual Machines": "1.00"}


def test_more_decimals_than_we_keep_are_rounded_and_said(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "3.5527136788005009E-15"), charge("2024-09-01", "1.5E-3"))

    with charges.load([file]) as book:
        assert book.total() == Decimal("0.001500000000003553")
        assert "more than 18 decimals" in book.notes[0]


def test_where_takes_names_as_values_not_as_sql(tmp_path: Path):
    evil = "x'); DROP VIEW charges; --"
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1", ServiceName=evil), charge("2024-09-01", "2"))

    with charges.load([file]) as book:
        assert book.total(where={"ServiceName": evil}) == 1
        assert book.total(where={"ServiceName": [evil, "Virtual Machines"]}) == 3
        assert book.total(where={"CostCenter": None}) == 3
        assert book.total(where={"ResourceId": VM.upper(), "CostCenter": "(untagged)"}) == 3
        assert book.total(where={"ServiceName": []}) == 0


def test_it_says_until_when_it_is_complete(tmp_path: Path):
    file = text(tmp_path / "a.csv", *focus(tmp_path / "b.csv", charge("2024-09-03", "1")).read_text().splitlines())

    with charges.load([file]) as book:
        assert book.complete_until == datetime(2024, 9, 4, tzinfo=UTC)
        assert book.span == Period(date(2024, 9, 3), date(2024, 9, 4))
