"""Container registries as Microsoft's own clients see them, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from estates import PROD, write_estate
from registries import SERVER, image, index, write_images
from wire_clients import AllowHttp, Token

from finops.simulator import Served, serving

OLD = image("tools/etl", "2026-05-01", "v1")
NEW = image("tools/etl", "2026-10-01", "v2", "latest", bases=(0, 2))
BARE = image("tools/etl", "2026-06-01")
LOCKED = image("tools/etl", "2026-07-01", "release", locked=True)
CHILDREN = [image("tools/base", f"2026-05-0{day}") for day in (1, 2)]
LIST = index("tools/base", "2026-05-03", CHILDREN, "1.0")
SIGNATURE = image("tools/etl", "2026-05-02", subject=OLD, artifact="application/vnd.cncf.notary.signature", bases=())
ALL = [OLD, NEW, BARE, LOCKED, *CHILDREN, LIST, SIGNATURE]


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = write_estate(tmp_path / "estate")
    write_images(folder, *ALL)
    return folder


@pytest.fixture
def server(estate: Path) -> Iterator[Served]:
    with serving(estate) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[ContainerRegistryClient]:
    with registry_client(server) as made:
        yield made


def registry_client(server: Served, token: str = "local", name: str = SERVER) -> ContainerRegistryClient:
    return ContainerRegistryClient(
        f"{server.url}/registry/{name}", Token(token), per_call_policies=[AllowHttp()], retry_total=0
    )


def soft_deleting(folder: Path, days: int = 7) -> Path:
    estate = write_estate(folder / "soft")
    write_images(estate, *ALL, softDeletePolicy={"status": "enabled", "retentionDays": days})
    return estate


def access_token(server: Served, scope: str) -> str:
    base = f"{server.url}/registry/{SERVER}/oauth2"
    form = {"grant_type": "access_token", "service": SERVER, "access_token": "local"}
    refresh = httpx.post(f"{base}/exchange", data=form).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "service": SERVER, "scope": scope, "refresh_token": refresh}
    return str(httpx.post(f"{base}/token", data=form).json()["access_token"])


def test_repositories_are_listed(client: ContainerRegistryClient):
    assert list(client.list_repository_names()) == ["tools/base", "tools/etl"]


def test_repositories_come_in_pages(client: ContainerRegistryClient, server: Served):
    assert list(client.list_repository_names(results_per_page=1)) == ["tools/base", "tools/etl"]

    asked = [line for line in server.requests if line["path"].endswith("_catalog") and line["status"] == 200]
    assert len(asked) == 2


def test_a_call_of_microsofts_client_is_four_requests(client: ContainerRegistryClient, server: Served):
    client.get_repository_properties("tools/etl")

    assert [line["status"] for line in server.requests] == [401, 200, 200, 200]


def test_properties_of_a_repository_count_manifests_and_tags(client: ContainerRegistryClient):
    found = client.get_repository_properties("tools/etl")

    assert (found.manifest_count, found.tag_count, found.can_delete) == (5, 4, True)


@pytest.mark.parametrize(("order", "first"), [("timeasc", OLD), ("timedesc", NEW)])
def test_manifests_are_ordered_by_time(client: ContainerRegistryClient, order: str, first: dict[str, Any]):
    found = list(client.list_manifest_properties("tools/etl", order_by=order, results_per_page=2))

    assert len(found) == 5
    assert found[0].digest == first["digest"]
    assert sorted(found[0].tags) == sorted(first["tags"])


def test_a_manifest_deleted_between_two_pages_hides_no_other(client: ContainerRegistryClient):
    pages = client.list_manifest_properties("tools/etl", order_by="timeasc", results_per_page=1).by_page()
    first = next(iter(next(pages)))
    client.delete_manifest("tools/etl", first.digest)

    rest = [found.digest for page in pages for found in page]

    assert rest == [line["digest"] for line in (BARE, LOCKED, NEW)]


def test_properties_of_a_manifest_name_its_children_and_locks(client: ContainerRegistryClient):
    found = client.get_manifest_properties("tools/etl", "release")

    assert not found.can_delete
    assert found.can_write
    assert found.size_in_bytes == LOCKED["imageSize"]


def test_tags_are_listed_with_their_digest(client: ContainerRegistryClient):
    found = {tag.name: tag.digest for tag in client.list_tag_properties("tools/etl")}

    assert found == {"v1": OLD["digest"], "v2": NEW["digest"], "latest": NEW["digest"], "release": LOCKED["digest"]}


def test_a_tag_that_is_not_there_is_not_found(client: ContainerRegistryClient):
    with pytest.raises(ResourceNotFoundError, match="does not exist"):
        client.get_tag_properties("tools/etl", "nothing")


@pytest.mark.parametrize("line", ALL, ids=lambda line: line["mediaType"].rpartition(".")[2])
def test_the_body_of_a_manifest_is_what_its_digest_says(client: ContainerRegistryClient, line: dict[str, Any]):
    found = client.get_manifest(line["imageName"], line["digest"])

    assert (found.digest, found.media_type) == (line["digest"], line["mediaType"])


def test_layers_are_what_their_digests_say(client: ContainerRegistryClient):
    manifest = client.get_manifest("tools/etl", "v1").manifest

    for blob in [manifest["config"], *manifest["layers"]]:
        content = b"".join(client.download_blob("tools/etl", blob["digest"]))
        assert len(content) == blob["size"]


def test_a_manifest_is_deleted_by_digest_with_its_tags(client: ContainerRegistryClient):
    client.delete_manifest("tools/etl", NEW["digest"])

    assert [tag.name for tag in client.list_tag_properties("tools/etl")] == ["release", "v1"]


def test_deleting_a_tag_leaves_the_manifest(client: ContainerRegistryClient):
    client.delete_tag("tools/etl", "v1")

    assert client.get_manifest_properties("tools/etl", OLD["digest"]).tags in (None, [])


def test_deleting_what_is_gone_is_not_an_error_for_microsofts_client(client: ContainerRegistryClient, server: Served):
    client.delete_manifest("tools/etl", BARE["digest"])

    client.delete_manifest("tools/etl", BARE["digest"])

    assert [line["status"] for line in server.requests if line["method"] == "DELETE"][-1] == 404


def test_a_locked_manifest_is_not_deleted(client: ContainerRegistryClient):
    with pytest.raises(HttpResponseError, match="disallowed") as refusal:
        client.delete_manifest("tools/etl", LOCKED["digest"])

    assert refusal.value.status_code == 405


def test_an_image_under_a_locked_tag_is_not_deleted(client: ContainerRegistryClient):
    client.update_tag_properties("tools/etl", "v1", can_delete=False)

    with pytest.raises(HttpResponseError, match="disallowed"):
        client.delete_manifest("tools/etl", OLD["digest"])


def test_locks_are_set_and_taken_away(client: ContainerRegistryClient):
    client.update_manifest_properties("tools/etl", LOCKED["digest"], can_delete=True)

    client.delete_manifest("tools/etl", LOCKED["digest"])

    assert LOCKED["digest"] not in [found.digest for found in client.list_manifest_properties("tools/etl")]


def test_what_was_attached_goes_with_the_image(client: ContainerRegistryClient):
    client.delete_manifest("tools/etl", OLD["digest"])

    assert SIGNATURE["digest"] not in [found.digest for found in client.list_manifest_properties("tools/etl")]


def test_referrers_are_listed(server: Served):
    headers = {"Authorization": f"Bearer {access_token(server, 'repository:tools/etl:pull')}"}
    address = f"{server.url}/registry/{SERVER}/v2/tools/etl/referrers/{OLD['digest']}"

    found = httpx.get(address, headers=headers).json()["manifests"]

    assert [(one["digest"], one["artifactType"]) for one in found] == [
        (SIGNATURE["digest"], "application/vnd.cncf.notary.signature")
    ]


def test_an_image_is_pushed_and_pulled(client: ContainerRegistryClient):
    config, size = client.upload_blob("tools/new", io.BytesIO(b"{}"))
    layer, layer_size = client.upload_blob("tools/new", io.BytesIO(b"layer"))
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_size}],
    }

    digest = client.set_manifest("tools/new", manifest, tag="v1")

    assert client.get_manifest("tools/new", "v1").digest == digest
    assert b"".join(client.download_blob("tools/new", layer)) == b"layer"


def test_an_image_whose_layers_are_missing_is_refused(client: ContainerRegistryClient):
    config, size = client.upload_blob("tools/new", io.BytesIO(b"{}"))
    missing = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "0" * 64, "size": 3}
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
        "layers": [missing],
    }

    with pytest.raises(HttpResponseError, match="blob unknown"):
        client.set_manifest("tools/new", manifest, tag="v1")


def test_a_token_for_reading_does_not_delete(server: Served):
    headers = {"Authorization": f"Bearer {access_token(server, 'repository:tools/etl:metadata_read')}"}

    answer = httpx.delete(f"{server.url}/registry/{SERVER}/v2/tools/etl/manifests/{BARE['digest']}", headers=headers)

    assert answer.status_code == 401
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_token_for_one_repository_does_not_read_another(server: Served):
    headers = {"Authorization": f"Bearer {access_token(server, 'repository:tools/etl:metadata_read')}"}

    answer = httpx.get(f"{server.url}/registry/{SERVER}/acr/v1/tools/base/_manifests", headers=headers)

    assert answer.status_code == 401


def test_a_token_is_over_after_75_minutes(server: Served):
    headers = {"Authorization": f"Bearer {access_token(server, 'registry:catalog:*')}"}
    server.world.clock.advance(minutes=76)

    answer = httpx.get(f"{server.url}/registry/{SERVER}/acr/v1/_catalog", headers=headers)

    assert answer.status_code == 401


def test_who_may_not_read_the_registry_gets_no_token(estate: Path):
    role = {"Name": "Cost", "Actions": ["Microsoft.CostManagement/query/action"]}
    with (
        serving(estate, roles=role) as server,
        registry_client(server) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        list(client.list_repository_names())


def test_who_may_read_may_not_delete(estate: Path):
    actions = ["Microsoft.ContainerRegistry/registries/metadata/read"]
    with serving(estate, roles={"Name": "Reader", "Actions": actions}) as server, registry_client(server) as client:
        assert list(client.list_repository_names())
        with pytest.raises(ClientAuthenticationError):
            client.delete_manifest("tools/etl", BARE["digest"])


def test_a_registry_that_arm_does_not_have_has_nothing(server: Served):
    with registry_client(server, name="other.azurecr.io") as client, pytest.raises(HttpResponseError) as refusal:
        list(client.list_repository_names())

    assert refusal.value.status_code == 404


def test_a_registry_says_how_much_it_holds_each_layer_once(server: Served):
    management = ContainerRegistryManagementClient(
        Token(), PROD, base_url=server.url, per_call_policies=[AllowHttp()], retry_total=0
    )
    with management:
        found = {one.name: one.current_value for one in management.registries.list_usages("rg-ml", "crprod").value}

    assert sum(line["imageSize"] for line in (OLD, BARE)) < found["Size"] < sum(line["imageSize"] for line in ALL)


def test_a_deleted_manifest_can_be_restored_where_the_registry_keeps_them(tmp_path: Path):
    with serving(soft_deleting(tmp_path)) as server, registry_client(server) as client:
        client.delete_manifest("tools/etl", NEW["digest"])
        headers = {
            "Authorization": f"Bearer {access_token(server, 'repository:tools/etl:deleted_read,deleted_restore')}"
        }
        base = f"{server.url}/registry/{SERVER}/acr/v1/_deleted/tools/etl/_manifests"

        deleted = httpx.get(base, headers=headers).json()["manifests"]
        httpx.post(f"{base}/{NEW['digest']}", json={"tag": "v2"}, headers=headers).raise_for_status()

        assert [(one["digest"], one["tags"]) for one in deleted] == [(NEW["digest"], ["latest", "v2"])]
        assert client.get_manifest("tools/etl", "v2").digest == NEW["digest"]


def test_a_deleted_manifest_is_kept_for_so_many_days(tmp_path: Path):
    with serving(soft_deleting(tmp_path, days=3)) as server, registry_client(server) as client:
        client.delete_manifest("tools/etl", NEW["digest"])
        server.world.clock.advance(days=4)
        headers = {"Authorization": f"Bearer {access_token(server, 'repository:tools/etl:deleted_read')}"}

        found = httpx.get(f"{server.url}/registry/{SERVER}/acr/v1/_deleted/tools/etl/_manifests", headers=headers)

        assert found.json()["manifests"] is None
