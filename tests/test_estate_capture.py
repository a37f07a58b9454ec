"""A recording is whole or no estate at all, holds nothing secret, and can be read as Azure can."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from estates import AS_OF, DEV, PROD, Json, job, nodes, points, small_bodies, workspace_id, write_estate
from fake_azure import StillTime
from pyarrow import parquet

from finops import estate
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.errors import AzureError, DataError
from finops.estate import Gap, capture, check, queries, stamp
from finops.estate.capture import UNFINISHED
from finops.estate.folder import lines
from finops.simulator import serving
from finops.simulator.serve import Served

WS = workspace_id("ml-prod")
ENDPOINTS = "arm/microsoft.machinelearningservices/workspaces/onlineendpoints.jsonl"


def record(source: Path, target: Path, *faults: Json, **options: Any) -> estate.Stamp:
    """Serve `source` and record it into `target`."""
    # What a recording lacks is refused again when it is served, as the --estate option does.
    replayed = [*faults, *estate.faults(stamp(source).gaps)]
    with serving(source, faults=replayed) as server, connected(server) as azure:
        return capture(azure, target, AS_OF, name="contoso-ml", **options)


def connected(server: Served) -> Azure:
    return connect(AzureSettings(endpoint=server.url), time=StillTime().time)


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a recording says, by file."""
    found: dict[str, Any] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
        if name == "estate.json":
            found[name] = json.loads(file.read_text("utf-8"))
        elif name.endswith(".parquet"):
            found[name] = parquet.read_table(file).to_pylist()
        else:
            found[name] = list(lines(file))
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    event = {
        "id": "/e/1",
        "eventTimestamp": "2026-11-01T08:00:00Z",
        "resourceId": f"{WS}/onlineEndpoints/silent",
        "caller": "bo@contoso.com",
        "claims": {"name": "Bo"},
        "subscriptionId": PROD,
        "operationName": {"value": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"},
        "resourceProviderName": {"value": "Microsoft.MachineLearningServices"},
    }
    secretive = job(WS, "secretive", "Running")
    secretive["properties"]["environmentVariables"] = {"HF_TOKEN": "canary-1"}
    secretive["properties"]["command"] = "python train.py --api-key canary-2"
    return write_estate(
        tmp_path / "source",
        [*small_bodies(), secretive],
        [nodes(f"{WS}/computes/gpu", "idle", "running"), nodes(f"{WS}/computes/cpu", "preparing")],
        [
            *points(f"{WS}/onlineEndpoints/silent", "RequestsPerMinute", [0.0] * 400),
            *points(f"{WS}/onlineEndpoints/chat", "RequestsPerMinute", [1.5] * 300 + [None] * 36),
            *points(WS, "Idle Nodes", [1.0, 2.0] * 200, ClusterName="gpu"),
            *points(WS, "Idle Nodes", [0.0] * 400, ClusterName="cpu"),
        ],
        [event],
    )


def test_a_recording_passes_its_own_check(source, tmp_path):
    written = record(source, tmp_path / "one")

    assert written.complete
    assert check(tmp_path / "one") == written
    assert written.source == "simulated"
    assert written.as_of == AS_OF


def test_recording_a_recording_gives_the_same_recording(source, tmp_path):
    record(source, tmp_path / "one")

    record(tmp_path / "one", tmp_path / "two")

    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_a_recording_reads_as_what_was_recorded(source, tmp_path):
    def facts(folder: Path) -> dict[str, Any]:
        with serving(folder) as server, connected(server) as azure:
            found = estate.read(azure, AS_OF)
        assert found.complete
        return {
            name: {what: fact for what, fact in one.facts.items() if what != "owner"}
            for name, one in found.resources.items()
        }

    record(source, tmp_path / "one")

    assert facts(tmp_path / "one") == facts(source)


def test_secrets_and_persons_are_nowhere_in_it(source, tmp_path):
    record(source, tmp_path / "one")

    everything = b"".join(file.read_bytes() for file in (tmp_path / "one").rglob("*") if file.is_file())
    assert [word for word in (b"canary", b"ana@contoso.com", b"bo@contoso.com", b'"Bo"') if word in everything] == []
    assert b"HF_TOKEN" in everything


def test_the_same_recording_can_be_compared_when_the_salt_is_the_same(source, tmp_path):
    record(source, tmp_path / "one", salt=b"s")
    record(source, tmp_path / "two", salt=b"s")

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_what_was_asked_and_is_empty_differs_from_what_was_not_asked(source, tmp_path):
    record(source, tmp_path / "one")

    files = contents(tmp_path / "one")
    assert files["arm/microsoft.machinelearningservices/workspaces/serverlessendpoints.jsonl"] == []
    assert files["arm/microsoft.authorization/locks.jsonl"] == []
    assert not [name for name in files if name.startswith("charges/")]


def refuse(path: str, **more: Any) -> Json:
    return {"fault": "status", "status": 403, "code": "AuthorizationFailed", "message": "no", "path": path, **more}


@pytest.mark.parametrize(
    ("rules", "scope", "what"),
    [
        ([refuse(f"{WS}/computes\\?")], WS, queries.COMPUTES),
        ([refuse(f"{WS}/jobs\\?")], WS, queries.JOBS),
        ([refuse("/computes/gpu/listNodes")], f"{WS}/computes/gpu", queries.NODES),
        ([refuse("metrics:getBatch")], f"/subscriptions/{PROD}", queries.METRICS),
        ([refuse(f"{DEV}/providers/Microsoft.Authorization/locks")], f"/subscriptions/{DEV}", queries.LOCKS),
        ([refuse(f"{DEV}/providers/Microsoft.Insights/eventtypes")], f"/subscriptions/{DEV}", queries.ACTIVITY),
        ([refuse(f"{DEV}/providers/Microsoft.PolicyInsights")], f"/subscriptions/{DEV}", queries.POLICY_STATES),
        ([refuse("/api/retail/prices")], "/", queries.PRICES),
        ([refuse("Microsoft.ResourceGraph", body=DEV)], f"/subscriptions/{DEV}", queries.GRAPH),
    ],
    ids=["computes", "jobs", "nodes", "metrics", "locks", "activity", "policy", "prices", "subscription"],
)
def test_a_gap_is_still_a_gap_when_the_recording_is_served(source, tmp_path, rules, scope, what):
    once = record(source, tmp_path / "one", *rules)

    twice = record(tmp_path / "one", tmp_path / "two")

    def gaps(found):
        return {(gap.scope.lower(), gap.what, gap.status) for gap in found.gaps}

    assert not once.complete
    assert (scope.lower(), what, 403) in gaps(once)
    assert gaps(once) == gaps(twice)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    del one["estate.json"], two["estate.json"]
    assert one == two


def test_reading_that_fails_leaves_no_folder(source, tmp_path):
    with pytest.raises(AzureError):
        record(source, tmp_path / "one", refuse("^/subscriptions\\?"))

    assert not (tmp_path / "one").exists()


def full_disk(folder: Path) -> tuple[str, list[Gap]]:
    """A recorder of charges that finds no space."""
    raise OSError(28, "No space left on device", str(folder))


def test_a_recording_that_cannot_be_finished_is_no_estate(source, tmp_path):
    with pytest.raises(DataError, match="No space left on device") as fault:
        record(source, tmp_path / "one", charges=full_disk)

    assert "is not an estate" in fault.value.fix
    with pytest.raises(DataError, match="was not recorded to the end"):
        stamp(tmp_path / "one")


def test_a_recording_that_was_killed_can_be_made_again(source, tmp_path):
    with pytest.raises(DataError):
        record(source, tmp_path / "one", charges=full_disk)
    (tmp_path / "one" / "arm" / "left-over.jsonl").write_text('{"id": "/subscriptions/ghost"}\n')

    record(source, tmp_path / "one")

    assert not (tmp_path / "one" / "arm" / "left-over.jsonl").exists()
    assert not (tmp_path / "one" / UNFINISHED).exists()
    assert check(tmp_path / "one").complete


def test_the_stamp_is_written_last(source, tmp_path):
    seen: list[str] = []

    def look(folder: Path) -> tuple[str, list[Gap]]:
        seen.extend(str(file.relative_to(folder.parent)) for file in folder.parent.rglob("*"))
        return "USD", []

    written = record(source, tmp_path / "one", charges=look)

    assert ENDPOINTS in seen
    assert "estate.json" not in seen
    assert written.billing_currency == "USD"


def test_an_estate_is_never_overwritten(source, tmp_path):
    record(source, tmp_path / "one")
    before = contents(tmp_path / "one")

    with pytest.raises(DataError, match="already holds an estate"):
        record(source, tmp_path / "one")

    assert contents(tmp_path / "one") == before


@pytest.mark.parametrize("name", ["file", "full"])
def test_a_place_that_holds_something_else_is_left_alone(source, tmp_path, name):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("x")

    with pytest.raises(DataError, match=r"is not empty|is a file"):
        record(source, tmp_path / name)

    assert (tmp_path / "full" / "thesis.tex").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(source, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)

    with pytest.raises(DataError, match="locked"):
        record(source, tmp_path / "locked" / "one")


def test_a_recording_moved_elsewhere_is_the_same(source, tmp_path):
    record(source, tmp_path / "one")

    shutil.copytree(tmp_path / "one", tmp_path / "elsewhere")

    assert check(tmp_path / "elsewhere") == check(tmp_path / "one")
