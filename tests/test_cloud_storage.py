"""finops' calls to blob storage: whom they go to, and what becomes of answers that are refusals, cut short or odd."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from fake_azure import Asked, FakeAzure, Reply, StillTime, connected

from finops.cloud import Azure, Storage, ToTier, connect
from finops.cloud.credentials import Tokens
from finops.config.model import AzureSettings
from finops.errors import AccessDenied, AzureError, DataError, FinopsError, NotFound, SignInError, TemporaryError

XML = {"Content-Type": "application/xml"}
WHEN = "<Last-Modified>Sun, 01 Nov 2026 10:00:00 GMT</Last-Modified>"


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as fake:
        yield fake


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake) as azure:
        yield azure


@pytest.fixture
def storage(azure: Azure) -> Storage:
    return azure.storage("datalake")


def account(endpoint: str, name: str = "datalake") -> dict[str, Any]:
    return {"name": name, "properties": {"primaryEndpoints": {"blob": endpoint}}}


def page(*blobs: str, marker: str = "") -> Reply:
    inner = "".join(blobs)
    text = f"<EnumerationResults><Blobs>{inner}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    return Reply(200, text.encode(), XML)


def blob(name: str, more: str = "", inside: str = "") -> str:
    told = f"<Properties>{WHEN}<Content-Length>5</Content-Length>{more}</Properties>"
    return f"<Blob><Name>{name}</Name>{told}{inside}</Blob>"


def refusal(status: int, code: str, message: str = "No.") -> Reply:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}\nRequestId:1\nTime:2</Message></Error>'
    return Reply(status, b"\xef\xbb\xbf" + text.encode(), {**XML, "x-ms-error-code": code})


def refused(storage: Storage) -> AzureError:
    with pytest.raises(AzureError) as caught:
        list(storage.blobs("data"))
    return caught.value


# -- whom they go to ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("datalake", "https://datalake.blob.core.windows.net"),
        (account("https://datalake.blob.core.windows.net/"), "https://datalake.blob.core.windows.net"),
        (account("https://datalake.z39.blob.storage.azure.net/"), "https://datalake.z39.blob.storage.azure.net"),
        ({"name": "DataLake"}, "https://datalake.blob.core.windows.net"),
    ],
)
def test_an_account_is_called_at_its_own_address(told: Any, address: str):
    with connect(AzureSettings()) as azure:
        assert azure.storage(told).address == address
        assert azure.storage(told).name == "datalake"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://other.blob.core.windows.net/",
        "https://datalake.blob.core.windows.net.evil.example/",
        "https://datalake.blob.core.windows.net:8443/",
        "http://datalake.blob.core.windows.net/",
        "https://user@datalake.blob.core.windows.net/",
        "https://datalake.evil.example/",
        "https://datalake.z39x.blob.storage.azure.net/",
        "https://127.0.0.1:8443/datalake",
        "https://datalake.blob.core.chinacloudapi.cn/",
    ],
)
def test_no_other_address_gets_the_token_whatever_its_body_says(endpoint: str):
    with connect(AzureSettings()) as azure, pytest.raises(AzureError, match="It was not called") as caught:
        azure.storage(account(endpoint))

    assert caught.value.code == "ForeignAddress"


@pytest.mark.parametrize("name", ["", "a", "data/lake", "data.lake", "../x"])
def test_what_is_no_name_of_an_account_is_refused(name: str):
    with connect(AzureSettings()) as azure, pytest.raises(AzureError, match="is not the name of a storage account"):
        azure.storage(name)


def test_beside_a_local_server_only_a_server_of_this_machine_is_called(azure: Azure, fake: FakeAzure):
    assert azure.storage(account("https://127.0.0.1:10000/datalake")).address == "https://127.0.0.1:10000/datalake"
    assert azure.storage(account("https://datalake.blob.core.windows.net/")).address == f"{fake.url}/datalake"
    assert azure.storage(account("https://127.0.0.1:10000/other")).address == f"{fake.url}/datalake"


def test_the_token_is_for_storage_in_the_version_that_is_pinned(fake: FakeAzure):
    scopes: list[str] = []

    class Source:
        def get_token(self, *asked: str, **options: Any) -> AccessToken:
            scopes.extend(asked)
            return AccessToken("secret", 2**40)

    fake.on("GET", "/datalake/data", page())
    tokens = Tokens(Source(), "")
    with connect(AzureSettings(endpoint=fake.url), time=StillTime().time, tokens=tokens) as azure:
        list(azure.storage("datalake").blobs("data"))

    assert scopes == ["https://storage.azure.com/.default"]
    assert fake.asked[0].headers["authorization"] == "Bearer secret"
    assert fake.asked[0].headers["x-ms-version"] == "2025-11-05"


# -- refusals ----------------------------------------------------------------------------------------------------


def test_a_missing_role_is_named(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", refusal(403, "AuthorizationPermissionMismatch"))

    fault = refused(storage)

    assert isinstance(fault, AccessDenied)
    assert fault.what == "Azure refused GET data (list) of datalake (403 AuthorizationPermissionMismatch): No."
    assert "Storage Blob Data Reader on datalake" in fault.fix


def test_the_firewall_is_told_from_a_missing_role(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", refusal(403, "AuthorizationFailure"))

    fault = refused(storage)

    assert isinstance(fault, AccessDenied)
    assert fault.fix.startswith("The firewall of datalake does not admit this network")


def test_a_change_needs_the_role_that_may_write(storage: Storage, fake: FakeAzure):
    fake.on("POST", "/datalake/", refusal(403, "AuthorizationPermissionMismatch"))
    fake.on("PUT", "/datalake/data/a", refusal(403, "AuthorizationPermissionMismatch"))

    with pytest.raises(AccessDenied, match="Storage Blob Data Contributor on datalake"):
        storage.set_tiers([ToTier("data", "a", "Cool")])
    with pytest.raises(AccessDenied, match="Storage Blob Data Owner"):
        storage.set_tags("data", "a", {"k": "v"})


def test_a_refused_login_says_how_to_sign_in(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", refusal(401, "InvalidAuthenticationInfo"))

    fault = refused(storage)

    assert isinstance(fault, SignInError)
    assert fault.fix == "Run `az login`."
    assert fake.count("GET") == 2  # once more, with a new token


def test_a_head_that_is_refused_tells_its_code_from_the_header(storage: Storage, fake: FakeAzure):
    fake.on("HEAD", "/datalake/data/a", Reply(404, b"", {"x-ms-error-code": "BlobNotFound"}))
    fake.on("HEAD", "/datalake/data/b", Reply(403, b"", {"x-ms-error-code": "AuthorizationPermissionMismatch"}))

    with pytest.raises(NotFound, match="BlobNotFound"):
        storage.blob("data", "a")
    with pytest.raises(AccessDenied, match="Storage Blob Data Reader"):
        storage.blob("data", "b")


def test_a_404_of_a_proxy_is_no_proof_that_a_blob_is_gone(storage: Storage, fake: FakeAzure):
    fake.on("HEAD", "/datalake/data/a", Reply(404, b""))

    with pytest.raises(AzureError) as caught:
        storage.blob("data", "a")

    assert not isinstance(caught.value, NotFound)


def test_a_busy_account_is_asked_again_and_then_given_up(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", refusal(503, "ServerBusy"))

    assert isinstance(refused(storage), TemporaryError)
    assert fake.count("GET") == 4


# -- lists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<EnumerationResults><Blobs></Blobs></EnumerationResults>", "has no 'NextMarker'"),
        (b"<EnumerationResults><NextMarker/></EnumerationResults>", "has no 'Blobs'"),
        (b"<EnumerationResults><Blobs><Blob>", "is not XML"),
        (b"", "is not XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "has a document type"),
        (b"<EnumerationResults><Blobs><Blob/></Blobs><NextMarker/></EnumerationResults>", "it has no name"),
    ],
)
def test_a_list_that_is_not_whole_is_an_error_and_never_an_empty_account(
    storage: Storage, fake: FakeAzure, body: bytes, why: str
):
    fake.on("GET", "/datalake/data", Reply(200, body, XML))

    assert why in refused(storage).what


def test_a_blob_without_a_size_or_a_time_is_an_error(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", page("<Blob><Name>a</Name><Properties/></Blob>"))

    assert "cannot be read (a has no time of modification)" in refused(storage).what


def test_pages_that_lead_in_a_circle_are_left(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", page(blob("a"), marker="x"))

    assert refused(storage).code == "PageLoop"


def test_a_second_page_that_fails_is_an_error_and_not_the_end(storage: Storage, fake: FakeAzure):
    fake.on("GET", "/datalake/data", page(blob("a"), marker="x"), refusal(400, "OutOfRangeInput"))

    assert refused(storage).code == "OutOfRangeInput"


def test_everything_that_a_list_says_is_read(storage: Storage, fake: FakeAzure):
    more = (
        "<Etag>0x8</Etag><BlobType>BlockBlob</BlobType><AccessTier>Archive</AccessTier><LeaseState>leased</LeaseState>"
        "<LastAccessTime>Mon, 02 Nov 2026 10:00:00 GMT</LastAccessTime><LegalHold>true</LegalHold>"
        "<ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus><TagCount>1</TagCount>"
        "<ImmutabilityPolicyUntilDate>Tue, 01 Dec 2026 10:00:00 GMT</ImmutabilityPolicyUntilDate>"
    )
    tagged = "<Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags>"
    inside = f"<VersionId>v1</VersionId><IsCurrentVersion>true</IsCurrentVersion><Deleted>true</Deleted>{tagged}"
    fake.on("GET", "/datalake/data", page(blob("a", more, inside)))

    found = next(storage.blobs("data", include=("tags", "versions")))

    assert (found.tier, found.lease, found.hold, found.rehydrating) == (
        "Archive", "leased", True, "rehydrate-pending-to-hot",
    )  # fmt: skip
    assert (found.version, found.current, found.deleted, found.tags) == ("v1", True, True, {"k": "v"})
    assert (found.accessed.day if found.accessed else 0, found.until.month if found.until else 0) == (2, 12)
    assert "include=tags,versions" in fake.asked[0].query


def test_a_name_that_xml_cannot_carry_is_decoded(storage: Storage, fake: FakeAzure):
    told = blob("a").replace("<Name>", '<Name Encoded="true">').replace(">a<", ">a%01%2520%2Fb<")
    fake.on("GET", "/datalake/data", page(told))

    assert next(storage.blobs("data")).name == "a\x01%20/b"


def test_a_folder_of_a_hierarchical_namespace_is_told(storage: Storage, fake: FakeAzure):
    folder = blob("dir", inside="<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>")
    fake.on("GET", "/datalake/data", page(folder, blob("dir/a")))

    assert [one.folder for one in storage.blobs("data")] == [True, False]


# -- batches -----------------------------------------------------------------------------------------------------


def batch(*parts: tuple[int, str, str]) -> Reply:
    """An answer with parts of (number, status line, more headers)."""
    told = "".join(
        f"--x\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\nHTTP/1.1 {line}\r\n{more}\r\n\r\n"
        for number, line, more in parts
    )
    return Reply(202, f"{told}--x--".encode(), {"Content-Type": "multipart/mixed; boundary=x"})


def test_parts_are_told_apart_by_their_numbers_and_a_missing_one_is_unknown(storage: Storage, fake: FakeAzure):
    gone = (2, "404 Not Found", "x-ms-error-code: BlobNotFound\r\n")
    fake.on("POST", "/datalake/", batch(gone, (0, "200 OK", "")))

    found = storage.set_tiers([ToTier("data", name, "Cool") for name in "abc"])

    assert [(one.done, one.unknown, one.code) for one in found] == [
        (True, False, ""), (False, True, ""), (False, False, "BlobNotFound"),
    ]  # fmt: skip


def test_each_part_has_a_token_of_its_own_and_names_its_blob(storage: Storage, fake: FakeAzure):
    fake.on("POST", "/datalake/", batch((0, "200 OK", "")))

    storage.set_tiers([ToTier("data", "a b/ü", "Archive", "High", if_tags="\"k\" = 'v'")])

    body = fake.asked[0].body.decode()
    assert "PUT /datalake/data/a%20b/%C3%BC?comp=tier HTTP/1.1\r\n" in body
    assert re.search(r"\r\nAuthorization: Bearer eyJ\S+\r\n", body)
    assert "x-ms-access-tier: Archive\r\nx-ms-rehydrate-priority: High\r\n" in body
    assert "x-ms-if-tags: \"k\" = 'v'\r\n" in body


@pytest.mark.parametrize(
    "wanted",
    [
        ToTier("data", "a", "Cool", if_tags="x\r\nx-ms-lease-id: 1"),
        ToTier("data", "a", "Cool\r\nX: 1"),
        ToTier("data", "../other/a", "Cool"),
        ToTier("data/x", "a", "Cool"),
        ToTier("data", "", "Cool"),
    ],
)
def test_nothing_gets_into_a_batch_by_a_name_or_a_condition(storage: Storage, fake: FakeAzure, wanted: ToTier):
    with pytest.raises(FinopsError):
        storage.set_tiers([wanted])

    assert fake.asked == []


def test_a_name_with_line_breaks_stays_in_its_line(storage: Storage, fake: FakeAzure):
    fake.on("POST", "/datalake/", batch((0, "200 OK", "")))

    storage.set_tiers([ToTier("data", "a HTTP/1.1\r\nX: 1", "Cool")])

    assert b"PUT /datalake/data/a%20HTTP/1.1%0D%0AX%3A%201?comp=tier HTTP/1.1\r\n" in fake.asked[0].body


def test_a_change_that_is_answered_with_an_error_of_azures_own_is_sent_once(storage: Storage, fake: FakeAzure):
    fake.on("POST", "/datalake/", refusal(500, "InternalError"))

    with pytest.raises(TemporaryError) as caught:
        storage.set_tiers([ToTier("data", "a", "Cool")])

    assert caught.value.code == "OutcomeUnknown"
    assert fake.count("POST") == 1


def test_an_empty_batch_is_refused(storage: Storage):
    with pytest.raises(DataError, match="A batch of 0 blobs"):
        storage.set_tiers([])


# -- content -----------------------------------------------------------------------------------------------------


def test_a_piece_that_is_too_short_is_an_error(storage: Storage, fake: FakeAzure):
    fake.on("HEAD", "/datalake/data/a", lambda asked: Reply(200, b"12345", {"ETag": '"1"'}))
    fake.on("GET", "/datalake/data/a", Reply(206, b"123"))

    with pytest.raises(AzureError, match="is not the piece that was asked for"):
        list(storage.read("data", "a"))


def test_every_piece_is_of_the_same_write(storage: Storage, fake: FakeAzure):
    def piece(asked: Asked) -> Reply:
        start, end = map(int, asked.headers["x-ms-range"].removeprefix("bytes=").split("-"))
        return Reply(206, b"12345"[start : end + 1])

    fake.on("HEAD", "/datalake/data/a", Reply(200, b"12345", {"ETag": '"1"'})).on("GET", "/datalake/data/a", piece)

    assert list(storage.read("data", "a", piece=2)) == [b"12", b"34", b"5"]
    assert {one.headers["if-match"] for one in fake.asked if one.method == "GET"} == {'"1"'}
