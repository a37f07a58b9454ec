"""Letters of budgets and of the watch: one that cannot be sent stops no other, and a command says what still waits."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from budgeting import GPU, NOW, charge, days, mails, settings
from charges_files import focus
from click.testing import CliRunner, Result
from estates import write_estate

from finops.cli import cli
from finops.jobs.budgeting import outgoing
from finops.simulator import serving
from finops.state import State

PLAN = "budget/outgoing"


def letter(to: str) -> dict[str, Any]:
    return {"kind": "budget-alert", "to": to, "subject": "S", "text": "t", "html": "<p>t</p>", "about": [to],
            "thread": "t"}  # fmt: skip


def left(tmp_path: Path, *people: str, **mail: Any) -> list[str]:
    """Who of them has mail, after letters to all of them."""
    given = settings(tmp_path, "{}", mail={"outbox": tmp_path / "outbox", **mail})
    with State.open(tmp_path / "state.db") as state:
        outgoing.leave(state, given, PLAN, [letter(one) for one in people], [("budget/told/x", 1)], (), NOW)
        outgoing.deliver(state, given, NOW)
    return [str(one["To"]) for one in mails(tmp_path / "outbox")]


@pytest.mark.parametrize("bad", ["j\N{LATIN SMALL LETTER O WITH DIAERESIS}rg@x.example", "a@b; c@d", "=?utf-8?q?x?=@y"])
def test_what_is_no_address_stops_no_other_letter(tmp_path: Path, bad: str):
    assert left(tmp_path, bad, "ok@x.example") == ["ok@x.example"]


def test_what_is_no_address_is_said():
    assert "'a@b; c@d' is not a mail address" in outgoing.misaddressed([letter("a@b; c@d"), letter("ok@x.example")])[0]


def test_a_plan_that_was_kept_with_what_is_no_address_is_carried_out_for_the_others(tmp_path: Path):
    plan = {"letters": [letter("a@b; c@d"), letter("ok@x.example")], "keeps": [], "drops": [], "at": NOW.isoformat()}

    with State.open(tmp_path / "state.db") as state:
        state.keep(PLAN, plan, NOW)
        new = outgoing.finish(state, settings(tmp_path, "{}"), PLAN)
        kept = state.kept(PLAN)

    assert ([one["to"] for one in new], kept) == (["ok@x.example"], {})


# -- a mail server that is down -----------------------------------------------------------------------------------


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose mail server is down, with a budget that is over and a cost that is off."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.chdir(tmp_path)
    focus(Path("costs.csv"), *days("2026-09-01", "2026-11-21", "40"), *off())
    Path("finops.yaml").write_text(
        "budgets: {all: 1000}\ncharges: {sources: [costs.csv]}\n"
        f"mail: {{transport: smtp, finance: [g@x.example], smtp: {{host: 127.0.0.1, port: {port}, security: none}}}}\n"
    )


def off() -> list[dict[str, Any]]:
    return [charge(f"2026-11-{day}", "900", ResourceId=GPU, ChargeCategory="Usage") for day in (17, 18, 19)]


def run(*arguments: str, url: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--azure", url])


TELLING = {
    "budget check": ["budget", "check"],
    "budget watch": ["budget", "watch", "--tell"],
    "anomaly watch": ["anomaly", "watch"],
}


@pytest.mark.parametrize("command", TELLING.values(), ids=TELLING)
def test_a_command_whose_mail_did_not_leave_says_so_as_long_as_it_waits(
    tmp_path: Path, down: None, command: list[str], small_estate: Path
):
    with serving(
        write_estate(tmp_path / "tiny") if command[0] != "budget" or "watch" not in command else small_estate
    ) as server:
        first = run(*command, url=server.url)
        second = run(*command, url=server.url)

    assert "Mail to g@x.example" in first.stderr
    assert "! Letter 1" in first.stderr
    assert "1 mail is still to be sent" in second.stderr
    assert (first.exit_code, second.exit_code) == (20, 20)


def test_a_report_whose_mail_did_not_leave_is_said_to_wait(tmp_path: Path, down: None):
    with serving(write_estate(tmp_path / "tiny")) as server:
        done = run("report", "send", "costs.csv", "--week-ending", "2026-11-15", url=server.url)

    assert "1 mail is still to be sent" in done.stderr
    assert done.exit_code == 20
