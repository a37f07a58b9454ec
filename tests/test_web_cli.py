"""`finops web`: what it refuses to serve, and that it serves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from estates import small_bodies, write_estate

from finops.cli import cli
from finops.cli.web import clock
from finops.simulator import serving

LONG = "x" * 32


def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, *options: str) -> str:
    monkeypatch.chdir(tmp_path)
    Path("finops.yaml").write_text(settings, "utf-8")
    result = CliRunner().invoke(cli, ["web", *options])
    assert result.exit_code == 1, result.output
    return result.output


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("web: {}", "web.auth is none"),
        ("web: {auth: easyauth, host: 0.0.0.0, tenant_id: t}", "web.public_url is missing"),
        ("web: {auth: demo, host: 0.0.0.0, public_url: 'https://x.example'}", "anybody could sign in as anybody"),
        ("web: {auth: easyauth, tenant_id: t}", "web.secret_key is missing"),
        ("web: {auth: easyauth, secret_key: " + LONG + "}", "web.tenant_id is missing"),
        ("web: {auth: bearer, secret_key: " + LONG + "}", "are missing"),
        ("web: {public_url: 'http://finops.example'}", "only https:// is accepted"),
        ("web: {public_url: 'https://finops.example/approvals'}", "leave out the path"),
        ("web: {auth: anything}", "web.auth"),
    ],
)
def test_a_page_that_lets_anybody_in_or_nobody_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, says: str
):
    assert says in refused(tmp_path, monkeypatch, settings)


def test_a_key_that_is_too_short_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "hunter2" not in refused(tmp_path, monkeypatch, "web: {auth: easyauth, tenant_id: t, secret_key: hunter2}")


def test_a_port_that_is_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        said = refused(tmp_path, monkeypatch, "{}", "--demo", "--port", port)

    assert f"port {port} cannot be listened on" in said


def test_a_simulator_that_is_not_there_is_told_and_nothing_is_decided_by_another_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(cli, ["web", "--demo", "--port", "0", "--azure", f"http://127.0.0.1:{free()}"])

    assert result.exit_code == 75  # it may be there later
    assert "Nothing answers" in result.output


def test_a_simulator_that_stops_telling_the_time_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_estate(tmp_path / "estate", small_bodies())
    with serving(tmp_path / "estate") as server:
        now = clock(server.url)
        assert now() == server.world.clock.now()
        assert capsys.readouterr().err == ""

    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)
    now()

    assert capsys.readouterr().err.count("does not tell the time") == 1


def free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_page_is_served_until_it_is_stopped(tmp_path: Path):
    command = [sys.executable, "-m", "finops", "web", "--demo", "--port", "0"]
    ours = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    server = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=ours)
    try:
        assert server.stderr is not None
        said = server.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert url, said

        answer = httpx.get(url[0], follow_redirects=True, trust_env=False)

        assert answer.status_code == 401
        assert "Sign in as Ana Approver" in answer.text
        assert "server" not in answer.headers
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(90) == 0
        server.communicate()


def test_the_page_has_nothing_that_talks_to_azure():
    code = "import sys; import finops.web; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"azure", "msal", "pandas", "duckdb", "matplotlib"} & set(loaded) == set()
