"""Write the Blob Inventory of an account with N synthetic blobs as Parquet, as Azure does: files, manifest, checksum.

    python benchmarks/blob_rows.py DIR [--rows 100000000] [--files 20]

Eight containers, each read in a way of its own: never again, in its first days only, at random and rarely, every week,
by whole datasets at once, until a project ended, all the time; and one of empty markers. 1 in 50 is a page blob, an
old version, leased or in another tier already. The same arguments give the same rows under the same DuckDB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

AS_OF = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
ACCOUNT = "bench"
FIELDS = ["Name", "Creation-Time", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "AccessTierInferred",
          "AccessTierChangeTime", "LastAccessTime", "LeaseState", "VersionId", "IsCurrentVersion"]  # fmt: skip

# Everything about a row follows from its number through hash(); `u1` to `u4` lie in [0, 1).
ROWS = """
WITH n AS (SELECT range AS i, hash(range, 1) AS h, CAST(hash(range, 2) % 1048576 AS DOUBLE) / 1048576 AS u1,
                  CAST(hash(range, 3) % 1048576 AS DOUBLE) / 1048576 AS u2,
                  CAST(hash(range, 4) % 1048576 AS DOUBLE) / 1048576 AS u3,
                  CAST(hash(range, 5) % 1048576 AS DOUBLE) / 1048576 AS u4 FROM range({first}, {last})),
k AS (SELECT *, CAST(i * 8 // {rows} AS INTEGER) AS kind, CAST(h % 97 AS INTEGER) AS folder FROM n),
d AS (SELECT *, CAST(hash(kind, folder) % 1048576 AS DOUBLE) / 1048576 AS uf FROM k),
a AS (SELECT *, 1 + 899 * CASE WHEN kind IN (4, 5) THEN uf ELSE u1 END AS born FROM d),
r AS (SELECT *, CASE kind
          WHEN 0 THEN born
          WHEN 1 THEN greatest(born - 7 * u2, 0)
          WHEN 2 THEN least(born, -ln(1 - u2) * (50 + 2000 * u3))
          WHEN 3 THEN least(born, 7 * u2)
          WHEN 4 THEN least(born, 45 * abs(sin(folder)))
          WHEN 5 THEN greatest(born - 120 * (0.5 + u2 / 2), born * abs(cos(folder)) / 2)
          WHEN 6 THEN least(born, u2)
          ELSE born END AS idle,
        CASE WHEN kind = 7 THEN 0 ELSE CAST(exp(ln([2e7, 4e3, 3e5, 1e6, 8e6, 2e8, 6e4][1 + kind]) + 3 * (u4 - 0.5)
          + 2 * (u3 - 0.5)) AS BIGINT) END AS size,
        h % 50 = 0 AS odd, CAST(h // 50 % 8 AS INTEGER) AS oddity FROM a),
t AS (SELECT *, TIMESTAMP '{as_of}' - to_microseconds(CAST(born * 86400e6 AS BIGINT)) AS created,
        TIMESTAMP '{as_of}' - to_microseconds(CAST(idle * 86400e6 AS BIGINT)) AS used,
        odd AND oddity >= 4 AND born > 40 AS moved FROM r)
SELECT ['checkpoints', 'logs', 'raw', 'features', 'training', 'projects', 'serving', 'markers'][1 + kind] || '/'
         || ['run', 'std', 'cam', 'set', 'data', 'team', 'model', 'flag'][1 + kind] || '-'
         || lpad(CAST(folder AS VARCHAR), 3, '0') || '/' || 'part-' || lpad(CAST(h % 1000 AS VARCHAR), 3, '0')
         || '/' || lpad(CAST(i AS VARCHAR), 10, '0')
         || ['.ckpt', '.txt', '.tar', '.parquet', '.parquet', '.pt', '.onnx', '._SUCCESS'][1 + kind] AS "Name",
       CAST(created AS TIMESTAMP_MS) AS "Creation-Time", CAST(created AS TIMESTAMP_MS) AS "Last-Modified",
       size AS "Content-Length", CASE WHEN odd AND oddity = 0 THEN 'PageBlob' ELSE 'BlockBlob' END AS "BlobType",
       CASE WHEN moved THEN ['Cool', 'Cold', 'Cool', 'Archive'][oddity - 3] WHEN odd AND oddity = 0 THEN NULL
         ELSE 'Hot' END AS "AccessTier", CASE WHEN moved THEN NULL ELSE true END AS "AccessTierInferred",
       CASE WHEN moved THEN CAST(created + (used - created) / 2 AS TIMESTAMP_MS) END AS "AccessTierChangeTime",
       CAST(used AS TIMESTAMP_MS) AS "LastAccessTime",
       CASE WHEN odd AND oddity = 1 THEN 'leased' ELSE 'available' END AS "LeaseState",
       CASE WHEN odd AND oddity = 2 THEN '2026-01-01T00:00:00.0000000Z' END AS "VersionId",
       CASE WHEN odd AND oddity = 2 THEN false END AS "IsCurrentVersion"
FROM t
"""


def write(folder: Path, rows: int, files: int) -> Path:
    """The folder of the run, laid out below `folder` as Azure lays it out below the destination container."""
    place = folder / f"{AS_OF:%Y/%m/%d/%H-%M-%S}" / "all"
    place.mkdir(parents=True, exist_ok=True)
    size, listed = 0, []
    with duckdb.connect() as engine:
        engine.execute("SET preserve_insertion_order = false")
        for n in range(files):
            part = place / f"all_1000000_{n}.parquet"
            sql = ROWS.format(first=rows * n // files, last=rows * (n + 1) // files, rows=rows, as_of=f"{AS_OF:%F %T}")
            engine.execute(f"COPY ({sql}) TO '{part}' (FORMAT parquet, COMPRESSION snappy)")
            size += engine.execute(f"""SELECT sum("Content-Length") FROM '{part}'""").fetchall()[0][0]
            listed.append({"blob": part.relative_to(folder).as_posix(), "size": part.stat().st_size})
    manifest = {
        "destinationContainer": "inventory",
        "endpoint": f"https://{ACCOUNT}.blob.core.windows.net",
        "files": listed,
        "inventoryCompletionTime": f"{AS_OF:%Y-%m-%dT04:00:00Z}",
        "inventoryStartTime": f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}",
        "ruleDefinition": {"filters": {"blobTypes": ["blockBlob", "pageBlob"], "includeBlobVersions": True},
                           "format": "parquet", "objectType": "blob", "schedule": "daily", "schemaFields": FIELDS},
        "ruleName": "all",
        "status": "Succeeded",
        "summary": {"objectCount": rows, "totalObjectSize": int(size)},
        "version": "1.0",
    }  # fmt: skip
    written = json.dumps(manifest, indent=2).encode()
    (place / "all-manifest.json").write_bytes(written)
    (place / "all-manifest.checksum").write_text(hashlib.md5(written, usedforsecurity=False).hexdigest(), "ascii")
    return place


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--files", type=int, default=20)
    given = parser.parse_args()
    print(write(given.folder, given.rows, given.files))
