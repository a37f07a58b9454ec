"""An estate folder is whole, or says what is wrong with it: which file, which line, what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from finops.errors import DataError
from finops.estate import Gap, check, faults, queries, stamp
from finops.estate.facts import definitions
from finops.estate.folder import Stamp, arm_file, lines, write, write_lines, write_stamp
from finops.estate.replay import PATHS

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small whole estate."""
    body = {"id": "/subscriptions/s", "subscriptionId": "s"}
    write_lines(arm_file(tmp_path, body["id"]), [body])
    write_lines(tmp_path / "nodes.jsonl", [{"computeId": "/subscriptions/s/x", "nodes": []}])
    write(tmp_path / "metrics" / "a.parquet", lambda file: parquet.write_table(pyarrow.table({"x": [1]}), file))
    write_stamp(tmp_path, Stamp("contoso", NOW))
    return tmp_path


def test_a_whole_estate_passes(folder):
    assert check(folder) == Stamp("contoso", NOW)


def test_a_stamp_reads_as_it_was_written(tmp_path):
    written = Stamp(
        "x", NOW, "finops 0.1.0", "azure", "t", (Gap("/subscriptions/s", "locks", "403 no", 403, "No"),), "EUR"
    )

    write_stamp(tmp_path, written)

    assert stamp(tmp_path) == written
    assert json.loads((tmp_path / "estate.json").read_text())["complete"] is False


def test_a_recording_that_calls_itself_incomplete_has_a_gap(folder):
    (folder / "estate.json").write_text('{"format": 1, "asOf": "2026-11-22T06:00:00Z", "complete": false}')

    assert not stamp(folder).complete


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "says no format"),
        ('{"asOf": "2026-11-22T06:00:00Z"}', "says no format"),
        ('{"format": 2, "asOf": "2026-11-22T06:00:00Z"}', "says format 2; this finops reads format 1"),
        ('{"format": 1}', "asOf None, which is no time"),
        ('{"format": 1, "asOf": "yesterday"}', "asOf 'yesterday', which is no time"),
        ('{"format": 1, "asOf": "2026-11-22T06:00:00Z", "gaps": "many"}', "gaps 'many'"),
    ],
)
def test_a_wrong_stamp_is_named(folder, text, says):
    (folder / "estate.json").write_text(text)

    with pytest.raises(DataError, match=r"estate\.json") as fault:
        stamp(folder)

    assert says in fault.value.what
    assert fault.value.fix


def test_a_folder_without_a_stamp_was_not_recorded_to_the_end(folder):
    (folder / "estate.json").unlink()

    with pytest.raises(DataError, match="was not recorded to the end"):
        stamp(folder)


def test_any_other_folder_is_no_estate(tmp_path):
    with pytest.raises(DataError, match="is not an estate"):
        stamp(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        stamp(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("arm/subscriptions.jsonl", '{"id": "/subscriptions/s"}\n{"id": ', "subscriptions.jsonl, line 2, is not JSON"),
        ("arm/subscriptions.jsonl", "[1]\n", "line 1, is no JSON object"),
        ("arm/subscriptions.jsonl", '\n{"name": "x"}\n', "has no ARM id"),
        ("nodes.jsonl", '{"computeId": "/x"}\n', "nodes.jsonl, line 1, needs a computeId and a list of nodes"),
        ("activity-log.jsonl", "{}\nnull\n", "activity-log.jsonl, line 2"),
        ("prices.jsonl", "{'a': 1}\n", "prices.jsonl, line 1"),
        ("policy-states.jsonl", "x", "policy-states.jsonl, line 1"),
    ],
)
def test_a_broken_line_is_named_with_its_number(folder, name, text, says):
    (folder / name).write_text(text)

    with pytest.raises(DataError) as fault:
        check(folder)

    assert says in fault.value.what


def test_a_truncated_parquet_is_named(folder):
    file = folder / "metrics" / "a.parquet"
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(DataError, match=r"a\.parquet is not a whole Parquet file"):
        check(folder)


def test_bytes_that_are_no_text_are_named(folder):
    (folder / "nodes.jsonl").write_bytes(b'{"computeId": "\xff"}')

    with pytest.raises(DataError, match=r"nodes\.jsonl cannot be read"):
        list(lines(folder / "nodes.jsonl"))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "x.jsonl"
    write_lines(file, [{"a": 1}])

    def half(target):
        target.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write(file, half)

    assert list(lines(file)) == [{"a": 1}]
    assert [found.name for found in tmp_path.iterdir()] == ["x.jsonl"]


DOCS = (Path(__file__).parent.parent / "docs" / "estate-format.md").read_text("utf-8")


def test_every_fact_is_documented():
    assert [one.name for one in definitions() if f"`{one.name}`" not in DOCS] == []


def test_every_kind_of_gap_is_documented():
    kinds = {*PATHS, queries.GRAPH, queries.PRICES}

    assert [what for what in kinds if f"| `{what}` |" not in DOCS] == []


@pytest.mark.parametrize(
    ("gap", "path"),
    [
        (Gap("/", queries.CHARGES, "no"), r"/providers/microsoft\.costmanagement/query(\?|$)"),
        (
            Gap("/subscriptions/A", queries.LOCKS, "no"),
            r"^/subscriptions/a/providers/microsoft\.authorization/locks(\?|$)",
        ),
    ],
)
def test_a_gap_is_refused_where_it_was_asked(gap, path):
    assert [rule["path"] for rule in faults([gap])] == [path]


@pytest.mark.parametrize(("status", "again"), [(403, 403), (404, 404), (429, 403), (500, 403), (0, 403)])
def test_a_gap_that_a_client_would_retry_is_refused_for_good(status, again):
    assert faults([Gap("/subscriptions/a", queries.LOCKS, "no", status)])[0]["status"] == again


def test_a_gap_of_an_unknown_kind_closes_the_whole_subscription():
    rules = faults([Gap("/subscriptions/a/resourceGroups/g", "something", "no")])

    assert [rule["path"] for rule in rules] == ["/providers/microsoft.resourcegraph/resources", "^/subscriptions/a/"]
