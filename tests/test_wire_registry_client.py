"""Our own client of container registries: one request a call, and an end to every refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from estates import write_estate
from registries import SERVER, image, index, write_images

from finops.cloud import Azure, connect
from finops.cloud.clouds import CLOUDS
from finops.config.model import AzureSettings
from finops.errors import AccessDenied, AzureError, NotFound
from finops.simulator import Served, serving

OLD = image("tools/etl", "2026-05-01", "v1", bases=(0, 5))
NEW = image("tools/etl", "2026-10-01", "v2", "latest", bases=(0, 2))
LOCKED = image("tools/etl", "2026-07-01", "release", locked=True)
CHILDREN = [image("tools/base", f"2026-05-0{day}") for day in (1, 2)]
LIST = index("tools/base", "2026-05-03", CHILDREN, "1.0")
SIGNATURE = image("tools/etl", "2026-05-02", subject=OLD, artifact="application/vnd.cncf.notary.signature", bases=())


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = write_estate(tmp_path / "estate")
    write_images(folder, OLD, NEW, LOCKED, *CHILDREN, LIST, SIGNATURE)
    return folder


@pytest.fixture
def server(estate: Path) -> Iterator[Served]:
    with serving(estate) as served:
        yield served


@pytest.fixture
def azure(server: Served) -> Iterator[Azure]:
    with connected(server) as made:
        yield made


def connected(server: Served) -> Azure:
    return connect(AzureSettings(endpoint=server.url, call_deadline_seconds=30))


def asked(server: Served) -> list[str]:
    return [line["path"].removeprefix(f"/registry/{SERVER}") for line in server.requests]


def test_repositories_and_manifests_are_listed(azure: Azure):
    registry = azure.registry(SERVER)

    assert list(registry.repositories()) == ["tools/base", "tools/etl"]
    assert {found["digest"] for found in registry.manifests("tools/etl")} == {
        line["digest"] for line in (OLD, NEW, LOCKED, SIGNATURE)
    }


def test_after_the_first_a_call_is_one_request(azure: Azure, server: Served):
    registry = azure.registry(SERVER)
    list(registry.manifests("tools/etl"))
    server.requests.clear()

    list(registry.manifests("tools/base"))
    list(azure.registry(SERVER.upper()).manifests("tools/etl"))

    assert asked(server) == ["/acr/v1/tools/base/_manifests", "/acr/v1/tools/etl/_manifests"]


def test_pages_are_followed_to_the_last(estate: Path):
    with serving(estate, page_size=1) as server, connected(server) as azure:
        registry = azure.registry(SERVER)

        assert len(list(registry.manifests("tools/etl"))) == 4
        assert len(list(registry.repositories())) == 2


def test_a_manifest_comes_byte_by_byte(azure: Azure):
    found = azure.registry(SERVER).manifest("tools/base", "1.0")

    assert (found.digest, found.media_type) == (LIST["digest"], LIST["mediaType"])
    assert "sha256:" + hashlib.sha256(found.body).hexdigest() == LIST["digest"]


def test_layers_come_in_pieces_and_are_checked(azure: Azure):
    layer = max(OLD["layers"], key=lambda one: one["size"])

    pieces = list(azure.registry(SERVER).blob("tools/etl", layer["digest"]))

    assert len(pieces) > 1
    assert sum(map(len, pieces)) == layer["size"]


def test_referrers_of_an_image_are_listed(azure: Azure):
    found = azure.registry(SERVER).referrers("tools/etl", OLD["digest"])

    assert [one["digest"] for one in found] == [SIGNATURE["digest"]]


def test_a_manifest_is_deleted_once(azure: Azure):
    registry = azure.registry(SERVER)

    assert registry.delete("tools/etl", NEW["digest"])
    assert not registry.delete("tools/etl", NEW["digest"])
    with pytest.raises(NotFound):
        registry.listed("tools/etl", NEW["digest"])


def test_a_tag_is_never_deleted_in_place_of_a_digest(azure: Azure, server: Served):
    with pytest.raises(AzureError, match="by digest"):
        azure.registry(SERVER).delete("tools/etl", "v1")

    assert not asked(server)


def test_a_locked_manifest_stays_and_says_why(azure: Azure):
    with pytest.raises(AzureError, match="disallowed") as refusal:
        azure.registry(SERVER).delete("tools/etl", LOCKED["digest"])

    assert refusal.value.status == 405


def test_an_image_goes_and_comes_back_the_same(azure: Azure):
    registry = azure.registry(SERVER)
    kept = registry.manifest("tools/etl", OLD["digest"])
    blobs = [OLD["config"]["digest"], *(layer["digest"] for layer in OLD["layers"])]
    contents = {digest: list(registry.blob("tools/etl", digest)) for digest in blobs}
    registry.delete("tools/etl", OLD["digest"])

    for digest, pieces in contents.items():
        registry.put_blob("tools/etl", digest, pieces)
    registry.put_manifest("tools/etl", "v1", kept.body, kept.media_type)

    assert registry.manifest("tools/etl", "v1") == kept
    assert [b"".join(registry.blob("tools/etl", digest)) for digest in blobs] == [
        b"".join(pieces) for pieces in contents.values()
    ]


def test_a_token_that_is_over_is_renewed(azure: Azure, server: Served):
    registry = azure.registry(SERVER)
    list(registry.repositories())
    server.world.clock.advance(hours=12)

    assert list(registry.repositories())


def test_a_registry_that_says_401_for_ever_is_an_error_and_no_loop(estate: Path):
    faults = {"path": r"/acr/v1/", "fault": "status", "status": 401, "code": "UNAUTHORIZED", "message": "no"}
    with serving(estate, faults=[faults]) as server, connected(server) as azure:
        with pytest.raises(AccessDenied, match="AcrPull"):
            list(azure.registry(SERVER).repositories())

        assert len(server.requests) <= 10


def test_a_registry_that_gives_no_token_is_an_error_that_says_what_to_grant(estate: Path):
    role = {"Name": "Reader", "Actions": ["Microsoft.Resources/subscriptions/read"]}
    with (
        serving(estate, roles=role) as server,
        connected(server) as azure,
        pytest.raises(AccessDenied, match="AcrPull"),
    ):
        list(azure.registry(SERVER).repositories())


def test_a_body_that_is_not_what_its_digest_says_is_refused(estate: Path):
    lie = {"path": "/v2/tools/etl/manifests", "fault": "status", "status": 200, "code": "a", "message": "b"}
    with serving(estate, faults=[lie]) as server, connected(server) as azure, pytest.raises(AzureError, match="digest"):
        azure.registry(SERVER).manifest("tools/etl", OLD["digest"])


def test_a_layer_that_is_not_what_its_digest_says_is_refused(estate: Path):
    lie = {"path": "/v2/tools/etl/blobs", "fault": "status", "status": 200, "code": "a", "message": "b"}
    with serving(estate, faults=[lie]) as server, connected(server) as azure, pytest.raises(AzureError, match="digest"):
        list(azure.registry(SERVER).blob("tools/etl", OLD["layers"][0]["digest"]))


def test_a_lost_answer_to_a_delete_is_not_sent_as_another_image(estate: Path):
    lost = {"path": "/manifests/", "method": "DELETE", "fault": "reset-after", "times": 1}
    with serving(estate, faults=[lost]) as server, connected(server) as azure:
        registry = azure.registry(SERVER)

        with pytest.raises(AzureError, match="may or may not"):
            registry.delete("tools/etl", NEW["digest"])

        assert not registry.delete("tools/etl", NEW["digest"])


@pytest.mark.parametrize("name", ["../v2", "a//b", "Upper", "x?y=1", "_catalog", "a/../b"])
def test_a_name_that_is_no_repository_is_not_sent(azure: Azure, server: Served, name: str):
    with pytest.raises(AzureError, match="no name of a repository"):
        list(azure.registry(SERVER).manifests(name))

    assert not asked(server)


@pytest.mark.parametrize(
    "server", ["evil.example", "cr.azurecr.io.evil.example", "a.b.azurecr.io", "azurecr.io", "cr.azurecr.io:444"]
)
def test_no_token_goes_to_a_server_that_is_no_registry(server: str):
    with pytest.raises(AzureError, match="was not called"):
        CLOUDS["public"].registry(server)


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("https://store.blob.core.windows.net/x?sig=1", True),
        ("https://crprod.eastus.data.azurecr.io/x", True),
        ("http://store.blob.core.windows.net/x", False),
        ("https://store.blob.core.windows.net.evil.example/x", False),
        ("https://crprod.eastus.data.azurecr.io.evil.example/x", False),
        ("https://a.b.evil.data.azurecr.io/x", False),
    ],
)
def test_layers_come_from_storage_of_the_cloud_only(address: str, ours: bool):
    assert CLOUDS["public"].is_blob(address) == ours
