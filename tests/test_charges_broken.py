"""Bad input: a broken row is set aside and named; a file that is no cost data is one clear message."""

from __future__ import annotations

import gzip
import os
import random
from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import charge, focus, parquet, text, total

from finops import charges
from finops.errors import DataError

HEADER = "ChargePeriodStart,BilledCost,EffectiveCost,BillingCurrency,ServiceName"
GOOD = "2024-09-01,1,1,USD,Storage"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-09-01,abc,1,USD,x", "BilledCost is 'abc', not an amount"),
        ("2024-09-01,1,NaN,USD,x", "EffectiveCost is 'NaN', not an amount"),
        ("2024-09-01,,1,USD,x", "BilledCost is empty"),
        ("2024-09-01,1e400,1,USD,x", "BilledCost is '1e400', not an amount"),
        ("2024-09-01,1_000,1,USD,x", "BilledCost is '1_000', not an amount"),
        ('2024-09-01,"1,000",1,USD,x', "BilledCost is '1,000', not an amount"),
        ("2024-02-30,1,1,USD,x", "ChargePeriodStart is '2024-02-30', not a date"),
        ("31/12/2024,1,1,USD,x", "ChargePeriodStart is '31/12/2024', not a date"),
        ("infinity,1,1,USD,x", "ChargePeriodStart is 'infinity', not a date"),
        (",1,1,USD,x", "ChargePeriodStart is empty"),
        ("2024-09-01,1,1,,x", "BillingCurrency is empty"),
        ("2024-09-01,1,1,dollars,x", "BillingCurrency is 'dollars', not a currency code"),
        ("2024-09-01,1,1,USD", "it has fewer cells than the header"),
        ("2024-09-01,1,1,USD,x,y", "it has more cells than the header"),
        ('2024-09-01,1,1,USD,"x" y', "a quote is opened and not closed, or stands inside a value"),
    ],
)
def test_a_broken_row_is_set_aside_with_file_line_and_reason(tmp_path: Path, row: str, reason: str):
    file = text(tmp_path / "a.csv", HEADER, GOOD, row, GOOD, GOOD)

    with charges.load([file]) as book:
        assert book.total() == 3
        assert [(one.file, one.line, one.reason) for one in book.rejected] == [(str(file), 3, reason)]
        assert not book.is_complete


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path):
    long = '2024-09-01,1,1,USD,"two\nlines"'
    file = text(tmp_path / "a.csv", "Report", "", HEADER, long, GOOD, "x,1,1,USD,y", long, "2024-09-01,1", GOOD)

    with charges.load([file]) as book:
        assert book.total() == 4
        assert [one.line for one in book.rejected] == [7, 10]


def test_a_packed_file_counts_lines_alike(tmp_path: Path):
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress("\n".join([HEADER, GOOD, GOOD, "2024-09-01,1", "x,1,1,USD,y", GOOD]).encode()))

    with charges.load([file]) as book:
        assert [one.line for one in book.rejected] == [4, 5]


def test_rows_behind_a_stray_quote_are_not_lost(tmp_path: Path):
    rows = [f"2024-09-01,1,1,USD,s{n}" for n in range(2000)]
    rows[700] = '2024-09-01,1,1,USD,"s700'
    file = text(tmp_path / "a.csv", HEADER, *rows)

    with charges.load([file]) as book:
        assert book.total() == 1999
        assert [one.line for one in book.rejected] == [702]


def test_a_stray_quote_among_quoted_cells_costs_only_its_neighbours(tmp_path: Path):
    rows = [f'"2024-09-01","1","1","USD","s{n}"' for n in range(2000)]
    rows[700] = '"2024-09-01","1","1","USD","s700'
    file = text(tmp_path / "a.csv", HEADER, *rows)

    with charges.load([file]) as book:
        counted = int(book.by([])["Charges"].sum())

        assert counted >= 1998
        assert counted + len(book.rejected) == 2000
        assert book.rejected[0].line == 702


def test_many_random_faults_never_lose_a_row_unseen(tmp_path: Path):
    """Whatever a row suffers, it is counted as a charge or as set aside."""
    dice = random.Random(4)
    lines = []
    for n in range(3000):
        line = f"2024-09-01,1,1,USD,s{n}"
        if dice.random() < 0.02:
            at = dice.randrange(len(line))
            line = line[:at] + dice.choice([",", '"', "\t", "x", "'", ";"]) + line[at:]
        lines.append(line)
    file = text(tmp_path / "a.csv", HEADER, *lines)

    with charges.load([file]) as book:
        assert int(book.by([])["Charges"].sum()) + len(book.rejected) == 3000
        for one in book.rejected:
            assert lines[one.line - 2] != f"2024-09-01,1,1,USD,s{one.line - 2}"


def test_a_broken_row_of_parquet_is_named_by_its_number(tmp_path: Path):
    file = parquet(
        tmp_path / "a.parquet",
        "SELECT * FROM (VALUES (DATE '2024-09-01', 1.5, 1.5, 'USD'), (NULL, 2, 2, 'USD'), "
        "(DATE '2024-09-01', 3, 3, 'USD')) "
        "AS t(ChargePeriodStart, BilledCost, EffectiveCost, BillingCurrency)",
    )

    with charges.load([file]) as book:
        assert book.total() == Decimal("4.5")
        assert [(one.line, one.reason) for one in book.rejected] == [(2, "ChargePeriodStart is empty")]


def test_rows_set_aside_are_kept_in_a_file(tmp_path: Path):
    file = text(tmp_path / "a.csv", HEADER, GOOD, "2024-09-01,abc,1,USD,x")

    with charges.load([file], tmp_path / "store") as book:
        book.write_rejected(tmp_path / "out.csv")

    written = (tmp_path / "out.csv").read_text("utf-8")
    (kept,) = (tmp_path / "store" / "arrived").glob("*.rejected.csv")
    assert "BilledCost=abc, EffectiveCost=1, BillingCurrency=USD, ChargePeriodStart=2024-09-01" in written
    assert kept.read_text("utf-8") == written


def test_rows_set_aside_are_remembered_with_the_file(tmp_path: Path):
    file = text(tmp_path / "a.csv", HEADER, GOOD, "2024-09-01,abc,1,USD,x")
    charges.load([file], tmp_path / "store").close()

    with charges.load([file], tmp_path / "store") as book:
        assert len(book.rejected) == 1


def test_too_many_broken_rows_make_it_the_wrong_file(tmp_path: Path):
    file = text(tmp_path / "a.csv", HEADER, GOOD, *["x,1,1,USD,y"] * 5)

    with pytest.raises(DataError, match=r"5 of the 6 rows .* are no charges \(line 3: ChargePeriodStart is 'x'"):
        total(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty \\(0 bytes\\)"),
        (b"name,age\nx,1\n", "is no cost data: its first line is 'name,age'"),
        (HEADER.encode() + b"\n", "has a header and no charges"),
        (b"PAR1 and then nothing", "is a broken Parquet file"),
        (b"PK\x03\x04....", "a zip archive or an Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x00\x01\x02\x03" * 100, "neither text nor Parquet|no cost data"),
        (b"\x1f\x8b\x08\x00broken", "broken gzip file"),
        (b"BilledCost,ChargePeriodStart,Tags\n1,2024-09-01,x\n", "no EffectiveCost and no BillingCurrency"),
        (b"Date,MeterCategory,Quantity,SubscriptionId\n09/01/2024,VM,1,x\n", "its columns are Date, MeterCategory"),
        (b"<html><body>Sign in</body></html>", "is no cost data"),
    ],
)
def test_a_file_that_is_no_cost_data_is_one_clear_message(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "a.csv"
    file.write_bytes(content)

    with pytest.raises(DataError, match=message) as told:
        charges.load([file])

    assert str(file) in told.value.what
    assert told.value.fix


def test_a_truncated_parquet_says_so(tmp_path: Path):
    file = parquet(tmp_path / "a.parquet", "SELECT 1 AS BilledCost FROM range(10000)")
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(DataError, match="broken Parquet file"):
        charges.load([file])


def test_a_truncated_gzip_says_so_and_leaves_nothing(tmp_path: Path):
    rows = (charge("2024-09-01", f"{random.Random(n).random()}") for n in range(20_000))
    file = focus(tmp_path / "a.csv.gz", *rows)
    file.write_bytes(file.read_bytes()[:-20_000])
    store = tmp_path / "store"

    with pytest.raises(DataError, match="cannot be read"):
        charges.load([file], store)

    assert list((store / "arrived").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "message"), [("nowhere.csv", "does not exist"), ("*.nothing", "Nothing matches"), (".", "no cost data in")]
)
def test_a_path_that_leads_nowhere_says_so(tmp_path: Path, path: str, message: str):
    with pytest.raises(DataError, match=message):
        charges.load([tmp_path / path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_says_so(tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0)

    with pytest.raises(DataError, match="cannot be read"):
        charges.load([tmp_path])


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "store").write_text("a file")

    with pytest.raises(DataError, match="store"):
        charges.load([focus(tmp_path / "a.csv", charge("2024-09-01", "1"))], tmp_path / "store")


def test_a_folder_with_a_quote_in_its_name_is_only_a_name(tmp_path: Path):
    assert total(focus(tmp_path / "o'brien [x]" / "a*.csv", charge("2024-09-01", "1"))) == 1
