"""What every duty has in common: its name, its words, the figures it may tell."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from dutiful import never_asked

from finops.config.model import Settings
from finops.daemon.slots import parse
from finops.errors import UsageError
from finops.jobs.duties import DUTIES, Done, Duty, Stopped, Work, counts, duty
from finops.jobs.duties.model import MOST_SAID, came_to, patient
from finops.jobs.duties.reporting import _day
from finops.state import Busy

HERE = Path(__file__).resolve().parent.parent


def work(stopping: bool = False) -> Work:
    return Work(
        None, None, datetime(2026, 11, 23, tzinfo=UTC), "1", never_asked, never_asked, lambda said: None,  # type: ignore[arg-type]
        lambda: stopping,
    )  # fmt: skip


def test_no_two_duties_have_the_same_name():
    assert len({one.name for one in DUTIES}) == len(DUTIES)


def test_a_name_that_no_duty_has_is_refused_with_one_that_is_near():
    with pytest.raises(UsageError, match="Did you mean report"):
        duty("reprot")


@pytest.mark.parametrize("one", DUTIES, ids=lambda one: one.name)
def test_a_duty_is_told_to_be_late_only_after_a_run_of_the_longest_time_could_have_ended(one: Duty):
    assert one.limit <= one.late_after


@pytest.mark.parametrize("one", DUTIES, ids=lambda one: one.name)
def test_every_duty_has_its_row_in_the_documents(one: Duty):
    page = (HERE / "docs" / "duties.md").read_text()

    assert f"| `{one.name}` | {one.when}" in page


@pytest.mark.parametrize("one", DUTIES, ids=lambda one: one.name)
def test_the_time_at_which_a_duty_is_due_can_be_read(one: Duty):
    assert parse(one.when).text == one.when


def test_a_figure_that_a_duty_tells_is_documented():
    told = {
        node.attr
        for file in (HERE / "finops" / "jobs" / "duties").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "n"
    } - {"named"}

    assert {getattr(counts, name) for name in told} == set(counts.COUNTS)


def test_a_figure_is_split_into_its_name_and_its_label():
    assert counts.split(counts.named(counts.FINDINGS, "pending")) == ("findings", "pending")
    assert counts.split(counts.WAITING) == ("approvals_waiting", "")


def test_what_is_wrong_makes_a_run_partial_and_is_said_first():
    assert came_to([], {}, ["fine"]) == Done("done", ("fine",), {})
    assert came_to(["bad"], {}, ["fine"]) == Done("partial", ("bad", "fine"), {})


def test_of_many_sentences_some_are_said_and_the_rest_is_counted():
    done = came_to([f"problem {number}" for number in range(MOST_SAID + 5)], {})

    assert (len(done.said), done.said[-1]) == (MOST_SAID + 1, "And 5 more.")


def test_a_run_that_is_stopped_between_two_steps_is_held():
    def run(one: Work) -> Done:
        one.step("Reading")
        raise AssertionError("went on")

    assert patient(run)(work(stopping=True)) == Done("held", (str(Stopped()),))


def test_where_another_process_is_at_it_a_run_is_held():
    def run(one: Work) -> Done:
        raise Busy("Another run is changing Azure now.", "")

    assert patient(run)(work()).outcome == "held"


def test_a_slot_of_monday_morning_is_one_of_monday_though_it_is_sunday_in_utc():
    here = work()
    here.settings = Settings.model_validate({"daemon": {"time_zone": "Asia/Tokyo"}})
    here.slot = datetime(2026, 11, 22, 21, 45, tzinfo=UTC)

    assert _day(here) == date(2026, 11, 23)
