"""Time, size and secrets: no server can hold, fill or rob us."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from awake import awake
from azure.core.credentials import AccessToken
from fake_azure import FakeAzure, Reply, connected, error, ok, wait_until

from finops.cloud import Azure, connect
from finops.cloud.calls import LARGEST_BODY
from finops.cloud.credentials import Tokens
from finops.config.model import AzureSettings
from finops.errors import AzureError, TemporaryError

THING = "/subscriptions/s1/things/a"
LOTS = {"value": [{"name": "x" * 1000}] * 200}


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def hasty(fake: FakeAzure) -> Iterator[Azure]:
    """A gateway in real time whose calls may take 0.4 s in all."""
    with connect(AzureSettings(endpoint=fake.url, call_deadline_seconds=0.4, read_timeout_seconds=60)) as azure:
        yield azure


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_a_server_that_hangs_or_drips_is_left_at_the_deadline(fake: FakeAzure, hasty: Azure, kind: str):
    fake.on("GET", THING, Reply(200, LOTS, fault=kind))

    with awake() as seconds:
        with pytest.raises(TemporaryError, match=r"within 0.4 s|in \d tries"):
            hasty.get(THING, "1")
        took = seconds()

    assert took < 2


def test_headers_that_drip_are_left_at_the_deadline():
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        peer, _ = listener.accept()
        with peer:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                if stop.wait(0.05):
                    return
                try:
                    peer.send(bytes([byte]))
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    settings = AzureSettings(endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}", call_deadline_seconds=0.4)
    with awake() as seconds:
        with connect(settings) as azure, pytest.raises(TemporaryError):
            azure.get(THING, "1")
        took = seconds()

    stop.set()
    thread.join()
    listener.close()
    assert took < 2


def test_a_body_without_end_is_left_at_64_mib(fake: FakeAzure):
    fake.on("GET", THING, Reply(200, b" " * 2**20, fault="endless"))

    with connected(fake) as azure, pytest.raises(AzureError, match="larger than 64 MiB"):
        azure.get(THING, "1")


def test_a_compressed_bomb_is_left_at_64_mib(fake: FakeAzure):
    bomb = gzip.compress(b" " * (LARGEST_BODY + 2**20), 9)
    fake.on("GET", THING, Reply(200, bomb, {"Content-Encoding": "gzip"}))

    with connected(fake) as azure, pytest.raises(AzureError, match="larger than 64 MiB"):
        azure.get(THING, "1")

    assert len(bomb) < 100_000


def test_a_body_nested_without_end_is_no_crash(fake: FakeAzure):
    fake.on("GET", THING, Reply(200, b"[" * 200_000 + b"]" * 200_000))

    with connected(fake) as azure, pytest.raises(AzureError, match="not JSON"):
        azure.get(THING, "1")


def test_the_registration_of_resource_providers_is_never_asked_for(fake: FakeAzure):
    fake.on("PUT", THING, error(409, "MissingSubscriptionRegistration", "register 'Microsoft.MachineLearningServices'"))

    with connected(fake) as azure, pytest.raises(AzureError):
        azure.put(THING, "1", {})

    assert fake.count(path="register") == 0


CANARY = "canary-token-4f1c"


class Canary:
    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken(CANARY, int(time.time()) + 3600)


def test_neither_token_nor_signature_reaches_a_log_or_a_message(fake: FakeAzure, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    signed = f"{fake.url}{THING}?sig=canary-signature&se=1"
    fake.on(
        "GET",
        THING,
        ok({"id": "a"}),
        error(400, "Bad", f"see https://x.example/?sig=canary-signature with Bearer {CANARY}"),
    )
    with connected(fake, tokens=Tokens(Canary(), "")) as azure:
        azure.send("arm", "GET", signed, None, read=True)
        with pytest.raises(AzureError) as refused:
            azure.send("arm", "GET", signed, None, read=True)

    assert fake.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "urllib3" in caplog.text
    assert "canary" not in caplog.text + str(refused.value)


def test_logging_enable_is_not_a_way_around(
    fake: FakeAzure, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AZURE_LOG_LEVEL", "DEBUG")
    fake.on("GET", THING, ok({"id": "a"}))
    with connected(fake, tokens=Tokens(Canary(), "")) as azure:
        azure.get(THING, "1")

    assert CANARY not in caplog.text


def test_a_proxy_from_the_environment_never_sees_a_local_server(fake: FakeAzure, monkeypatch: pytest.MonkeyPatch):
    fake.on("GET", THING, ok({"id": "a"}))
    with FakeAzure() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        with connected(fake) as azure:
            azure.get(THING, "1")

        assert proxy.count() == 0


def test_cookies_are_not_kept(fake: FakeAzure):
    fake.on("GET", THING, Reply(200, {"id": "a"}, {"Set-Cookie": "who=me"}))
    with connected(fake) as azure:
        azure.get(THING, "1")
        azure.get(THING, "1")

    assert "cookie" not in fake.asked[1].headers


def test_closing_ends_a_call_that_waits(fake: FakeAzure):
    fake.on("GET", THING, Reply(429, {}, {"Retry-After": "60"}))
    azure = connect(AzureSettings(endpoint=fake.url))
    outcomes: list[object] = []
    waiting = threading.Thread(target=lambda: outcomes.extend(azure.each([THING], lambda path: azure.get(path, "1"))))
    waiting.start()
    while not fake.count():
        time.sleep(0.005)

    with awake() as seconds:
        azure.close()
        waiting.join(50)
        took = seconds()

    assert took < 2
    assert "closed" in str(outcomes)


def test_many_calls_leave_no_open_files_behind(fake: FakeAzure):
    here = Path("/proc/self/fd")
    if not here.is_dir():
        pytest.skip("counts open files in /proc")
    fake.on("GET", THING, ok({"id": "a"}), Reply(200, {"id": "a"}, fault="cut"), ok({"id": "a"}))
    before = len(list(here.iterdir()))
    with connected(fake, workers=4) as azure:
        outcomes = list(azure.each([THING] * 200, lambda path: azure.get(path, "1")))
        during = len(list(here.iterdir()))
    wait_until(lambda: len(list(here.iterdir())) <= before)

    assert len(outcomes) == 200
    assert during - before <= 2 * 4 + 2  # both ends of a connection are in this process
    assert len(list(here.iterdir())) <= before
