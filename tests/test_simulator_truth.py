"""What an invented estate says was planted is what is there: every waste once, and nothing else is waste."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from waste_oracle import FINDERS, waste

from finops.simulator import new_estate
from finops.simulator.world import World

IMAGES = {"image-stale", "image-untagged"}
# Of these everything can be known: nothing of them is kept for want of knowledge.
KNOWN = {"endpoint-without-deployments", "endpoint-failed", "dev-endpoint-past-end-date"}


def truth(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((folder / "ground-truth.json").read_text())
    return found


@pytest.fixture(scope="module")
def world(small_estate: Path) -> World:
    return World.load(small_estate)


@pytest.fixture(scope="module")
def counted(world: World) -> dict[str, set[str]]:
    return waste(world)


@pytest.mark.parametrize("kind", sorted(FINDERS))
def test_what_is_planted_is_all_the_waste_there_is(kind: str, small_estate: Path, counted: dict[str, set[str]]):
    planted = {fact["id"].lower() for fact in truth(small_estate)["planted"] if fact["kind"] == kind}

    assert counted[kind] == planted
    assert planted


@pytest.mark.parametrize("kind", sorted(FINDERS))
def test_beside_each_waste_stands_what_only_looks_like_it(kind: str, small_estate: Path):
    known = truth(small_estate)
    planted = {fact["id"].lower() for fact in known["planted"] if fact["kind"] == kind}
    kept = {fact["id"].lower(): fact for fact in known["kept"] if fact["kind"] == kind}

    assert kept
    assert not planted & set(kept)
    assert any(fact["unknown"] for fact in kept.values()) == (kind not in KNOWN)


def test_what_is_kept_exists_and_says_why(world: World, small_estate: Path):
    kept = [fact for fact in truth(small_estate)["kept"] if fact["kind"] not in IMAGES]

    assert [fact["id"] for fact in kept if fact["id"] not in world.resources] == []
    assert all(fact["why"] for fact in kept)
    assert len({(fact["kind"], fact["id"].lower()) for fact in kept}) == len(kept)


def test_who_left_is_not_in_the_directory(world: World, small_estate: Path):
    (gone,) = (fact["by"] for fact in truth(small_estate)["planted"] if fact["kind"] == "instance-owner-left")

    assert world.directory
    assert gone not in {user["userPrincipalName"] for user in world.directory.values()}


def test_the_truth_holds_at_another_moment_and_for_another_seed(tmp_path: Path):
    new_estate(tmp_path / "june", seed=11, size="small", as_of=datetime(2026, 6, 10, 12, tzinfo=UTC))

    planted: dict[str, set[str]] = {kind: set() for kind in FINDERS}
    for fact in truth(tmp_path / "june")["planted"]:
        if fact["kind"] in FINDERS:
            planted[fact["kind"]].add(fact["id"].lower())
    assert waste(World.load(tmp_path / "june")) == planted
