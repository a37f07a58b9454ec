"""`finops anomaly` as people call it, beside a served Azure: every command, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from anomaly_desk import day, write
from click.testing import CliRunner, Result
from estates import write_estate

from finops.cli import cli
from finops.simulator import serving

LEFT_ON = dict.fromkeys(range(106, 110), 400.0)
"""From 17 to 20 November 2026; that Azure's clock stands at 06:00 on the 22nd, when the 20th is complete."""
BY_ID = ["show", "explain", "resolve", "false-positive"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_estate(tmp_path_factory.mktemp("estate"))) as server:
        yield server.url


@pytest.fixture(autouse=True)
def in_a_folder_with_charges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FINOPS_AZURE__ENDPOINT", url)
    monkeypatch.chdir(tmp_path)
    write(Path("charges"), 109, LEFT_ON)
    Path("finops.yaml").write_text("charges: {sources: [charges]}\nmail: {finance: [finance@x.example]}\n", "utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["anomaly", *arguments])


def found(*options: str) -> dict[str, object]:
    [case] = json.loads(run("list", "-o", "json", *options).stdout)
    return case


@pytest.fixture
def case() -> str:
    """The id of a case that a watch has kept."""
    run("watch")
    return str(found()["id"])


def fits(result: Result) -> bool:
    return all(len(line) <= 80 for line in result.stdout.splitlines())


def test_a_watch_keeps_the_case_and_leaves_one_mail():
    done = run("watch")

    assert "CC-4300 (cost centre)" in done.stdout
    assert "1 new, 0 changed, 0 closed." in done.stderr
    assert len(list(Path("finops-data/outbox").glob("*.eml"))) == 1
    assert fits(done)


def test_the_next_watch_prints_an_empty_list_and_leaves_no_mail(case: str):
    done = run("watch", "-o", "json")

    assert json.loads(done.stdout) == []
    assert len(list(Path("finops-data/outbox").glob("*.eml"))) == 1


def refusing(folder: Path, status: int) -> Result:
    """A watch beside an Azure that answers so to whoever asks for the activity log."""
    rule = {"fault": "status", "status": status, "code": "InvalidAuthenticationToken", "path": "eventtypes"}
    with serving(write_estate(folder / "estate"), faults=[rule]) as server:
        return run("watch", "--azure", server.url)


def test_where_nobody_is_signed_in_the_charges_alone_tell_and_it_exits_20(tmp_path: Path):
    done = refusing(tmp_path, 401)

    assert "gpu: 81 times the hours" in " ".join(done.stdout.split())
    assert "Causes are by the charges alone." in done.stderr
    assert done.exit_code == 20


def test_what_azure_does_not_tell_is_named_and_exits_20(tmp_path: Path):
    done = refusing(tmp_path, 403)

    assert "! not read: activity log" in done.stderr
    assert done.exit_code == 20


def test_a_look_finds_the_same_and_leaves_nothing():
    done = run("watch", "--what-if")

    assert "CC-4300 (cost centre)" in done.stdout
    assert not Path("finops-data").exists()


def test_a_look_at_quiet_days_prints_an_empty_list():
    write(Path("charges"), 109)

    assert json.loads(run("watch", "--what-if", "-o", "json").stdout) == []
    assert run("watch", "--what-if").stdout == "Nothing is off.\n"


def test_the_incident_of_a_recording_is_found_with_its_cluster(small_estate: Path):
    done = run("watch", "--what-if", "--estate", str(small_estate))

    assert (done.exit_code, fits(done)) == (0, True)
    assert "gpu-a100-train: changed by" in done.stdout


def test_what_was_deleted_and_made_again_is_not_said_to_be_gone(small_estate: Path):
    done = run("watch", "--what-if", "-o", "json", "--estate", str(small_estate))

    [cause] = [one["cause"] for one in json.loads(done.stdout) if one["cause"].startswith("gpu-nightly")]
    assert "and there again now" in cause


@pytest.mark.parametrize(
    "command",
    [["watch"], ["show", "A1"], *([name, "A1", "--why", "x"] for name in BY_ID[1:]),
     ["plan", "all", "--from", "2026-12-01", "--to", "2026-12-02", "--why", "x"]],
)  # fmt: skip
def test_nothing_is_kept_of_a_recording(command: list[str], small_estate: Path):
    refused = run(*command, "--estate", str(small_estate))

    assert (refused.exit_code, "--estate was given" in refused.stderr) == (2, True)
    assert not Path("finops-data").exists()


def test_a_list_fits_eighty_columns(case: str):
    shown = run("list")

    assert shown.stdout.startswith(case)
    assert fits(shown)


def test_a_list_before_any_watch_says_so_and_leaves_nothing():
    assert "nobody has looked yet" in run("list").stdout
    assert not Path("finops-data").exists()


@pytest.mark.parametrize("options", [[], ["--all"], ["--plans"]])
def test_no_rows_are_an_empty_list(options: list[str]):
    assert json.loads(run("list", *options, "-o", "json").stdout) == []


def test_a_list_after_quiet_days_names_the_days():
    write(Path("charges"), 109)
    run("watch")

    assert run("list").stdout == "No open case in 3 Aug to 20 Nov 2026.\n"


def test_one_case_is_shown_whole_by_the_start_of_its_id(case: str):
    shown = run("show", case[:5].lower())

    assert "Expected" in shown.stdout
    assert "gpu (compute in mlw-llm)" in shown.stdout
    assert "hours after it began" in " ".join(shown.stdout.split())
    assert fits(shown)


def test_a_long_and_hostile_name_stays_within_eighty_columns():
    file = write(Path("charges"), 109, LEFT_ON) / "charges.csv"
    file.write_text(file.read_text("utf-8").replace("CC-4300", "\N{RIGHT-TO-LEFT OVERRIDE}<b>" + "long" * 60), "utf-8")

    done = run("watch")

    assert fits(done)
    assert fits(run("show", "A"))
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in done.output + run("show", "A").output
    assert len(list(Path("finops-data/outbox").glob("*.eml"))) == 1


def test_an_explained_case_stays_in_the_list_with_the_reason(case: str):
    done = run("explain", case, "--why", "retraining until Friday")

    assert done.exit_code == 0
    assert (found()["state"], found()["why"]) == ("explained", "retraining until Friday")


def test_a_resolved_case_leaves_the_list_and_its_thread_gets_a_last_mail(case: str):
    done = run("resolve", case, "--why", "back to 0 nodes")
    told = run("watch")

    assert done.exit_code == 0
    assert run("list").stdout.startswith("No open case")
    assert found("--all")["state"] == "resolved"
    assert "Re: " in told.stderr


def test_a_false_positive_says_from_what_it_is_told_again(case: str):
    done = run("false-positive", case, "--why", "the nightly batch", "--until", "2026-12-31")

    assert done.exit_code == 0
    assert "USD a day, or after 2026-12-31." in done.stderr
    assert found("--all")["why"] == "No anomaly: the nightly batch"


def test_a_plan_covers_the_open_case_and_is_listed(case: str):
    done = run("plan", "CC-4300", "--from", f"{day(106)}", "--to", f"{day(112)}", "--why", "load test")

    assert f"{case} is planned" in done.stderr
    assert "CC-4300: load test" in run("list", "--plans").stdout
    assert fits(run("list", "--plans"))


def test_a_plan_is_no_alarm():
    run("plan", "all", "--from", f"{day(106)}", "--to", f"{day(112)}", "--why", "load test")

    run("watch")

    assert found()["state"] == "planned"
    assert list(Path("finops-data").glob("outbox/*.eml")) == []


@pytest.mark.parametrize("command", BY_ID)
def test_an_unknown_id_is_refused(command: str, case: str):
    refused = run(command, "A0000000x", *([] if command == "show" else ["--why", "x"]))

    assert refused.exit_code == 2
    assert "There is no anomaly 'A0000000x'" in refused.stderr


@pytest.mark.parametrize("command", BY_ID)
def test_before_any_watch_there_is_none_to_speak_of(command: str):
    refused = run(command, "A1", *([] if command == "show" else ["--why", "x"]))

    assert (refused.exit_code, "finops anomaly watch" in refused.stderr) == (2, True)
    assert not Path("finops-data").exists()


@pytest.mark.parametrize("command", BY_ID[1:])
def test_a_blank_reason_is_none(command: str, case: str):
    assert "It needs a reason" in run(command, case, "--why", "  ").stderr
    assert found()["state"] == "open"


@pytest.mark.parametrize("until", ["tomorrow", "2026-02-30", "2020-01-01", "2999-01-01", ""])
def test_a_raised_bar_needs_a_day_within_a_year(until: str, case: str):
    assert run("false-positive", case, "--why", "x", "--until", until or " ").exit_code == 2
    assert found()["state"] == "open"


@pytest.mark.parametrize(
    ("scope", "first", "last", "why"),
    [("all", "tomorrow", "2026-12-02", "x"), ("all", "2026-12-01", "2026-13-02", "x"),
     ("all", "2026-12-02", "2026-12-01", "x"), ("all", "2026-12-01", "2026-12-02", " "),
     (" ", "2026-12-01", "2026-12-02", "x"), ("cluster:gpu", "2026-12-01", "2026-12-02", "x"),
     ("workspace:", "2026-12-01", "2026-12-02", "x")],
)  # fmt: skip
def test_a_plan_that_cannot_be_meant_is_refused(scope: str, first: str, last: str, why: str):
    assert run("plan", scope, "--from", first, "--to", last, "--why", why).exit_code == 2
    assert json.loads(run("list", "--plans", "-o", "json").stdout) == []
