"""finops' calls to blob storage against Azurite, Microsoft's own emulator, over TLS with a token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azurite_service import Azurite

from finops.cloud import Azure, Storage, ToTier, connect
from finops.config.model import AzureSettings
from finops.errors import AzureError, DataError, NotFound

ODD = 'odd/new\nline, "quotes" 😀 &<>;%41+#?= .txt'


@pytest.fixture
def azure() -> Iterator[Azure]:
    # nothing listens there: what is asked of Resource Manager fails at once
    with connect(AzureSettings(endpoint="http://127.0.0.1:9")) as azure:
        yield azure


@pytest.fixture
def storage(azurite: Azurite, azure: Azure) -> Storage:
    return azure.storage(azurite.account())


def test_a_list_tells_what_microsofts_client_tells(azurite: Azurite, storage: Storage):
    azurite.put([("data/a.bin", b"12345"), ("data/deep/er/b.bin", b"")], days=200)

    found = list(storage.blobs("data"))

    with azurite.client() as client:
        theirs = list(client.get_container_client("data").list_blobs())
    assert [
        (one.name, one.bytes, one.tier, one.inferred, one.modified, one.created, one.etag, one.type) for one in found
    ] == [
        (one.name, one.size, one.blob_tier, one.blob_tier_inferred, one.last_modified, one.creation_time, one.etag,
         one.blob_type)
        for one in theirs
    ]  # fmt: skip
    assert timedelta(days=199) < datetime.now(UTC) - found[0].modified < timedelta(days=201)


def test_a_list_is_read_to_its_last_page(azurite: Azurite, storage: Storage):
    names = [f"many/{number:03}" for number in range(51)]
    azurite.put([(f"data/{name}", b"") for name in names])

    found = [one.name for one in storage.blobs("data", "many/", page=10)]

    assert found == names


def test_containers_are_listed(azurite: Azurite, storage: Storage):
    azurite.put([("alpha/x", b""), ("beta/x", b"")])

    assert [one["name"] for one in storage.containers()] == ["alpha", "beta"]


def test_a_name_of_any_characters_is_asked_for_as_it_is(azurite: Azurite, storage: Storage):
    azurite.put([(f"data/{ODD}", b"content")])

    listed = next(storage.blobs("data"))
    one = storage.blob("data", listed.name)
    content = b"".join(storage.read("data", listed.name))
    moved = storage.set_tiers([ToTier("data", listed.name, "Cold")])

    assert (listed.name, one.bytes, content) == (ODD, 7, b"content")
    assert moved[0].done
    assert azurite.tiers("data") == {ODD: "Cold"}


@pytest.mark.parametrize("tier", ["Cool", "Cold", "Archive"])
def test_a_tier_is_set_without_touching_the_content(azurite: Azurite, storage: Storage, tier: str):
    azurite.put([("data/a", b"123")], days=100)
    before = storage.blob("data", "a")

    moved = storage.set_tiers([ToTier("data", "a", tier)])

    after = storage.blob("data", "a")
    assert moved[0].done
    assert azurite.tiers("data") == {"a": tier}
    assert (after.tier, after.inferred, after.etag, after.modified) == (tier, False, before.etag, before.modified)


def test_256_blobs_move_in_one_request_and_257_are_refused_here(azurite: Azurite, azure: Azure, storage: Storage):
    names = [f"b/{number:03}" for number in range(257)]
    azurite.put([(f"data/{name}", b"") for name in names])

    moved = storage.set_tiers([ToTier("data", name, "Cool") for name in names[:256]])

    assert all(one.done for one in moved)
    assert azure.calls == {("storage", 202): 1}
    assert [name for name, tier in azurite.tiers("data").items() if tier == "Hot"] == ["b/256"]
    with pytest.raises(DataError, match="A batch of 257 blobs cannot be sent"):
        storage.set_tiers([ToTier("data", name, "Cool") for name in names])


def test_one_blob_of_a_batch_is_refused_alone(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b""), ("data/c", b"")])

    moved = storage.set_tiers([ToTier("data", name, "Cool") for name in ("a", "b", "c")])

    assert [(one.done, one.status, one.code) for one in moved] == [
        (True, 200, ""), (False, 404, "BlobNotFound"), (True, 200, ""),
    ]  # fmt: skip
    assert moved[1].why == "The specified blob does not exist"
    assert azurite.tiers("data") == {"a": "Cool", "c": "Cool"}


def test_an_archived_blob_is_not_read_and_the_error_says_what_to_do(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b"123")])
    storage.set_tiers([ToTier("data", "a", "Archive")])

    with pytest.raises(AzureError) as caught:
        list(storage.read("data", "a"))

    assert (caught.value.status, caught.value.code) == (409, "BlobArchived")
    assert caught.value.fix.startswith("Bring it out of Archive first, which takes hours")


def test_content_is_read_in_pieces(azurite: Azurite, storage: Storage):
    content = bytes(range(256)) * 40
    azurite.put([("data/a", content)])

    pieces = list(storage.read("data", "a", piece=4096))

    assert [len(piece) for piece in pieces] == [4096, 4096, 2048]
    assert b"".join(pieces) == content


def test_content_that_is_overwritten_between_two_pieces_is_an_error(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b"a" * 100)])
    pieces = storage.read("data", "a", piece=50)
    next(pieces)
    azurite.put([("data/a", b"b" * 100)])

    with pytest.raises(AzureError) as caught:
        next(pieces)

    assert (caught.value.status, caught.value.fix) == (412, "It changed since it was read. Read it again.")


def test_index_tags_are_written_and_read(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b"")])

    storage.set_tags("data", "a", {"finops": "keep", "team": "vision 2"})

    assert storage.tags("data", "a") == {"finops": "keep", "team": "vision 2"}
    with azurite.client() as client:
        assert client.get_blob_client("data", "a").get_blob_tags() == {"finops": "keep", "team": "vision 2"}
    assert next(storage.blobs("data", include=("tags",))).tags == {"finops": "keep", "team": "vision 2"}


def test_a_lease_is_told_by_the_list_and_by_the_blob(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b"")])
    with azurite.client() as client:
        client.get_blob_client("data", "a").acquire_lease()

    assert next(storage.blobs("data")).lease == "leased"
    assert storage.blob("data", "a").lease == "leased"


def test_what_is_not_there_is_not_found(azurite: Azurite, storage: Storage):
    azurite.put([("data/a", b"")])

    with pytest.raises(NotFound, match="BlobNotFound"):
        storage.blob("data", "b")
    with pytest.raises(NotFound, match="ContainerNotFound"):
        list(storage.blobs("nowhere"))


def test_without_trust_in_its_certificate_it_is_not_called(azurite: Azurite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    untrusting = connect(AzureSettings(endpoint="http://127.0.0.1:9", call_deadline_seconds=1))

    with untrusting as azure, pytest.raises(AzureError, match="CERTIFICATE_VERIFY_FAILED"):
        next(azure.storage(azurite.account()).containers())
