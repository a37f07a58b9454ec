"""Blobs that jobs, schedules and deployments still read: found from their addresses, and named where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from estates import AML, AS_OF, PROD, Json, endpoint, group, job, subscription, workspace, workspace_id, write_estate
from fake_azure import StillTime

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.estate import Estate, Gap, Resource, queries
from finops.simulator import serving
from finops.tiering import Account
from finops.tiering.readers import Assets, Readers, assets, readers

WS = workspace_id("ml-prod")
GUID = "abcdef00-0000-0000-0000-000000000007"
MLDATA = Account(
    id="/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/mldata",
    name="mldata",
    subscription="s",
    region="westeurope",
    redundancy="LRS",
    kind="StorageV2",
    hns=False,
    default_tier="Hot",
)
STORE = {
    "id": f"{WS}/datastores/sets",
    "properties": {"datastoreType": "AzureBlob", "accountName": "mldata", "containerName": "datasets"},
}
CIFAR = {"id": f"{WS}/data/cifar/versions/3", "properties": {"dataUri": "azureml://datastores/sets/paths/cifar/v3/"}}
MODEL = {
    "id": f"{WS}/models/chat/versions/1",
    "properties": {"modelUri": "azureml://datastores/sets/paths/models/chat"},
}


def home() -> Json:
    body = workspace(WS)
    storage = f"{WS.partition('/providers/')[0]}/providers/Microsoft.Storage/storageAccounts/mldata"
    return body | {"properties": body["properties"] | {"workspaceId": GUID, "storageAccount": storage}}


def reading(uri: Any, **more: Any) -> Json:
    body = job(WS, "train")
    return body | {
        "properties": body["properties"] | {"inputs": {"data": {"jobInputType": "uri_folder", "uri": uri}}} | more
    }


def found(*bodies: Json, gaps: tuple[Gap, ...] = (), known: tuple[Json, ...] = (STORE, CIFAR, MODEL)) -> Readers:
    resources = {body["id"].lower(): Resource(body["id"].lower(), body) for body in (home(), *bodies)}
    return readers(Estate(AS_OF, resources, gaps, jobs_since={WS.lower(): AS_OF}), MLDATA, Assets(known))


def places(read: Readers) -> list[tuple[str, str]]:
    return [(each.container, each.prefix) for each in read.protected]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("https://mldata.blob.core.windows.net/datasets/imagenet/train/", ("datasets", "imagenet/train/")),
        ("https://mldata.z01.blob.storage.azure.net/datasets/a.csv?sv=1&sig=x", ("datasets", "a.csv")),
        ("https://mldata.dfs.core.windows.net/datasets", ("datasets", "")),
        ("wasbs://datasets@mldata.blob.core.windows.net/imagenet/", ("datasets", "imagenet/")),
        ("abfss://datasets@mldata.dfs.core.windows.net/imagenet/*.jpg", ("datasets", "imagenet/")),
        ("azureml://datastores/sets/paths/imagenet/", ("datasets", "imagenet/")),
        ("azureml://datastores/sets/paths/", ("datasets", "")),
        ("azureml://datastores/sets", ("datasets", "")),
        (
            "azureml://datastores/workspaceblobstore/paths/LocalUpload/x/",
            (f"azureml-blobstore-{GUID}", "LocalUpload/x/"),
        ),
        (f"azureml:/{WS}/datastores/sets/paths/x", ("datasets", "x")),
        (f"azureml://subscriptions/1/resourcegroups/2/workspaces/{GUID}/datastores/sets/paths/x", ("datasets", "x")),
        ("azureml:cifar:3", ("datasets", "cifar/v3/")),
        (f"azureml:{WS}/data/cifar/versions/3", ("datasets", "cifar/v3/")),
        (f"azureml://locations/westeurope/workspaces/{GUID}/data/cifar/versions/3", ("datasets", "cifar/v3/")),
        (f"{WS}/models/chat/versions/1", ("datasets", "models/chat")),
    ],
)
def test_an_address_leads_to_container_and_prefix(uri: str, place: tuple[str, str]):
    read = found(reading(uri))

    assert places(read) == [place]
    assert read.unresolved == ()


def test_it_is_said_what_reads_and_by_which_id():
    [protected] = found(reading("azureml:cifar:3")).protected

    assert (protected.reason, protected.source) == ("job train reads it", f"{WS}/jobs/train".lower())


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.blob.core.windows.net/datasets/imagenet/",
        "https://example.com/imagenet.zip",
        "azureml://registries/azureml/data/cifar/versions/3",
        "imagenet/train",
        None,
        7,
    ],
)
def test_what_lies_elsewhere_protects_nothing_here(uri: Any):
    assert found(reading(uri)) == Readers((), ())


def test_what_a_job_writes_is_not_read():
    body = reading(None, outputs={"model": {"uri": "azureml://datastores/sets/paths/out/"}})

    assert places(found(body)) == []


def test_inputs_of_steps_are_found_however_deep():
    steps = {"prep": {"inputs": {"raw": {"uri": "azureml://datastores/sets/paths/raw/"}}}}

    assert places(found(reading(None, jobs=steps))) == [("datasets", "raw/")]


@pytest.mark.parametrize(("on", "count"), [(True, 1), (False, 0)])
def test_a_schedule_reads_while_it_is_on(on: bool, count: int):
    action = {"jobDefinition": {"inputs": {"d": {"uri": "azureml:cifar:3"}}}}
    schedule = {"id": f"{WS}/schedules/nightly", "name": "nightly", "properties": {"isEnabled": on, "action": action}}

    assert len(found(schedule).protected) == count


def test_a_deployment_reads_its_model():
    chat = endpoint(WS, "chat")["id"]
    blue = {"id": f"{chat}/deployments/blue", "name": "blue", "properties": {"model": "azureml:chat:1"}}

    assert places(found(blue)) == [("datasets", "models/chat")]


def test_an_environment_is_no_data():
    assert found(reading(None, environmentId="azureml:cifar:3")) == Readers((), ())


def test_what_cannot_be_resolved_is_named():
    read = found(reading("azureml://datastores/lake/paths/x/"), reading("azureml:gone:1") | {"id": f"{WS}/jobs/other"})

    assert [line.partition(", and ")[2] for line in read.unresolved] == [
        "data/gone/versions/1 could not be read.",
        "the datastore lake could not be read.",
    ]


GONE = tuple({"id": f"{WS}/{kind}/gone/versions/1", "properties": {}} for kind in ("data", "models"))


def test_an_asset_that_is_gone_holds_nothing_for_a_job_that_is_over():
    assert found(reading("azureml:gone:1"), known=GONE) == Readers((), ())


@pytest.mark.parametrize("uri", ["azureml:gone:1", GONE[0]["id"]])
def test_where_an_asset_of_a_job_that_runs_is_not_there_it_may_read_anything(uri: str):
    read = found(reading(uri, status="Running"), known=GONE)

    assert read.unresolved == (
        f"job train reads {uri}, and neither data nor a model with an address is there under that name.",
    )


@pytest.mark.parametrize("label", ["latest", "gold"])
def test_a_label_whose_versions_are_not_known_may_be_any_data(label: str):
    read = found(reading(f"azureml:cifar@{label}"))

    assert read.unresolved == (
        f"job train reads azureml:cifar@{label}, and which version '{label}' means cannot be told.",
    )


@pytest.mark.parametrize(
    "uri",
    [
        "https://mldata.blob.core.windows.net/datasets/my%20data/x/",
        "abfss://datasets@mldata.dfs.core.windows.net/my%20data/x/",
        "azureml://datastores/sets/paths/my%20data/x/",
    ],
)
def test_a_path_that_is_percent_encoded_protects_the_name_that_the_blobs_have(uri: str):
    assert places(found(reading(uri))) == [("datasets", "my data/x/"), ("datasets", "my%20data/x/")]


def test_an_asset_that_names_itself_ends():
    loop = {"id": f"{WS}/data/loop/versions/1", "properties": {"dataUri": f"{WS}/data/loop/versions/1"}}

    assert found(reading("azureml:loop:1"), known=(loop,)) == Readers((), ())


def test_jobs_that_could_not_be_read_may_read_anything():
    read = found(gaps=(Gap(WS, queries.JOBS, "access denied", 403),))

    assert read.unresolved == (f"{queries.JOBS} of {WS} could not be read: access denied.",)


def test_over_the_wire_datastores_and_named_assets_are_asked_for(tmp_path: Path):
    """The data asset is named by a job, so it is read by its id; the one that is gone has no address."""
    bodies = [
        subscription(PROD, "Contoso ML"),
        group(PROD, "rg-ml"),
        home(),
        reading("azureml:cifar:3"),
        reading("azureml:gone:1") | {"id": f"{WS}/jobs/other", "name": "other"},
        {**STORE, "name": "sets", "type": f"{AML}/datastores"},
        {"id": f"{WS}/data/cifar", "name": "cifar", "type": f"{AML}/data", "properties": {"dataType": "uri_folder"}},
        {**CIFAR, "name": "3", "type": f"{AML}/data/versions"},
    ]
    folder = write_estate(tmp_path / "estate", bodies)

    with serving(folder) as server, connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure:
        there = estate.read(azure, AS_OF)
        read = readers(there, MLDATA, assets(azure, there))

    assert places(read) == [("datasets", "cifar/v3/")]
    assert read.unresolved == ()


def table(*paths: str) -> Json:
    properties = {"dataType": "mltable", "dataUri": "azureml://datastores/sets/paths/tables/t1/"}
    return {
        "id": f"{WS}/data/t1/versions/1",
        "properties": properties | ({"referencedUris": [*paths]} if paths else {}),
    }


def test_what_an_mltable_names_elsewhere_is_read_too():
    far = "https://mldata.blob.core.windows.net/raw/frames/*.parquet"

    read = found(reading("azureml:t1:1", status="Running"), known=(STORE, table("./part-*.csv", far)))

    assert (places(read), read.unresolved) == ([("datasets", "tables/t1/"), ("raw", "frames/")], ())


DIRECT = {"data": {"jobInputType": "mltable", "uri": "azureml://datastores/sets/paths/tables/t1/"}}


@pytest.mark.parametrize(
    ("job", "known"),
    [
        (reading("azureml:t1:1", status="Running"), table()),
        (reading("azureml:t1:1", status="Running"), table("../../raw/x.csv")),
        (reading("", status="Running", inputs=DIRECT), table()),
    ],
)
def test_an_mltable_of_which_nobody_tells_the_paths_may_name_any(job: Json, known: Json):
    read = found(job, known=(STORE, known))

    assert places(read) == [("datasets", "tables/t1/")]
    assert len(read.unresolved) == 1
    assert "an MLTable, and which paths its file names cannot be told" in read.unresolved[0]


def test_an_mltable_of_a_job_that_is_over_holds_its_folder():
    read = found(reading("azureml:t1:1", status="Completed"), known=(STORE, table()))

    assert (places(read), read.unresolved) == ([("datasets", "tables/t1/")], ())


@pytest.mark.parametrize("written", ["azureml:cifar@latest", f"azureml:{WS}/data/cifar/labels/latest"])
def test_over_the_wire_the_latest_version_is_the_one_that_was_made_last(tmp_path: Path, written: str):
    bodies = [
        subscription(PROD, "Contoso ML"),
        group(PROD, "rg-ml"),
        home(),
        reading(written),
        {**STORE, "name": "sets", "type": f"{AML}/datastores"},
        {"id": f"{WS}/data/cifar", "name": "cifar", "type": f"{AML}/data", "properties": {"dataType": "uri_folder"}},
        *(
            {
                "id": f"{WS}/data/cifar/versions/{number}",
                "name": number,
                "type": f"{AML}/data/versions",
                "systemData": {"createdAt": f"2026-0{month}-01T00:00:00Z"},
                "properties": {"dataUri": f"azureml://datastores/sets/paths/cifar/v{number}/"},
            }
            for number, month in (("9", 1), ("10", 3), ("2", 2))
        ),
    ]
    folder = write_estate(tmp_path / "estate", bodies)

    with serving(folder) as server, connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure:
        there = estate.read(azure, AS_OF)
        read = readers(there, MLDATA, assets(azure, there))

    assert (places(read), read.unresolved) == ([("datasets", "cifar/v10/")], ())


def test_jobs_that_nobody_asked_for_may_read_anything():
    resources = {WS.lower(): Resource(WS.lower(), home())}

    assert readers(Estate(AS_OF, resources), MLDATA, Assets()).unresolved == (
        "The jobs of ml-prod were not asked for.",
    )


def test_over_the_wire_lists_that_are_refused_are_named(tmp_path: Path):
    folder = write_estate(tmp_path / "estate", [subscription(PROD, "Contoso ML"), group(PROD, "rg-ml"), home()])
    refused = [
        {"fault": "status", "status": 403, "code": "AuthorizationFailed", "message": "No.", "path": f"/{what}[?]"}
        for what in ("datastores", "schedules")
    ]

    with (
        serving(folder, faults=refused) as server,
        connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure,
    ):
        read = assets(azure, estate.read(azure, AS_OF))

    assert [line.partition(" could not be read")[0] for line in read.gaps] == [
        "The datastores of ml-prod",
        "The schedules of ml-prod",
    ]
