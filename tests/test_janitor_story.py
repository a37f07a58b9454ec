"""The janitor from end to end, in the demo: found, asked, approved in a browser, checked again, deleted, undone."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium

from finops.cli import demo_waste
from finops.cli.demo import _listener, demo_settings
from finops.cloud import connect
from finops.jobs import weekly_report
from finops.jobs.sweeping import Swept
from finops.jobs.sweeping.applying import Applied, apply
from finops.jobs.sweeping.undoing import Undone, undo
from finops.simulator import Served, serving
from finops.state import Record, State

RESTING = "research-ocr-dev-10"  # nobody calls it, until somebody does
PILOT = "research-pilot"  # past its end date
IDLE = "ci-oscar-berg-03"  # an instance that runs day and night, and does nothing
BROKEN = "platform-broken"  # an endpoint that failed when it was made


class Story:
    """The demo after its sweeps, and what people and the janitor do next."""

    def __init__(self, folder: Path, simulator: Served, listener: Any) -> None:
        self.folder = folder
        self.simulator = simulator
        self.listener = listener
        self.settings = demo_settings(folder, simulator.url, listener.getsockname()[1])
        demo_waste.forget(self.settings)
        with connect(self.settings.azure) as azure:
            self.swept: list[Swept] = demo_waste.sweeps(azure, self.settings, simulator, lambda doing: None)

    @property
    def now(self) -> Any:
        return self.simulator.world.clock.now()

    def record(self, name: str) -> Record:
        with State.open(self.settings.state.url) as state:
            found, _, _ = state.findings.all(search=name, limit=None)
        [one] = [one for one in found if one.finding.resource_id.endswith(f"/{name}")]
        return one

    def exists(self, name: str) -> bool:
        return self.simulator.world.resources.get(self.record(name).finding.resource_id) is not None

    def mails(self) -> list[Any]:
        files = sorted((self.folder / "outbox").glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]

    def call(self, name: str) -> None:
        """Somebody calls an endpoint again."""
        body = json.dumps({"resourceId": self.record(name).finding.resource_id, "requestsPerMinute": 5}).encode()
        asked = urllib.request.Request(
            f"{self.simulator.url}/simulator/life", body, {"content-type": "application/json"}
        )
        urllib.request.urlopen(asked).close()  # http, loopback
        self.simulator.world.clock.advance(hours=3)

    def apply(self) -> Applied:
        with connect(self.settings.azure) as azure, State.open(self.settings.state.url) as state:
            return apply(azure, self.settings, state, self.now, True)

    def weekly(self) -> Any:
        """The savings that the weekly report shows now."""
        with connect(self.settings.azure) as azure:
            return weekly_report(azure, self.settings, self.now).made.figures.savings

    def undo(self, name: str) -> Undone:
        with connect(self.settings.azure) as azure, State.open(self.settings.state.url) as state:
            return undo(azure, self.settings, state, self.record(name).number, self.now, "ana@contoso.example")


@contextmanager
def told(estate: Path, folder: Path) -> Iterator[Story]:
    shutil.copytree(estate, folder / "estate")
    with serving(folder / "estate") as simulator:
        yield Story(folder, simulator, _listener(None, 0))


@pytest.fixture(scope="module")
def story(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All of it, once: the tests below look at what came out."""
    with told(small_estate, tmp_path_factory.mktemp("story")) as story:
        with demo_waste.approvals(story.settings, story.simulator, story.listener) as url, chromium() as browser:
            _approve(browser, url, story.record(RESTING).number, scripts=False)
            _approve(browser, url, story.record(PILOT).number, scripts=True)
            _approve(browser, url, story.record(BROKEN).number, scripts=True)
            _approve(browser, url, story.record(IDLE).number, scripts=True)
        story.approved = {name: story.record(name).status for name in (RESTING, PILOT, BROKEN, IDLE)}  # type: ignore[attr-defined]
        story.call(RESTING)
        story.applied = story.apply()  # type: ignore[attr-defined]
        yield story


def _approve(browser: Any, url: str, number: int, scripts: bool) -> None:
    """What a person does on the page."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{url}findings/{number}")
    page.get_by_role("button", name="Sign in as Ana Approver").click()
    if not page.url.endswith(f"/findings/{number}"):
        page.goto(f"{url}findings/{number}")
    page.get_by_role("button", name="Approve").first.click()
    context.close()


def test_the_sweep_finds_what_was_planted_and_nothing_that_must_be_kept(story: Story):
    truth = json.loads((story.folder / "estate" / "ground-truth.json").read_text())
    rules = {rule.name for rule in story.swept[0].looked.rules}
    found = {(one.rule, one.resource_id.lower()) for one in story.swept[0].looked.found.findings}

    assert {(one["kind"], one["id"].lower()) for one in truth["planted"] if one["kind"] in rules} - found == set()
    assert {(one["kind"], one["id"].lower()) for one in truth["kept"]} & found == set()


def test_owners_and_approvers_were_told(story: Story):
    owner = story.record(PILOT).finding.owner
    to = {str(mail["To"]) for mail in story.mails()}

    assert any(owner in one for one in to)
    assert any("platform@contoso.example" in one for one in to)


def test_a_person_approved_in_the_browser_with_scripts_and_without(story: Story):
    assert set(story.approved.values()) == {"approved"}  # type: ignore[attr-defined]


def test_what_was_approved_is_gone(story: Story):
    assert not story.exists(BROKEN)
    assert story.record(BROKEN).status == "confirmed"


def test_what_is_quiet_first_is_still_there(story: Story):
    assert story.exists(PILOT)
    assert story.record(PILOT).status == "quiet"


def test_what_came_back_to_life_is_kept_and_says_why(story: Story):
    record = story.record(RESTING)

    assert story.exists(RESTING)
    assert record.status not in {"acted", "confirmed", "quiet"}
    assert "request" in record.note.lower()


def test_a_deletion_is_undone_and_proven_equal(story: Story):
    done = story.undo(BROKEN)

    assert story.exists(BROKEN)
    assert done.equal, [*done.compared, done.stopped, *done.for_people]
    assert story.record(BROKEN).status == "restored"


def test_the_report_shows_the_saving_only_once_the_charges_do(story: Story):
    [before] = [one for one in story.weekly().all if one.name == IDLE]
    story.simulator.world.clock.advance(hours=24 * 6)
    [after] = [one for one in story.weekly().all if one.name == IDLE]

    assert (before.kind, before.realised) == ("approved", None)
    assert (after.kind, after.realised.amount > 0) == ("realised", True)
