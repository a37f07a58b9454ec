"""How much a run may change: over all rules together, in the words of the settings, and one change in any estate."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from estates import DEV, storage_account
from guarding import Guarding, dedicated, guarding

from finops.acts import Caps
from finops.cloud import connect
from finops.config.model import GuardSettings
from finops.jobs.guarding import acting
from finops.jobs.guarding.limits import caps
from finops.jobs.guarding.run import Run


def held(number: int) -> list[dict[str, Any]]:
    """Spot clusters that keep a node: each is due to be changed once, at once."""
    return [dedicated(name=f"gpu{n}", priority="LowPriority", low=1) for n in range(number)]


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def data(name: str) -> dict[str, Any]:
    return storage_account(DEV, "rg-dev", name)


def test_max_acts_holds_for_all_rules_of_a_run_together(tmp_path: Path):
    with guarding(tmp_path, *held(2), data("one"), data("two"), max_acts=3) as guard:
        done = guard.run()

        assert guard.changes() == ["PATCH tags/default", "PATCH tags/default"]
        assert "2 changes are wanted after 2 of other rules; the limit of a run is 3" in done.outcomes[-1].why


def test_a_cluster_made_anew_counts_as_two_changes_and_none_is_begun_that_cannot_be_ended(tmp_path: Path):
    with guarding(tmp_path, dedicated(), dedicated(name="b"), max_acts=3) as guard:
        told(guard).run()
        assert guard.changes() == []

        guard.run(max_acts=4)
        assert guard.priority() == "LowPriority"


def test_making_what_is_owed_is_no_change_of_the_limit(tmp_path: Path):
    refusal = {"fault": "403", "method": "PUT", "path": "/computes/gpu", "times": 1}
    with guarding(tmp_path, dedicated(), faults=[refusal]) as guard:
        told(guard).run()
        guard.run(max_acts=0, max_per_hour=0, max_percent=0, max_per_owner=0)

        assert guard.priority() == "LowPriority"


@pytest.mark.parametrize(
    "limit",
    [
        {"max_acts": 1},
        {"max_percent": 50},
        {"max_per_owner": 1},
        {"max_per_hour": 1},
        {"max_monthly_money": Decimal("0.01")},
    ],
)
def test_over_a_limit_nothing_is_changed_and_the_setting_is_named(tmp_path: Path, limit: dict[str, Any]):
    with guarding(tmp_path, *held(2), dedicated(name="right", priority="LowPriority"), **limit) as guard:
        guard.live(hours=2)
        done = guard.run()

        assert guard.changes() == []
        assert [one.result for one in done.outcomes] == ["refused", "refused"]
        assert f"guard.{next(iter(limit))}" in done.outcomes[0].why


def test_changes_of_earlier_runs_count_within_the_hour(tmp_path: Path):
    with guarding(tmp_path, *held(2), max_per_hour=3) as guard:
        guard.run()
        for one in held(2):
            guard.put(one)
        guard.run()
        assert guard.scale(held(2)[0]["id"])["minNodeCount"] == 1

        guard.live(hours=2)
        guard.run()
        assert guard.scale(held(2)[0]["id"])["minNodeCount"] == 0


def test_a_saving_that_is_not_known_keeps_the_limit_on_money(tmp_path: Path):
    fault = {"fault": "500", "path": "/retail/prices"}
    with guarding(tmp_path, *held(1), faults=[fault], max_monthly_money=Decimal(1_000_000)) as guard:
        done = guard.run()

        assert guard.changes() == []
        assert "is not known, so guard.max_monthly_money cannot be kept" in done.outcomes[0].why


def test_one_owner_is_counted_over_all_rules(tmp_path: Path):
    both = [dedicated(low=1)]
    with guarding(tmp_path, *both, max_per_owner=2) as guard:
        told(guard)
        guard.put(dedicated(low=1))
        guard.run()

        assert guard.changes() == ["PATCH computes/gpu"] * 2
        assert guard.priority() == "Dedicated"


@pytest.mark.parametrize("population", [1, 2, 3])
def test_one_cluster_may_be_changed_in_any_estate(tmp_path: Path, population: int):
    others = [dedicated(name=f"right{n}", priority="LowPriority") for n in range(population - 1)]
    with guarding(tmp_path, dedicated(), *others, max_percent=25) as guard:
        told(guard).run()

        assert guard.priority() == "LowPriority"


def test_two_of_three_are_more_than_25_percent(tmp_path: Path):
    with guarding(tmp_path, *held(2), dedicated(name="right", priority="LowPriority"), max_percent=25) as guard:
        guard.run()

        assert guard.changes() == []


def test_zero_percent_is_none_at_all(tmp_path: Path):
    with guarding(tmp_path, *held(1), max_percent=0) as guard:
        guard.run()

        assert guard.changes() == []


def test_what_changes_azure_is_given_every_limit_too():
    settings = GuardSettings(max_acts=1, max_percent=2, max_per_owner=3, max_monthly_money=Decimal(4), max_per_hour=5)

    assert caps(settings, 600) == Caps(1, 2, 3, Decimal(4), 600, 5)


@pytest.mark.parametrize(
    "limit",
    [
        {"max_acts": 1},
        {"max_percent": 50},
        {"max_per_owner": 1},
        {"max_per_hour": 1},
        {"max_monthly_money": Decimal("0.01")},
    ],
)
def test_what_changes_azure_holds_to_each_limit_by_itself(tmp_path: Path, limit: dict[str, Any]):
    with guarding(tmp_path, *held(2), dedicated(name="right", priority="LowPriority")) as guard:
        guard.live(hours=2)
        plan = guard.plan()
        settings = guard.settings.guard.model_copy(update=limit)
        with guard.state() as state, connect(guard.settings.azure) as azure:
            run = Run(plan, azure, settings, state, guard.now)
            lines = run.due("scale")
            done = run.perform("scale", lines, [acting.scale_act(line, plan.estate) for line in lines])

        assert [outcome.result for _, outcome in done] == ["refused", "refused"]
