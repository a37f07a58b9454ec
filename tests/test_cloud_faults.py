"""Azure's refusals are read in all their shapes, and each says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_azure import FakeAzure, Reply, connected, error

from finops.cloud import Azure
from finops.cloud.faults import printable, read_fault
from finops.cloud.permissions import needed_action
from finops.errors import AccessDenied, AzureError, NotFound, TemporaryError

THING = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c"


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "A", "message": "m"}}, "A", "m"),
        ({"code": "A", "message": "m"}, "A", "m"),
        ({"Code": "A", "Message": "m"}, "A", "m"),
        ({"errors": [{"code": "A", "message": "m"}]}, "A", "m"),
        ({"odata.error": {"code": "A", "message": {"lang": "en", "value": "m"}}}, "A", "m"),
        ({"error": "invalid_grant", "error_description": "m"}, "invalid_grant", "m"),
        ({"error": {"code": "A", "message": "m", "details": [{"code": "B", "message": "n"}]}}, "A", "m B: n"),
        (json.dumps({"error": {"code": "A", "message": "m"}}), "A", "m"),
        ({"error": {"code": "X", "message": json.dumps({"error": {"code": "A", "message": "m"}})}}, "A", "m"),
        ({"code": "A", "message": None}, "A", ""),
        (b"<?xml version='1.0'?><Error><Code>A</Code><Message>m &amp; n</Message></Error>", "A", "m & n"),
        (b"\xef\xbb\xbf" + b'{"code": "A", "message": "m"}', "A", "m"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "", "a web page titled '502 Bad Gateway'"),
        (b"404 page not found\n", "", "404 page not found"),
        (b"", "", ""),
        ([1, 2], "", "[1, 2]"),
        (b'{"error": {"code": ', "", '{"error": {"code":'),
    ],
)
def test_the_shapes_of_a_refusal(body: Any, code: str, message: str):
    fault = read_fault(body if isinstance(body, bytes) else json.dumps(body).encode())

    assert (fault.code, fault.message) == (code, message)


def test_every_recorded_error_body_is_read(shared_data: Path):
    recorded = json.loads((shared_data / "recorded" / "ERROR_BODIES.json").read_text("utf-8"))
    codes = []
    for one in recorded:
        body = one["body"]
        fault = read_fault(
            b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        codes.append((one["code"], fault.code))

    assert len(recorded) == 30
    assert [pair for pair in codes if pair[0] and pair[0] != pair[1]] == []
    assert sum(1 for said, read in codes if not said and not read) == 2  # a HEAD without body, and plain text


def test_a_refused_permission_is_named_as_azure_names_it(fake: FakeAzure, azure: Azure):
    said = (
        "The client 'a' with object id 'b' does not have authorization to perform action "
        "'Microsoft.MachineLearningServices/workspaces/computes/read' over scope '/subscriptions/s1' or it is invalid."
    )
    fake.on("GET", THING, error(403, "AuthorizationFailed", said))

    with pytest.raises(AccessDenied) as denied:
        azure.get(THING, "1")

    assert "Microsoft.MachineLearningServices/workspaces/computes/read at /subscriptions/s1." in denied.value.fix


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/subscriptions", "Microsoft.Resources/subscriptions/read"),
        ("GET", "/subscriptions/s/resourcegroups", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("GET", THING, "Microsoft.MachineLearningServices/workspaces/computes/read"),
        ("GET", THING.rpartition("/")[0], "Microsoft.MachineLearningServices/workspaces/computes/read"),
        ("DELETE", THING, "Microsoft.MachineLearningServices/workspaces/computes/delete"),
        ("PATCH", THING, "Microsoft.MachineLearningServices/workspaces/computes/write"),
        ("POST", f"{THING}/stop", "Microsoft.MachineLearningServices/workspaces/computes/stop/action"),
        ("POST", "/subscriptions/s/providers/Microsoft.CostManagement/query", "Microsoft.CostManagement/query/action"),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", "Microsoft.ResourceGraph/resources/read"),
        (
            "POST",
            "/subscriptions/s/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults",
            "Microsoft.PolicyInsights/policyStates/queryResults/action",
        ),
        ("POST", "/subscriptions/s/metrics:getBatch", "Microsoft.Insights/metrics/read (Monitoring Reader)"),
    ],
)
def test_a_permission_that_azure_does_not_name_is_derived(method: str, path: str, action: str):
    assert needed_action(method, path) == action


def test_a_denial_by_policy_does_not_advise_to_grant_anything(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, error(403, "RequestDisallowedByPolicy", "Resource 'c' was disallowed by policy."))

    with pytest.raises(AzureError) as denied:
        azure.put(THING, "1", {})

    assert not isinstance(denied.value, AccessDenied)
    assert "exemption" in denied.value.fix


@pytest.mark.parametrize(
    "reply", [Reply(404, b"<html><title>Not here</title></html>"), Reply(404, b""), Reply(404, b"page not found")]
)
def test_a_404_that_does_not_come_from_azure_proves_no_absence(fake: FakeAzure, azure: Azure, reply: Reply):
    fake.on("GET", THING, reply)

    with pytest.raises(AzureError) as refused:
        azure.get(THING, "1")

    assert not isinstance(refused.value, NotFound)


@pytest.mark.parametrize("code", ["InvalidResourceType", "NoRegisteredProviderFound"])
def test_a_404_about_the_address_proves_no_absence(fake: FakeAzure, azure: Azure, code: str):
    fake.on("GET", THING, error(404, code))

    with pytest.raises(AzureError) as refused:
        azure.get(THING, "1")

    assert not isinstance(refused.value, NotFound)


@pytest.mark.parametrize(
    "code", ["ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "UserError", "404"]
)
def test_azures_own_404_is_not_found(fake: FakeAzure, azure: Azure, code: str):
    fake.on("GET", THING, error(404, code))

    with pytest.raises(NotFound) as refused:
        azure.get(THING, "1")

    assert (refused.value.status, refused.value.code) == (404, code)


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (409, "ScopeLocked", "Locks are never removed"),
        (412, "PreconditionFailed", "Read it again"),
        (400, "InvalidQuery", "Mend what Azure names"),
        (409, "Conflict", "Mend what Azure names"),
    ],
)
def test_other_refusals_say_what_to_do(fake: FakeAzure, azure: Azure, status: int, code: str, advice: str):
    fake.on("PUT", THING, error(status, code))

    with pytest.raises(AzureError, match=advice) as refused:
        azure.put(THING, "1", {})

    assert (refused.value.status, refused.value.code, refused.value.exit_code) == (status, code, 1)


def test_a_server_error_names_the_request_that_support_can_look_up(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, Reply(500, {"error": {"code": "Oops", "message": "m"}}, {"x-ms-request-id": "r-1"}))

    with pytest.raises(TemporaryError, match="request r-1"):
        azure.get(THING, "1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\x1b[31m", "a b [31m"),
        ("https://a/b?sig=abc%2F&se=1", "https://a/b?sig=(hidden)&se=1"),
        ("Bearer eyJhbGciOi.x.y failed", "(hidden) failed"),
        ("AccountKey=abc==;x", "AccountKey=(hidden);x"),
        ("x" * 700, "x" * 597 + "..."),
    ],
)
def test_what_is_printed_is_one_clean_line(text: str, shown: str):
    assert printable(text) == shown
