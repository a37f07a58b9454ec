"""What is seen of the daemon from outside, over HTTP."""

from __future__ import annotations

import socket
import sqlite3
import threading
from pathlib import Path

import httpx
import pytest
from outside_daemon import GUARD, HOUR, NOW, ran, seen
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from finops.daemon.asking import Asking
from finops.daemon.listening import MOST, serving
from finops.errors import FinopsError


def test_it_is_healthy_while_its_loop_beats(tmp_path: Path):
    with seen(tmp_path) as daemon:
        answer = daemon.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {
        "healthy": True, "why": "", "beat_seconds_ago": 1.0, "leads": True, "running": [], "overrun": [],
        "clock_in_doubt": "",
    }  # fmt: skip


def test_a_loop_that_is_silent_makes_it_unhealthy_though_the_process_answers(tmp_path: Path):
    with seen(tmp_path) as daemon:
        daemon.monotonic = 999.0 + 121
        answer = daemon.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["why"] == "The loop that begins duties has not beaten for 121 s; 120 s are allowed."


def test_before_the_first_beat_it_is_not_healthy(tmp_path: Path):
    with seen(tmp_path) as daemon:
        daemon.pulse.beat_at = None
        answer = daemon.get("/healthz")

    assert (answer.status_code, answer.json()["beat_seconds_ago"]) == (503, None)


def test_it_is_ready_whether_it_leads_or_waits_to(tmp_path: Path):
    with seen(tmp_path) as daemon:
        leads = daemon.get("/readyz")
        daemon.pulse.leads = False
        waits = daemon.get("/readyz")

    assert (leads.status_code, waits.status_code) == (200, 200)


@pytest.mark.parametrize(("ready", "stopping"), [(False, False), (True, True)])
def test_it_is_not_ready_before_it_has_begun_and_once_it_is_stopped(tmp_path: Path, ready: bool, stopping: bool):
    with seen(tmp_path) as daemon:
        daemon.pulse.ready, daemon.pulse.stopping = ready, stopping
        answers = daemon.get("/readyz"), daemon.get("/healthz")

    assert [answer.status_code for answer in answers] == [503, 200]


def test_a_schema_that_another_version_changed_makes_it_not_ready(tmp_path: Path):
    with seen(tmp_path) as daemon:
        with sqlite3.connect(tmp_path / "state.db") as db:
            db.execute("UPDATE finops_schema SET version_num = '9999'")
        db.close()
        answer = daemon.get("/readyz")

    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "schema" in answer.json()["why"]


def test_a_database_that_is_gone_makes_it_not_ready_and_healthy_still(tmp_path: Path):
    with seen(tmp_path) as daemon:
        daemon.state.close()
        (tmp_path / "state.db").unlink()
        (tmp_path / "state.db").mkdir()
        answers = [daemon.get(path).status_code for path in ("/readyz", "/healthz", "/metrics")]
        found = daemon.metrics()

    assert answers == [503, 200, 200]
    assert found["finops_state_up"] == 0
    assert "finops_approvals_waiting" not in found


def test_a_database_that_hangs_is_asked_once_and_waited_for_briefly():
    hold, asked = threading.Event(), []

    def work() -> str:
        asked.append(1)
        hold.wait(90)
        return "late"

    import asyncio

    asking = Asking("The database", work, 5)

    async def twice() -> list[str]:
        said = []
        for _ in range(2):
            with pytest.raises(FinopsError) as fault:
                await asking.answer(0.05)
            said.append(fault.value.what)
        hold.set()
        return [*said, await asking.answer(5)]

    assert asyncio.run(twice()) == ["The database did not answer within 0.05 s."] * 2 + ["late"]
    assert asked == [1]


def test_an_answer_is_kept_for_a_moment():
    import asyncio

    times, seconds = iter((1, 2)), [0.0]
    asking = Asking("It", lambda: next(times), 5, lambda: seconds[0])
    first = [asyncio.run(asking.answer(5)) for _ in range(2)]
    seconds[0] = 5.0

    assert [*first, asyncio.run(asking.answer(5))] == [1, 1, 2]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/healthz", {"Host": "evil.example"}, 400),
        ("GET", "/metrics", {"Host": "localhost.evil.example"}, 400),
        ("GET", "/metrics", {"Host": "10.1.2.3:9464"}, 400),  # it listens on this machine only
        ("POST", "/healthz", {}, 405),
        ("DELETE", "/metrics", {}, 405),
        ("GET", "/metrics?name=x", {}, 400),
        ("GET", "/healthz", {"Content-Length": "3"}, 413),
        ("GET", "/healthz", {"Transfer-Encoding": "chunked"}, 413),
        ("GET", "/", {}, 404),
        ("GET", "/metrics/", {}, 404),
        ("GET", "/..%2fhealthz", {}, 404),
        ("HEAD", "/healthz", {}, 200),
        ("GET", "/healthz", {"Host": "LOCALHOST:1"}, 200),
    ],
)
def test_there_is_nothing_to_be_told_and_no_other_name(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
):
    with seen(tmp_path) as daemon:
        host, port = daemon.url.removeprefix("http://").split(":")
        given = {"Host": f"{host}:{port}", "Connection": "close"} | headers
        request = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in given.items()) + "\r\n"
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(request.encode())
            answer = connection.recv(65536).decode()

    assert answer.split()[1] == str(status)
    assert "x-content-type-options: nosniff" in answer.lower()


def test_beyond_this_machine_bare_addresses_and_names_that_were_set_are_answered_to(tmp_path: Path):
    hosts = {"10.1.2.3:9464": 200, "[fd00::1]:9464": 200, "Finops.Monitoring": 200, "evil.example": 400}
    with seen(tmp_path, {"listen": "0.0.0.0:0", "hosts": ["finops.monitoring"]}) as daemon:
        found = {host: daemon.get("/healthz", headers={"Host": host}).status_code for host in hosts}

    assert found == hosts


def test_connections_that_say_nothing_do_not_keep_it_from_answering():
    async def yes(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("yes")(scope, receive, send)

    with serving(yes, "127.0.0.1:0", "daemon.listen", patience=0.3) as listener:
        where = ("127.0.0.1", listener.port)
        silent = [socket.create_connection(where, 10) for _ in range(MOST + 10)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: half a requ")
        said = [connection.recv(100) for connection in silent[:MOST]]
        answer = httpx.get(listener.url, trust_env=False)
        for connection in silent:
            connection.close()

    assert set(said) == {b""}
    assert (answer.status_code, answer.text) == (200, "yes")


def test_a_port_that_is_taken_says_which_setting_to_change(tmp_path: Path):
    with seen(tmp_path) as daemon:
        taken = serving(Starlette(), daemon.url.removeprefix("http://"), "daemon.listen")
        with pytest.raises(FinopsError, match=r"daemon\.listen"):
            taken.__enter__()


def test_what_ran_is_told_after_a_restart_too(tmp_path: Path):
    with seen(tmp_path) as daemon:
        ran(daemon.state, "guard", NOW - HOUR, minutes=2)
    with seen(tmp_path) as daemon:
        found = daemon.metrics()

    ended = (NOW - HOUR).timestamp() + 120
    assert found['finops_duty_last_success_timestamp_seconds{duty="guard"}'] == ended
    assert found['finops_duty_last_run_seconds{duty="guard"}'] == 120
    assert found['finops_duty_runs{duty="guard",outcome="done"}'] == 1


def test_a_duty_that_is_off_is_enabled_0_and_never_late(tmp_path: Path):
    with seen(tmp_path, {"schedule": {"guard": "off"}}, (GUARD,)) as daemon:
        found = daemon.metrics()

    assert found['finops_duty_enabled{duty="guard"}'] == 0
    assert 'finops_duty_late{duty="guard"}' not in found
