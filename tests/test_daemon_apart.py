"""Runs in processes of their own: they come to the same, hear what threads would, and end with the daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemons import Hands, no_azure
from dutiful import TUESDAY, Site, run, site
from estates import DEV, group_id, storage_account
from guarding import Guarding, guarding

from finops import __version__
from finops.cloud import connect
from finops.config.model import Settings
from finops.daemon.apart import Apart
from finops.daemon.calls import Calls
from finops.daemon.leading import Leading
from finops.daemon.pulse import Pulse
from finops.daemon.stopping import Stop
from finops.daemon.working import Means, Working
from finops.errors import FinopsError
from finops.jobs.duties import DUTIES, Done, Duty, Work, duty
from finops.state import State

Json = dict[str, Any]
PATIENCE = 120.0  # seconds for what a process does on a busy machine
STORAGE = f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/mldata"


# -- what a run comes to --------------------------------------------------------------------------------------------


def held(settings: Settings) -> Json:
    """What a process needs to have these settings: JSON is YAML."""
    text = settings.model_dump_json(exclude_unset=True)
    return {"config": None, "azure": None, "held": {"file": "finops.yaml", "text": text}}


def apart(
    name: str, settings: Settings, now: datetime, *, calls: Calls | None = None, said: list[str] | None = None,
    stopping: Callable[[], bool] = lambda: False, slot: datetime | None = None,
) -> Done:  # fmt: skip
    """What one run of the duty comes to in a process of its own."""
    with State.open(settings.state.url) as state:
        notes = (said if said is not None else []).append
        work = Work(settings, state, now, "run-1", no_azure, no_azure, notes, stopping, slot)
        return Apart(calls or Calls(), held(settings))(duty(name), work)


def test_it_comes_to_what_it_comes_to_here_and_its_calls_are_counted(tmp_path: Path):
    def lived(folder: Path, there: bool) -> tuple[list[Done], list[str], dict[tuple[str, int], int]]:
        calls, notes, came = Calls(), list[str](), list[Done]()
        with site(folder) as one:
            for name in ("ingest", "report"):
                how: Json = {"said": notes, "slot": TUESDAY}
                if there:
                    came.append(apart(name, one.settings, TUESDAY, calls=calls, **how))
                else:
                    azure = {"azure": lambda: calls.counted(connect(one.settings.azure))}
                    came.append(run(name, one.settings, TUESDAY, **azure, **how))
        return came, notes, dict(calls.totals())

    here, there = lived(tmp_path / "here", there=False), lived(tmp_path / "there", there=True)

    assert str(there).replace("/there/", "/here/") == str(here)
    assert here[2]


def test_where_the_daemon_stops_it_begins_nothing_more(tmp_path: Path):
    with site(tmp_path) as one:
        done = apart("ingest", one.settings, TUESDAY, stopping=lambda: True)

        assert done == Done("held", ("The daemon is being stopped: the rest is left to the next run.",))
        assert one.asked() == 0


def test_a_daemon_that_does_not_answer_is_one_that_stops(tmp_path: Path):
    """It is frozen: its lease may be over, and another one lead."""
    thaws = threading.Event()

    def frozen() -> bool:
        thaws.wait(PATIENCE)
        return False

    with site(tmp_path) as one, State.open(one.settings.state.url) as state:
        work = Work(one.settings, state, TUESDAY, "run-1", no_azure, no_azure, lambda said: None, frozen)
        begins = Apart(Calls(), held(one.settings), answers_within=0.5)
        came: list[Done] = []
        thread = threading.Thread(target=lambda: came.append(begins(duty("ingest"), work)))
        thread.start()
        child = until(lambda: children(os.getpid()))
        until(lambda: all(state_of(pid) in "ZX" for pid in child))
        thaws.set()
        thread.join(PATIENCE)

        assert [done.outcome for done in came] == ["held"]
        assert one.asked() == 0


def test_a_fault_keeps_what_happened_and_what_to_do(tmp_path: Path):
    with site(tmp_path, charges={"store": str(tmp_path / "charges"), "sources": [str(tmp_path / "none.csv")]}) as one:
        with pytest.raises(FinopsError) as here:
            run("ingest", one.settings, TUESDAY)
        with pytest.raises(FinopsError) as there:
            apart("ingest", one.settings, TUESDAY)

    assert (there.value.what, there.value.fix) == (here.value.what, here.value.fix)
    assert there.value.fix


def test_a_run_whose_process_is_killed_failed_and_says_how(tmp_path: Path):
    with site(tmp_path, slow(60)) as one:
        killer = threading.Thread(target=lambda: [os.kill(pid, signal.SIGKILL) for pid in at_work(one)])
        killer.start()
        with pytest.raises(FinopsError, match=r"The process of ingest was killed \(SIGKILL\)"):
            apart("ingest", one.settings, TUESDAY)
        killer.join()


def test_a_crash_of_a_library_says_by_which_signal(tmp_path: Path):
    with site(tmp_path, slow(60)) as one:
        killer = threading.Thread(target=lambda: [os.kill(pid, signal.SIGSEGV) for pid in at_work(one)])
        killer.start()
        with pytest.raises(FinopsError, match="The process of ingest ended by SIGSEGV before it said"):
            apart("ingest", one.settings, TUESDAY)
        killer.join()


def test_signals_that_are_meant_for_the_daemon_end_no_run(tmp_path: Path):
    """A terminal's Ctrl-C reaches every process of it, systemd's SIGTERM every process of the unit."""

    def both() -> None:
        for pid in at_work(one):
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)

    with site(tmp_path, slow(2)) as one:
        sender = threading.Thread(target=both)
        sender.start()
        assert apart("ingest", one.settings, TUESDAY).outcome == "done"
        sender.join()


def test_calls_count_while_it_runs_and_once_when_it_was_killed(tmp_path: Path):
    calls = Calls()
    with guarding(tmp_path, data(), faults=[slow(60, method="PATCH")]) as guard:

        def kill() -> None:
            until(guard.changes)
            meanwhile.append(calls.totals()["arm", 200])
            for pid in children(os.getpid()):
                os.kill(pid, signal.SIGKILL)

        meanwhile: list[int] = []
        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(FinopsError, match="SIGKILL"):
            apart("guard", enforcing(guard), guard.now, calls=calls)
        killer.join()

    assert meanwhile == [calls.totals()["arm", 200]]
    assert meanwhile[0] > 0


def test_a_run_takes_the_process_that_was_prepared_for_it(tmp_path: Path):
    with site(tmp_path) as one, State.open(one.settings.state.url) as state:
        begins = Apart(Calls(), held(one.settings))
        begins.prepare("ingest")
        ready = children(os.getpid())
        begins.prepare("ingest")
        assert children(os.getpid()) == ready  # one is enough

        done = begins(duty("ingest"), work_of(one, state))
        begun_anew = begins(duty("ingest"), work_of(one, state))

    assert len(ready) == 1
    assert done.outcome == begun_anew.outcome == "done"
    assert not is_alive(ready[0])


def test_where_the_prepared_process_died_the_run_begins_another(tmp_path: Path):
    with site(tmp_path) as one, State.open(one.settings.state.url) as state:
        begins = Apart(Calls(), held(one.settings))
        begins.prepare("ingest")
        [ready] = children(os.getpid())
        os.kill(ready, signal.SIGKILL)
        until(lambda: not is_alive(ready))

        assert begins(duty("ingest"), work_of(one, state)).outcome == "done"


def test_a_prepared_process_ends_with_the_daemon_that_never_used_it(tmp_path: Path):
    begins = Apart(Calls(), {})
    begins.prepare("guard")
    [ready] = children(os.getpid())

    begins.end()

    until(lambda: not is_alive(ready))


def work_of(one: Site, state: State) -> Work:
    return Work(one.settings, state, TUESDAY, "run-1", no_azure, no_azure, [].append, lambda: False, TUESDAY)


def test_a_process_that_cannot_be_started_is_a_fault_of_that_run(tmp_path: Path):
    begins = Apart(Calls(), {}, command=[str(tmp_path / "no such program")])
    with State.open(tmp_path / "state.db") as state:
        work = Work(Settings(), state, TUESDAY, "run-1", no_azure, no_azure, lambda said: None, lambda: False)

        with pytest.raises(FinopsError, match=r"No process could be started for report \(No such file or directory\)"):
            begins(duty("report"), work)


# -- what the loop sees ---------------------------------------------------------------------------------------------


@contextmanager
def working(one: Site | Guarding, settings: Settings, hands: Hands) -> Iterator[tuple[Working, Leading, Stop, State]]:
    """What runs duties in this process, by clocks of our own."""
    with State.open(settings.state.url) as state:
        begins, stop, notes = Apart(Calls(), held(settings)), Stop(), list[str]()
        means = Means(lambda: settings, state, no_azure, no_azure, hands, hands, notes.append, apart=begins)
        leading = Leading(state, "one", hands, 40.0, notes.append)
        leading.keep()
        yield Working(means, leading, Pulse(), stop), leading, stop, state
        begins.end()


def in_a_process(name: str) -> Duty:
    found = duty(name)
    return Duty(found.name, found.what, found.when, found.run, found.late_after, found.limit, found.acts, apart=True)


def data() -> Json:
    """A storage account without the tag that the guard writes."""
    found = storage_account(DEV, "rg-dev", "mldata")
    found["properties"]["creationTime"] = "2026-08-01T08:00:00Z"
    return found


def enforcing(guard: Guarding) -> Settings:
    return Settings.model_validate(
        guard.settings.model_dump(exclude_unset=True) | {"state": {"url": str(guard.folder / "state.db")}}
    )


def test_what_is_to_act_acts_apart(tmp_path: Path):
    """So that the tests below, in which it does not, can fail."""
    with guarding(tmp_path, data()) as guard:
        done = apart("guard", enforcing(guard), guard.now)

        assert done.counts.get("acts.done") == 1
        assert dict(guard.body(STORAGE)["tags"])["CostCenter"] == "CC-2"


def test_once_the_lease_is_lost_it_changes_nothing_more(tmp_path: Path):
    with guarding(tmp_path, data(), faults=[slow(2, times=1)]) as guard:
        hands = Hands(guard.now)
        with working(guard, enforcing(guard), hands) as (runs, leading, _, state):
            assert runs.begin(in_a_process("guard"), guard.now, guard.now)
            until(lambda: guard.served.requests)
            hands.forward(41)
            assert not leading.holds()
            until(lambda: not runs.running())

            assert [run.outcome for run in state.daybook.runs(guard.now - timedelta(days=1))] == ["held"]
        assert guard.changes() == []


def test_what_has_not_ended_when_the_daemon_gives_up_is_ended(tmp_path: Path):
    with guarding(tmp_path, data(), faults=[slow(5, times=1)]) as guard:
        hands = Hands(guard.now)
        with working(guard, enforcing(guard), hands) as (runs, _, _, state):
            assert runs.begin(in_a_process("guard"), guard.now, guard.now)
            until(lambda: guard.served.requests)
            pids = children(os.getpid())

            assert runs.give_up("The daemon was stopped.") == ["guard"]

            until(lambda: not runs.running())
            assert pids
            assert not any(is_alive(pid) for pid in pids)
            assert [(run.outcome, run.why) for run in state.daybook.runs(guard.now - timedelta(days=1))] == [
                ("failed", "The daemon was stopped.")
            ]
        assert guard.changes() == []


# -- the daemon is gone ---------------------------------------------------------------------------------------------


@contextmanager
def lone(guard: Guarding) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A daemon whose only run is at work, and the process of that run."""
    settings = enforcing(guard)
    file = guard.folder / "held.yaml"
    file.write_text(settings.model_dump_json(exclude_unset=True), "utf-8")
    script = Path(__file__).parent / "lone_run.py"
    args = [sys.executable, str(script), "guard", settings.state.url, guard.now.isoformat(), str(file)]
    with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: guard.served.requests)
            (pid,) = children(process.pid)
            yield process, pid
        finally:
            process.kill()


def test_when_the_daemon_is_killed_its_runs_end_and_nothing_is_changed_after(tmp_path: Path):
    """At once: not only when the answer that it waits for has come."""
    with guarding(tmp_path, data(), faults=[slow(19, times=1)]) as guard:
        with lone(guard) as (process, pid):
            process.kill()
            until(lambda: not is_alive(pid), seconds=10)

        assert guard.changes() == []


def test_the_kernel_ends_it_even_where_it_can_hear_nothing(tmp_path: Path):
    with guarding(tmp_path, data(), faults=[slow(19, times=1)]) as guard, lone(guard) as (process, pid):
        os.kill(pid, signal.SIGSTOP)
        process.kill()

        until(lambda: not is_alive(pid), seconds=10)


def test_when_the_line_to_the_daemon_is_cut_it_ends_at_once(tmp_path: Path):
    with site(tmp_path) as one, spoken(order(one)) as (process, ours):
        with ours.makefile("rb") as said:
            assert json.loads(said.readline())["asks"] == "stopping"
        ours.close()

        assert process.wait(10) == 70


# -- the other end of the line --------------------------------------------------------------------------------------


def order(one: Site, **more: Any) -> Json:
    State.open(one.settings.state.url).close()
    return {
        **held(one.settings), "version": __version__, "duty": "ingest", "run": "run-1", "now": TUESDAY.isoformat(),
        "slot": None, "within": {}, "answers_within": 60.0, **more,
    }  # fmt: skip


@contextmanager
def spoken(order: Json) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A run's process, and the line to it."""
    ours, theirs = socket.socketpair()
    args = [sys.executable, "-m", "finops", "daemon", "apart", order["duty"]]
    with ours, subprocess.Popen(args, stdin=theirs, stderr=subprocess.PIPE) as process:
        theirs.close()
        try:
            ours.sendall(json.dumps(order).encode() + b"\n")
            yield process, ours
        finally:
            process.kill()


def test_after_another_version_was_installed_the_daemon_is_to_be_restarted(tmp_path: Path):
    with site(tmp_path) as one, spoken(order(one, version="0.0.1")) as (_, ours):
        came = json.loads(ours.makefile("rb").readline())

    assert came["what"] == f"The daemon is finops 0.0.1, and {__version__} was installed since."


def test_it_makes_no_state_where_there_is_none_any_more(tmp_path: Path):
    with site(tmp_path) as one:
        asked = order(one)
        Path(one.settings.state.url).unlink()
        with spoken(asked) as (_, ours):
            came = json.loads(ours.makefile("rb").readline())

        assert "is not there any more" in came["what"]
        assert not Path(one.settings.state.url).exists()


def test_people_are_told_to_write_something_else():
    args = [sys.executable, "-m", "finops", "daemon", "apart", "ingest"]
    made = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert made.returncode == 2
    assert "finops daemon run --once DUTY" in made.stderr


# -- the daemon itself ----------------------------------------------------------------------------------------------

LARGE = ("duckdb", "pandas", "pyarrow", "numpy", "matplotlib")


class Daemon:
    """`finops daemon run` with these settings, and its log."""

    def __init__(self, folder: Path, settings: Settings, schedule: Json) -> None:
        schedule = {one.name: "off" for one in DUTIES} | schedule
        own = json.loads(settings.model_dump_json(exclude_unset=True))
        own |= {"daemon": {"listen": None, "log_form": "json", "schedule": schedule}}
        self.file = folder / "finops.yaml"
        self.file.write_text(json.dumps(own))
        # A folder with a module of a library's name: nothing that is begun there takes it for the library.
        (folder / "click.py").write_text("raise SystemExit('taken from the folder')")
        args = [sys.executable, "-P", "-m", "finops", "daemon", "run", "--config", str(self.file)]
        self.process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True, cwd=folder)
        self.lines: list[Json] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(json.loads(line) if line.startswith("{") else {"message": line, "job": ""})

    def told(self, message: str, job: str = "") -> list[Json]:
        return [line for line in list(self.lines) if line["message"] == message and job in line["job"]]

    def ended(self, job: str) -> Json:
        """The line of its first run that is over."""
        until(lambda: self.told("run ended", job) or self.process.poll() is not None)
        assert self.told("run ended", job), self.lines
        return self.told("run ended", job)[0]

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(100)
        self._reader.join()
        if self.process.stderr:
            self.process.stderr.close()
        return code


@contextmanager
def daemon(one: Site | Guarding, **schedule: str) -> Iterator[Daemon]:
    settings = enforcing(one) if isinstance(one, Guarding) else one.settings
    began = Daemon(one.folder, settings, schedule)
    try:
        yield began
    finally:
        began.close()


def test_what_a_run_loads_is_never_in_the_daemon(tmp_path: Path):
    with site(tmp_path) as one, daemon(one, ingest="daily at 04:30") as began:
        ended = began.ended("ingest")
        maps = Path(f"/proc/{began.process.pid}/maps").read_text()

    assert (ended["outcome"], ended["counts"]["subscriptions_missing"]) == ("done", 0)
    assert [name for name in LARGE if f"/{name}/" in maps] == []


def test_its_lines_are_of_the_run_and_in_the_daemons_form(tmp_path: Path):
    with site(tmp_path) as one, daemon(one, ingest="daily at 04:30") as began:
        ended = began.ended("ingest")
        (last,) = began.told("its process ends")

    assert (last["run"], last["job"]) == (ended["run"], "ingest")
    assert last["peak_mib"] > 50
    assert [line["run"] for line in began.told("Asking what it costs")] == [ended["run"]]


def test_a_run_that_is_killed_is_written_down_and_the_daemon_goes_on(tmp_path: Path):
    with site(tmp_path, slow(60)) as one, daemon(one, ingest="daily at 04:30") as began:
        until(one.asked)
        (pid,) = children(began.process.pid)
        os.kill(pid, signal.SIGKILL)
        ended = began.ended("ingest")

        assert ended["outcome"] == "failed"
        assert "The process of ingest was killed (SIGKILL)" in ended["why"]
        assert began.close() == 0


def test_told_to_stop_it_tells_the_run_and_ends_well(tmp_path: Path):
    faults = [slow(3, times=1)]
    with guarding(tmp_path, data(), faults=faults) as guard, daemon(guard, guard="every 15 minutes") as began:
        until(lambda: guard.served.requests)

        assert began.close() == 0
        assert began.ended("guard")["outcome"] == "held"
        assert guard.changes() == []


def test_what_is_written_into_the_settings_counts_from_the_next_start(tmp_path: Path):
    with site(tmp_path) as one, daemon(one, ingest="daily at 04:30") as began:
        until(lambda: any("This process leads" in line["message"] for line in began.lines))
        began.file.write_text("azure: {endpoint: 'https://example.invalid'}")

        assert began.ended("ingest")["outcome"] == "done"


# -- helpers --------------------------------------------------------------------------------------------------------


def slow(seconds: float, **more: Any) -> Json:
    """An Azure whose answers take so long."""
    return {"fault": "slow", "seconds": seconds, "path": "/providers/", **more}


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What it comes to, once it is something."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited for in vain"
        time.sleep(0.05)
    return found


def children(pid: int) -> list[int]:
    """Processes of runs that `pid` began; not by its task/*/children, which may leave some out while others end."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"apart" in (one / "cmdline").read_bytes().split(b"\0"):
                found.append(int(one.name))
    return sorted(found)


def at_work(one: Site) -> list[int]:
    """The processes of our runs, once they have asked Azure something."""
    until(lambda: one.served.requests)
    return children(os.getpid())


def state_of(pid: int) -> str:
    """One letter, as in proc_pid_stat(5); X where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_alive(pid: int) -> bool:
    return state_of(pid) not in "ZX"
