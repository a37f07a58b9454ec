"""Each fault of the matrix, as the raw HTTP that goes over the wire, and as Microsoft's clients take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from estates import PROD, workspace_id
from wire_clients import Clients, azure

from finops.simulator.fault_kinds import KINDS
from finops.simulator.faults import FaultError, rules_of

COMPUTES = f"{workspace_id('ml-prod')}/computes"
RESOURCES = f"/subscriptions/{PROD}/resources"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with azure(tmp_path_factory.mktemp("faults"), page_size=2) as made:
        yield made


@pytest.fixture
def clients(server: Clients) -> Iterator[Clients]:
    server.served.faults.clear()
    server.served.requests.clear()
    yield server
    server.served.faults.clear()


def strike(clients: Clients, fault: str, **rule: Any) -> None:
    clients.served.faults.add({"fault": fault, **rule})


def get(clients: Clients, path: str = COMPUTES, **options: Any) -> httpx.Response:
    with httpx.Client(base_url=clients.served.url, timeout=60) as client:
        return client.get(path, **options)


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        ("429-retry-after", "retry-after"),
        ("429-qpu", "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after"),
        ("429-entity", "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after"),
        ("429-tenant", "x-ms-ratelimit-microsoft.costmanagement-tenant-retry-after"),
        ("429-client", "x-ms-ratelimit-microsoft.costmanagement-client-retry-after"),
        ("429-clienttype", "x-ms-ratelimit-microsoft.costmanagement-clienttype-retry-after"),
    ],
)
def test_throttling_says_how_long_in_each_of_its_headers(clients: Clients, fault: str, header: str):
    strike(clients, fault, seconds=7)

    answer = get(clients)

    assert (answer.status_code, answer.headers[header]) == (429, "7")


def test_throttling_may_say_nothing(clients: Clients):
    strike(clients, "429-bare")

    assert not [name for name in get(clients).headers if "retry-after" in name]


def test_throttling_may_last_an_hour_or_until_a_date(clients: Clients):
    strike(clients, "429-hour", times=1)
    strike(clients, "429-date", seconds=60)

    assert get(clients).headers["retry-after"] == "3600"
    wait = parsedate_to_datetime(get(clients).headers["retry-after"]) - datetime.now(UTC)
    assert 55 < wait.total_seconds() <= 60


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 409, 412, 403])
def test_refusals_come_in_arms_shape(clients: Clients, status: int):
    strike(clients, str(status))

    answer = get(clients)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}


def test_any_other_answer_can_be_written_out(clients: Clients):
    strike(clients, "status", status=418, code="Teapot", headers={"X-Brew": "tea"})

    answer = get(clients)

    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["x-brew"]) == (418, "Teapot", "tea")


def test_an_expired_token_is_refused_once(clients: Clients):
    strike(clients, "401-expired")

    assert [get(clients).status_code for _ in range(2)] == [401, 200]


def test_a_reset_before_processing_changes_nothing(clients: Clients):
    strike(clients, "reset-before", method="PUT")
    new = f"{workspace_id('reset-before')}"

    with pytest.raises(httpx.TransportError):
        clients.http.put(new, json={"location": "eastus"})

    assert clients.served.world.resources.get(new) is None


def test_a_reset_after_processing_hides_a_success(clients: Clients):
    strike(clients, "reset-after", method="PUT")
    new = f"{workspace_id('reset-after')}"

    with pytest.raises(httpx.TransportError):
        clients.http.put(new, json={"location": "eastus"})

    assert clients.served.world.resources.get(new) is not None
    clients.served.world.resources.delete(new)


@pytest.mark.parametrize("fault", ["reset-mid-body", "short-content-length"])
def test_a_body_may_end_early(clients: Clients, fault: str):
    strike(clients, fault)

    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        get(clients)


def test_a_stall_says_nothing(clients: Clients):
    strike(clients, "stall", seconds=600)

    with pytest.raises(httpx.ReadTimeout):
        get(clients, timeout=httpx.Timeout(60, read=0.2))


def test_a_slow_answer_is_a_right_answer(clients: Clients):
    strike(clients, "slow", seconds=0.15)

    answer = get(clients)

    assert answer.elapsed.total_seconds() >= 0.15
    assert answer.status_code == 200


def test_json_may_be_cut_short(clients: Clients):
    strike(clients, "truncated-json")

    with pytest.raises(json.JSONDecodeError):
        get(clients).json()


def test_a_sign_in_page_may_come_as_success(clients: Clients):
    strike(clients, "html")

    answer = get(clients)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")


def test_gzip_may_be_broken(clients: Clients):
    strike(clients, "gzip-broken")

    # What was compressed arrives in part, and nothing complains: the end of the stream is missing.
    answer = get(clients)

    assert answer.headers["content-encoding"] == "gzip"
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_byte_order_mark_may_stand_before_the_body(clients: Clients):
    strike(clients, "bom")

    assert get(clients).content.startswith(b"\xef\xbb\xbf{")


@pytest.mark.parametrize(("fault", "left"), [("empty-object", set()), ("missing-value", {"nextLink"})])
def test_a_list_may_lack_its_items(clients: Clients, fault: str, left: set[str]):
    strike(clients, fault)

    assert set(get(clients).json()) == left


def test_an_sdk_takes_a_missing_list_for_an_empty_one(clients: Clients):
    strike(clients, "missing-value")

    assert list(clients.resources.resources.list()) == []


def names(answer: httpx.Response) -> list[str]:
    return [each["name"] for each in answer.json()["value"]]


def test_items_may_come_twice_or_backwards(clients: Clients):
    strike(clients, "duplicate-rows", times=1)
    strike(clients, "reordered-page")

    assert names(get(clients)) == ["ci-ana", "cpu", "ci-ana"]
    assert names(get(clients)) == ["cpu", "ci-ana"]


def test_a_page_may_come_twice(clients: Clients):
    strike(clients, "page-twice", path="resources")

    found = [each.id for each in clients.resources.resources.list()]

    assert len(found) == 13
    assert len(set(found)) == 11


def test_a_link_may_lead_to_itself(clients: Clients):
    strike(clients, "next-loop")

    pages = clients.resources.resources.list().by_page()
    found = [next(pages) for _ in range(20)]

    assert len(found) == 20


def test_a_link_may_lead_to_another_host(clients: Clients):
    strike(clients, "next-foreign", host="https://evil.invalid")

    assert get(clients).json()["nextLink"].startswith("https://evil.invalid/subscriptions/")


def test_an_empty_page_may_have_a_next(clients: Clients):
    strike(clients, "empty-page", path="resources")

    assert len(list(clients.resources.resources.list())) == 11


def test_a_page_token_may_be_void(clients: Clients):
    strike(clients, "changed-page-token")

    with pytest.raises(HttpResponseError, match="InvalidSkipToken"):
        list(clients.resources.resources.list())


NODES = f"{COMPUTES}/cpu/listNodes"


@pytest.mark.parametrize(
    ("fault", "told"),
    [("number-as-string", "50004"), ("huge-number", 1e308), ("negative-number", -50005)],
)
def test_a_number_may_be_wrong(clients: Clients, fault: str, told: object):
    strike(clients, fault)

    assert clients.http.post(NODES).json()["nodes"][0]["port"] == told


def test_a_number_may_be_no_number(clients: Clients):
    strike(clients, "nan")

    assert '"port": NaN' in clients.http.post(NODES).text


def test_the_servers_clock_may_be_wrong(clients: Clients):
    strike(clients, "date-skewed", minutes=90)

    ahead = parsedate_to_datetime(get(clients).headers["date"]) - datetime.now(UTC)

    assert 89 < ahead.total_seconds() / 60 < 91


def test_resource_graph_may_be_behind(clients: Clients):
    query = {"query": "resources | where name == 'fresh' | project id", "subscriptions": [PROD]}
    graph = "/providers/Microsoft.ResourceGraph/resources"
    clients.http.put(workspace_id("fresh"), json={"location": "eastus"})

    strike(clients, "graph-stale", times=1)

    assert clients.http.post(graph, json=query).json()["count"] == 0
    assert clients.http.post(graph, json=query).json()["count"] == 1
    clients.served.world.resources.delete(workspace_id("fresh"))


class TestOperations:
    SCALE = f"{COMPUTES}/cpu?api-version=2024-04-01"
    BODY = {"properties": {"properties": {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 8}}}}  # noqa: RUF012

    def status(self, clients: Clients, times: int = 5) -> list[Any]:
        link = clients.http.patch(self.SCALE, json=self.BODY).headers["azure-asyncoperation"]
        return [clients.http.get(link).json()["status"] for _ in range(times)]

    def test_an_operation_ends_well(self, clients: Clients):
        assert self.status(clients, 3) == ["InProgress", "Succeeded", "Succeeded"]

    def test_an_operation_may_fail(self, clients: Clients):
        strike(clients, "lro-fails", method="PATCH")

        assert self.status(clients)[-1] == "Failed"

    def test_an_operation_may_never_end(self, clients: Clients):
        strike(clients, "lro-never-ends", method="PATCH")

        assert set(self.status(clients)) == {"InProgress"}

    def test_a_deletion_that_fails_deletes_nothing(self, clients: Clients):
        strike(clients, "lro-fails", method="DELETE")
        answer = clients.http.delete(f"{COMPUTES}/gpu?underlyingResourceAction=Delete&api-version=1")

        for _ in range(3):
            status = clients.http.get(answer.headers["azure-asyncoperation"]).json()

        assert status["status"] == "Failed"
        assert clients.served.world.resources.get(f"{COMPUTES}/gpu") is not None

    def test_a_question_after_an_operation_may_be_lost(self, clients: Clients):
        strike(clients, "lro-poll-lost", path="operationsStatus", times=1)

        with pytest.raises(httpx.TransportError):
            self.status(clients)


class TestRules:
    def statuses(self, clients: Clients, count: int) -> list[int]:
        return [get(clients).status_code for _ in range(count)]

    def test_the_nth_request_is_struck(self, clients: Clients):
        strike(clients, "503", nth=[2, 4])

        assert self.statuses(clients, 5) == [200, 503, 200, 503, 200]

    def test_so_many_are_struck_after_so_many(self, clients: Clients):
        strike(clients, "503", after=1, times=2)

        assert self.statuses(clients, 5) == [200, 503, 503, 200, 200]

    def test_chance_is_the_same_for_the_same_seed(self, clients: Clients):
        strike(clients, "503", probability=0.5, seed=3)
        first = self.statuses(clients, 12)
        clients.served.faults.clear()
        strike(clients, "503", probability=0.5, seed=3)

        assert self.statuses(clients, 12) == first
        assert set(first) == {200, 503}

    def test_only_the_service_named_is_struck(self, clients: Clients):
        strike(clients, "503", service="machinelearningservices")

        assert (get(clients).status_code, get(clients, RESOURCES).status_code) == (503, 200)

    def test_only_matching_bodies_are_struck(self, clients: Clients):
        strike(clients, "503", body="secret")

        answers = [clients.http.post(NODES, content=text).status_code for text in ("{}", '{"a": "secret"}')]

        assert answers == [200, 503]

    def test_the_log_names_the_fault(self, clients: Clients):
        strike(clients, "reset-before", times=1)

        with pytest.raises(httpx.TransportError):
            get(clients)

        assert [(each["status"], each["fault"]) for each in clients.served.requests] == [(0, "reset-before")]

    def test_rules_come_and_go_over_http(self, clients: Clients):
        clients.http.post("/simulator/faults", json=[{"fault": "503", "times": 1}])
        assert get(clients).status_code == 503

        (rule,) = clients.http.get("/simulator/faults").json()["rules"]
        assert (rule["seen"], rule["struck"]) == (1, 1)

        clients.http.delete("/simulator/faults")
        assert clients.http.get("/simulator/faults").json() == {"rules": []}

    def test_rules_are_read_from_a_file(self, tmp_path: Path):
        (tmp_path / "faults.json").write_text('[{"fault": "429-bare"}]')

        assert [rule.fault for rule in rules_of(tmp_path / "faults.json")] == ["429-bare"]

    @pytest.mark.parametrize(
        ("rules", "said"),
        [
            ('[{"fault": "429-bear"}]', "There is no fault '429-bear'"),
            ('[{"fault": "503", "tiems": 1}]', "has no ['tiems']"),
            ('[{"fault": "503", "path": "("}]', "wrong regular expression"),
            ("[503]", "list of objects"),
            ("{", "not JSON"),
        ],
    )
    def test_a_rule_that_cannot_be_meant_is_refused(self, rules: str, said: str):
        with pytest.raises(FaultError) as refused:
            rules_of(rules)

        assert said in str(refused.value)


# Of the 40 faults of the matrix, 39: "connection refused" is a server that is not there.
def test_the_matrix_is_covered():
    assert len(KINDS) >= 39
