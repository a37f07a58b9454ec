"""The blast radius: over any cap nothing at all is done."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acting import empty, results, run, state
from adversary import (
    NOW,
    Cloud,
    costed,
    shrink,
    switch,
)

from finops.acts import Act, Caps, Names
from finops.state import State


def clusters(cloud: Cloud, number: int, **more: Any) -> list[Act]:
    return [shrink(cloud, cloud.make(f"c{n}"), **more) for n in range(number)]


@pytest.mark.parametrize(
    ("caps", "within"),
    [
        (Caps(3, 100, None, None, 10), 3),
        (Caps(10, 30, None, None, 10), 3),
        (Caps(10, 100, 3, None, 10), 3),
        (Caps(10, 100, None, Decimal("30.00"), 10), 3),
        (Caps(10, 1000, None, None, 3), 3),
        (Caps(10, 100, None, None, 10, per_hour=3), 3),
    ],
)
def test_over_a_cap_nothing_at_all_is_done(tmp_path: Path, empty: Path, caps: Caps, within: int):
    for wanted in range(1, 6):
        cloud = Cloud()
        shutil.copy(empty, tmp_path / f"{wanted}.db")
        with State.open(tmp_path / f"{wanted}.db") as state:
            outcomes = run(cloud, state, *clusters(cloud, wanted), caps=caps)

            if wanted <= within:
                assert results(outcomes) == ["done"] * wanted
            else:
                assert results(outcomes) == ["refused"] * wanted
                assert cloud.calls == 0
                assert "Nothing was changed" in outcomes[0].why
                assert [entry["what"] for entry in state.audit_entries()] == ["refused all"]


@pytest.mark.parametrize(
    "caps",
    [
        Caps(10, 100, None, Decimal("NaN"), 10),
        Caps(10, float("nan"), None, None, 10),
        Caps(10, 100, None, Decimal("Infinity"), 10),
        Caps(10, 100, None, None, 0),
        Caps(10, 0, None, None, 10),
        Caps(0, 100, None, None, 10),
    ],
)
def test_a_cap_that_is_no_limit_lets_nothing_through(state: State, caps: Caps):
    cloud = Cloud()

    assert results(run(cloud, state, *clusters(cloud, 1), caps=caps)) == ["refused"]
    assert cloud.calls == 0


@pytest.mark.parametrize("saving", [None, Decimal("NaN"), Decimal("-31")])
def test_money_that_is_not_known_or_negative_counts_against_its_cap(state: State, saving: Decimal | None):
    cloud = Cloud()
    caps = Caps(10, 100, None, Decimal(30), 10)

    assert results(run(cloud, state, *clusters(cloud, 1, expected_saving=saving), caps=caps)) == ["refused"]


def test_owners_are_capped_each_on_their_own(state: State):
    cloud = Cloud()
    acts = [*clusters(cloud, 2, owner="Ana@x"), shrink(cloud, cloud.make("z"), owner="bo@x")]
    caps = Caps(10, 100, 2, None, 10)

    assert results(run(cloud, state, *acts, caps=caps)) == ["done"] * 3


def test_an_owner_is_the_same_in_any_spelling(state: State):
    cloud = Cloud()
    acts = [shrink(cloud, cloud.make(name), owner=name) for name in ("ana@x", "ANA@x ")]

    assert results(run(cloud, state, *acts, caps=Caps(10, 100, 1, None, 10))) == ["refused"] * 2


def test_several_acts_on_one_resource_are_one_of_the_population(state: State):
    cloud = Cloud()
    gpu = cloud.make("gpu")
    caps = Caps(10, 10, None, None, 10)

    assert results(run(cloud, state, costed(cloud, gpu), shrink(cloud, gpu), caps=caps)) == ["done"] * 2


def test_a_run_that_starts_anew_has_no_new_cap_for_the_hour(state: State):
    cloud = Cloud()
    caps = Caps(10, 100, None, None, 10, per_hour=2)
    run(cloud, state, *clusters(cloud, 2), caps=caps)

    (left,) = run(cloud, state, shrink(cloud, cloud.make("z")), caps=caps)

    assert left.result == "refused"
    assert "2 changes were made in the last hour" in left.why


def test_what_is_known_to_have_changed_nothing_does_not_count_for_the_hour(state: State, tmp_path: Path):
    cloud = Cloud()
    caps = Caps(10, 100, None, None, 10, per_hour=1)

    def stop(body: Any) -> str | None:
        switch(tmp_path).touch()
        return None

    held = replace(shrink(cloud, cloud.make("gpu")), still_holds=stop)
    run(cloud, state, held, caps=caps, kill_switch=switch(tmp_path))
    assert state.intents_since(NOW)[0].outcome == "not-done"

    assert results(run(cloud, state, shrink(cloud, cloud.make("cpu")), caps=caps)) == ["done"]


@pytest.mark.parametrize(
    ("caps", "setting"),
    [
        (Caps(1, 100, None, None, 10), "max_acts"),
        (Caps(10, 10, None, None, 10), "max_percent"),
        (Caps(10, 100, 1, None, 10), "max_per_owner"),
        (Caps(10, 100, None, Decimal("10.00"), 10), "max_monthly_money"),
        (Caps(10, 100, None, None, 10, per_hour=1), "max_per_hour"),
    ],
)
def test_a_refusal_names_the_setting_of_whoever_asked(state: State, caps: Caps, setting: str):
    cloud = Cloud()

    outcomes = run(cloud, state, *clusters(cloud, 2), caps=replace(caps, names=Names().of("guard")))

    assert f"aise guard.{setting} if this is right" in outcomes[0].why
