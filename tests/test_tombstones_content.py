"""What a tombstone holds of a resource, what it leaves out, and when two bodies say the same."""

from __future__ import annotations

from typing import Any

import pytest

from finops.tombstones import compare, sent
from finops.tombstones.secrets import without_secrets

Json = dict[str, Any]
ENDPOINT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e"
)


def body(**properties: Any) -> Json:
    return {
        "id": ENDPOINT, "name": "e", "type": "t", "location": "eastus", "tags": {"team": "OCR"}, "etag": "1",
        "identity": {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
        "systemData": {"createdAt": "2026-01-01"},
        "properties": {"authMode": "Key", "provisioningState": "Succeeded", "scoringUri": "https://x", **properties},
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["API_KEY", "openai-key", "DB_PASSWORD", "storageConnectionString", "HF_TOKEN", "clientSecret"],
)
def test_a_variable_that_may_be_a_secret_is_named_and_not_kept(name: str):
    clean, lost = without_secrets(body(environmentVariables={name: "hunter2", "MODE": "fast"}))

    assert clean["properties"]["environmentVariables"] == {"MODE": "fast"}
    assert "hunter2" not in str(clean)
    assert [name in said for said in lost] == [True]


@pytest.mark.parametrize(
    "value",
    [
        "https://x.blob.core.windows.net/c?sv=1&sig=abcdef", "AccountName=x;AccountKey=abc==", "https://u:pw@host/db",
        "eyJhbGciOi.eyJzdWIi.c2ln",
    ],
)  # fmt: skip
def test_a_value_that_holds_a_secret_is_not_kept_either(value: str):
    clean, lost = without_secrets(body(environmentVariables={"WHERE": value}))

    assert clean["properties"]["environmentVariables"] == {}
    assert len(lost) == 1


def test_keys_and_passwords_are_not_kept():
    found = body(keys={"primaryKey": "k1", "secondaryKey": "k2"})
    found["properties"]["properties"] = {"userAccountCredentials": {"adminUserName": "a", "adminUserPassword": "pw"}}

    clean, lost = without_secrets(found)

    assert "k1" not in str(clean)
    assert "pw" not in str(clean)
    assert len(lost) == 3


def test_the_body_that_was_read_is_not_changed():
    found = body(environmentVariables={"API_KEY": "x"})

    without_secrets(found)

    assert found["properties"]["environmentVariables"] == {"API_KEY": "x"}


def test_what_azure_only_tells_is_not_sent():
    assert sent("endpoint", body(description=None)) == {
        "location": "eastus", "tags": {"team": "OCR"}, "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key"},
    }  # fmt: skip


def test_identities_are_sent_by_their_ids():
    found = body()
    found["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {"/sub/i": {"principalId": "p"}}}

    assert sent("endpoint", found)["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/sub/i": {}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"vmSize": "STANDARD_DS3_V2"}, {"vmSize": "Standard_DS3_v2"}),
        ({"idle": "PT120S"}, {"idle": "PT2M"}),
        ({"at": "East US"}, {"at": "eastus"}),
        ({"model": "/subscriptions/S/x"}, {"model": "/subscriptions/s/X"}),
        ({"subnet": None, "tags": {}, "list": []}, {}),
        ({"scoringUri": "https://1"}, {"scoringUri": "https://2"}),
    ],
)
def test_what_azure_takes_for_the_same_is_equal(before: Json, after: Json):
    assert compare("endpoint", ENDPOINT, body(**before), body(**after)).same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"description": "For OCR"}, {"description": "for ocr"}),
        ({"environmentVariables": {"MODE": "Fast"}}, {"environmentVariables": {"MODE": "fast"}}),
        ({"traffic": {"blue": 100}}, {"traffic": {"blue": 0}}),
        ({"traffic": {"blue": 100}}, {}),
        ({"on": True}, {"on": 1}),
        ({"authMode": "Key"}, {"authMode": "AMLToken"}),
        ({"list": [1, 2]}, {"list": [2, 1]}),
        ({}, {"new": "x"}),
        ({}, {"provisioningState": "Failed"}),
    ],
)
def test_what_people_would_call_different_differs(before: Json, after: Json):
    found = compare("endpoint", ENDPOINT, body(**before), body(**after))

    assert found.different


def test_tags_are_compared_letter_by_letter():
    changed = body()
    changed["tags"] = {"team": "ocr"}

    found = compare("endpoint", ENDPOINT, body(), changed)

    assert found.different == (("tags.team", "OCR", "ocr"),)


def test_what_is_not_there_differs():
    assert compare("endpoint", ENDPOINT, body(), None).different == ((ENDPOINT, "there", "gone"),)
