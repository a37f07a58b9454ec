"""`finops daemon look`: what a daemon sees to beside its duties, by cron."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from daemons import Hands, no_azure, replica
from outside_daemon import DUTIES, GUARD, HOUR, NOW, ran, settings
from test_daemon_metrics import PROCESS
from test_daemon_ping import watching

from finops.cli import cli
from finops.config.model import Settings
from finops.daemon import looking
from finops.daemon.clock import KEPT
from finops.daemon.lateness import WATCHED
from finops.daemon.looking import Saw
from finops.daemon.metrics import METRICS
from finops.daemon.working import Means
from finops.errors import FinopsError
from finops.state import State


class Site:
    """A machine with cron: its state, and the mails in its outbox. Duties have been looked at for a month."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hands = folder, Hands(NOW)
        self.state = State.open(folder / "state.db")
        for duty in DUTIES:
            self.state.keep(WATCHED + duty.name, (NOW - timedelta(days=30)).isoformat(), NOW)

    def settings(self, **daemon: Any) -> Settings:
        return settings(self.folder, {"operators": ["ops@contoso.example"], **daemon})

    def means(self, **daemon: Any) -> Means:
        own = self.settings(**daemon)
        return Means(lambda: own, self.state, no_azure, no_azure, self.hands, self.hands, lambda text: None)

    def look(self, **daemon: Any) -> Saw:
        return looking.once(self.means(**daemon), [GUARD])

    def mails(self) -> list[Path]:
        return list((self.folder / "outbox").glob("*.eml"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.state.close()


def finops(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_a_duty_that_is_late_is_one_mail_however_often_cron_looks(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    told = []
    for _ in range(12):
        told += site.look().found.told
        site.hands.forward(300)

    assert told == ["guard is late: no success for 3 hours"]
    assert len(site.mails()) == 1


def test_where_a_daemon_leads_it_is_left_to_it(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    with watching() as watcher:
        daemon = replica(site.state, site.hands, GUARD, owner="the daemon")
        daemon.turn()
        seen = [site.look(ping_url=watcher.url)]
        site.hands.forward(900)
        daemon.turn()
        seen.append(site.look(ping_url=watcher.url))

    assert {one.leader for one in seen} == {"the daemon"}
    assert not site.mails()
    assert not watcher.asked


def test_a_daemon_that_starts_right_after_it_leads_at_once(site: Site):
    site.look()
    daemon = replica(site.state, site.hands, GUARD)
    daemon.turn()

    assert daemon.pulse.leads


def test_the_watcher_outside_is_asked_where_all_is_well(site: Site):
    ran(site.state, "guard", NOW)
    with watching() as watcher:
        assert site.look(ping_url=watcher.url).unasked == ""

    assert len(watcher.asked) == 1


def test_the_watcher_outside_hears_nothing_where_operators_cannot_be_told(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    (site.folder / "outbox").write_text("in the way of the folder")
    with watching() as watcher:
        for _ in range(20):
            saw = site.look(ping_url=watcher.url)
            site.hands.forward(300)
        before = len(watcher.asked)
        site.look(ping_url=watcher.url)
        after = len(watcher.asked)

    assert saw.found.problems
    assert after == before


def test_a_clock_that_was_put_back_is_an_error_and_the_watcher_hears_nothing(site: Site):
    site.state.keep(KEPT, {"reached": (NOW + HOUR).isoformat(), "doubt": False}, NOW)
    with watching() as watcher, pytest.raises(FinopsError, match="it has been 2026-11-23 13:00:00 UTC before"):
        site.look(ping_url=watcher.url)

    assert not watcher.asked


def test_the_figures_are_those_of_metrics_but_for_the_process(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    file = site.folder / "finops.prom"
    looking.leave_figures(site.means(), DUTIES, file)

    shown = set(re.findall(r"^# TYPE (\w+)", file.read_text(), re.M))
    of_a_process = {"finops_leads", "finops_ready", "finops_heartbeat_age_seconds", "finops_pings_total"}
    assert 'finops_duty_late{duty="guard"} 1.0' in file.read_text()
    assert "finops_acts_total" in file.read_text()
    assert {name.removesuffix("_total") for name in shown} <= {m.name.removesuffix("_total") for m in METRICS}
    assert not shown & (of_a_process | PROCESS)
    assert file.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in site.folder.glob("*.prom*")] == ["finops.prom"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "finops.yaml"
    file.write_text(f"state: {{url: '{tmp_path / 'state.db'}'}}\nmail: {{outbox: '{tmp_path / 'outbox'}'}}\n")
    return file


def test_by_the_command_line_it_says_what_is_late(config: Path, tmp_path: Path):
    file = tmp_path / "finops.prom"
    first = finops("daemon", "look", "--config", str(config), "--metrics", str(file))

    assert (first.exit_code, first.output) == (0, "Nothing is late.\n")
    assert 'finops_duty_late{duty="guard"} 0.0' in file.read_text()
    assert finops("daemon", "look", "--quiet", "--config", str(config)).output == ""


@pytest.mark.parametrize(("quiet", "says"), [([], "cannot be told that all is well: it answered 503"), (["-q"], "")])
def test_a_watcher_that_does_not_answer_is_told_and_in_quiet_only_by_the_code(
    config: Path, quiet: list[str], says: str
):
    with watching(503) as watcher:
        config.write_text(f"{config.read_text()}daemon: {{ping_url: '{watcher.url}'}}\n")
        result = finops("daemon", "look", *quiet, "--config", str(config))

    assert result.exit_code == 75
    assert says in result.output if says else result.output == ""
    assert "secret" not in result.output


def test_a_file_that_nobody_would_read_and_one_that_cannot_be_written_are_refused(config: Path, tmp_path: Path):
    unread = finops("daemon", "look", "--config", str(config), "--metrics", str(tmp_path / "finops.txt"))
    nowhere = finops("daemon", "look", "--config", str(config), "--metrics", str(tmp_path / "no/finops.prom"))

    assert unread.exit_code == 2
    assert "would be read by nobody. Node exporter reads files that end with .prom." in unread.output
    assert nowhere.exit_code == 1
    assert "choose another file with --metrics" in nowhere.output


def test_quiet_runs_of_duties_say_only_what_failed(config: Path, tmp_path: Path):
    said = [finops("daemon", "run", "--once", "deliver", "--quiet", "--config", str(config)) for _ in range(2)]
    alone = finops("daemon", "run", "--quiet", "--config", str(config))

    assert [(one.exit_code, one.output) for one in said] == [(0, ""), (0, "")]
    assert alone.exit_code == 2
    assert "--quiet goes with --once." in alone.output
    with State.open(tmp_path / "state.db") as state:
        assert [run.outcome for run in state.daybook.runs(NOW - timedelta(days=9999), "deliver")] == ["done"]


def test_quiet_does_not_hide_a_duty_that_fails(config: Path, tmp_path: Path):
    (tmp_path / "charges").write_text("in the way of the folder")
    config.write_text(f"{config.read_text()}charges: {{store: '{tmp_path / 'charges'}'}}\n")
    result = finops("daemon", "run", "--once", "report", "--now", "--quiet", "--config", str(config))

    assert result.exit_code == 1
    assert "Error: " in result.output
