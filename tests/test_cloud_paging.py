"""Lists are read to their end or not at all, and only from Azure's own hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_azure import FakeAzure, Reply, connected, error, ok

from finops.cloud import Azure
from finops.cloud.clouds import CLOUDS, followed
from finops.errors import AzureError, TemporaryError

LIST = "/subscriptions/s1/providers/Microsoft.MachineLearningServices/workspaces"


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake, max_pages=20) as gateway:
        yield gateway


def page(*names: str, link: str | None = None) -> Reply:
    return ok({"value": [{"name": name} for name in names]} | ({"nextLink": link} if link else {}))


def names(azure: Azure) -> list[str]:
    return [item["name"] for item in azure.pages(LIST, "2024-04-01")]


def test_every_page_is_read(fake: FakeAzure, azure: Azure):
    fake.on(
        "GET",
        LIST,
        page("a", "b", link=f"{{url}}{LIST}?$skiptoken=1"),
        page("c", link=f"{{url}}{LIST}?$skiptoken=2"),
        page("d"),
    )

    assert names(azure) == ["a", "b", "c", "d"]


def test_an_empty_page_in_the_middle_does_not_end_the_list(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, page("a", link=f"{{url}}{LIST}?t=1"), page(link=f"{{url}}{LIST}?t=2"), page("b"))

    assert names(azure) == ["a", "b"]


def test_a_relative_next_link_is_followed_on_the_same_host(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, page("a", link=f"{LIST}?t=1"), page("b"))

    assert names(azure) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "has no 'value'"),
        ({"items": []}, "has no 'value' \\(it has items\\)"),
        ([], "a list where an object was due"),
        ({"value": None}, "nothing in 'value'"),
        ({"value": {}}, "an object in 'value'"),
        ({"value": ["x"]}, "text among the items"),
        ({"value": [], "nextLink": 5}, "a number in 'next"),
        (b"", "nothing where an object was due"),
    ],
)
def test_a_body_that_is_no_list_is_an_error_and_not_an_empty_list(
    fake: FakeAzure, azure: Azure, body: Any, complaint: str
):
    fake.on("GET", LIST, ok(body))

    with pytest.raises(AzureError, match=complaint):
        names(azure)


def test_a_page_that_fails_fails_the_list(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, page("a", link=f"{{url}}{LIST}?t=1"), error(500, "InternalServerError"))

    with pytest.raises(TemporaryError):
        names(azure)


def test_a_next_link_to_itself_is_a_loop(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, page("a", link=f"{{url}}{LIST}?t=1"))

    with pytest.raises(AzureError, match="circle"):
        names(azure)

    assert fake.count() == 2


def test_two_pages_that_point_to_each_other_are_a_loop(fake: FakeAzure, azure: Azure):
    def other(asked: Any) -> Reply:
        return page("a", link=f"{{url}}{LIST}?t={2 if 't=1' in asked.query else 1}")

    fake.on("GET", LIST, other)

    with pytest.raises(AzureError, match="circle"):
        names(azure)

    assert fake.count() == 3


def test_a_list_without_end_is_stopped(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, lambda _: page("a", link=f"{{url}}{LIST}?t={fake.count()}"))

    with pytest.raises(AzureError, match="more than 20 pages"):
        names(azure)

    assert fake.count() == 20


@pytest.mark.parametrize(
    "link",
    [
        "{other}/subscriptions",
        "//{other_place}/subscriptions",
        "{url}@{other_place}/subscriptions",
        "http://user:secret@{place}/subscriptions",
        "{url}\\\\@{other_place}/subscriptions",
        "https://{place}/subscriptions",
        "ftp://{place}/subscriptions",
        "file:///etc/passwd",
        "http://[::1/",
        "http://127.0.0.1:99999/x",
        "javascript:alert(1)",
        " {other}/x",
        "{url}/x\r\nInjected: 1",
    ],
)
def test_a_next_link_to_another_place_is_not_followed(fake: FakeAzure, azure: Azure, link: str):
    with FakeAzure() as other:
        where = link.format(
            url=fake.url, other=other.url, place=fake.url.partition("//")[2], other_place=other.url.partition("//")[2]
        )
        fake.on("GET", LIST, page("a", link=where))

        with pytest.raises(AzureError) as refused:
            names(azure)

        assert (refused.value.code, other.count(), fake.count()) == ("ForeignAddress", 0, 1)


def test_a_redirect_to_another_place_is_not_followed(fake: FakeAzure, azure: Azure):
    with FakeAzure() as other:
        fake.on("GET", LIST, Reply(307, None, {"Location": f"{other.url}/x?sig=SECRET"}))

        with pytest.raises(AzureError, match="redirected") as refused:
            names(azure)

        assert (other.count(), "SECRET" in str(refused.value)) == (0, False)


def test_no_request_leaves_for_a_host_that_is_not_the_clouds_own(fake: FakeAzure, azure: Azure):
    with FakeAzure() as other:
        with pytest.raises(AzureError, match="was not called"):
            azure.send("arm", "GET", f"{other.url}/x", "1")

        assert other.count() == 0


def test_braces_in_a_next_link_arrive_as_they_were(fake: FakeAzure, azure: Azure):
    fake.on("GET", LIST, page("a", link=f'{{url}}{LIST}?t={{"k":1}}'), page("b"))

    assert names(azure) == ["a", "b"]
    assert fake.asked[1].query == 't={"k":1}'


def test_a_name_with_odd_characters_stays_one_path_segment(fake: FakeAzure, azure: Azure):
    fake.on("GET", "/subscriptions/s1/things/a b%{x}é", ok({"id": "a"}))

    assert azure.get("/subscriptions/s1/things/a b%{x}é", "1") == {"id": "a"}


@pytest.mark.parametrize("path", ["/subscriptions/s1/../s2", "/subscriptions/s1?x=1", "/subscriptions/s1#x"])
def test_a_path_that_is_no_id_is_refused(fake: FakeAzure, azure: Azure, path: str):
    with pytest.raises(AzureError, match="not the path of a resource"):
        azure.get(path, "1")

    assert fake.count() == 0


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://management.azure.com/subscriptions", True),
        ("https://management.azure.com:443/subscriptions", True),
        ("https://MANAGEMENT.azure.com/", True),
        ("https://westeurope.metrics.monitor.azure.com/x", True),
        ("https://prices.azure.com/api", True),
        ("http://management.azure.com/subscriptions", False),
        ("https://management.azure.com:8443/", False),
        ("https://management.azure.com.evil.example/", False),
        ("https://evil.metrics.monitor.azure.com.evil.example/", False),
        ("https://a.b.metrics.monitor.azure.com/", False),
        ("https://management.usgovcloudapi.net/", False),
        ("https://user@management.azure.com/", False),
    ],
)
def test_the_hosts_of_the_public_cloud(url: str, ours: bool):
    assert CLOUDS["public"].allows(url) is ours


def test_the_port_in_the_prices_own_next_links_is_accepted():
    link = "https://prices.azure.com:443/api/retail/prices?$skip=1000"

    assert (
        followed(link, "https://prices.azure.com", "prices") == "https://prices.azure.com/api/retail/prices?$skip=1000"
    )
