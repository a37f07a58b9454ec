"""Where an azureml:// path leads, as Resource Manager tells who a job is signed in as."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure_ml_identity import azure_ml_identity

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.stores.datastore import address_of, resource_manager

LONG = "azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/workspaceblobstore/paths/runs/7"


@contextmanager
def arm(status: int, said: object) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A host, and what it was asked by whose token."""
    asked: list[tuple[str, str]] = []

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with azure_ml_identity() as identity:
        for name, value in identity.env.items():
            monkeypatch.setenv(name, value)
        yield identity.env


def test_resource_manager_is_asked_by_the_identity_of_the_compute(env: dict[str, str]):
    held = {"datastoreType": "AzureDataLakeGen2", "accountName": "lake", "filesystem": "raw", "endpoint": None}

    with arm(200, {"properties": held}) as (host, asked):
        found = address_of(LONG, {}, resource_manager(env, host))

    assert found == "https://lake.blob.core.windows.net/raw/runs/7"
    assert asked[0][0].startswith("/subscriptions/S/resourceGroups/R/providers/Microsoft.MachineLearningServices/")
    assert asked[0][1].startswith("Bearer ")


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (403, {}, "does not tell of .*workspaceblobstore: 403"),
        (404, {}, "does not tell of .*workspaceblobstore: 404"),
        (200, b"<html>", "cannot be asked for"),
        (200, {"properties": {"datastoreType": "AzureBlob", "accountName": "lake"}}, "not of blobs"),
        (200, [], "not of blobs"),
    ],
)
def test_an_answer_that_leads_nowhere_is_said(env: dict[str, str], status: int, said: object, told: str):
    with arm(status, said) as (host, _), pytest.raises(StoreFault, match=told):
        address_of(LONG, {}, resource_manager(env, host))


def test_a_cloud_that_does_not_answer_is_said(env: dict[str, str]):
    with pytest.raises(StoreFault, match="cannot be asked for"):
        address_of(LONG, {}, resource_manager(env, "http://127.0.0.1:9"))
