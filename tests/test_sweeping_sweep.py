"""A whole sweep over HTTP on the simulated estate: found, remembered, told; partial where something was refused."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lives import opened

from finops import janitor
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings, Settings
from finops.errors import UsageError
from finops.jobs.sweeping import Swept, look, sweep
from finops.simulator import serving
from finops.state import State


@pytest.fixture(scope="module")
def served(small_estate: Path) -> Iterator[str]:
    with serving(small_estate, port=0, clock="frozen") as server:
        yield server.url


@pytest.fixture
def azure(served: str) -> Iterator[Azure]:
    with connect(AzureSettings(endpoint=served)) as connected:
        yield connected


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def settings(tmp_path: Path, mode: str = "ask", **janitor: object) -> Settings:
    return Settings.model_validate(
        {
            "janitor": {"mode": mode, "approvers": {"/": ["platform@contoso.example"]}, **janitor},
            "guard": {"admins": ["admin@contoso.example"]},
            "mail": {"outbox": tmp_path / "outbox"},
            "charges": {"store": tmp_path / "charges"},
        }
    )


def now_of(served: str) -> datetime:
    with urllib.request.urlopen(f"{served}/simulator/clock") as answer:
        return datetime.fromisoformat(json.load(answer)["now"])


def swept(azure: Azure, served: str, state: State, configured: Settings, days: int = 0) -> Swept:
    return sweep(azure, configured, state, now_of(served) + timedelta(days=days))


def test_a_sweep_finds_waste_remembers_it_and_asks(azure: Azure, served: str, state: State, tmp_path: Path):
    first = swept(azure, served, state, settings(tmp_path, rules={"instance-idle": {"persist_runs": 1}}))

    numbers = {one.rule for one in first.looked.found.findings}
    assert {"instance-idle", "endpoint-without-requests", "image-stale"} <= numbers
    assert len(first.changes.new) == len(first.looked.found.findings) > 10
    statuses = {record.finding.rule: record.status for record in state.findings.all(limit=None)[0]}
    assert (statuses["instance-idle"], statuses["endpoint-without-requests"]) == ("pending", "found")
    assert len(first.mails) >= 2
    assert not first.partial


def test_a_sweep_that_only_lists_tells_nobody(azure: Azure, served: str, state: State, tmp_path: Path):
    done = swept(azure, served, state, settings(tmp_path, mode="list"))

    assert done.changes.new
    assert (done.mails, done.changes.asked) == ((), [])


def test_a_second_sweep_a_day_later_asks_about_what_persists(azure: Azure, served: str, state: State, tmp_path: Path):
    configured = settings(tmp_path)
    swept(azure, served, state, configured)

    second = swept(azure, served, state, configured, days=1)

    assert second.changes.new == []
    assert second.changes.asked
    assert second.changes.gone == []


def test_a_plan_remembers_nothing(azure: Azure, served: str, state: State, tmp_path: Path):
    head = state.audit_head()

    looked = look(azure, settings(tmp_path), now_of(served), state)

    assert looked.found.findings
    assert (state.audit_head(), state.sightings("janitor"), state.findings.alive()) == (head, {}, {})
    assert not (tmp_path / "outbox").exists()


def test_a_plan_of_one_rule_looks_for_that_only(azure: Azure, served: str, tmp_path: Path):
    looked = look(azure, settings(tmp_path), now_of(served), only=["instance-idle"])

    assert {one.rule for one in looked.found.findings} == {"instance-idle"}
    assert set(looked.found.looked_at) == {"instance-idle"}


def test_a_rule_that_does_not_exist_is_no_empty_plan(azure: Azure, served: str, tmp_path: Path):
    with pytest.raises(UsageError, match="'instance-idel' is no rule that is on"):
        look(azure, settings(tmp_path), now_of(served), only=["instance-idel"])


def test_a_rule_that_is_off_is_not_asked_for(tmp_path: Path):
    configured = settings(tmp_path, rules={"image-stale": {"mode": "off"}})

    [rule] = [
        one for one in janitor.rules(janitor.folders(configured), configured.janitor) if one.name == "image-stale"
    ]

    assert rule.mode == "off"


def test_a_sweep_with_refused_metrics_is_partial_and_ends_no_life(
    azure: Azure, served: str, small_estate: Path, state: State, tmp_path: Path
):
    configured = settings(tmp_path)
    swept(azure, served, state, configured)
    alive = set(state.findings.alive())
    faults = [{"fault": "status", "path": "metrics:getBatch", "status": 403, "code": "AuthorizationFailed"}]

    with (
        serving(small_estate, port=0, clock="frozen", faults=faults) as server,
        connect(AzureSettings(endpoint=server.url)) as broken,
    ):
        second = sweep(broken, configured, state, now_of(server.url) + timedelta(days=1))

    assert second.partial
    assert second.changes.gone == second.changes.kept == []
    assert set(state.findings.alive()) == alive
