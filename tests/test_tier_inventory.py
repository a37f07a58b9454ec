"""Blob inventories: what is read, what is set aside, and what is refused because it cannot be relied on."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tier_inventories import ACCOUNT, AS_OF, FIELDS, NOW, ago, blob, seal, write_inventory

from finops.errors import DataError
from finops.tiering.inventory import Inventory, read_inventory
from finops.tiering.model import Aside
from finops.tiering.plan import barred

AWKWARD = [
    "a,b",
    'say "hi"',
    "two\nlines",
    "cr\r\nlf",
    "🦊/naïve",
    " spaces ",
    "%2F",
    "'; DROP TABLE blobs; --",
    "=1+1",
]


@pytest.fixture
def read(tmp_path: Path):
    opened: list[Inventory] = []

    def reading(*paths: Path, account: str = ACCOUNT, now: datetime = NOW, **more: object) -> Inventory:
        opened.append(read_inventory(paths, account, now, tmp_path / "spool", **more))
        return opened[-1]

    yield reading
    for each in opened:
        each.close()


def rows(inventory: Inventory, what: str, where: str = "true") -> list[tuple]:
    return inventory.connection.execute(f"SELECT {what} FROM blobs WHERE {where} ORDER BY ALL").fetchall()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_inventory_says_what_lies_where_and_when_it_was_used(tmp_path, read, kind):
    place = write_inventory(tmp_path / "in", [blob("data/sets/a.bin", 100, 400, 30), blob("data/b", 7)], format=kind)

    inventory = read(place)

    assert (inventory.as_of, inventory.basis, inventory.unproven) == (AS_OF, "last access", "")
    assert (inventory.blobs, inventory.bytes) == (2, 107)
    assert rows(inventory, "container, name, bytes, tier, age, read, area") == [
        ("data", "b", 7, "Hot", 400, False, "data/"),
        ("data", "sets/a.bin", 100, "Hot", 30, True, "data/sets/"),
    ]


def test_times_in_parquet_may_be_numbers_of_milliseconds(tmp_path, read):
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = write_inventory(tmp_path / "in", [blob("data/a", 7, 40, 12)], format="parquet")
    part = next(place.glob("*.parquet"))
    table = pq.read_table(part)
    for name in ("Creation-Time", "Last-Modified", "LastAccessTime"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.int64()))
    pq.write_table(table, part)
    told = json.loads((place / "all-manifest.json").read_bytes())
    told["files"][0]["size"] = part.stat().st_size
    seal(place, told)

    inventory = read(place)

    assert rows(inventory, "age, modified") == [(12, ago(40).replace(tzinfo=None))]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_with_commas_quotes_new_lines_and_emoji_are_kept_as_they_are(tmp_path, read, kind):
    place = write_inventory(tmp_path / "in", [blob(f"data/{name}") for name in AWKWARD], format=kind)

    inventory = read(place)

    assert {name for (name,) in rows(inventory, "name")} == set(AWKWARD)


def test_a_run_of_several_files_is_read_whole(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob(f"data/{n}", 1) for n in range(10)], files=3)

    inventory = read(place)

    assert inventory.blobs == 10


def test_the_newest_whole_run_is_taken(tmp_path, read):
    write_inventory(tmp_path / "in", [blob("data/old")], at=AS_OF - timedelta(days=2))
    write_inventory(tmp_path / "in", [blob("data/new")], at=AS_OF - timedelta(days=1))
    write_inventory(tmp_path / "in", [blob("data/torn")], at=AS_OF, told={"status": "Failed"})

    inventory = read(tmp_path / "in")

    assert rows(inventory, "name") == [("new",)]


def test_without_reads_noted_the_last_modification_counts(tmp_path, read):
    fields = [field for field in FIELDS if field != "LastAccessTime"]
    place = write_inventory(tmp_path / "in", [blob("data/a", written=70, used=1)], fields=fields)

    inventory = read(place)

    assert inventory.basis == "modification"
    assert rows(inventory, "age, read") == [(70, False)]


def test_a_blob_not_read_since_azure_notes_reads_is_as_old_as_the_noting(tmp_path, read):
    noted_since = blob("data/a", written=20, used=20)
    never = blob("data/b", written=900, LastAccessTime=None)
    place = write_inventory(tmp_path / "in", [noted_since, never])

    inventory = read(place)

    assert rows(inventory, "age, read", "name = 'b'") == [(20, False)]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"BlobType": "PageBlob", "AccessTier": None}, "a page or append blob, which has no tiers"),
        ({"BlobType": "AppendBlob"}, "a page or append blob, which has no tiers"),
        ({"Snapshot": "2026-01-01T00:00:00.0000000Z"}, "a snapshot"),
        ({"VersionId": "2026-01-01T00:00:00Z", "IsCurrentVersion": False}, "a version that is not the current one"),
        ({"AccessTier": "Smart"}, "in smart tier, which a tier of its own would take it out of for good"),
        ({"AccessTier": None}, "of an unknown tier"),
        ({"AccessTier": "Lukewarm"}, "of an unknown tier"),
        ({"LeaseState": "leased"}, "leased"),
        ({"LegalHold": True}, "under a legal hold"),
        ({"AccessTier": "Archive", "ArchiveStatus": "rehydrate-pending-to-hot"}, "on its way out of Archive"),
        ({"Deleted": True}, "deleted, and kept until its retention ends"),
        ({"hdi_isfolder": True, "Content-Length": None}, "a folder"),
        ({"Content-Length": 0}, "empty"),
        ({"Name": "no-container"}, "without a container in its name"),
    ],
)
def test_what_is_not_considered_is_set_aside_with_its_reason(tmp_path, read, more, reason):
    place = write_inventory(tmp_path / "in", [blob("data/kept", 10), blob("data/other", 5) | more])

    inventory = read(place)

    assert inventory.aside == (Aside(reason, 1, more.get("Content-Length", 5) or 0),)
    assert rows(inventory, "name", "reason IS NULL") == [("kept",)]


def test_the_current_version_is_considered(tmp_path, read):
    more = {"VersionId": "2026-01-01T00:00:00Z", "IsCurrentVersion": True}
    place = write_inventory(tmp_path / "in", [blob("data/a", **more)])

    assert read(place).aside == ()


def test_days_in_a_tier_count_from_the_change_else_from_the_upload_else_not_at_all(tmp_path, read):
    cool = {"AccessTier": "Cool", "AccessTierInferred": False}
    changed = blob("data/changed", written=90, **cool | {"AccessTierChangeTime": ago(12)})
    uploaded = blob("data/uploaded", written=90, **cool)
    by_default = blob("data/default", written=90, **cool | {"AccessTierInferred": True})
    place = write_inventory(tmp_path / "in", [changed, uploaded, by_default])

    assert rows(read(place), "name, served") == [("changed", 12), ("default", None), ("uploaded", 90)]


def test_missing_fields_are_named(tmp_path, read):
    fields = [field for field in FIELDS if field not in ("AccessTier", "Content-Length")]
    place = write_inventory(tmp_path / "in", [blob("data/a")], fields=fields)

    with pytest.raises(DataError, match="has no Content-Length and no AccessTier") as refused:
        read(place)

    assert "schemaFields" in refused.value.fix


@pytest.mark.parametrize(
    "filters",
    [
        {"blobTypes": ["blockBlob"], "prefixMatch": ["data/a"]},
        {"blobTypes": ["blockBlob"], "excludePrefix": ["data/a"]},
        {"blobTypes": ["blockBlob"], "creationTime": {"lastNDays": 30}},
        {"blobTypes": ["appendBlob"]},
    ],
)
def test_an_inventory_of_a_part_of_the_account_is_refused(tmp_path, read, filters):
    rule = {"filters": filters, "format": "csv", "objectType": "blob"}
    place = write_inventory(tmp_path / "in", [blob("data/a/x")], told={"ruleDefinition": rule})

    with pytest.raises(DataError, match="lists only a part of the account"):
        read(place)


@pytest.mark.parametrize("field", ["LeaseState", "LegalHold"])
def test_where_leases_or_holds_are_not_told_nothing_is_archived(tmp_path, read, field):
    fields = [name for name in FIELDS if name != field]
    place = write_inventory(tmp_path / "in", [blob("data/a/x")], fields=fields)

    assert barred(read(place), ()).startswith(f"the inventory does not tell {field}")


def test_an_inventory_of_another_account_is_refused(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")], account="elsewhere")

    with pytest.raises(DataError, match="of elsewhere, not of training"):
        read(place)


def test_an_inventory_a_year_old_is_refused(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")])

    with pytest.raises(DataError, match="01 November 2026, 365 days ago; the limit is 14"):
        read(place, now=AS_OF + timedelta(days=365))


def test_an_inventory_of_the_future_is_refused(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")])

    with pytest.raises(DataError, match="yet to come"):
        read(place, now=AS_OF - timedelta(days=30))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_cut_in_half_is_refused(tmp_path, read, kind):
    place = write_inventory(tmp_path / "in", [blob(f"data/{n}") for n in range(50)], format=kind)
    part = next(place.glob(f"*.{kind}"))
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])

    with pytest.raises(DataError, match=r"not whole: .* bytes instead of"):
        read(place)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_cut_in_half_is_refused_without_its_manifest_too(tmp_path, read, kind):
    place = write_inventory(tmp_path / "in", [blob(f"data/{n}\n{n}") for n in range(50)], format=kind)
    (place / "all-manifest.json").unlink()
    part = next(place.glob(f"*.{kind}"))
    content = part.read_bytes()
    part.write_bytes(content[: content.index(b"25\n25") + 3] if kind == "csv" else content[: len(content) // 2])

    with pytest.raises(DataError, match="cannot be read"):
        read(place)


def test_rows_that_are_missing_are_noticed_by_the_manifests_count(tmp_path, read):
    told = {"summary": {"objectCount": 3, "totalObjectSize": 3 * 2**30}}
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/b")], told=told)

    with pytest.raises(DataError, match="has 2 rows; its manifest counts 3"):
        read(place)


def test_a_file_that_is_missing_is_noticed(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/b")], files=2)
    next(place.glob("*_1.csv")).unlink()

    with pytest.raises(DataError, match=r"all_1000000_1\.csv is missing"):
        read(place)


def test_a_run_without_its_checksum_has_not_ended(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")])
    (place / "all-manifest.checksum").unlink()

    with pytest.raises(DataError, match="marks the end of a run"):
        read(place)


def test_a_manifest_that_was_changed_is_refused(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")])
    manifest = place / "all-manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"Succeeded"', b'"Succeeded" '))

    with pytest.raises(DataError, match="does not agree with"):
        read(place)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path, read):
    (tmp_path / "secret.csv").write_text("Name\n")
    told = {"files": [{"blob": "../../../../../secret.csv", "size": 5}]}
    place = write_inventory(tmp_path / "in" / "deep", [blob("data/a")], told=told)

    with pytest.raises(DataError, match="is missing"):
        read(place)


def test_files_without_a_manifest_are_read_as_unproven(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a")])
    (place / "all-manifest.json").unlink()

    inventory = read(place)

    assert inventory.unproven == "it has no manifest, so parts may be missing"
    assert inventory.as_of == AS_OF


@pytest.mark.parametrize("size", ["-1", "many", ""])
def test_a_size_that_is_none_is_refused(tmp_path, read, size):
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/b") | {"Content-Length": size}])

    with pytest.raises(DataError):
        read(place)


def test_two_inventories_share_a_spool_without_mixing_and_leave_nothing_there(tmp_path):
    place = {name: write_inventory(tmp_path / name, [blob(f"{name}/a")], account=name) for name in ("one", "two")}

    with (
        read_inventory([place["one"]], "one", NOW, tmp_path / "spool") as one,
        read_inventory([place["two"]], "two", NOW, tmp_path / "spool") as two,
    ):
        assert (rows(one, "container"), rows(two, "container")) == ([("one",)], [("two",)])

    assert not any((tmp_path / "spool").iterdir())


def test_what_is_refused_leaves_nothing_in_the_spool(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/b") | {"Content-Length": "many"}])

    with pytest.raises(DataError):
        read(place)

    assert not any((tmp_path / "spool").iterdir())


def test_nothing_there_is_said_so(tmp_path, read):
    with pytest.raises(DataError, match="There is no"):
        read(tmp_path / "nowhere")


def test_a_folder_without_an_inventory_is_said_so(tmp_path, read):
    with pytest.raises(DataError, match="no inventory in"):
        read(tmp_path)


def test_ten_million_empty_blobs_are_set_aside_in_little_memory(tmp_path, read):
    import duckdb

    file = tmp_path / "markers.parquet"
    with duckdb.connect() as engine:
        engine.execute(
            'COPY (SELECT \'markers/\' || i AS "Name", 0::BIGINT AS "Content-Length", \'Hot\' AS "AccessTier", '
            "'BlockBlob' AS \"BlobType\", TIMESTAMP '2026-10-31' AS \"Last-Modified\" FROM range(10_000_000) AS r(i)) "
            f"TO '{file}' (FORMAT parquet)"
        )

    inventory = read(file, memory="300MiB")

    assert inventory.aside == (Aside("empty", 10_000_000, 0),)


def test_a_csv_with_another_separator_is_no_inventory(tmp_path, read):
    file = tmp_path / "blobs.csv"
    with file.open("w", newline="") as text:
        table = csv.writer(text, delimiter=";")
        table.writerow(FIELDS)
        table.writerow(["data/a", *[""] * (len(FIELDS) - 1)])

    with pytest.raises(DataError):
        read(file)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_that_stand_twice_are_refused(tmp_path, read, kind):
    rows = [blob(f"data/{number}") for number in range(30)]
    place = write_inventory(tmp_path / "in", [*rows, *rows[:10]], format=kind)

    with pytest.raises(DataError, match="10 names or more stand twice in the inventory of training, such as data/"):
        read(place)


def test_a_name_in_two_tiers_is_refused(tmp_path, read):
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/a", AccessTier="Archive")])

    with pytest.raises(DataError, match="such as data/a"):
        read(place)


def test_earlier_versions_snapshots_and_deleted_blobs_may_bear_the_name_of_another(tmp_path, read):
    others = ({"VersionId": "1", "IsCurrentVersion": False}, {"Snapshot": "1"}, {"Deleted": True}, {"Deleted": True})
    rows = [blob("data/a"), *(blob("data/a", **more) for more in others)]

    inventory = read(write_inventory(tmp_path / "in", rows))

    assert inventory.blobs == 5


def test_of_more_names_than_are_compared_as_many_are_held_against_one_another(tmp_path, read):
    rows = [blob(f"data/{number}") for number in range(1000)]
    place = write_inventory(tmp_path / "in", [*rows, *rows], format="parquet")

    with pytest.raises(DataError, match=r"^1?\d\d names or more stand twice"):
        read(place, compared=100)


@pytest.mark.parametrize("days", [-30, 20_000], ids=["to come", "in 1971"])
def test_a_read_at_a_time_that_cannot_be_is_refused(tmp_path, read, days):
    place = write_inventory(tmp_path / "in", [blob("data/a"), blob("data/b", LastAccessTime=ago(days))])

    with pytest.raises(DataError, match="1 blobs of the inventory were read or written after it, or read before"):
        read(place)


def test_names_that_the_database_takes_for_one_at_a_glance_are_two(tmp_path, read):
    # DuckDB 1.x hashes both to one number.
    rows = [
        blob("markers/flag-026/part-002/0003614085._SUCCESS"),
        blob("markers/flag-079/part-442/0003994085._SUCCESS"),
    ]

    inventory = read(write_inventory(tmp_path / "in", rows))

    assert inventory.blobs == 2
