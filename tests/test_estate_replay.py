"""What the facts about waste stand on is recorded and replayed; what a recording never asked for is unknown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from estates import AML, ANA, AS_OF, Json, endpoint, instance, job, points, small_bodies, workspace_id, write_estate
from fake_azure import StillTime

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.estate import Estate, Known, Unknown, stamp
from finops.simulator import serving

WS = workspace_id("ml-prod")
BATCH = f"{WS}/batchEndpoints/score"
GPU = f"{WS}/computes/gpu"
CI = f"{WS}/computes/ci-gone"
VERSION = f"{WS}/environments/sklearn/versions/1"
NIGHTLY = f"{WS}/schedules/nightly"
LEFT = "bbbbbbbb-0000-0000-0000-000000000002"


def made(resource_id: str, kind: str, days_ago: int = 40, **properties: Any) -> Json:
    signed = {"createdAt": (AS_OF - timedelta(days=days_ago)).isoformat(), "createdBy": "ana@contoso.com"}
    return {"id": resource_id, "name": resource_id.rpartition("/")[2], "type": kind, "location": "eastus",
            "systemData": {**signed, "createdByType": "User"}, "properties": properties}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An estate in which every fact that needs a list of its own has something to tell."""
    gone = instance(WS, "ci-gone")
    gone["properties"]["properties"] |= {
        "personalComputeInstanceSettings": {"assignedUser": {"objectId": LEFT}},
        "lastOperation": {"operationName": "Start", "operationTime": "2026-11-01T08:00:00Z"},
    }
    trained = job(WS, "trained", hours_ago=24 * 50)
    trained["properties"] |= {"jobs": {"train": {"componentId": f"{WS}/components/train/versions/1"}}}
    del trained["properties"]["environmentId"]
    component = made(f"{WS}/components/train/versions/1", f"{AML}/components/versions")
    component["properties"] = {"componentSpec": {"environment": f"azureml:{VERSION}"}}
    action = {"actionType": "CreateJob", "jobDefinition": {"computeId": f"{WS}/computes/gone", "jobType": "Command"}}
    calls = made(f"{BATCH}/jobs/call", f"{AML}/batchEndpoints/jobs", 33, status="Completed")
    schedule = made(NIGHTLY, f"{AML}/schedules", isEnabled=True, action=action)
    load = points(WS, "CpuUtilizationPercentage", [2.0] * 168, ComputeName="ci-gone")
    quiet = points(f"{WS}/onlineEndpoints/chat", "RequestsPerMinute", [0.0] * 720)
    idle = points(WS, "Idle Nodes", [2.0] * 168, ClusterName="gpu")
    bodies = [one for one in small_bodies() if "/jobs/" not in one["id"] and not one["id"].endswith("/versions/2")]
    container = made(f"{WS}/components/train", f"{AML}/components")
    bodies += [gone, trained, container, component, calls, schedule]
    return write_estate(tmp_path / "source", bodies, [], [*load, *quiet, *idle], accounts=[ANA])


FACTS = {
    BATCH: "daysSinceInvoked",
    CI: "ownerExists",
    VERSION: "daysSinceUsed",
    NIGHTLY: "targetsMissing",
    GPU: "idleNodesLast7Days",
    f"{WS}/onlineEndpoints/chat": "daysWithoutRequests",
    f"{CI} ": "idleHours",
}


def read(folder: Path) -> Estate:
    """As every command reads a folder that --estate names."""
    faults = estate.faults(stamp(folder).gaps, folder)
    with (
        serving(folder, faults=faults) as server,
        connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure,
    ):
        return estate.read(azure, AS_OF, facts=estate.everything())


def record(folder: Path, target: Path, *faults: Json) -> Path:
    known = estate.faults(stamp(folder).gaps, folder)
    with (
        serving(folder, faults=[*faults, *known]) as server,
        connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure,
    ):
        estate.capture(azure, target, AS_OF)
    return target


def told(found: Estate) -> Json:
    facts = {name.strip(): fact for name, fact in FACTS.items()}
    assert len(facts) < len(FACTS)
    values: Json = {}
    for name, fact in FACTS.items():
        one = found.resources[name.strip().lower()].facts[fact]
        values[fact] = one.value if isinstance(one, Known) else f"({one.reason})"
    return values


def test_a_recording_tells_the_same_facts(source, tmp_path):
    recorded = record(source, tmp_path / "one")

    assert told(read(recorded)) == told(read(source))
    assert told(read(recorded)) == {
        "daysSinceInvoked": 33,
        "ownerExists": False,
        "daysSinceUsed": 50,
        "targetsMissing": 1,
        "idleNodesLast7Days": 2,
        "daysWithoutRequests": 30,
        "idleHours": 168,
    }


def test_recording_a_recording_keeps_who_is_gone(source, tmp_path):
    twice = record(record(source, tmp_path / "one"), tmp_path / "two")

    lines = [json.loads(line) for line in (twice / "directory.jsonl").read_text("utf-8").splitlines()]
    assert {"asked": LEFT, "id": LEFT, "gone": True} in lines
    assert told(read(twice))["ownerExists"] is False


@pytest.mark.parametrize(
    ("file", "fact"),
    [
        ("directory.jsonl", "ownerExists"),
        ("arm/microsoft.machinelearningservices/workspaces/schedules.jsonl", "daysSinceUsed"),
        ("arm/microsoft.machinelearningservices/workspaces/components/versions.jsonl", "daysSinceUsed"),
        ("arm/microsoft.machinelearningservices/workspaces/batchendpoints/jobs.jsonl", "daysSinceInvoked"),
    ],
)
def test_a_recording_without_a_file_does_not_know(source, file, fact):
    (source / file).unlink()

    found = read(source)

    reasons = [
        one.facts[fact].reason
        for one in found.resources.values()
        if isinstance(one.facts.get(fact), Unknown) and "recording has no" in one.facts[fact].reason
    ]
    assert reasons
    assert not found.complete


@pytest.mark.parametrize(
    ("path", "fact"),
    [
        (r"^/graph/", "ownerExists"),
        (r"/schedules(\?|$)", "daysSinceUsed"),
        (r"/environments/sklearn/versions(\?|$)", "targetsMissing"),
        (r"^/mferp/", "daysSinceInvoked"),
        (r"/components/train/versions/1", "daysSinceUsed"),
    ],
)
def test_what_was_refused_when_recording_is_refused_again(source, tmp_path, path, fact):
    refused = {"fault": "status", "path": path, "status": 403, "code": "AuthorizationFailed", "message": "no"}

    recorded = record(source, tmp_path / "one", refused)

    assert not stamp(recorded).complete
    facts = [one.facts[fact] for one in read(recorded).resources.values() if fact in one.facts]
    assert all(isinstance(one, Unknown) for one in facts) or fact == "targetsMissing"
    assert not read(recorded).complete


def test_an_older_recording_of_azure_does_not_know_what_happened_before_its_jobs(source):
    written = json.loads((source / "estate.json").read_text("utf-8"))
    (source / "estate.json").write_text(json.dumps({**written, "source": "azure"}), "utf-8")

    found = read(source)

    unknown = found.resources[GPU.lower()].facts["daysSinceLastJob"]
    assert isinstance(unknown, Unknown)
    assert "no jobs older than 30 days" in unknown.reason


def test_a_person_in_a_recording_is_a_pseudonym(source, tmp_path):
    mine = instance(WS, "ci-mine")
    write_estate(source.parent / "mine", [*small_bodies(), mine, endpoint(WS, "x")], accounts=[ANA])

    recorded = record(source.parent / "mine", tmp_path / "one")

    assert "ana@contoso.com" not in (recorded / "directory.jsonl").read_text("utf-8")
    owner = read(recorded).resources[mine["id"].lower()].facts["ownerExists"]
    assert owner == Known(True, AS_OF)
