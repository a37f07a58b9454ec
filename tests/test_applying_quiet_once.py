"""A quiet step with nothing to take away only watches; and nothing else is done to what is in a quiet step."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from applying import ANN, SILENT, Applying, applying, silence, silent_endpoint
from estates import deployment

from finops.approvals import Desk
from finops.jobs.sweeping.quieting import waits_for

Json = dict[str, Any]
QUIET_RULE = "endpoint-without-requests"
GREEN = f"{SILENT}/deployments/green"


def idle() -> list[Json]:
    """An endpoint whose deployment has no traffic."""
    body, made = silent_endpoint()
    body["properties"]["traffic"] = {"blue": 0}
    return [body, made]


def quiet(tmp_path: Path, made: list[Json]) -> Any:
    return applying(tmp_path, *made, metrics=silence(SILENT), quiet_days=7)


def status(janitor: Applying, number: int) -> str:
    return janitor.record(number).status


def test_a_quiet_step_with_nothing_to_take_away_begins_without_a_request(tmp_path: Path):
    with quiet(tmp_path, idle()) as janitor:
        [record] = janitor.approved(SILENT, rule=QUIET_RULE)

        done = janitor.apply()

        assert [(line.result, line.record.status) for line in done.lines] == [("done", "quiet")], done.lines
        assert janitor.changes() == []
        assert janitor.apply().lines == ()
        assert status(janitor, record.number) == "quiet"


def test_it_is_deleted_when_its_days_are_over(tmp_path: Path):
    with quiet(tmp_path, idle()) as janitor:
        [record] = janitor.approved(SILENT, rule=QUIET_RULE)
        janitor.apply()
        janitor.live(days=7, hours=1)

        janitor.apply()

        assert status(janitor, record.number) == "confirmed"
        assert janitor.body(SILENT) is None


def test_traffic_that_it_is_given_keeps_it_and_is_left_to_people(tmp_path: Path):
    with quiet(tmp_path, idle()) as janitor:
        [record] = janitor.approved(SILENT, rule=QUIET_RULE)
        janitor.apply()
        janitor.change(SILENT, traffic={"blue": 100})

        janitor.apply()

        assert status(janitor, record.number) == "kept"
        assert janitor.changes() == []


def test_another_finding_on_what_is_quiet_or_below_it_waits_and_says_why(tmp_path: Path):
    with quiet(tmp_path, silent_endpoint()) as janitor:
        [first] = janitor.approved(SILENT, rule=QUIET_RULE)
        janitor.apply()

        same = replace(first, number=first.number + 1)
        below = replace(same, finding=replace(first.finding, resource_id=f"{SILENT}/deployments/blue"))
        beside = replace(same, finding=replace(first.finding, resource_id=f"{SILENT}2"))
        with janitor.state() as state:
            said = [waits_for(state, one) for one in (same, below)]
            free = [waits_for(state, one) for one in (beside, janitor.record(first.number))]

        assert said == [f"Finding {first.number} has silent in a quiet step: this waits until that is over."] * 2
        assert free == ["", ""]


def with_a_spare(tmp_path: Path) -> Any:
    """A silent endpoint, and beside the deployment with its traffic one without."""
    body, blue = silent_endpoint()
    body["properties"]["traffic"] = {"blue": 100, "green": 0}
    return applying(
        tmp_path, body, blue, deployment(SILENT, "green"), metrics=[*silence(SILENT), *silence(GREEN)], quiet_days=7
    )


def both_approved(janitor: Applying) -> tuple[int, int]:
    """Numbers of the endpoint's finding, which is in its quiet step, and of the deployment's, approved after that."""
    below, above = sorted(janitor.found(SILENT, GREEN), key=lambda one: len(one.finding.resource_id), reverse=True)
    janitor.approve([above])
    assert [line.result for line in janitor.apply().lines] == ["done"]
    [approved] = janitor.approve([below])
    assert approved.status == "approved"
    return above.number, below.number


def test_of_two_approved_findings_on_an_endpoint_and_its_deployment_the_second_waits(tmp_path: Path):
    with with_a_spare(tmp_path) as janitor:
        above, below = both_approved(janitor)

        runs = [janitor.apply(execute=False), janitor.apply(), janitor.apply()]

        said = f"Finding {above} has silent in a quiet step: this waits until that is over."
        assert [[(line.record.number, line.result) for line in run.lines] for run in runs] == [[(below, "held")]] * 3
        assert all(run.lines[0].why.startswith(said) for run in runs)
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]
        assert status(janitor, below) == "scheduled"


def test_once_the_first_is_over_the_second_goes_on(tmp_path: Path):
    with with_a_spare(tmp_path) as janitor:
        above, below = both_approved(janitor)
        with janitor.state() as state:
            denied = state.findings.get(above)
            desk = Desk(state, janitor.settings.janitor)
            desk.deny([(above, denied.finding.digest)], ANN, janitor.now, "in use")

        janitor.apply()

        assert status(janitor, below) == "confirmed"
        assert janitor.changes() == ["PUT onlineEndpoints/silent"] * 2 + ["DELETE deployments/green"]


def test_a_quiet_step_holds_what_was_to_be_done_below_it_in_the_same_run(tmp_path: Path):
    body, blue = silent_endpoint()
    green = deployment(SILENT, "green")
    metrics = [*silence(SILENT), *silence(GREEN)]
    with applying(tmp_path, body, blue, green, metrics=metrics, quiet_days=7) as janitor:
        records = {one.finding.rule: one for one in janitor.approved(SILENT, GREEN)}
        above, below = records[QUIET_RULE], records["deployment-without-requests"]
        with janitor.state() as state, state.findings.changing() as change:  # the dearest comes first
            change.touch(change.get(above.number), replace(above.finding, saving=Decimal(900)))

        done = {line.record.number: line for line in janitor.apply().lines}

        assert (done[above.number].result, status(janitor, above.number)) == ("done", "quiet")
        assert done[below.number].result == "held"
        assert f"Finding {above.number} has silent in a quiet step" in done[below.number].why
        assert status(janitor, below.number) == "scheduled"
        assert janitor.body(GREEN) is not None
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]
