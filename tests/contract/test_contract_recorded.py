"""Estates put together from real recordings are served, and read back as they were recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import assemble
import pytest
from contract_drive import Driver
from wire_clients import AllowHttp, Clients, Token

from finops.simulator import Served, serving

C7N = "ea42f556-5106-4743-99b0-c129bfa71a47"
ML = "00000000-0000-0000-0000-000000000"
FOLDERS = (
    "azure_ai_ml", "azure_sdk_azure_mgmt_containerregistry", "azure_sdk_azure_mgmt_monitor",
    "azure_sdk_azure_mgmt_resource", "c7n",
)  # fmt: skip
COSTS = "azure_cli_ext_cost_query"


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> dict[str, dict[str, Any]]:
    """Every recorded resource by its id in lower case."""
    return assemble.resources(assemble.interactions(shared_data / "recorded", *FOLDERS))


@pytest.fixture(scope="module")
def folder(recorded: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    bodies = [*recorded.values(), *assemble.parents(recorded).values()]
    return assemble.estate(tmp_path_factory.mktemp("recorded"), bodies, datetime(2023, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder) as server:
        yield server


def test_every_recorded_resource_comes_back_as_it_was(folder: Path, recorded: dict[str, dict[str, Any]]):
    with Driver(folder) as driver:
        answers = {key: driver.ask("GET", body["id"]) for key, body in recorded.items()}

    different = [key for key, answer in answers.items() if answer.body != recorded[key]]
    assert len(recorded) > 300
    assert different == []


@pytest.mark.parametrize("subscription", [C7N, ML])
def test_the_resource_client_lists_what_was_recorded(served: Served, recorded: dict[str, dict[str, Any]], subscription):
    prefix = f"/subscriptions/{subscription}/"
    top = [key for key in recorded if key.startswith(prefix) and key.rpartition("/providers/")[2].count("/") == 2]
    azure = Clients(served, subscription)

    listed = {one.id.lower() for one in azure.resources.resources.list()}

    expected = {
        key for key in top if "/resourcegroups/" in key and key.count("/providers/") == 1 and "/locks/" not in key
    }
    azure.close()
    assert expected
    assert expected <= listed


def test_the_subscription_and_lock_clients_read_the_recording(served: Served, recorded: dict[str, dict[str, Any]]):
    azure = Clients(served, C7N)

    names = {one.subscription_id for one in azure.subscriptions.subscriptions.list()}
    locks = {one.id.lower() for one in azure.locks.management_locks.list_at_subscription_level()}

    azure.close()
    assert {C7N, ML} <= names
    assert locks == {key for key in recorded if key.startswith(f"/subscriptions/{C7N}/") and "/locks/" in key}


@pytest.mark.filterwarnings("ignore")  # azure-ai-ml warns of its own deprecations while it is imported
def test_the_ml_client_reads_recorded_workspaces_computes_and_endpoints(served: Served, recorded: dict[str, Any]):
    from azure.ai.ml import MLClient

    metadata = dict.fromkeys(
        ("azure_portal", "active_directory", "aml_resource_id", "storage_endpoint", "registry_discovery_endpoint"),
        served.url,
    )
    client = MLClient(
        Token(), ML, "00000", "00000", cloud=f"recorded-{served.url.rpartition(':')[2]}",
        cloud_metadata={**metadata, "resource_manager": f"{served.url}/"},
        per_call_policies=[AllowHttp()], show_progress=False, enable_telemetry=False,
    )  # fmt: skip
    here = f"/subscriptions/{ML}/resourcegroups/00000/providers/microsoft.machinelearningservices/workspaces/00000/"

    seen = {
        "computes": {one.name for one in client.compute.list()},
        "batchendpoints": {one.name for one in client.batch_endpoints.list()},
        "jobs": {one.name for one in client.jobs.list(list_view_type="All")},
        "datastores": {one.name for one in client.datastores.list()},
    }

    for kind, names in seen.items():
        known = {
            key.rpartition("/")[2] for key in recorded if key.startswith(f"{here}{kind}/") and key.count("/") == 10
        }
        assert {name.lower() for name in names} == known, kind
    assert "00000" in {one.name for one in client.workspaces.list()}


def asked_again(folder: Path, each: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    """The answer to a recorded request in an estate whose charges are `rows`, at the hour of the recording."""
    url = urlparse(each["uri"])
    subscription = "/" + "/".join(url.path.split("/")[1:3])
    body = {"id": subscription, "subscriptionId": subscription.rpartition("/")[2], "displayName": "recorded"}
    assemble.estate(folder, [body], parsedate_to_datetime(each["headers"]["date"]), rows)
    with Driver(folder) as driver:
        return driver.ask("POST", url.path, each["request_body"], parse_qs(url.query)["api-version"][0])


@pytest.mark.parametrize(
    "file", ["test_data_aggregation_in_subscription_scope", "test_data_grouping_in_subscription_scopde"]
)
def test_a_recorded_cost_answer_comes_back_for_the_recorded_question(tmp_path: Path, shared_data: Path, file: str):
    """Columns, rows, their order and their amounts."""
    each = json.loads((shared_data / "recorded" / COSTS / f"{file}.json").read_text("utf-8"))["interactions"][0]
    subscription = "/" + "/".join(urlparse(each["uri"]).path.split("/")[1:3])

    answer = asked_again(tmp_path, each, assemble.charges(subscription, each["body"]))

    told, expected = answer.body["properties"], each["body"]["properties"]
    assert told["columns"] == expected["columns"]
    assert told["rows"] == expected["rows"]
    assert set(answer.body) == set(each["body"])
    assert sum(Decimal(str(row[0])) for row in told["rows"]) == sum(Decimal(str(row[0])) for row in expected["rows"])


def test_recorded_timeframes_cover_the_recorded_days(tmp_path: Path, shared_data: Path):
    """Fifteen questions without an aggregation: three types, five timeframes, asked on a Saturday in May 2020."""
    file = shared_data / "recorded" / COSTS / "test_cm_query_in_subscription_scope.json"
    asked = json.loads(file.read_text("utf-8"))["interactions"]
    days = {"properties": {"columns": [{"name": "UsageDate"}, {"name": "Currency"}], "rows": []}}
    days["properties"]["rows"] = [[20200400 + day, "USD"] for day in range(1, 31)]
    days["properties"]["rows"] += [[20200500 + day, "USD"] for day in range(1, 32)]
    subscription = "/" + "/".join(urlparse(asked[0]["uri"]).path.split("/")[1:3])

    for number, each in enumerate(asked):
        answer = asked_again(tmp_path / str(number), each, assemble.charges(subscription, days))

        assert answer.body["properties"] == each["body"]["properties"], each["request_body"]
    assert len(asked) == 15
