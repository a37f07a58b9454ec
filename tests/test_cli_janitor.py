"""`finops janitor` at a prompt: looking and deciding, for people at 100 columns and for programs."""

from __future__ import annotations

import csv
import json
import socket
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner, Result
from lives import DAY, MONDAY, finding, only, opened, sweep

from finops.approvals.counted import keep_counted
from finops.cli import cli
from finops.cli.janitor import VERBS, janitor
from finops.state import State

NAMES = ["[red]evil", "<b>bold", "=cmd()", "x" * 250]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Call `finops janitor ...` in a folder of its own, at the prompt of a person with 100 columns."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finops.yaml").write_text("state: {url: state.db}\njanitor: {mode: act}\n")

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["janitor", *words], catch_exceptions=False)

    return call


@pytest.fixture
def state(tmp_path: Path) -> State:
    with opened(tmp_path) as state:
        sweep(state, datetime.now(UTC), finding("chat"), finding("risky", risk="high"), *map(finding, NAMES))
    return state


def test_the_list_names_each_by_what_it_is_approved_by(run, state: State):
    result = run("list", "--search", "chat")

    assert result.exit_code == 0
    assert "1-d1d1d1d1" in result.output
    assert "ws/chat" in result.output
    assert "1 finding. In all, as far as it is known: 700.00 USD a month." in result.output


def test_names_of_any_kind_are_text_in_a_table(run, state: State):
    output = run("list", "--limit", "0").output

    for name in ("[red]evil", "<b>bold", "=cmd()"):
        assert name in output


def test_no_row_of_a_list_repeats_the_long_id(run, state: State):
    assert "/subscriptions/" not in run("list").output


def test_a_spreadsheet_takes_no_name_for_a_formula(run, state: State):
    rows = list(csv.DictReader(StringIO(run("list", "-o", "csv", "--limit", "0").output)))

    assert len(rows) == 6
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]


def test_json_holds_everything_and_every_digit(run, state: State):
    [row] = json.loads(run("list", "-o", "json", "--search", "chat").output)

    assert (row["id"], row["status"], row["saving"]) == ("1-d1d1d1d1", "pending", 700)
    assert row["resource_id"].endswith("/onlineEndpoints/chat")
    assert row["digest"] == "d1" * 32


def test_a_request_that_ended_is_expired_before_a_sweep_notes_it(run, tmp_path: Path):
    with opened(tmp_path) as state:
        sweep(state, datetime.now(UTC) - 15 * DAY, finding())

    assert "Findings: nothing to show." in run("list", "--status", "pending").output
    [row] = json.loads(run("list", "--status", "expired", "-o", "json").output)
    assert (row["status"], row["note"][:21]) == ("expired", "Nobody decided until ")
    assert " expired " in run("list").output
    assert "Status     expired: nobody decided in time" in run("show", "1").output


def test_what_is_asked_of_one_resource_twice_is_worth_it_once_as_on_the_page(run, tmp_path: Path):
    with opened(tmp_path) as state:
        sweep(state, datetime.now(UTC), finding("one"), finding("two"))
        keep_counted(state, {2: "guard-1"}, MONDAY)

    assert (
        "2 findings. In all, as far as it is known: 700.00 USD a month; "
        "700.00 more counts with what else is asked of the same resource: 1 of them."
    ) in run("list").output


def test_without_its_simulator_the_list_shows_what_was_left_and_says_so(run, tmp_path: Path):
    with opened(tmp_path) as state:
        sweep(state, MONDAY, finding())
    with socket.socket() as taken:  # bound, and nothing listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "finops.yaml").write_text(f"state: {{url: state.db}}\nazure: {{endpoint: '{url}'}}\n")

        result = run("list")

    assert result.exit_code == 0
    assert f"Nothing answers at {url}" in result.output
    assert "What is shown is as the last command left it." in result.output
    assert " pending " in result.output


def test_nothing_remembered_is_told_and_leaves_no_database(run, tmp_path: Path):
    result = run("list")

    assert result.exit_code == 2
    assert "Run `finops janitor sweep` first" in result.output
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize("words", [("list", "--status", "aproved"), ("list", "--order", "price"), ("show", "x"),
                                   ("show", "99"), ("show", "1-xyz"), ("log", "abc"), ("approve", "1 2")])  # fmt: skip
def test_what_cannot_be_meant_is_told_in_a_line(run, state: State, words: tuple[str, ...]):
    result = run(*words)

    assert result.exit_code in {1, 2}
    assert result.output.startswith(("Error: ", "Usage: "))
    assert "Traceback" not in result.output


def test_show_tells_what_is_decided_on(run, state: State):
    output = run("show", "1").output

    for said in (
        "1-d1d1d1d1  delete the online endpoint chat", "30 days without requests; 14 are asked for.",
        "Risk       low: one person must approve", "Saves      700.00 USD a month", "ola@contoso.example", "History",
    ):  # fmt: skip
        assert said in output


def test_an_approval_names_what_was_seen(run, state: State, tmp_path: Path):
    result = run("approve", "1-d1d1d1d1", "--reason", "cleared")

    with opened(tmp_path) as after:
        record = after.findings.get(1)
        assert (result.exit_code, record.status) == (0, "approved")
        assert record.note == "Approved: cleared"
        assert [vote.oid for vote in record.votes] == ["command-line"]


def test_an_approval_of_a_bare_number_is_refused(run, state: State):
    result = run("approve", "1")

    assert result.exit_code == 2
    assert "1 does not say what you saw of it." in result.output


@pytest.mark.parametrize("digest", ["00000000", "d1d1d1d2", "d1" * 31 + "d2"])
def test_an_approval_of_something_else_is_refused(run, state: State, tmp_path: Path, digest: str):
    result = run("approve", f"1-{digest}")

    assert result.exit_code == 1
    assert "It is not what you saw any more" in result.output
    with opened(tmp_path) as after:
        assert only(after).status == "pending"


def test_nobody_on_the_command_line_approves_what_is_of_high_risk(run, state: State, tmp_path: Path):
    result = run("approve", "2-d1d1d1d1")

    assert result.exit_code == 1
    assert "approve it on the page" in " ".join(result.output.split())
    with opened(tmp_path) as after:
        assert after.findings.get(2).status == "pending"


def test_a_bulk_that_is_taken_in_part_exits_20(run, state: State):
    result = run("approve", "1-d1d1d1d1", "2-d1d1d1d1", "-o", "json")

    assert result.exit_code == 20
    assert [row["Taken"] for row in json.loads(result.output)] == ["yes", "no"]


@pytest.mark.parametrize("verb", ["deny", "snooze", "exempt"])
def test_a_no_needs_a_reason(run, state: State, verb: str):
    assert "Missing option '--reason'" in run(verb, "1-d1d1d1d1").output
    assert "Give a reason" in run(verb, "1-d1d1d1d1", "--reason", " ").output


def test_a_snooze_lasts_to_the_end_of_its_day(run, state: State, tmp_path: Path):
    day = (datetime.now(UTC) + 5 * DAY).date()

    result = run("snooze", "1-d1d1d1d1", "--until", f"{day}", "--reason", "release week")

    assert result.exit_code == 0
    with opened(tmp_path) as after:
        until = after.findings.get(1).snoozed_until
        assert until is not None
        assert (until - DAY).date() == day


def test_the_log_says_who_did_what_and_why(run, state: State):
    run("deny", "1-d1d1d1d1", "--reason", "our fallback")

    rows = json.loads(run("log", "1", "-o", "json").output)

    assert [row["Status"] for row in rows] == ["found", "asked", "pending", "denied"]
    assert "command-line" in rows[-1]["Who"]
    assert "our fallback" in rows[-1]["Why"]
    assert len(json.loads(run("log", "--limit", "2", "-o", "json").output)) == 2


def test_a_recording_is_not_decided_on(run, state: State, tmp_path: Path):
    result = run("deny", "1-d1d1d1d1", "--reason", "x", "--estate", str(tmp_path))

    assert "nothing of a recording is decided" in result.output


def test_tell_leaves_what_waits(run, tmp_path: Path):
    with opened(tmp_path) as state:
        sweep(state, MONDAY, finding(), told=False)
    (tmp_path / "finops.yaml").write_text(
        "state: {url: state.db}\njanitor: {mode: act, weekend: [], quiet_from: 00:00, quiet_until: 00:00}\n"
        "guard: {admins: [a@b.example]}\n"
    )

    result = run("tell")

    assert result.exit_code == 0
    assert result.output.count("Mail: ") == 2


def test_every_verb_of_the_janitor_is_found_by_its_name():
    context = Context(janitor)

    assert [verb for verb in VERBS if janitor.get_command(context, verb) is None] == []


@pytest.mark.parametrize("wide", [80, 100])
def test_no_line_is_wider_than_the_terminal_but_for_a_name(run, state: State, monkeypatch, wide: int):
    monkeypatch.setenv("COLUMNS", str(wide))

    for words in (("list", "--limit", "0"), ("log",), ("show", "1")):
        long = [line for line in run(*words).output.splitlines() if len(line) > wide]
        assert [line for line in long if "x" * 250 not in line and "/subscriptions/" not in line] == []


def test_ids_and_names_are_never_broken(run, state: State, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    output = run("list", "--limit", "0").output

    assert "6-d1d1d1d1" in output
    assert f"ws/{'x' * 250}" in output
    assert "ola@contoso.example" in output


def test_a_pipe_gets_one_line_for_each_finding(run, state: State, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)

    lines = run("list", "--limit", "0").output.splitlines()

    assert len(lines) == 8
    assert all("\x1b" not in line and line == line.rstrip() for line in lines)
    assert [line for line in lines if line.startswith("1-d1d1d1d1") and line.endswith("ola@contoso.example")]


def test_what_is_copied_from_a_name_is_what_was_there(run, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with opened(tmp_path) as state:
        sweep(state, datetime.now(UTC), finding("\x1b[31mred"), finding("日本語"))

    output = run("list").output

    assert "ws/�[31mred" in output
    assert "ws/日本語" in output


def test_a_sum_of_nothing_is_told(run, state: State):
    assert "Findings: nothing to show.\n0 findings." in run("list", "--search", "no such thing").output
