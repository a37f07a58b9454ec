"""`finops budget` on the command line: readable on 80 columns, whole as JSON, and clear about what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from budgeting import GPU, charge, days
from charges_files import focus
from click.testing import CliRunner, Result
from estates import write_estate

from finops.cli import cli
from finops.simulator import serving


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Azure with a time of its own, 22 November 2026 06:00 UTC, so that no test depends on today."""
    with serving(write_estate(tmp_path_factory.mktemp("estate"))) as server:
        yield server.url


@pytest.fixture(autouse=True)
def in_a_folder_with_charges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FINOPS_AZURE__ENDPOINT", url)
    monkeypatch.chdir(tmp_path)
    focus(Path("costs.csv"), *days("2026-09-01", "2026-11-21", "40"), charge("2026-11-05", "300", ResourceId=GPU))
    write("{all: 1000, gpu: {scope: {workspace: ws}, amount: 200}}")


def write(budgets: str) -> None:
    text = f"budgets: {budgets}\ncharges: {{sources: [costs.csv]}}\nmail: {{finance: [finance@x.example]}}\n"
    Path("finops.yaml").write_text(text, "utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["budget", *arguments])


def test_a_list_fits_eighty_columns():
    shown = run("list").output

    assert "1,100.00 of 1,000 USD, 110.0%" in shown
    assert "40.00 more since, not complete" in " ".join(shown.split())
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_list_is_whole_as_json():
    found = json.loads(run("list", "-o", "json").stdout)

    assert [(one["budget"], one["spent"], one["status"], one["told"]) for one in found] == [
        ("all", 1100.0, "over", []),
        ("gpu", 300.0, "over", []),
    ]


def test_one_budget_is_shown_with_its_thresholds_and_what_drove_it():
    shown = run("show", "GPU").output

    assert "actual 100%" in shown
    assert "workspace ws, every month, effective cost" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_look_leaves_no_database_and_no_mail():
    run("list")
    run("show", "all")

    assert not Path("finops-data").exists()


def test_a_check_leaves_one_mail_and_the_next_one_none():
    first, second = run("check"), run("check")

    assert first.stderr.count("Mail to finance@x.example") == 1
    assert "Nothing new to tell." in second.stderr
    assert len(list(Path("finops-data/outbox").glob("*.eml"))) == 1


def test_an_acknowledgement_shows_who_and_why():
    run("check")

    said = run("ack", "all", "--why", "training ends on Friday")

    assert said.exit_code == 0
    assert "training ends on Friday" in run("show", "all").output


def test_what_was_never_told_cannot_be_acknowledged():
    run("check")
    write("{all: 1000, quiet: {scope: all, amount: 100000}}")

    assert "Nothing was told of the budget quiet" in run("ack", "quiet", "--why", "x").output


def test_a_mute_needs_an_end_and_a_reason_and_shows_until_when():
    refused = run("mute", "all", "--until", "2999-01-01", "--why", "x")
    bare = run("mute", "all")

    assert (refused.exit_code, bare.exit_code) == (2, 2)
    assert "more than a year away" in refused.output


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "2020-01-01"])
def test_a_day_that_cannot_be_meant_is_refused(day: str):
    assert run("mute", "all", "--until", day, "--why", "x").exit_code == 2


def test_a_misspelt_budget_is_answered_with_the_nearest():
    assert "Did you mean all?" in run("show", "al").output


def test_a_wrong_currency_is_said_and_the_others_are_shown():
    write("{all: 1000, euros: {scope: all, amount: 5, currency: EUR}}")

    done = run("list")

    assert done.exit_code == 20
    assert "euros: The budget euros is in EUR" in done.stderr
    assert "1,100.00 of 1,000" in done.stdout


def test_without_a_budget_the_list_says_how_to_write_one():
    write("{}")

    assert "budgets: {all: 1000}" in run("list").output


def test_a_recording_is_looked_at_but_nobody_is_told(small_estate: Path):
    assert run("check", "--estate", str(small_estate)).exit_code == 2


def test_the_watch_reads_on_eighty_columns_and_leaves_nothing(small_estate: Path):
    with serving(small_estate) as server:
        done = run("watch", "--azure", server.url)

    assert "USD an hour by list prices" in done.output
    assert all(len(line) <= 80 for line in done.output.splitlines())
    assert not Path("finops-data").exists()


def test_a_watch_that_tells_leaves_one_mail(small_estate: Path):
    with serving(small_estate) as server:
        first = run("watch", "--tell", "--azure", server.url)
        second = run("watch", "--tell", "--azure", server.url)

    assert (first.stderr.count("Mail to"), second.stderr.count("Mail to")) == (1, 0)


def test_a_record_before_any_look_says_how_to_begin_one():
    run("check")

    assert "`finops budget watch --tell` puts it there" in run("watch", "--record").output


def test_sync_shows_what_it_would_do_and_does_it_only_when_told(small_estate: Path):
    with serving(small_estate) as server:
        subscription = server.world.resources.of_type("subscriptions")[0]["id"]
        write(f"{{{subscription}: 100}}")
        shown = run("sync", "--azure", server.url)
        done = run("sync", "--execute", "--azure", server.url)
        after = run("sync", "--what-if", "--azure", server.url)

    assert ("create" in shown.stdout, "Nothing was changed" in shown.stderr) == (True, True)
    assert ("done: create" in done.stderr, after.stdout.startswith("same")) == (True, True)


def test_sync_cannot_be_asked_to_do_and_not_to_do():
    assert run("sync", "--what-if", "--execute").exit_code == 2
