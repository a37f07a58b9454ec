"""What would be deleted along with something else is asked as well: its tags, its exemptions, what people said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from applying import ANN, HOME, Applying, applying, silence, silent_endpoint

from finops import approvals
from finops.state import Record

SILENT = f"{HOME}/onlineEndpoints/silent"
BLUE = f"{SILENT}/deployments/blue"
RULE = "endpoint-without-requests"
KEEPS = [{"finops:keep": "2030-01-01;our model"}, {"do-not-delete": "true"}]


def endpoint(tmp_path: Path, *further: str) -> Any:
    metrics = [line for one in (SILENT, *further) for line in silence(one)]
    return applying(tmp_path, *silent_endpoint(), metrics=metrics)


def exempted(janitor: Applying, file: Path, *rules: str) -> None:
    only = f"\n   rules: [{', '.join(rules)}]" if rules else ""
    file.write_text(f"exemptions:\n - scope: {BLUE}\n   owner: a@b.c\n   reason: x\n   until: 2026-12-20{only}\n")
    guard = janitor.settings.guard.model_copy(update={"exemptions": file})
    janitor.settings = janitor.settings.model_copy(update={"guard": guard})


def both(janitor: Applying) -> tuple[Record, Record]:
    """The endpoint and its deployment, each found by a rule of its own."""
    janitor.change(SILENT, traffic={})
    records = {one.finding.rule: one for one in janitor.found(SILENT, BLUE)}
    return records[RULE], records["deployment-without-requests"]


def denied(janitor: Applying, record: Record) -> None:
    with janitor.state() as state:
        desk = approvals.Desk(state, janitor.settings.janitor)
        [answer] = desk.deny([(record.number, record.finding.digest)], ANN, janitor.now, "we need blue")
        assert answer.ok, answer.said


@pytest.mark.parametrize("tags", KEEPS)
def test_the_keep_tag_of_a_deployment_keeps_its_endpoint(tmp_path: Path, tags: dict[str, str]):
    with endpoint(tmp_path) as janitor:
        janitor.change(BLUE, tags=tags)

        assert janitor.found(SILENT, rule=RULE) == []


@pytest.mark.parametrize("tags", KEEPS)
def test_a_deployment_that_is_tagged_after_the_approval_keeps_its_endpoint(tmp_path: Path, tags: dict[str, str]):
    with endpoint(tmp_path) as janitor:
        [record] = janitor.approved(SILENT, rule=RULE)
        janitor.change(BLUE, tags=tags)

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["void"]
        assert "deployments/blue would be deleted with it" in janitor.record(record.number).note
        assert janitor.body(BLUE) is not None


@pytest.mark.parametrize("rules", [(), ("deployment-without-requests",)])
def test_the_exemption_of_a_deployment_keeps_its_endpoint(tmp_path: Path, rules: tuple[str, ...]):
    with endpoint(tmp_path) as janitor:
        exempted(janitor, tmp_path / "exemptions.yaml", *rules)

        assert janitor.found(SILENT, rule=RULE) == []


def test_an_exemption_of_a_deployment_from_the_guard_alone_keeps_no_endpoint(tmp_path: Path):
    with endpoint(tmp_path) as janitor:
        exempted(janitor, tmp_path / "exemptions.yaml", "tags")

        assert janitor.found(SILENT, rule=RULE)


def test_a_deployment_that_somebody_said_no_to_keeps_its_endpoint(tmp_path: Path):
    with endpoint(tmp_path, BLUE) as janitor:
        above, below = both(janitor)
        janitor.approve([above])
        denied(janitor, below)

        done = janitor.apply(only=[above.number])

        assert [line.result for line in done.lines] == ["void"]
        assert "we need blue" in janitor.record(above.number).note
        assert janitor.body(BLUE) is not None


def test_a_no_that_is_over_keeps_nothing(tmp_path: Path):
    with endpoint(tmp_path, BLUE) as janitor:
        _, below = both(janitor)
        denied(janitor, below)

        with janitor.state() as state:
            assert [one.scope for one in approvals.words(state, janitor.now)] == [below.finding.resource_id]
            until = state.findings.get(below.number).snoozed_until
            assert until is not None
            assert list(approvals.words(state, until)) == []


def test_a_keep_tag_of_a_deployment_that_is_over_is_shown_and_part_of_what_is_approved(tmp_path: Path):
    with endpoint(tmp_path) as janitor:
        janitor.change(BLUE, tags={"finops:keep": "2026-01-01;until spring"})
        [record] = janitor.approved(SILENT, rule=RULE)
        janitor.change(BLUE, tags={"finops:keep": "2026-02-01;until spring"})

        done = janitor.apply()

        assert any("2026-01-01;until spring" in line for line in record.finding.evidence["lines"])
        assert [line.result for line in done.lines] == ["void"]
        assert janitor.body(BLUE) is not None
