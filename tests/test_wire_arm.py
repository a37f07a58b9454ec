"""ARM as Microsoft's management clients see it: subscriptions, groups, resources, tags, locks, the Activity Log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from estates import DEV, PROD, group_id, workspace_id
from wire_clients import Clients, azure


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path) as made:
        yield made


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path, page_size=2) as made:
        yield made


DATA = f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.Storage/storageAccounts/mldata"


def test_subscriptions_are_listed(clients: Clients):
    found = [each.display_name for each in clients.subscriptions.subscriptions.list()]

    assert found == ["Contoso ML production", "Contoso ML development"]


def test_a_list_longer_than_a_page_arrives_whole(paged: Clients):
    found = [each.id for each in paged.resources.resources.list()]

    assert len(found) == len(set(found)) == 11
    assert len(paged.served.requests) == 6


def test_an_item_deleted_between_two_pages_hides_no_other(paged: Clients):
    pages = paged.resources.resources.list(
        filter="resourceType eq 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints'"
    ).by_page()
    first = [each.name for each in next(pages)]
    for name in ("chat", "silent"):
        paged.served.world.resources.delete(f"{workspace_id('ml-prod')}/onlineEndpoints/{name}")

    assert first + [each.name for page in pages for each in page] == ["chat", "silent", "z-nightly"]


def test_resource_groups_are_listed(clients: Clients):
    found = [(each.name, each.tags) for each in clients.resources.resource_groups.list()]

    assert found == [("rg-ml", {"CostCenter": "CC-1"})]


def test_resources_are_filtered_by_type(clients: Clients):
    found = clients.resources.resources.list(filter="resourceType eq 'Microsoft.Storage/storageAccounts'")

    assert [each.name for each in found] == ["mldata", "mllogs"]


def test_resources_are_filtered_by_tag(clients: Clients):
    found = clients.resources.resources.list(filter="tagName eq 'CostCenter' and tagValue eq 'CC-1'")

    assert [each.name for each in found] == ["ml-prod", "mldata"]


def test_computes_and_jobs_are_not_in_arms_own_list(clients: Clients):
    kinds = {each.type for each in clients.resources.resources.list()}

    assert not any(kind.endswith(("/computes", "/jobs")) for kind in kinds)


def test_a_filter_that_cannot_be_read_is_refused(clients: Clients):
    with pytest.raises(HttpResponseError, match="InvalidFilterInQueryString"):
        list(clients.resources.resources.list(filter="price gt 3"))


def test_creation_times_come_when_expanded(clients: Clients):
    found = next(iter(clients.resources.resources.list(expand="createdTime,changedTime")))

    assert found["createdTime"].startswith("2026-08-01")


def test_any_resource_can_be_read_by_its_id_in_any_letter_case(clients: Clients):
    found = clients.resources.resources.get_by_id(DATA.upper(), api_version="2023-01-01")

    assert found.id == DATA


def test_paths_are_read_in_any_letter_case(clients: Clients):
    path = f"{workspace_id('ml-prod')}/computes/gpu/listNodes".upper()

    assert len(clients.http.post(path).json()["nodes"]) == 2


def test_existence_is_told_without_a_body(clients: Clients):
    assert clients.resources.resource_groups.check_existence("rg-ml")
    assert not clients.resources.resource_groups.check_existence("gone")
    assert clients.resources.resources.check_existence_by_id(DATA, api_version="2023-01-01")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/33333333-3333-3333-3333-333333333333/resourcegroups", "SubscriptionNotFound"),
        (
            f"/subscriptions/{PROD}/resourceGroups/gone/providers/Microsoft.Storage/storageAccounts/x",
            "ResourceGroupNotFound",
        ),
        (f"{workspace_id('gone')}", "ResourceNotFound"),
        (f"{workspace_id('gone')}/computes", "ResourceNotFound"),
        (f"{workspace_id('ml-prod')}/computes/gone", "ResourceNotFound"),
        (f"{workspace_id('ml-prod')}/onlineEndpoints/gone", "NotFound"),
        (f"{workspace_id('ml-prod')}/datastores/gone", "UserError"),
        (f"{workspace_id('ml-prod')}/nonsense/x", "InvalidResourceType"),
        (f"{group_id(PROD, 'rg-ml')}/providers/Contoso.Nothing/things/x", "InvalidResourceNamespace"),
        ("/nowhere", "MissingSubscription"),
    ],
)
def test_what_is_not_there_is_told_apart(clients: Clients, path: str, code: str):
    answer = clients.http.get(f"{path}?api-version=2024-04-01")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_a_method_that_no_route_has_is_405(clients: Clients):
    answer = clients.http.post(f"/subscriptions/{PROD}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")


def test_every_answer_carries_a_request_id(clients: Clients):
    first, second = (clients.http.get("/subscriptions").headers["x-ms-request-id"] for _ in range(2))

    assert first != second


def test_links_lead_back_to_the_host_that_was_asked(paged: Clients):
    answer = paged.http.get(f"/subscriptions/{PROD}/resources", headers={"Host": "localhost:9"})

    assert answer.json()["nextLink"].startswith("http://localhost:9/subscriptions/")


def test_a_body_that_is_not_json_is_refused(clients: Clients):
    answer = clients.http.put(DATA, content=b"{half", params={"api-version": "2023-01-01"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_a_resource_that_is_put_is_there(clients: Clients):
    new = DATA.replace("mldata", "mlnew")

    clients.resources.resources.begin_create_or_update_by_id(
        new, {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}, api_version="2023-01-01"
    ).result()

    assert clients.resources.resources.get_by_id(new, api_version="2023-01-01").location == "eastus"


def test_a_deletion_is_accepted_now_and_done_later(clients: Clients):
    poller = clients.resources.resources.begin_delete_by_id(DATA, api_version="2023-01-01")
    poller.result()

    with pytest.raises(ResourceNotFoundError):
        clients.resources.resources.get_by_id(DATA, api_version="2023-01-01")


def test_deleting_a_group_deletes_what_is_in_it(clients: Clients):
    dev = Clients(clients.served, DEV)

    dev.resources.resource_groups.begin_delete("rg-dev").result()

    assert clients.served.world.resources.get(workspace_id("ml-dev", DEV, "rg-dev")) is None
    dev.close()


class TestTags:
    def patch(self, clients: Clients, operation: str, **tags: str) -> dict[str, str]:
        body = {"operation": operation, "properties": {"tags": tags}}
        return dict(clients.resources.tags.begin_update_at_scope(DATA, body).result().properties.tags)

    def test_merge_keeps_what_somebody_else_wrote(self, clients: Clients):
        assert self.patch(clients, "Merge", Owner="ana") == {"CostCenter": "CC-1", "Owner": "ana"}

    def test_merge_finds_a_tag_in_any_letter_case(self, clients: Clients):
        assert self.patch(clients, "Merge", costcenter="CC-9") == {"CostCenter": "CC-9"}

    def test_replace_drops_what_is_not_named(self, clients: Clients):
        assert self.patch(clients, "Replace", Owner="ana") == {"Owner": "ana"}

    def test_delete_takes_a_tag_only_with_its_value(self, clients: Clients):
        assert self.patch(clients, "Delete", CostCenter="CC-2") == {"CostCenter": "CC-1"}
        assert self.patch(clients, "Delete", CostCenter="CC-1") == {}

    def test_tags_written_are_tags_read(self, clients: Clients):
        self.patch(clients, "Merge", Owner="ana")

        assert clients.resources.tags.get_at_scope(DATA).properties.tags["Owner"] == "ana"
        assert clients.resources.resources.get_by_id(DATA, api_version="2023-01-01").tags["Owner"] == "ana"

    def test_a_tag_name_with_a_reserved_character_is_refused(self, clients: Clients):
        with pytest.raises(HttpResponseError, match="InvalidTagNameCharacters"):
            clients.resources.tags.begin_update_at_scope(
                DATA, {"operation": "Merge", "properties": {"tags": {"a/b": "c"}}}
            )

    def test_more_than_fifty_tags_are_refused(self, clients: Clients):
        with pytest.raises(HttpResponseError, match="InvalidTagCount"):
            self.patch(clients, "Merge", **{f"t{number}": "x" for number in range(50)})


class TestLocks:
    def lock(self, clients: Clients, level: str = "CanNotDelete") -> None:
        clients.locks.management_locks.create_or_update_by_scope(DATA, "keep", {"level": level, "notes": "audit"})

    def test_a_locked_resource_is_not_deleted(self, clients: Clients):
        self.lock(clients)

        with pytest.raises(HttpResponseError, match="ScopeLocked"):
            clients.resources.resources.begin_delete_by_id(DATA, api_version="2023-01-01")
        assert clients.served.world.resources.get(DATA)

    def test_a_lock_is_not_on_what_only_begins_alike(self, clients: Clients):
        clients.http.put(f"{DATA}2", json={"location": "eastus"})
        self.lock(clients)

        clients.resources.resources.begin_delete_by_id(f"{DATA}2", api_version="2023-01-01").result()

        assert clients.served.world.resources.get(f"{DATA}2") is None

    def test_a_lock_below_keeps_the_group(self, clients: Clients):
        self.lock(clients)

        with pytest.raises(HttpResponseError, match="ScopeLocked"):
            clients.resources.resource_groups.begin_delete("rg-ml")

    def test_a_resource_with_a_delete_lock_can_be_tagged(self, clients: Clients):
        self.lock(clients)

        body = {"operation": "Merge", "properties": {"tags": {"a": "b"}}}
        clients.resources.tags.begin_update_at_scope(DATA, body).result()

        assert clients.served.world.resources.get(DATA)["tags"]["a"] == "b"

    def test_a_read_only_lock_stops_writes_too(self, clients: Clients):
        self.lock(clients, "ReadOnly")

        with pytest.raises(HttpResponseError, match="ScopeLocked"):
            clients.resources.tags.begin_update_at_scope(
                DATA, {"operation": "Merge", "properties": {"tags": {"a": "b"}}}
            )

    def test_locks_are_listed_at_their_resource(self, clients: Clients):
        self.lock(clients)

        found = clients.locks.management_locks.list_at_resource_level(
            "rg-ml", "Microsoft.Storage", "", "storageAccounts", "mldata"
        )

        assert [(each.name, each.level) for each in found] == [("keep", "CanNotDelete")]

    def test_locks_are_listed_by_scope_though_the_client_encodes_the_slashes(self, clients: Clients):
        self.lock(clients)

        assert [each.name for each in clients.locks.management_locks.list_by_scope(DATA)] == ["keep"]

    def test_a_lock_taken_away_locks_no_more(self, clients: Clients):
        self.lock(clients)
        clients.locks.management_locks.delete_by_scope(DATA, "keep")

        clients.resources.resources.begin_delete_by_id(DATA, api_version="2023-01-01").result()

        assert clients.served.world.resources.get(DATA) is None


class TestActivityLog:
    def test_a_write_is_logged_with_who_and_what(self, clients: Clients):
        clients.locks.management_locks.create_or_update_by_scope(DATA, "keep", {"level": "CanNotDelete"})

        (event,) = clients.monitor.activity_logs.list(filter="eventTimestamp ge '2026-11-22T00:00:00Z'")

        assert event.operation_name.value == "Microsoft.Authorization/locks/write"
        assert event.status.value == "Succeeded"

    def test_events_are_found_by_resource(self, clients: Clients):
        for name in ("mldata", "mllogs"):
            scope = DATA.replace("mldata", name)
            body = {"operation": "Merge", "properties": {"tags": {"a": "b"}}}
            clients.resources.tags.begin_update_at_scope(scope, body).result()

        found = clients.monitor.activity_logs.list(
            filter=f"eventTimestamp ge '2026-11-20T00:00:00Z' and resourceUri eq '{DATA}'"
        )

        assert [each.resource_id for each in found] == [DATA]

    def test_more_than_ninety_days_back_is_refused(self, clients: Clients):
        with pytest.raises(HttpResponseError, match="90 days"):
            list(clients.monitor.activity_logs.list(filter="eventTimestamp ge '2026-08-01T00:00:00Z'"))
