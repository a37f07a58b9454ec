"""Changes are followed to their end; a failed one says Azure's reason, a lost one is found out by reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_azure import FakeAzure, Reply, StillTime, connected, error, fault, ok

from finops.cloud import Azure
from finops.errors import AzureError, NotFound, TemporaryError

THING = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c"
STATUS = "/subscriptions/s1/providers/Microsoft.MachineLearningServices/locations/eu/computeOperationsStatus/1"
RESULT = "/subscriptions/s1/operationResults/1"
TRACKED = {"Azure-AsyncOperation": "{url}" + STATUS + "?api-version=9"}
LOCATED = {"Location": "{url}" + RESULT + "?api-version=9"}
RUNNING = ok({"status": "InProgress"})
SUCCEEDED = ok({"status": "Succeeded"})
FAILED = ok({"status": "Failed", "error": {"code": "QuotaExceeded", "message": "No cores are left."}})


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def clock() -> StillTime:
    return StillTime()


@pytest.fixture
def azure(fake: FakeAzure, clock: StillTime) -> Iterator[Azure]:
    with connected(fake, clock) as gateway:
        yield gateway


@pytest.mark.parametrize("verb", ["put", "patch"])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_tracked_change_ends_with_the_resource_as_it_is(fake: FakeAzure, azure: Azure, verb: str, status: int):
    fake.on(verb.upper(), THING, Reply(status, {"properties": {"provisioningState": "Creating"}}, TRACKED))
    fake.on("GET", STATUS, RUNNING, RUNNING, SUCCEEDED)
    fake.on("GET", THING, ok({"id": "c", "properties": {"provisioningState": "Succeeded"}}))

    changed = getattr(azure, verb)(THING, "1", {"a": 1})

    assert (changed["id"], fake.count("GET", "OperationsStatus")) == ("c", 3)


@pytest.mark.parametrize("verb", ["put", "patch", "post", "delete"])
@pytest.mark.parametrize(("state", "word"), [("Failed", "Failed"), ("Canceled", "Canceled")])
def test_an_operation_that_fails_says_azures_reason(fake: FakeAzure, azure: Azure, verb: str, state: str, word: str):
    fake.on(verb.upper(), THING, Reply(202, None, TRACKED))
    fake.on(
        "GET",
        STATUS,
        RUNNING,
        ok({"status": state, "error": {"code": "QuotaExceeded", "message": "No cores are left."}}),
    )
    fake.on("GET", THING, error(404, "ResourceNotFound"))

    with pytest.raises(AzureError, match=f"ended as {word} .QuotaExceeded.: No cores are left"):
        getattr(azure, verb)(THING, "1")


def test_a_located_put_ends_with_what_the_location_holds(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, Reply(202, None, LOCATED))
    fake.on("GET", RESULT, Reply(202, None), ok({"id": "c"}))

    assert azure.put(THING, "1", {}) == {"id": "c"}


def test_a_location_that_ends_in_an_error_says_it(fake: FakeAzure, azure: Azure):
    fake.on("POST", f"{THING}/stop", Reply(202, None, LOCATED))
    fake.on("GET", RESULT, Reply(202, None), error(409, "Conflict", "It is being deleted."))

    with pytest.raises(AzureError, match="It is being deleted"):
        azure.post(f"{THING}/stop", "1")


def test_a_tracked_action_ends_with_its_result(fake: FakeAzure, azure: Azure):
    fake.on("POST", f"{THING}/stop", Reply(202, None, TRACKED | LOCATED))
    fake.on("GET", STATUS, SUCCEEDED)
    fake.on("GET", RESULT, ok({"stopped": True}))

    assert azure.post(f"{THING}/stop", "1") == {"stopped": True}


def test_a_put_without_any_address_is_watched_on_the_resource(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, Reply(201, {"properties": {"provisioningState": "Creating"}}))
    fake.on(
        "GET",
        THING,
        ok({"properties": {"provisioningState": "Creating"}}),
        ok({"id": "c", "properties": {"provisioningState": "Succeeded"}}),
    )

    assert azure.put(THING, "1", {})["id"] == "c"


def test_a_put_that_settles_at_once_is_not_polled(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, ok({"id": "c", "properties": {"provisioningState": "Succeeded"}}))

    azure.put(THING, "1", {})

    assert fake.count("GET") == 0


def test_without_wait_nothing_is_polled(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(202, None, TRACKED))

    azure.delete(THING, "1", wait=False)

    assert fake.count("GET") == 0


def test_a_poll_that_is_lost_is_asked_again(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, Reply(202, None, TRACKED))
    fake.on("GET", STATUS, RUNNING, *[fault("reset")] * 6, SUCCEEDED)  # more than one call's own tries
    fake.on("GET", THING, ok({"id": "c"}))

    assert azure.put(THING, "1", {}) == {"id": "c"}


def test_polls_wait_as_retry_after_says_and_not_as_rate_headers_do(fake: FakeAzure, azure: Azure, clock: StillTime):
    rate = {"x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "60"}
    fake.on("DELETE", THING, Reply(202, None, TRACKED | rate | {"Retry-After": "7"}))
    fake.on("GET", STATUS, Reply(200, {"status": "InProgress"}, rate | {"Retry-After": "3"}), SUCCEEDED)

    azure.delete(THING, "1")

    assert clock.slept == [7.0, 3.0]


def test_an_operation_without_end_is_left_running_and_said_so(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("PUT", THING, Reply(202, None, TRACKED))
    fake.on("GET", STATUS, RUNNING)

    with pytest.raises(TemporaryError, match="still running after 1800 s") as refused:
        azure.put(THING, "1", {})

    assert refused.value.code == "StillRunning"
    assert clock.seconds <= 1800


def test_a_status_address_on_another_host_is_not_followed(fake: FakeAzure, azure: Azure):
    with FakeAzure() as other:
        fake.on("PUT", THING, Reply(202, None, {"Azure-AsyncOperation": f"{other.url}/steal"}))

        with pytest.raises(AzureError, match="not followed"):
            azure.put(THING, "1", {})

        assert other.count() == 0


def test_a_location_on_another_host_is_not_followed(fake: FakeAzure, azure: Azure):
    with FakeAzure() as other:
        fake.on("POST", THING, Reply(202, None, {"Location": f"{other.url}/steal"}))

        with pytest.raises(AzureError, match="not followed"):
            azure.post(THING, "1")

        assert other.count() == 0


def test_a_status_without_status_is_an_error(fake: FakeAzure, azure: Azure):
    fake.on("PUT", THING, Reply(202, None, TRACKED))
    fake.on("GET", STATUS, ok({}))

    with pytest.raises(AzureError, match="has no 'status'"):
        azure.put(THING, "1", {})


def test_a_delete_of_what_is_not_there_says_so(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, error(404, "ResourceNotFound"))

    with pytest.raises(NotFound):
        azure.delete(THING, "1")


def test_a_delete_that_worked_although_its_answer_was_lost_is_a_success(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, fault("reset"))
    fake.on("GET", THING, error(404, "ResourceNotFound"))

    assert azure.delete(THING, "1") == {}
    assert fake.count("DELETE") == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_delete_that_worked_behind_an_error_is_a_success(fake: FakeAzure, azure: Azure, status: int):
    fake.on("DELETE", THING, Reply(status))
    fake.on("GET", THING, error(404, "ResourceNotFound"))

    assert azure.delete(THING, "1") == {}
    assert fake.count("DELETE") == 1


def test_a_lost_delete_of_what_is_still_there_is_not_sent_again(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, fault("reset"))
    fake.on("GET", THING, ok({"id": "c", "properties": {"provisioningState": "Succeeded"}}))

    with pytest.raises(TemporaryError, match="still there") as refused:
        azure.delete(THING, "1")

    assert (refused.value.code, fake.count("DELETE")) == ("OutcomeUnknown", 1)


def test_a_lost_delete_that_is_under_way_is_waited_for(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, fault("reset"))
    deleting = ok({"id": "c", "properties": {"provisioningState": "Deleting"}})
    fake.on("GET", THING, deleting, deleting, error(404, "ResourceNotFound"))

    assert azure.delete(THING, "1") == {}


def test_a_lost_delete_is_not_called_done_when_the_reading_is_refused(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, fault("reset"))
    fake.on("GET", THING, error(403, "AuthorizationFailed"))

    with pytest.raises(AzureError):
        azure.delete(THING, "1")


def test_a_delete_whose_record_vanished_is_found_out_by_reading(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(202, None, LOCATED))
    fake.on("GET", RESULT, error(404, "NotFound"))
    fake.on("GET", THING, error(404, "ResourceNotFound"))

    assert azure.delete(THING, "1") == {}


def test_a_delete_whose_record_vanished_too_early_is_watched_on_the_resource(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(202, None, LOCATED))
    fake.on("GET", RESULT, error(404, "NotFound"))
    fake.on("GET", THING, ok({"id": "c"}), ok({"id": "c"}), error(404, "ResourceNotFound"))

    azure.delete(THING, "1")

    assert fake.count("GET", THING) == 3


def test_a_delete_whose_polls_are_all_lost_is_not_called_done_while_the_thing_is_there(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(202, None, TRACKED))
    fake.on("GET", STATUS, fault("reset"))
    fake.on("GET", THING, ok({"id": "c"}))

    with pytest.raises(TemporaryError):
        azure.delete(THING, "1")


def test_a_delete_accepted_without_an_address_is_watched_until_it_is_gone(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(202))
    fake.on("GET", THING, ok({"id": "c"}), ok({"id": "c"}), error(404, "ResourceNotFound"))

    assert azure.delete(THING, "1") == {}


@pytest.mark.parametrize("status", [200, 204])
def test_a_delete_done_at_once_is_done(fake: FakeAzure, azure: Azure, status: int):
    fake.on("DELETE", THING, Reply(status))

    assert azure.delete(THING, "1") == {}


def test_a_change_carries_its_parameters(fake: FakeAzure, azure: Azure):
    fake.on("DELETE", THING, Reply(204))

    azure.delete(THING, "1", params={"underlyingResourceAction": "Detach"})

    assert fake.asked[0].query == "underlyingResourceAction=Detach&api-version=1"
