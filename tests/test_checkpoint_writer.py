"""The writer beside the training: what becomes of a snapshot when either dies, or memory or the disk is short."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_checkpoints import laid_out, newest, until

from finops import checkpoint
from finops.checkpoint.arena import Arena
from finops.checkpoint.launch import Started, launch
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.scribe import main
from finops.checkpoint.stores import Store
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.writer import Outcome, Writer

HERE = Path(__file__).parent


class Watched:
    """Launches writers as they are, and remembers them. kills: of the first so many, before they are told anything."""

    def __init__(self, kills: int = 0) -> None:
        self.processes = list[Started]()
        self._kills = kills

    def __call__(self, store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
        process = launch(store, arena, told_by, nicer)
        self.processes.append(process)
        if len(self.processes) <= self._kills:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        return process


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path / "checkpoints")
    found.claim()
    return found


@pytest.fixture
def writers() -> Iterator[Callable[..., Writer]]:
    made = list[Writer]()

    def writer(*args: Any, **kwargs: Any) -> Writer:
        made.append(Writer(*args, **kwargs))
        return made[-1]

    yield writer
    for one in made:
        one.close()


def saved(writer: Writer, step: int, nbytes: int = 5000) -> Outcome:
    layout, buffers = laid_out(Name(1, step), nbytes)
    writer.hand_over(Name(1, step), layout, buffers, {}, Keep(2))
    outcome = writer.wait()
    assert outcome is not None
    return outcome


def program(text: str, folder: Path, **kwargs: Any) -> subprocess.Popen[str]:
    """A training script; `ck` and `state` are there, and ready_to_die, which tells us."""
    head = f"""
        import os, sys, signal, time, warnings
        from finops import checkpoint
        state = {{"bytes": bytearray(64 << 20), "step": {{"is": 0}}}}
        ck = checkpoint.open(state, {str(folder)!r}, job="j")
        def ready_to_die():
            print("ready", flush=True)
            time.sleep(60)
        """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(text)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


# Who dies


def test_a_writer_that_is_killed_has_a_successor_that_writes_the_same_snapshot(
    folder: Folder, writers: Callable[..., Writer]
):
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1, 3_000_000)

    layout, buffers = laid_out(Name(1, 2), 3_000_000)
    writer.hand_over(Name(1, 2), layout, buffers, {}, Keep(2))
    os.kill(watched.processes[0].pid, signal.SIGKILL)
    outcome = writer.wait()

    assert outcome is not None
    assert outcome.fault is None
    assert newest(folder) == Name(1, 2)


def test_one_that_was_killed_between_two_saves_is_replaced(folder: Folder, writers: Callable[..., Writer]):
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1)
    os.kill(watched.processes[0].pid, signal.SIGKILL)
    watched.processes[0].wait()

    assert saved(writer, 2).fault is None
    assert newest(folder) == Name(1, 2)


def test_when_its_successor_dies_too_the_save_has_failed_and_the_next_is_tried(
    folder: Folder, writers: Callable[..., Writer]
):
    writer = writers(folder, Watched(kills=2))

    first = saved(writer, 1)

    assert first.fault is not None
    assert "The process that writes checkpoints ended" in first.fault.what
    assert saved(writer, 2).fault is None


def test_writers_that_die_at_once_are_noticed_every_time(folder: Folder, writers: Callable[..., Writer]):
    def dead(store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
        process = subprocess.Popen(["true"])
        process.wait()
        return process

    writer = writers(folder, dead)
    layout, buffers = laid_out(Name(1, 1))
    for _ in range(50):
        writer.hand_over(Name(1, 1), layout, buffers, {}, Keep(2))
        outcome = writer.wait(timeout=60)
        assert outcome is not None
        assert outcome.fault is not None


def test_signals_that_end_the_training_leave_it_alone(folder: Folder, writers: Callable[..., Writer]):
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1)

    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(watched.processes[0].pid, ending)

    assert saved(writer, 2).fault is None
    assert len(watched.processes) == 1


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux")
def test_it_yields_to_the_training(folder: Folder, writers: Callable[..., Writer]):
    watched = Watched()
    saved(writers(folder, watched), 1)

    pid = watched.processes[0].pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    assert os.getsid(pid) == os.getsid(0)  # niceness counts within a session only, where Linux groups by session
    assert os.getpgid(pid) != os.getpgid(0)


def test_while_the_node_may_go_it_does_not_yield(folder: Folder, writers: Callable[..., Writer]):
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1)

    writer.hurry(True)
    saved(writer, 2)
    assert os.getpriority(os.PRIO_PROCESS, watched.processes[-1].pid) == os.getpriority(os.PRIO_PROCESS, 0)
    writer.hurry(True)
    saved(writer, 3)
    assert len(watched.processes) == 2  # nothing to change
    writer.hurry(False)
    saved(writer, 4)

    assert len(watched.processes) == 3
    assert os.getpriority(os.PRIO_PROCESS, watched.processes[-1].pid) == 19


def test_what_is_being_written_when_the_node_may_go_is_begun_anew_in_a_hurry(
    folder: Folder, writers: Callable[..., Writer]
):
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1, 3_000_000)
    os.kill(watched.processes[0].pid, signal.SIGSTOP)  # the lowest priority, beside a training that uses all cores
    layout, buffers = laid_out(Name(1, 2), 3_000_000)
    writer.hand_over(Name(1, 2), layout, buffers, {}, Keep(2))
    assert writer.wait(0.2) is None

    writer.hurry(True)
    outcome = writer.wait(60)

    assert outcome is not None
    assert (outcome.name, outcome.fault) == (Name(1, 2), None)
    assert newest(folder) == Name(1, 2)
    assert writer.complaints == []


def test_a_training_that_is_killed_has_its_last_snapshot_written(tmp_path: Path):
    training = program("ck.save(step=1, wait=True); ck.save(step=2); ready_to_die()", tmp_path)
    assert training.stdout is not None
    training.stdout.readline()
    training.kill()
    training.communicate()

    until(lambda: len(Folder(tmp_path).names()) == 2)
    assert newest_step(tmp_path) == 2


def newest_step(folder: Path) -> int | None:
    with checkpoint.open({"bytes": bytearray(64 << 20), "step": {"is": 0}}, folder, job="j") as ck:
        return ck.restore()


def test_a_training_that_ends_without_a_word_ends_once_its_last_save_is_durable(tmp_path: Path):
    training = program("ck.save(step=1)", tmp_path)
    training.wait(timeout=60)

    assert [name.step for name in Folder(tmp_path).names()] == [1]
    assert training.communicate(timeout=60) == ("", "")


def test_half_an_order_of_a_training_that_was_killed_is_none(folder: Folder):
    ours, theirs = socket.socketpair()
    arena = Arena(4096)
    ours.sendall(b'{"name": [1, 1, 0, ')
    ours.close()

    main(folder.spec, arena.fd, arena.nbytes, theirs)

    arena.close()
    theirs.close()
    assert folder.names() == []


def test_a_process_forked_from_the_training_keeps_neither_from_ending(tmp_path: Path):
    """As a DataLoader's workers are, each of which holds all that was open."""
    training = program(
        """
        ck.save(step=1, wait=True)
        if not os.fork():
            time.sleep(600)
            os._exit(0)
        ck.save(step=2)
        ck.close()
        print("closed", flush=True)
        os._exit(0)
        """,
        tmp_path,
        start_new_session=True,
    )
    assert training.stdout is not None
    begun = time.monotonic()

    assert training.stdout.readline() == "closed\n"
    assert time.monotonic() - begun < 300
    os.killpg(training.pid, signal.SIGKILL)
    training.communicate()


def test_a_writer_that_hangs_up_and_stays_ends_no_training(tmp_path: Path):
    """Not even one that takes a broken pipe for its end."""
    training = program(
        """
        import subprocess
        from finops.checkpoint.writer import Writer
        from finops.checkpoint.names import Name
        from finops.checkpoint.retention import Keep
        from made_checkpoints import laid_out
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        writer = Writer(ck._store, lambda *_: subprocess.Popen(["sleep", "1"]))
        writer.hand_over(Name(1, 1), *laid_out(Name(1, 1)), {}, Keep(2))
        print(writer.wait().fault.what)
        """,
        tmp_path,
    )
    told, said = training.communicate(timeout=60)

    assert (training.returncode, said) == (0, "")
    assert told == "The process that writes checkpoints ended with 0.\n"


def test_modules_beside_the_script_do_not_hide_pythons_own_from_it(tmp_path: Path):
    for name in ("json", "socket", "queue", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")

    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    script = "from finops import checkpoint; ck = checkpoint.open({'a': {}}, 'checkpoints'); ck.save(step=1, wait=True)"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_one_that_does_not_answer_is_told_of_once(folder: Folder, writers: Callable[..., Writer]):
    deaf = list[subprocess.Popen[bytes]]()

    def sleeping(store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
        deaf.append(subprocess.Popen(["sleep", "60"], pass_fds=[told_by.fileno()]))
        return deaf[-1]

    writer = writers(folder, sleeping, slow=0.05)
    layout, buffers = laid_out(Name(1, 1))
    writer.hand_over(Name(1, 1), layout, buffers, {}, Keep(2))

    assert writer.wait(timeout=0.2) is None
    assert writer.busy
    [said] = writer.complaints
    assert "still being written after 0 s" in said
    for process in deaf:
        process.kill()
    until(lambda: len(deaf) == 2)
    deaf[1].kill()
    outcome = writer.wait()
    assert outcome is not None
    assert outcome.fault is not None


def test_a_ctrl_c_while_it_is_told_leaves_nothing_half_told(folder: Folder, writers: Callable[..., Writer]):
    """It must not come to read a snapshot that is no longer the one it was told of."""
    watched = Watched()
    writer = writers(folder, watched)
    saved(writer, 1)
    os.kill(watched.processes[0].pid, signal.SIGSTOP)
    layout, buffers = laid_out(Name(1, 2))
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)

    try:
        with pytest.raises(KeyboardInterrupt):
            writer.hand_over(Name(1, 2), layout, buffers, {"more than a socket holds": "x" * 8_000_000}, Keep(2))
    finally:
        signal.signal(signal.SIGALRM, before)
    outcome = writer.wait()

    assert outcome is not None
    assert outcome.fault is not None
    assert saved(writer, 3).fault is None
    assert folder.names() == [Name(1, 3), Name(1, 1)]


# What is short


def test_memory_is_made_ready_beside_the_training(folder: Folder, writers: Callable[..., Writer]):
    watched = Watched()
    writer = writers(folder, watched)
    layout, _ = laid_out(Name(1, 1), 30_000_000)

    assert not writer.ready_for(layout.body)
    until(lambda: writer.ready_for(layout.body))
    assert len(watched.processes) == 1

    assert saved(writer, 1, 30_000_000).fault is None
    assert writer.ready_for(layout.body)
    assert len(watched.processes) == 1


def test_a_state_that_grows_is_saved(folder: Folder, writers: Callable[..., Writer]):
    writer = writers(folder)

    for step, nbytes in enumerate((5_000, 3_000_000, 400_000, 9_000_000), 1):
        assert saved(writer, step, nbytes).fault is None
        assert newest(folder) == Name(1, step)


def test_where_no_process_can_be_started_the_training_writes_by_itself_and_says_so_once(
    folder: Folder, writers: Callable[..., Writer]
):
    def refused(store: Store, arena: Arena, told_by: socket.socket, nicer: int) -> Started:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    writer = writers(folder, refused)
    for step in (1, 2, 3):
        outcome = saved(writer, step)
        assert outcome.fault is None
        assert outcome.stall > 0
    until(lambda: writer.ready_for(5000))

    assert folder.names() == [Name(1, 3), Name(1, 2)]
    assert newest(folder) == Name(1, 3)
    assert len(writer.complaints) == 1
    assert "The training waits while checkpoints are written" in writer.complaints[0]


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux")
def test_where_memory_is_short_it_is_written_through_a_little(tmp_path: Path):
    training = program(
        """
        import resource
        state["parts"] = [os.urandom(4 << 20) for _ in range(40)]
        state["bytes"] = b""
        ck = checkpoint.open(state, ck._store.path, job="j")
        here = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (here + (60 << 20), -1))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ck.save(step=1, wait=True)
        print([str(one.message) for one in said], ck.stats().saves)
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        was, state["parts"][:] = list(state["parts"]), [b""] * 40
        assert ck.restore() == 1 and state["parts"] == was
        """,
        tmp_path,
    )
    out, err = training.communicate(timeout=60)

    assert err == ""
    assert "The training waits while checkpoints are written" in out
    assert out.endswith("] 1\n")


def test_a_writer_does_not_outlive_a_killed_training_with_what_was_forked_from_it(tmp_path: Path):
    training = program(
        """
        ck.save(step=1, wait=True)
        if not os.fork():
            time.sleep(60)
            os._exit(0)
        state["step"]["is"] = 2
        ck.save(step=2)
        print(ck._writer._process.pid, flush=True)
        time.sleep(60)
        """,
        tmp_path,
        start_new_session=True,
    )
    assert training.stdout is not None
    writer = int(training.stdout.readline())

    training.kill()

    until(lambda: not Path(f"/proc/{writer}").exists())
    assert [name.step for name in Folder(tmp_path).names()] == [2, 1]
    os.killpg(training.pid, signal.SIGKILL)
    training.communicate()


def test_trainings_that_nobody_holds_any_more_leave_nothing_behind(tmp_path: Path):
    training = program(
        """
        import threading

        def held():
            children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
            return len(children), threading.active_count(), len(os.listdir("/proc/self/fd"))

        def trained(number):
            ck = checkpoint.open({"a": bytearray(1 << 20)}, f"{ck_folder}/{number}", every=999)
            for _ in ck.run(range(3)):
                ck.step()

        os.environ["FINOPS_CHECKPOINT_IMDS"] = "off"
        ck_folder = ck._store.spec.removeprefix("folder:")
        before = held()
        for number in range(4):
            trained(number)
        until = time.monotonic() + 60
        while held() > before and time.monotonic() < until:
            time.sleep(0.1)
        print(before == held() or (before, held()))
        """,
        tmp_path,
    )

    told, said = training.communicate(timeout=90)

    assert (told, said) == ("True\n", "")
    assert [len(Folder(tmp_path / str(number)).names()) for number in range(4)] == [1] * 4
