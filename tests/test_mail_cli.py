"""`finops mail` on the command line."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mailing import NOW, Behaviour, by_smtp, letter, smtp

from finops.cli import cli
from finops.config.mailing import MailSettings
from finops.mail import Post
from finops.state import Fate, State


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINOPS_STATE__URL", str(tmp_path / "state.db"))
    monkeypatch.setenv("FINOPS_MAIL__OUTBOX", str(tmp_path / "outbox"))
    return tmp_path


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["mail", *arguments], env=environment)


def put(site: Path, *about: str, kind: str = "owner-notice") -> None:
    with State.open(site / "state.db") as state:
        for one in about:
            Post(state, MailSettings()).put(letter(one, kind=kind), NOW)


def rows(result: Result) -> list[dict[str, object]]:
    found = json.loads(result.stdout)
    assert isinstance(found, list)
    return found


def test_without_a_database_there_is_nothing_and_none_is_made(site: Path):
    assert rows(run("list", "-o", "json")) == []
    assert not (site / "state.db").exists()


def test_what_waits_is_listed_delivered_and_listed_as_sent(site: Path):
    put(site, "a", "b")
    before = rows(run("list", "-o", "json"))

    done = run("deliver")

    assert [one["status"] for one in before] == ["waiting", "waiting"]
    assert (done.exit_code, done.stdout) == (0, "2 sent, 0 given up, 0 held, 0 waiting.\n")
    assert [one["status"] for one in rows(run("list", "-o", "json"))] == ["sent", "sent"]
    assert len(list((site / "outbox").glob("*.eml"))) == 2


def test_a_letter_is_shown_with_its_attempts(site: Path):
    put(site, "a")
    run("deliver")

    [one] = rows(run("show", "1", "-o", "json"))

    assert one["recipients"][0]["status"] == "sent"  # type: ignore[index]
    assert one["attempts"][0]["transport"] == "file"  # type: ignore[index]
    assert run("show", "1", "--eml").stdout.startswith("Subject: About a")
    assert "There is no letter 7." in run("show", "7").output


def test_what_cannot_be_sent_is_told_and_exits_20(site: Path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    put(site, "a")
    way = {"FINOPS_MAIL__TRANSPORT": "smtp", "FINOPS_MAIL__SMTP__HOST": "127.0.0.1",
           "FINOPS_MAIL__SMTP__PORT": str(port), "FINOPS_MAIL__SMTP__SECURITY": "none"}  # fmt: skip

    done = run("deliver", **way)
    checked = run("check", **way)

    assert done.exit_code == 20
    assert "cannot be reached (Connection refused)" in done.output
    assert "1 waiting" in done.output
    assert checked.exit_code == 1
    assert "cannot be reached" in checked.stdout


def test_what_is_held_waits_for_a_person(site: Path):
    with smtp(site / "taken", Behaviour(store="hang up")) as (port, _, ways), State.open(site / "state.db") as state:
        post = Post(state, by_smtp(port))
        for about in ("a", "b"):
            post.put(letter(about, kind="report"), NOW)
        post.deliver(NOW)
        ways.store = ""

    assert len(rows(run("list", "--status", "unsure", "-o", "json"))) == 2
    assert run("retry", "1", "--arrived").stdout == "1 taken for sent.\n"
    assert "1 to be tried again" in run("retry", "2").stdout
    assert run("deliver").stdout.startswith("1 sent")
    assert run("retry", "2").exit_code == 1


def test_check_of_the_folder_says_where_mails_lie(site: Path):
    found = run("check", "-o", "json")

    assert rows(found) == [
        {"channel": "mail", "transport": "file", "well": True, "found": f"mails are left in {site / 'outbox'}"}
    ]


def test_delivering_where_another_process_does_says_so(site: Path):
    put(site, "a")
    with State.open(site / "state.db") as state, state.letters.turn():
        done = CliRunner().invoke(cli, ["mail", "deliver"])

    assert "Another process is sending now" in done.output
    assert done.exit_code == 0


def test_the_content_of_what_everybody_got_is_cleared_after_some_time(site: Path):
    put(site, "a")
    with State.open(site / "state.db") as state:
        post = Post(state, MailSettings(outbox=site / "outbox", keep_days=14))
        post.deliver(NOW)
        post.deliver(NOW + timedelta(days=14))
        kept = state.letters.content(1)
        post.deliver(NOW + timedelta(days=15))

    shown = run("show", "1", "--eml")
    assert kept
    assert shown.exit_code == 1
    assert "The content of letter 1 was cleared" in shown.output
    assert [one["status"] for one in rows(run("list", "-o", "json"))] == ["sent"]


@pytest.mark.parametrize("status", ["waiting", "failed", "unsure"])
def test_what_somebody_has_not_got_is_kept(site: Path, status: str):
    put(site, "a")
    with State.open(site / "state.db") as state:
        state.letters.decide(1, ["waiting"], Fate(status, "so it is"), NOW)
        state.letters.clear(NOW + timedelta(days=1000))

        assert state.letters.content(1)


def test_what_was_cleared_is_not_sent_again_when_it_is_put_again(site: Path):
    put(site, "a")
    with State.open(site / "state.db") as state:
        post = Post(state, MailSettings(outbox=site / "outbox"))
        post.deliver(NOW)
        state.letters.clear(NOW + timedelta(days=1000))

        assert post.put(letter("a"), NOW + timedelta(days=1000)) is False
