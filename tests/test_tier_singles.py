"""Single blobs moved in batches: only what is still as it was decided on, and done is what Azure says afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from fake_azure import FakeAzure, Reply, StillTime, connected, fault
from storing import AS_OF, NAME, storage_estate

from finops.cloud import Azure, Storage, connect
from finops.config.model import AzureSettings
from finops.simulator import serving
from finops.simulator.serve import Served
from finops.tiering.singles import Ended, Single, batches, look_again, move, settle

WRITTEN = (AS_OF - timedelta(days=200)).replace(microsecond=0)
DAY = timedelta(days=1)


def blob(name: str, **more: Any) -> dict[str, Any]:
    return {"container": "data", "name": name, "bytes": 1000, "created": WRITTEN.isoformat(), **more}


def single(name: str, after: str = "Cool", before: str = "Hot", **more: Any) -> Single:
    return Single("data", name, 1000, before, after, WRITTEN, **more)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    blobs = [
        blob("a"), blob("b"), blob("leased", leased=True), blob("held", hold=True), blob("old", tier="Archive"),
        blob("page", type="PageBlob"), blob("read", accessed=(AS_OF - DAY).isoformat()),
    ]  # fmt: skip
    with serving(storage_estate(tmp_path / "estate", blobs)) as served:
        yield served


@pytest.fixture
def azure(served: Served) -> Iterator[Azure]:
    with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
        yield azure


def account(azure: Azure) -> Storage:
    return azure.storage(NAME)


def kept(azure: Azure, wanted: Single) -> tuple[str, str]:
    """What keeps one blob from being moved."""
    ready, kept = look_again(azure, account(azure), [wanted])
    assert ready == []
    return kept[0].result, kept[0].why


def test_what_is_as_it_was_decided_on_is_moved(azure: Azure):
    ready, kept = look_again(azure, account(azure), [single("a"), single("b", "Cold")])

    ended = move(azure, account(azure), ready)

    assert kept == []
    assert [(one.single.name, one.result, one.why) for one in ended] == [
        ("a", "done", "It is in Cool."), ("b", "done", "It is in Cold."),
    ]  # fmt: skip
    assert [account(azure).blob("data", name).tier for name in ("a", "b")] == ["Cool", "Cold"]


def test_what_was_written_since_is_not_moved(azure: Azure):
    wanted = replace(single("a"), modified=WRITTEN - DAY)

    assert kept(azure, wanted) == ("changed-since", f"It was written since it was decided on, on {WRITTEN:%d %B %Y}.")


def test_what_was_read_since_is_not_moved(azure: Azure):
    wanted = single("read", accessed=WRITTEN)

    assert kept(azure, wanted) == ("changed-since", "It was read since it was decided on, on 21 November 2026.")


def test_what_is_in_another_tier_by_now_is_not_moved(azure: Azure):
    assert kept(azure, single("old")) == ("changed-since", "It is in Archive now, not in Hot.")


def test_what_is_gone_is_not_moved(azure: Azure):
    assert kept(azure, single("nowhere")) == ("changed-since", "It is not there any more.")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("leased", "It is leased: somebody works with it."),
        ("held", "It is under a legal hold."),
    ],
)
def test_what_somebody_holds_on_to_is_refused(azure: Azure, name: str, why: str):
    assert kept(azure, single(name)) == ("refused", why)


def test_a_page_blob_is_refused(azure: Azure):
    assert kept(azure, single("page", before="")) == ("refused", "It is no block blob, and others have no tiers.")


def test_a_name_that_would_become_another_on_its_way_is_refused(azure: Azure):
    result, why = kept(azure, single("x/../a"))

    assert (result, "names another blob on its way" in why) == ("refused", True)


def test_what_is_written_between_looking_and_moving_is_told(azure: Azure, served: Served):
    ready, _ = look_again(azure, account(azure), [single("a"), single("b")])
    served.world.clock.advance(hours=1)
    headers = {"x-ms-version": "2025-11-05", "x-ms-blob-type": "BlockBlob", "x-ms-access-tier": "Hot"}
    azure.send("storage", "PUT", f"{account(azure).address}/data/a", None, content=b"new", headers=headers)

    ended = move(azure, account(azure), ready)

    assert [(one.result, one.why) for one in ended] == [
        ("changed-since", "It was written while it was moved. It is in Cool now."), ("done", "It is in Cool."),
    ]  # fmt: skip


def test_a_way_out_of_archive_is_under_way(azure: Azure):
    ready, _ = look_again(azure, account(azure), [single("old", "Hot", "Archive")])

    ended = move(azure, account(azure), ready)

    assert (ended[0].result, ended[0].why) == ("done", "It is on its way out of Archive to Hot.")
    assert kept(azure, single("old", "Cool", "Archive")) == ("refused", "It is on its way out of Archive.")


def test_the_way_back_forgets_reads_and_keeps_the_blob(azure: Azure):
    ready, _ = look_again(azure, account(azure), [single("a", accessed=WRITTEN)])
    move(azure, account(azure), ready)

    back, kept = look_again(azure, account(azure), [one.back() for one in ready])
    ended = move(azure, account(azure), back)

    assert (kept, ended[0].why) == ([], "It is in Hot.")


def test_257_are_two_batches():
    assert [len(batch) for batch in batches([single(str(number)) for number in range(257)])] == [256, 1]


def test_what_was_written_within_the_same_second_is_told_by_its_etag(azure: Azure):
    etag = account(azure).blob("data", "a").etag

    assert kept(azure, single("a", etag=f"{etag}9")) == ("changed-since", "It was written since it was decided on.")
    assert look_again(azure, account(azure), [single("a", etag=etag)])[1] == []


# -- answers that are lost, and readings that fail ---------------------------------------------------------------


def headers(tier: str, etag: str = '"0x1"') -> dict[str, str]:
    told = {"x-ms-blob-type": "BlockBlob", "x-ms-access-tier": tier, "ETag": etag, "x-ms-request-id": "1"}
    return told | {"Last-Modified": format_datetime(WRITTEN, usegmt=True)}


def ended(*tiers: str, batch: Reply, etag: str = '"0x1"') -> Ended:
    """How one blob ends that is in each of `tiers` when it is read, one after the other, and gets `batch` between."""
    with FakeAzure() as fake:
        replies = [Reply(200, b"", headers(tier, etag if n else '"0x1"')) for n, tier in enumerate(tiers)]
        fake.on("HEAD", f"/{NAME}/data/a", *replies).on("POST", f"/{NAME}/", batch)
        with connected(fake) as azure:
            ready, _ = look_again(azure, azure.storage(NAME), [single("a")])
            found = move(azure, azure.storage(NAME), ready)[0]
        assert fake.count("POST") == 1
        return found


def test_a_blob_in_an_encryption_scope_is_refused():
    with FakeAzure() as fake, connected(fake) as azure:
        told = headers("Hot") | {"x-ms-encryption-scope": "team-a"}
        fake.on("HEAD", f"/{NAME}/data/a", Reply(200, b"", told))

        assert kept(azure, single("a")) == (
            "refused", "It is in the encryption scope team-a, where Azure changes no tiers.",
        )  # fmt: skip


def test_a_lost_answer_is_settled_by_reading():
    assert ended("Hot", "Cool", batch=fault("reset")).result == "done"


def test_a_lost_answer_to_what_did_not_happen_is_a_failure():
    found = ended("Hot", "Hot", batch=fault("reset"))

    assert (found.result, found.why.startswith("It is still in Hot. Azure: The answer to POST")) == ("failed", True)


def test_an_answer_that_is_no_multipart_is_settled_by_reading_too():
    assert ended("Hot", "Cool", batch=Reply(202, b"<html>")).result == "done"


def test_a_batch_that_is_refused_changes_nothing():
    body = b"<Error><Code>AuthorizationPermissionMismatch</Code><Message>No.</Message></Error>"

    found = ended("Hot", batch=Reply(403, body))

    assert found.result == "failed"
    assert "Storage Blob Data Contributor" in found.why


def test_a_batch_that_is_turned_away_for_its_rate_changes_nothing():
    found = ended("Hot", batch=Reply(503, b"<Error/>", {"Retry-After": "5"}))

    assert found.result == "failed"
    assert "was not carried out" in found.why


def test_what_cannot_be_read_back_is_unknown():
    with FakeAzure() as fake, connected(fake) as azure:
        fake.on("HEAD", f"/{NAME}/data/a", Reply(500))

        assert settle(azure, azure.storage(NAME), [single("a")])[0].result == "unknown"


def test_after_a_crash_reading_tells_what_became_of_each(azure: Azure):
    ready, _ = look_again(azure, account(azure), [single("a"), single("b")])
    move(azure, account(azure), ready[:1])

    assert [one.result for one in settle(azure, account(azure), ready)] == ["done", "failed"]
