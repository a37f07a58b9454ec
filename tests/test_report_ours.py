"""Which of our acts stand for a resource: done, not undone, changing what it costs, on it or on what holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deciding import cluster
from report_data import NOW

from finops.report.claim import ours_on
from finops.report.measuring import unmeasured

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ws"
GPU = f"{WORKSPACE}/computes/GPU"
DONE = cluster("GPU", "9", "scale", resource_id=GPU, stage="done", since=NOW)


def both(resource_id: str, **other: Any) -> tuple[bool, bool]:
    """Whether an act is ours on a resource: as it is remembered, and as the report has it."""
    act = replace(DONE, **other)
    return bool(ours_on(resource_id, [act])), bool(ours_on(resource_id, [unmeasured(act, "realised", "USD")]))


@pytest.mark.parametrize("resource_id", [GPU, GPU.upper(), f"{GPU}/", f"{GPU}/nodes/1"])
def test_an_act_stands_for_its_resource_and_what_is_in_it(resource_id: str) -> None:
    assert both(resource_id) == (True, True)


@pytest.mark.parametrize("resource_id", [WORKSPACE, f"{GPU}-2", "", "/subscriptions/s"])
def test_an_act_stands_for_nothing_else(resource_id: str) -> None:
    assert both(resource_id) == (False, False)


@pytest.mark.parametrize("other", [{"until": NOW}, {"since": None, "stage": "found"}, {"measure": "none"}])
def test_what_was_undone_not_done_or_saves_nothing_does_not_stand(other: dict[str, Any]) -> None:
    assert both(GPU, **other) == (False, False)
