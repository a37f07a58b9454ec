"""People in the directory: gone only where it says so itself; and the jobs of batch endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_azure import Asked, FakeAzure, Reply, StillTime, connected, error, ok

from finops.cloud import Azure
from finops.cloud.clouds import cloud_of
from finops.config.model import AzureSettings
from finops.errors import AccessDenied, AzureError

BATCH = "/graph/v1.0/$batch"
ENDPOINT = "/subscriptions/1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/batchEndpoints/e"
JOBS = f"/mferp/managementfrontend{ENDPOINT}/jobs"
GONE = {"error": {"code": "Request_ResourceNotFound", "message": "Resource 'x' does not exist."}}


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake, StillTime()) as connection:
        yield connection


def answers(*parts: tuple[int, Any]) -> Any:
    """A batch in which each request gets the next of `parts`."""

    def reply(asked: Asked) -> Reply:
        told = zip(asked.json["requests"], parts, strict=True)
        return ok({"responses": [{"id": one["id"], "status": part[0], "body": part[1]} for one, part in told]})

    return reply


def test_an_account_is_there_gone_or_not_known(fake, azure):
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    fake.on("POST", BATCH, answers((200, {"id": "a"}), (404, GONE), (403, denied)))

    found = azure.users(["a", "b", "c"])

    assert (found["a"], found["b"]) == ({"id": "a"}, None)
    assert isinstance(found["c"], AccessDenied)
    assert "User.Read.All" in found["c"].fix


@pytest.mark.parametrize("code", ["ResourceNotFound", "", "BadRequest"])
def test_a_404_that_does_not_speak_of_the_account_is_not_its_end(fake, azure, code):
    fake.on("POST", BATCH, answers((404, {"error": {"code": code, "message": "x"}})))

    assert isinstance(azure.users(["a"])["a"], AzureError)


def test_an_account_that_was_throttled_in_a_batch_is_asked_for_by_itself(fake, azure):
    fake.on("POST", BATCH, answers((429, {"error": {"code": "TooManyRequests", "message": "x"}})))
    fake.on("GET", "/graph/v1.0/users/a", ok({"id": "a"}))

    assert azure.users(["a"]) == {"a": {"id": "a"}}


def test_an_account_that_the_batch_leaves_out_is_not_known(fake, azure):
    fake.on("POST", BATCH, ok({"responses": []}))

    assert isinstance(azure.users(["a"])["a"], AzureError)


def test_accounts_are_asked_for_twenty_at_a_time(fake, azure):
    fake.on("POST", BATCH, lambda asked: answers(*[(200, {"id": "x"})] * len(asked.json["requests"]))(asked))

    found = azure.users([str(number) for number in range(41)])

    assert (len(found), fake.count("POST", BATCH)) == (41, 3)


def test_a_strange_name_stays_within_its_own_request(fake, azure):
    fake.on("POST", BATCH, answers((404, GONE)))

    azure.users(["../me?$expand=manager"])

    assert fake.asked[0].json["requests"][0]["url"].startswith("/users/..%2Fme%3F%24expand%3Dmanager?$select=")


def test_a_directory_that_refuses_the_login_does_not_end_the_reading(fake, azure):
    fake.on("POST", BATCH, error(401, "InvalidAuthenticationToken"))

    with pytest.raises(AzureError) as caught:
        azure.users(["a"])

    assert type(caught.value) is AzureError


def test_batch_jobs_come_from_amls_own_api_page_by_page(fake, azure):
    fake.on("GET", JOBS, ok({"value": [{"name": "a"}], "nextLink": f"{{url}}{JOBS}/more"}))
    fake.on("GET", f"{JOBS}/more", ok({"value": [{"name": "b"}]}))

    assert [job["name"] for job in azure.batch_jobs(ENDPOINT, "westeurope")] == ["a", "b"]
    assert fake.asked[0].query == "api-version=2020-09-01-dataplanepreview"


@pytest.mark.parametrize("odd", ["/subscriptions/1", f"{ENDPOINT}?x=1", f"https://evil{ENDPOINT}", ""])
def test_what_is_no_id_of_an_endpoint_is_not_asked_for(fake, azure, odd):
    with pytest.raises(AzureError):
        list(azure.batch_jobs(odd, "westeurope"))

    assert fake.asked == []


@pytest.mark.parametrize("cloud", ["public", "usgovernment", "china"])
def test_each_cloud_allows_its_own_graph_and_aml_and_no_others(cloud):
    ours = cloud_of(AzureSettings(cloud=cloud))

    assert ours.allows(f"{ours.directory}/v1.0/users/a")
    assert ours.allows(f"{ours.learning('westeurope')}/mferp")
    assert not ours.allows("https://graph.example.com/v1.0/users/a")
    assert not ours.allows(f"https://evil.westeurope.{ours.learning_suffix}/mferp")
    assert not ours.allows(f"http://westeurope.{ours.learning_suffix}/mferp")
