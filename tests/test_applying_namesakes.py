"""What a sweep found and what a run reads again are told from a namesake by the same kind of reading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from applying import HOME, applying, empty_endpoint

from finops import approvals
from finops.estate import read
from finops.estate.generation import generation_of, same_generation
from finops.estate.look import as_arm_says
from finops.jobs.sweeping import look

EMPTY = f"{HOME}/onlineEndpoints/empty"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2026-05-03T10:00:00.1234567Z", "2026-05-03T10:00:00.123Z", True),
        ("2026-05-03T10:00:00Z", "2026-05-03T12:00:00+02:00", True),
        ("2026-05-03T10:00:00.9999999Z", "2026-05-03T10:00:00", True),
        ("2026-05-03T10:00:00Z", "2026-05-03T10:00:02Z", False),
        ("2026-05-03T10:00:00Z", "", False),
        ("", "", False),
        ("sha256:ab", "sha256:cd", False),
    ],
)
def test_when_two_were_made_is_compared_as_time_not_as_text(one: str, other: str, same: bool):
    assert same_generation(one, other) is same


def test_one_of_which_nobody_says_when_it_was_made_keeps_its_approval(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        body = janitor.body(EMPTY)
        assert body is not None
        del body["systemData"]
        body["properties"].pop("creationTime", None)
        janitor.put(body)

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert "cannot be told from a namesake" in done.lines[0].why
        assert janitor.record(record.number).status == "scheduled"


def test_what_the_sweep_found_is_the_same_for_the_run_that_acts(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), max_percent=100) as janitor:
        with janitor.azure() as azure, janitor.state() as state:
            looked = look(azure, janitor.settings, janitor.now, state, remember=True)
            [found] = [one for one in looked.found.findings if one.resource_id == EMPTY]
            approvals.record(
                state, looked.found, looked.rules, janitor.now, janitor.settings, looked.estate.resources, "USD"
            )
            records = state.findings.all(limit=None)[0]
            approvals.told(state, records, janitor.settings.janitor, janitor.now)
        janitor.approve(records)

        done = janitor.apply()

        assert found.digest == next(one.finding.digest for one in records if one.finding.resource_id == EMPTY)
        assert [line.result for line in done.lines if line.record.finding.resource_id == EMPTY] == ["done"]


def test_a_sweep_takes_what_it_compares_later_from_arm(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor, janitor.azure() as azure:
        estate = read(azure, janitor.now)
        shorter = {**estate.resources[EMPTY.lower()].body, "systemData": {"createdAt": "2020-01-01T00:00:00Z"}}
        other = replace(estate.resources[EMPTY.lower()], body=shorter)
        lagging = replace(estate, resources={**estate.resources, EMPTY.lower(): other})

        again = as_arm_says(azure, lagging, [EMPTY])

        assert generation_of(again.resources[EMPTY.lower()].body) != "2020-01-01T00:00:00Z"


def test_what_arm_says_is_gone_is_not_found(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor, janitor.azure() as azure:
        estate = read(azure, janitor.now)
        janitor.gone(EMPTY)

        assert EMPTY.lower() not in as_arm_says(azure, estate, [EMPTY]).resources
