"""What is sent again, after how long, and when the gateway stops and says when to come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_azure import FakeAzure, Reply, StillTime, connected, error, fault, ok

from finops.cloud import Azure
from finops.cloud.budgets import Budgets
from finops.errors import AccessDenied, AzureError, NotSent, SignInError, TemporaryError

THING = "/subscriptions/s1/things/a"
QUERY = "/subscriptions/s1/providers/Microsoft.CostManagement/query"
TABLE = {"properties": {"columns": [{"name": "Cost", "type": "Number"}], "rows": [[1.5]]}}
LAST_MONTH = {"type": "ActualCost", "timeframe": "TheLastMonth", "dataset": {"granularity": "None"}}
COST = "x-ms-ratelimit-microsoft.costmanagement"


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


@pytest.mark.parametrize("kind", ["qpu", "entity", "tenant", "client", "clienttype"])
def test_a_throttled_cost_query_waits_as_cost_managements_own_header_says(
    fake: FakeAzure, azure: Azure, clock: StillTime, kind: str
):
    fake.on("POST", QUERY, Reply(429, {}, {f"{COST}-{kind}-retry-after": "7"}), ok(TABLE))

    table = azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert (len(table.rows), clock.slept) == (1, [7.0])


def test_the_longest_of_several_waits_counts(fake: FakeAzure, azure: Azure, clock: StillTime):
    waits = {f"{COST}-qpu-retry-after": "3", f"{COST}-entity-retry-after": "11", "Retry-After": "5"}
    fake.on("POST", QUERY, Reply(429, {}, waits), ok(TABLE))

    azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert clock.slept == [11.0]


def test_a_throttled_cost_query_without_any_header_waits_half_a_minute(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("POST", QUERY, Reply(429, {}), ok(TABLE))

    azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert clock.slept == [30.0]


def test_remaining_headers_are_counts_and_not_waits(fake: FakeAzure, azure: Azure, clock: StillTime):
    headers = {"x-ms-ratelimit-remaining-microsoft.costmanagement-entity-requests": "29", "Retry-After": "2"}
    fake.on("POST", QUERY, Reply(429, {}, headers), ok(TABLE))

    azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert clock.slept == [2.0]


def test_a_retry_after_on_a_200_is_never_slept_on(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("POST", QUERY, Reply(200, TABLE, {f"{COST}-entity-retry-after": "60", f"{COST}-tenant-retry-after": "60"}))

    azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert clock.slept == []


def test_an_http_date_is_read_by_azures_clock(fake: FakeAzure, azure: Azure, clock: StillTime):
    # our clock says 2026-03-02 06:00, Azure's own says 09:00: the wait is the difference between Azure's two times
    headers = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "Retry-After": "Mon, 02 Mar 2026 09:00:09 GMT"}

    fake.on("GET", THING, Reply(429, {}, headers), ok({"id": "a"}))

    azure.get(THING, "1")

    assert clock.slept == [9.0]


@pytest.mark.parametrize("value", ["soon", "", "-5", "nan", "inf"])
def test_an_unreadable_retry_after_falls_back_to_our_own_wait(
    fake: FakeAzure, azure: Azure, clock: StillTime, value: str
):
    fake.on("GET", THING, Reply(429, {}, {"Retry-After": value}), ok({"id": "a"}))

    azure.get(THING, "1")

    assert [wait > 0 for wait in clock.slept] == [True]


def test_a_wait_beyond_the_deadline_is_an_error_that_says_when_to_come_back(
    fake: FakeAzure, azure: Azure, clock: StillTime
):
    fake.on("POST", QUERY, Reply(429, {}, {"Retry-After": "3600"}))

    with pytest.raises(TemporaryError, match=r"after 2026-03-02 07:00:00 UTC") as refused:
        azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert (refused.value.exit_code, clock.slept, fake.count()) == (75, [], 1)


def test_nothing_is_sent_after_the_deadline(fake: FakeAzure, azure: Azure, clock: StillTime):
    def slow_refusal(_: object) -> Reply:
        clock.seconds += 500
        return error(401, "ExpiredAuthenticationToken")

    fake.on("GET", THING, slow_refusal)

    with pytest.raises(TemporaryError, match=r"within 120 s: took too long \(1 x 401\)"):
        azure.get(THING, "1")

    assert fake.count() == 1


def test_throttled_for_ever_ends_within_the_deadline(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("GET", THING, Reply(429, {"error": {"code": "TooManyRequests", "message": "slow"}}, {"Retry-After": "50"}))

    with pytest.raises(TemporaryError):
        azure.get(THING, "1")

    assert clock.seconds <= 120


@pytest.mark.parametrize("verb", ["put", "patch", "post", "delete"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_change_that_is_turned_away_is_not_sent_again_without_a_new_look(
    fake: FakeAzure, azure: Azure, clock: StillTime, verb: str, status: int
):
    fake.on(verb.upper(), THING, Reply(status, {}, {"Retry-After": "50"}), ok({}))

    with pytest.raises(NotSent, match="was not carried out") as refused:
        getattr(azure, verb)(THING, "1", {})

    assert (refused.value.seconds, fake.count(verb.upper()), clock.slept) == (50.0, 1, [])


def test_a_change_does_not_queue_behind_what_another_was_told_to_wait(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("DELETE", THING, Reply(429, {}, {"Retry-After": "50"}), ok({}))
    with pytest.raises(NotSent):
        azure.delete(THING, "1")
    clock.seconds += 20

    with pytest.raises(NotSent) as refused:
        azure.delete(THING, "1")

    assert (refused.value.seconds, fake.count("DELETE")) == (30.0, 1)


def test_a_change_that_never_left_is_not_tried_again_without_a_new_look():
    with FakeAzure() as gone:
        pass
    clock = StillTime()
    with connected(gone, clock) as azure, pytest.raises(NotSent, match="was not sent: Connection refused"):
        azure.delete(THING, "1")

    assert clock.slept == []


def test_a_change_that_needs_no_new_look_waits_when_it_is_throttled(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("PUT", THING, Reply(429, {}, {"Retry-After": "7"}), ok({}))

    azure.send("policy", "PUT", THING, "1", body={}, patient=True)

    assert (clock.slept, fake.count("PUT")) == ([7.0], 2)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 529])
def test_a_read_survives_two_server_errors(fake: FakeAzure, azure: Azure, clock: StillTime, status: int):
    fake.on("POST", QUERY, Reply(status, b"<h1>oops</h1>"), Reply(status), ok(TABLE))

    azure.query_cost("/subscriptions/s1", LAST_MONTH)

    assert (fake.count(), len(clock.slept)) == (3, 2)


def test_waits_between_failures_grow(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("GET", THING, Reply(500))

    with pytest.raises(TemporaryError):
        azure.get(THING, "1")

    assert clock.slept == [0.4, 0.8, 1.6]


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_read_whose_answer_was_lost_is_sent_again(fake: FakeAzure, azure: Azure, kind: str):
    fake.on("POST", QUERY, Reply(200, TABLE, fault=kind), ok(TABLE))

    assert len(azure.query_cost("/subscriptions/s1", LAST_MONTH).rows) == 1


@pytest.mark.parametrize(
    "body", [b'{"value": [', b"<html><title>Sign in</title></html>", b'{"value": NaN}', b'{"value": 1e999}']
)
def test_a_200_that_is_not_json_is_an_error_after_some_tries(fake: FakeAzure, azure: Azure, body: bytes):
    fake.on("GET", THING, Reply(200, body))

    with pytest.raises(AzureError, match="not JSON"):
        azure.get(THING, "1")

    assert fake.count() == 4


def test_broken_compression_is_no_crash(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, Reply(200, b"this is not gzip", {"Content-Encoding": "gzip"}), ok({"id": "a"}))

    assert azure.get(THING, "1") == {"id": "a"}


def test_a_byte_order_mark_is_read_over(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, Reply(200, b'\xef\xbb\xbf{"id": "a"}'))

    assert azure.get(THING, "1") == {"id": "a"}


@pytest.mark.parametrize("verb", ["put", "patch", "post"])
def test_a_change_whose_answer_was_lost_is_not_sent_twice(fake: FakeAzure, azure: Azure, verb: str):
    fake.on(verb.upper(), THING, fault("reset"), ok({}))

    with pytest.raises(AzureError, match="may or may not have been carried out") as lost:
        getattr(azure, verb)(THING, "1", {})

    assert (lost.value.code, fake.count(verb.upper())) == ("OutcomeUnknown", 1)


@pytest.mark.parametrize("verb", ["put", "patch", "post"])
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 529])
def test_a_change_that_met_an_error_of_azures_own_is_not_sent_twice(
    fake: FakeAzure, azure: Azure, verb: str, status: int
):
    fake.on(verb.upper(), THING, error(status, "Oops"), ok({}))

    with pytest.raises(TemporaryError, match=rf"\({status} Oops\).*may or may not have been carried out") as met:
        getattr(azure, verb)(THING, "1", {})

    assert (met.value.code, fake.count(verb.upper())) == ("OutcomeUnknown", 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_delete_is_not_sent_again_after_an_error_of_azures_own(fake: FakeAzure, azure: Azure, status: int):
    fake.on("DELETE", THING, error(status, "Oops"), ok({}))
    fake.on("GET", THING, ok({"id": "another one by now"}))

    with pytest.raises(TemporaryError, match="still there"):
        azure.delete(THING, "1")

    assert fake.count("DELETE") == 1


def test_a_refusal_that_waiting_cannot_mend_is_final(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, error(403, "AuthorizationFailed"))

    with pytest.raises(AccessDenied):
        azure.get(THING, "1")

    assert fake.count() == 1


def test_an_expired_token_is_renewed_once(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, error(401, "ExpiredAuthenticationToken"), ok({"id": "a"}))

    assert azure.get(THING, "1") == {"id": "a"}


def test_a_refused_login_says_what_to_run(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, error(401, "InvalidAuthenticationToken"))

    with pytest.raises(SignInError, match="az login"):
        azure.get(THING, "1")

    assert fake.count() == 2


def test_an_unreachable_azure_is_temporary_and_names_the_cause():
    with FakeAzure() as gone:
        pass
    with connected(gone) as azure, pytest.raises(TemporaryError, match="Connection refused"):
        azure.get(THING, "1")


def test_a_throttled_scope_holds_the_other_threads_too(fake: FakeAzure, azure: Azure, clock: StillTime):
    fake.on("GET", THING, Reply(429, {}, {"Retry-After": "3600"}))
    fake.on("GET", "/subscriptions/s1/things/b", ok({"id": "b"}))
    with pytest.raises(TemporaryError):
        azure.get(THING, "1")

    with pytest.raises(TemporaryError, match="used up"):
        azure.get("/subscriptions/s1/things/b", "1")

    assert fake.count(path="/things/b") == 0


def test_another_subscription_is_not_held(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, Reply(429, {}, {"Retry-After": "3600"}))
    fake.on("GET", "/subscriptions/s2/things/b", ok({"id": "b"}))
    with pytest.raises(TemporaryError):
        azure.get(THING, "1")

    assert azure.get("/subscriptions/s2/things/b", "1") == {"id": "b"}


def test_calls_are_counted_by_service_and_status(fake: FakeAzure, azure: Azure):
    fake.on("GET", THING, Reply(503), fault("reset"), ok({"id": "a"}))

    azure.get(THING, "1")

    assert dict(azure.calls) == {("arm", 503): 1, ("arm", 0): 1, ("arm", 200): 1}


def test_a_long_wait_is_told_once_for_all_threads():
    clock = StillTime()
    told: list[str] = []
    budgets = Budgets({}, clock.time.monotonic, clock.sleep, clock.now, told.append)

    budgets.hold("cost", "", 42)
    budgets.take("cost")
    budgets.hold("cost", "", 2)
    budgets.take("cost")

    assert told == ["waiting 42 s for Cost Management (throttled)"]
