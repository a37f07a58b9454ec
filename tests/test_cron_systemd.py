"""The units of cron/systemd under a systemd of their own, as they are: what runs, and what it may and may not.

systemd is PID 1 of namespaces here, not of the machine; all that a unit asks for, it does itself. This checkout runs,
or what was installed as docs/operations.md says: FINOPS_INSTALLED=/opt/aml-finops.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from systemd_machine import Machine, machine, missing

from finops.simulator import serving

SETTINGS = """
azure: {{endpoint: "{url}"}}
daemon: {{listen: "127.0.0.1:{port}", log_form: json}}
web: {{auth: bearer, port: {page}, jwks_url: "https://id.example/keys", issuer: "https://id.example", audience: a}}
"""
SECRETS = {"state__audit_key": "k" * 64, "web__secret_key": "w" * 43}
DAEMON = "aml-finops.service"
PAGE = "aml-finops-web.service"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def page() -> int:
    return free_port()


@pytest.fixture(scope="module")
def booted(small_estate: Path, tmp_path_factory: pytest.TempPathFactory, port: int, page: int) -> Iterator[Machine]:
    """A machine with a simulated Azure beside it."""
    if why := missing():
        pytest.skip(why)
    room = tmp_path_factory.mktemp("finops-systemd")
    installed = Path(os.environ["FINOPS_INSTALLED"]) if "FINOPS_INSTALLED" in os.environ else None
    with serving(small_estate, clock="live") as azure:
        settings = SETTINGS.format(url=azure.url, port=port, page=page)
        try:
            with machine(room, settings, SECRETS, installed) as up:
                yield up
        except OSError as fault:
            pytest.skip(f"systemd does not come up in namespaces here: {fault}")


@pytest.fixture
def running(booted: Machine) -> Machine:
    """With the daemon under way, whatever tests before this one did to it."""
    booted.systemctl("start", DAEMON)
    return booted


def status_of(up: Machine, unit: str) -> dict[str, str]:
    pid = up.shown(unit, "MainPID")
    text = up.run("cat", f"/proc/{pid}/status").stdout
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.M))


def asked(up: Machine, unit: str, *words: str) -> str:
    """What a command says in the file systems that the service sees, as root."""
    pid = up.shown(unit, "MainPID")
    done = up.run("nsenter", "-t", pid, "-m", "--", *words)
    return f"{done.stdout}{done.stderr}".strip()


def first_status(port: int, patience: float) -> int:
    """The status of the first answer on this port of 127.0.0.1."""
    until = time.monotonic() + patience
    while True:
        try:
            asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            asking.request("GET", "/")
            return asking.getresponse().status
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        finally:
            asking.close()


def test_systemd_was_told_that_it_is_ready(running: Machine):
    assert running.shown(DAEMON, "ActiveState") == "active"
    assert running.shown(DAEMON, "Result") == "success"
    assert running.shown(DAEMON, "NRestarts") == "0"


def test_the_watchdog_watches_and_hears_it(running: Machine):
    assert running.shown(DAEMON, "WatchdogUSec") == "3min"
    assert running.shown(DAEMON, "WatchdogTimestampMonotonic") != "0"


def test_it_has_no_rights_and_gets_none(running: Machine):
    status = status_of(running, DAEMON)

    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert "0" not in status["Uid"].split()


def test_it_can_write_to_its_own_folders_only(running: Machine):
    refused = [asked(running, DAEMON, "touch", f"{folder}/x") for folder in ("/etc", "/usr", "/opt", "/var", "/boot")]

    assert all("Read-only file system" in each for each in refused), refused
    assert asked(running, DAEMON, "sh", "-c", "touch /var/lib/aml-finops/x && rm /var/lib/aml-finops/x") == ""


def test_it_sees_no_home_and_nobodys_temporary_files(running: Machine):
    assert asked(running, DAEMON, "ls", "-A", "/root", "/home", "/tmp") == "/home:\n\n/root:\n\n/tmp:"


def test_what_it_remembers_is_for_it_alone(running: Machine):
    found = running.run("find", "/var/lib/aml-finops", "-perm", "/077").stdout

    assert running.run("test", "-s", "/var/lib/aml-finops/finops-data/state.db").returncode == 0
    assert found == ""


def test_secrets_are_neither_in_its_environment_nor_in_what_it_says(running: Machine):
    pid = running.shown(DAEMON, "MainPID")

    assert SECRETS["state__audit_key"] not in running.run("cat", f"/proc/{pid}/environ").stdout
    assert SECRETS["state__audit_key"] not in running.log()


def test_it_is_bounded(running: Machine):
    assert running.shown(DAEMON, "MemoryMax") == str(4 * 2**30)
    assert int(running.shown(DAEMON, "MemoryCurrent")) < 3 * 2**30


def test_it_answers_from_outside(running: Machine, port: int):
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
        assert json.load(answer)["ready"] is True


def test_a_duty_that_is_not_due_is_left_alone_by_its_timers_service(running: Machine):
    running.systemctl("start", "aml-finops@report.service", timeout=400)

    assert running.shown("aml-finops@report.service", "Result") == "success"
    assert "report is not due: next at" in running.log()


def test_a_look_beside_the_daemon_leaves_it_to_that(running: Machine):
    running.systemctl("start", "aml-finops@look.service", timeout=400)

    assert running.shown("aml-finops@look.service", "Result") == "success"
    assert "leads, and looks itself." in running.log()


def test_a_duty_does_its_work_under_the_same_restrictions(running: Machine):
    at_once = running.room / "units/aml-finops@ingest.service.d"
    at_once.mkdir()
    start = "/opt/aml-finops/bin/finops daemon run --once %i --now --config /etc/aml-finops/finops.yaml"
    (at_once / "now.conf").write_text(f"[Service]\nExecStart=\nExecStart={start}\n", "utf-8")
    running.systemctl("daemon-reload")

    running.systemctl("start", "aml-finops@ingest.service", timeout=400)

    assert running.shown("aml-finops@ingest.service", "Result") == "success"
    assert running.run("find", "/var/lib/aml-finops/finops-data/charges", "-name", "*.parquet").stdout


def test_a_run_in_a_process_of_its_own_works_under_the_same_restrictions(running: Machine):
    """The daemon's first look begins what is due every few hours or daily: most of that in processes."""
    until = time.monotonic() + 240
    ended: list[dict[str, Any]] = []
    while not ended:
        assert time.monotonic() < until, running.log()[-3000:]
        time.sleep(1)
        said = [(line, line.find('{"time"')) for line in running.log().splitlines()]
        lines = [json.loads(line[start:]) for line, start in said if start >= 0]
        apart = {line["run"] for line in lines if line["message"] == "its process ends"}
        ended = [line for line in lines if line["message"] == "run ended" and line["run"] in apart]

    assert ended[0]["outcome"] in {"done", "partial", "held"}, ended[0]


def test_the_page_runs_beside_it_without_the_machines_identity(running: Machine, page: int):
    running.systemctl("start", PAGE)

    assert first_status(page, patience=120) == 303
    assert "169.254.169.254/32" in running.shown(PAGE, "IPAddressDeny")
    assert status_of(running, PAGE)["CapEff"] == "0" * 16


def test_a_stop_is_orderly(running: Machine):
    running.systemctl("stop", DAEMON)

    assert running.shown(DAEMON, "Result") == "success"
    assert running.shown(DAEMON, "ExecMainStatus") == "0"
