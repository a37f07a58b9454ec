"""What `finops janitor apply` tells people: what waits and for what, what comes next, and how to go on."""

from __future__ import annotations

from datetime import time as clock
from pathlib import Path

import pytest
from applying import HOME, SILENT, Applying, applying, empty_endpoint, silence, silent_endpoint
from test_applying_cli import call

from finops.config.model import RuleSettings

EMPTY = f"{HOME}/onlineEndpoints/empty"
SECOND = f"{HOME}/onlineEndpoints/second"


@pytest.mark.parametrize("words", [("apply",), ("apply", "--execute")])
def test_outside_working_hours_it_says_when_people_work_again(tmp_path: Path, words: tuple[str, ...]):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("second")) as janitor:
        janitor.approved(EMPTY, SECOND)
        now = janitor.now
        rules = janitor.settings.janitor.model_copy(update={"work_from": clock(0), "work_until": clock(0, 1)})
        janitor.settings = janitor.settings.model_copy(update={"janitor": rules})

        said = call(janitor, tmp_path, *words)

    assert said.exit_code == 0, said.output
    assert "Nothing is due." in said.output
    assert "2 findings wait (1, 2): Next working hour: " in said.output
    assert f"{now:%Y}" in said.output


def test_during_the_grace_it_says_until_when(tmp_path: Path):
    rule = {"endpoint-without-deployments": RuleSettings(grace_days=5, persist_runs=1)}
    with applying(tmp_path, empty_endpoint(), rules=rule) as janitor:
        janitor.approved(EMPTY)

        said = call(janitor, tmp_path, "apply", "--execute")

    assert "Finding 1 waits: Its owner has until " in said.output


def test_a_rule_in_mode_ask_is_named_as_the_reason(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        rules = janitor.settings.janitor.model_copy(update={"mode": "ask"})
        janitor.settings = janitor.settings.model_copy(update={"janitor": rules})

        said = call(janitor, tmp_path, "apply", "--execute")

    assert "Its rule is in mode ask" in said.output


def test_there_is_no_finding_of_a_number_that_was_asked_for(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        said = call(janitor, tmp_path, "apply", "--only", "999")

    assert said.exit_code == 1
    assert "There is no finding 999" in said.output


def test_one_that_nobody_approved_is_said_to_be_so(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.found(EMPTY)

        said = call(janitor, tmp_path, "apply", "--only", "1")

    assert "It is pending, not approved: waits for a decision." in said.output


def test_an_id_is_taken_as_the_list_prints_it(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        said = call(janitor, tmp_path, "apply", "--only", f"1-{record.finding.digest[:8]}")

    assert "1 changes are due" in said.output


def test_a_simulator_that_does_not_answer_is_an_error(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
    # It is not served any more.
    said = call(janitor, tmp_path, "apply", "--execute")

    assert said.exit_code not in {0, 20}
    assert "Nothing answers at" in said.output
    assert "nothing is due" not in said.output.lower()


def quieted(janitor: Applying, days: int) -> int:
    [record] = janitor.approved(SILENT)
    janitor.apply()
    janitor.live(days=days)
    return record.number


def test_a_dry_run_shows_the_deletion_that_follows_a_quiet_step(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        number = quieted(janitor, days=8)
        sent = len(janitor.changes())

        would = janitor.apply(execute=False)

        assert [(line.result, line.what) for line in would.lines] == [("would", "delete")]
        assert len(janitor.changes()) == sent
        assert janitor.record(number).status == "quiet"


def test_a_dry_run_shows_what_would_be_given_back(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        number = quieted(janitor, days=2)
        janitor.change(SILENT, traffic={"blue": 100})

        would = janitor.apply(execute=False)

        assert [(line.result, line.what) for line in would.lines] == [("would", "give back what the quiet step took")]
        assert janitor.record(number).status == "quiet"


def test_one_that_is_watched_is_said_to_be_so(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        quieted(janitor, days=2)

        said = call(janitor, tmp_path, "apply")

    assert "It is quiet, and watched until" in said.output
    assert "finops janitor undo 1" in said.output


def test_a_quiet_step_is_told_in_words_with_its_end_and_its_undo(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        janitor.approved(SILENT)

        said = call(janitor, tmp_path, "apply", "--execute")

    assert "traffic0" not in said.output
    assert "silent is watched until " in said.output
    assert "Undo it now: finops janitor undo 1" in said.output


@pytest.mark.parametrize("words", [("apply",), ("apply", "--execute")])
def test_a_thrown_kill_switch_is_named(tmp_path: Path, words: tuple[str, ...]):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        (tmp_path / "STOP").touch()

        said = call(janitor, tmp_path, *words, "-o", "json")

        assert said.exit_code == 20
        assert "The kill switch" in said.output
        assert janitor.changes() == []


def test_over_a_limit_it_names_the_setting_and_a_way_on_and_writes_no_tombstone(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("second"), max_acts=1) as janitor:
        janitor.approved(EMPTY, SECOND)

        done = janitor.apply()

        assert {line.result for line in done.lines} == {"held"}
        assert "Raise janitor.max_acts if this is right." in done.lines[0].why
        assert "finops janitor apply --only 1 --execute" in done.lines[0].why
        assert not (tmp_path / "tombstones").exists()
        assert [line.result for line in janitor.apply(only=[1]).lines] == ["done"]


def test_what_is_held_at_the_last_moment_leaves_no_tombstone(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        (tmp_path / "STOP").touch()

        janitor.apply()

        assert list((tmp_path / "tombstones").iterdir()) == []
