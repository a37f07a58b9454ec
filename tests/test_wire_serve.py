"""The server itself: started and stopped cleanly, its clock, its log, its operations, its command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from awake import awake
from estates import AS_OF, PROD, workspace_id, write_estate
from wire_clients import Clients, azure

from finops.errors import FinopsError, UsageError
from finops.simulator import serving
from finops.simulator.serve import speed_of

COMPUTE = f"{workspace_id('ml-prod')}/computes/gpu"


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path) as made:
        yield made


def test_it_answers_when_the_block_begins_and_is_gone_when_it_ends(tmp_path: Path):
    with serving(write_estate(tmp_path)) as server:
        assert httpx.get(f"{server.url}/subscriptions").status_code == 200

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/subscriptions")


def test_it_leaves_no_thread_behind(tmp_path: Path):
    before = threading.active_count()

    with serving(write_estate(tmp_path)) as server, httpx.Client(base_url=server.url) as client:
        client.get("/subscriptions")

    # A worker of the server's pool may take a moment to end after its server has.
    until = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_it_stops_though_a_request_is_stalled(tmp_path: Path):
    with awake() as seconds:
        with serving(write_estate(tmp_path), faults={"fault": "stall", "seconds": 600}) as server:  # noqa: SIM117
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(f"{server.url}/subscriptions", timeout=httpx.Timeout(60, read=0.1))
        took = seconds()

    assert took < 5


def test_a_taken_port_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with (
            pytest.raises(FinopsError, match=f"Port {port} cannot be used"),
            serving(write_estate(tmp_path), port=port),
        ):
            pass


def test_an_answer_is_not_held_back_by_the_socket(clients: Clients):
    http = clients.http
    http.get(COMPUTE)

    fastest = min(http.get(COMPUTE).elapsed.total_seconds() for _ in range(20))

    # Nagle's algorithm with delayed acknowledgements would cost 40 ms each.
    assert fastest < 0.03


def test_many_callers_at_once_each_get_their_own_answer(clients: Clients):
    names = ["gpu", "cpu", "ci-ana"] * 20

    with ThreadPoolExecutor(8) as pool, httpx.Client(base_url=clients.served.url) as http:
        found = list(pool.map(lambda name: http.get(COMPUTE.replace("gpu", name)).json()["name"], names))

    assert found == names


def test_slow_answers_do_not_wait_for_one_another(clients: Clients):
    clients.served.faults.add({"fault": "slow", "seconds": 1})

    with awake() as seconds, ThreadPoolExecutor(8) as pool, httpx.Client(base_url=clients.served.url) as http:
        list(pool.map(lambda _: http.get(COMPUTE), range(8)))
        took = seconds()

    assert took < 5  # one after the other would take 8


@pytest.mark.parametrize(("text", "speed"), [("frozen", 0), ("live", 1), ("fast:3600", 3600), ("fast:0.5", 0.5)])
def test_a_clock_goes_as_told(text: str, speed: float):
    assert speed_of(text) == speed


@pytest.mark.parametrize("text", ["", "slow", "fast", "fast:", "fast:-1", "live:2", "fast:nan"])
def test_a_clock_that_cannot_be_meant_is_refused(text: str):
    with pytest.raises(UsageError, match="frozen, live or fast:N"):
        speed_of(text)


def test_a_frozen_clock_stands_until_moved(clients: Clients):
    http = clients.http
    assert http.get("/simulator/clock").json() == {"now": AS_OF.isoformat()}

    http.post("/simulator/clock", json={"advanceHours": 24})

    assert http.get("/simulator/clock").json() == {"now": "2026-11-23T06:00:00+00:00"}


def test_a_clock_is_moved_to_a_moment(clients: Clients):
    clients.http.post("/simulator/clock", json={"to": "2026-12-01T00:00:00Z"})

    assert clients.served.world.clock.now().isoformat() == "2026-12-01T00:00:00+00:00"


@pytest.mark.parametrize("body", [{"advanceHours": -1}, {"to": "2026-01-01"}, {"to": "noon"}, {"hours": 3}, {}])
def test_a_clock_is_not_moved_back_nor_nowhere(clients: Clients, body: dict[str, object]):
    answer = clients.http.post("/simulator/clock", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadClock")
    assert clients.served.world.clock.now() == AS_OF


def test_an_operation_ends_when_the_simulated_time_has_come(clients: Clients):
    clients.http.delete(f"{COMPUTE}?underlyingResourceAction=Delete&api-version=1")

    assert clients.http.get(COMPUTE).json()["properties"]["provisioningState"] == "Deleting"
    clients.http.post("/simulator/clock", json={"advanceMinutes": 2})
    assert clients.http.get(COMPUTE).status_code == 404


def test_an_operation_ends_when_it_was_asked_after_often_enough(tmp_path: Path):
    with azure(tmp_path, polls=3) as clients:
        link = clients.http.delete(f"{COMPUTE}?underlyingResourceAction=Delete").headers["location"]

        assert [clients.http.get(link).status_code for _ in range(5)] == [202, 202, 202, 204, 204]


def test_amls_operations_do_not_say_when_to_ask_again(tmp_path: Path):
    with azure(tmp_path, retry_after=7) as clients:
        aml = clients.http.delete(f"{COMPUTE}?underlyingResourceAction=Delete")
        arm = clients.http.delete(f"/subscriptions/{PROD}/resourceGroups/rg-ml")

    assert "retry-after" not in aml.headers
    assert arm.headers["retry-after"] == "7"


def test_the_log_tells_what_was_asked(clients: Clients):
    clients.http.get("/subscriptions?api-version=2022-12-01")

    (entry,) = clients.http.get("/simulator/requests").json()["value"]
    assert (entry["method"], entry["path"], entry["query"], entry["status"]) == (
        "GET",
        "/subscriptions",
        "api-version=2022-12-01",
        200,
    )


def test_the_command_serves_until_interrupted(tmp_path: Path):
    estate = write_estate(tmp_path / "estate")
    command = [sys.executable, "-m", "finops", "simulate", "serve", str(estate), "--port", "0", "--clock", "frozen"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as run:
        assert run.stdout is not None
        shown = run.stdout.readline()
        url = re.findall(r"http://127\.0\.0\.1:\d+", shown)[0]

        assert httpx.get(f"{url}/simulator", timeout=60).json()["name"] == "contoso-ml"
        run.send_signal(signal.SIGINT)
        told = run.stdout.read()

    assert run.returncode == 0
    assert f"finops estate show --azure {url}" in told


def test_a_folder_that_is_no_estate_is_named(tmp_path: Path):
    (tmp_path / "estate.json").write_text(json.dumps({"format": 99, "asOf": "2026-01-01T00:00:00Z"}))

    with pytest.raises(FinopsError, match="format 99"), serving(tmp_path):
        pass
