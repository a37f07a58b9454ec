"""What is announced of a node: by Azure's metadata service, a marker file and signals; none of it believed blindly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from announcing import NAME, Service, event, serving, until
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.checkpoint.notices.listening import IMDS, MARKER, Listening, Tempo
from finops.checkpoint.notices.notice import LEAD, PATIENCE, Notice, Notices
from finops.checkpoint.notices.scheduled_events import NoAnswer, Node, announced, asked, node_of
from finops.checkpoint.stores.folder import Folder

QUICK = Tempo(every=0.01, connect=1, first=5, read=1, most=0.05, tries=4)
HERE = Node(frozenset({NAME}))
ROOT = Path(__file__).parents[1]


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as one:
        yield one


@contextmanager
def listening(address: str, tempo: Tempo = QUICK, **env: str) -> Iterator[tuple[Notices, Listening]]:
    notices = Notices()
    one = Listening(notices, {IMDS: address, MARKER: "/nowhere/marker", **env}, tempo)
    one.start()
    try:
        yield notices, one
    finally:
        one.stop()


def heard(*events: Any, node: Node = HERE) -> list[Notice]:
    return announced({"DocumentIncarnation": 1, "Events": list(events)}, node, now=1000.0)


# What an answer announces


def test_a_preemption_of_this_machine_is_heard_with_its_moment() -> None:
    [one] = heard(event(seconds=30))

    assert (one.key, one.what) == ("event E1", "Azure takes this node back (Preempt)")
    assert 27 < one.due - one.heard <= 30


@pytest.mark.parametrize("kind", ["Preempt", "Terminate", "Reboot", "Redeploy", "PREEMPT"])
def test_whatever_ends_the_process_counts(kind: str) -> None:
    assert len(heard(event(kind))) == 1


@pytest.mark.parametrize("kind", ["Freeze", "Lunch", "", None, 7])
def test_what_only_pauses_the_machine_or_is_unheard_of_does_not(kind: Any) -> None:
    assert heard(event(kind)) == []


def test_what_is_announced_for_another_machine_of_the_scale_set_is_not_ours() -> None:
    assert heard(event(Resources=["train_1", "train_00"])) == []


@pytest.mark.parametrize(
    "resources", [["x", "TRAIN_0"], [f"/subscriptions/s/virtualMachines/{NAME}"], [], None, "train_1"]
)
def test_one_that_lists_this_machine_or_none_that_can_be_read_is_ours(resources: Any) -> None:
    assert len(heard(event(Resources=resources))) == 1


def test_while_it_is_not_known_what_this_machine_is_called_any_may_be_ours() -> None:
    assert len(heard(event(Resources=["train_1"]), node=Node())) == 1


def test_hardware_that_fails_begins_at_once() -> None:
    [one] = heard(event(EventStatus="Started", NotBefore=""))

    assert one.due == one.heard


@pytest.mark.parametrize(
    "moment", ["", "soon", None, 5, "Mon, 99 Sep 2016 18:29:47 GMT", "Mon, 19 Sep 2016 18:29:47 GMT"]
)
def test_a_moment_that_cannot_be_read_or_has_passed_is_now(moment: Any) -> None:
    [one] = heard(event(NotBefore=moment))

    assert one.due == one.heard


@pytest.mark.parametrize("status", ["Completed", "Canceled"])
def test_one_that_is_over_is_none(status: str) -> None:
    assert heard(event(EventStatus=status)) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(event())), ANYTHING), ANYTHING)
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_answered_can_stop_a_training(odd: dict[str, Any], anything: Any) -> None:
    for told in (anything, {"Events": anything}, {"Events": [odd]}, {"Events": [{**event(), **odd}, anything]}):
        with suppress(NoAnswer):
            assert all(one.due >= one.heard for one in announced(told, node_of(anything), 1000.0))


def test_an_address_that_is_none_is_no_answer() -> None:
    for address in ("http://127.0.0.1:port", "http://[", "", "nonsense", "http://" + "x" * 300):
        with pytest.raises(NoAnswer):
            asked(address, "/", 0.2, 0.2)


# What stands


def notice(key: str = "E1", due: float = 130.0) -> Notice:
    return Notice(key, "it goes", 100.0, due)


def test_each_is_heeded_once_at_once_and_again_when_its_moment_is_near() -> None:
    notices, far = Notices(), notice(due=1000)
    notices.hear(far)

    assert notices.pressing(100) == far
    assert notices.heed(far)
    assert notices.pressing(101) is None
    assert notices.pressing(1000 - LEAD) == notices.pressing(1000 + PATIENCE) == far
    assert not notices.heed(far)


def test_one_whose_moment_is_long_over_is_taken_for_called_off() -> None:
    notices = Notices()
    notices.hear(notice())
    notices.heed(notice())

    assert notices.pressing(130 + PATIENCE + 1) is None


def test_one_that_is_withdrawn_asks_for_nothing_and_is_counted() -> None:
    notices = Notices()
    notices.hear(notice())
    notices.withdraw("E1")
    notices.withdraw("E1")

    assert (notices.pressing(110), bool(notices), notices.heard, notices.withdrawn) == (None, False, 1, 1)


# Listening


def test_the_service_is_asked_as_azure_wants_it(service: Service) -> None:
    with listening(service.address):
        until(lambda: service.asked)

    assert service.asked[0] == ("/metadata/scheduledevents?api-version=2020-07-01", "true")


def test_a_first_answer_that_comes_two_minutes_late_is_waited_for(service: Service) -> None:
    # 200 times as fast: 120 s are 0.6. It may be as late as a busy machine is, and no further one is asked for.
    service.delay, service.events = 0.6, [event()]

    with listening(service.address, Tempo(every=60, first=60, read=0.025)) as (notices, one):
        until(lambda: notices)

    assert one.faults == 0


def test_after_the_first_answer_a_slow_one_is_not_waited_for(service: Service) -> None:
    with listening(service.address, Tempo(every=0.005, first=5, read=0.05)) as (_, one):
        until(lambda: one.answers)
        service.delay = 3  # waited for, as the first one is for 5, it would be no fault
        until(lambda: one.faults)


def test_what_is_called_off_stands_no_more(service: Service) -> None:
    service.events = [event()]
    with listening(service.address) as (notices, _):
        until(lambda: notices)
        service.events = []
        until(lambda: not notices)

    assert (notices.heard, notices.withdrawn) == (1, 1)


def test_what_has_begun_does_not_begin_anew_with_each_answer(service: Service) -> None:
    service.events = [event(EventStatus="Started", NotBefore="")]
    with listening(service.address) as (notices, _):
        until(lambda: notices)
        first = notices.get("event E1")
        service.until_asked(4)

        assert notices.get("event E1") == first


def test_a_moment_that_is_put_off_is_heard(service: Service) -> None:
    service.events = [event(seconds=30)]
    with listening(service.address) as (notices, _):
        until(lambda: notices)
        first = notices.get("event E1")
        service.events = [event(seconds=300)]
        until(lambda: (now := notices.get("event E1")) and first and now.due > first.due + 200)

    assert notices.heard == 1


def test_another_machines_event_is_not_heard(service: Service) -> None:
    service.events = [event(Resources=["train_1"])]
    with listening(service.address) as (notices, one):
        until(lambda: one.answers > 3)

        assert not notices


GARBAGE = [
    b"",
    b"[]",
    b"null",
    b"<html>",
    b"\xff\xfe",
    b'{"Events": 3}',
    b'{"Events": ',
    b"9" * (2 << 20),
    b"[" * 100_000,
]


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:12]))
def test_garbage_neither_announces_nor_calls_off(service: Service, raw: bytes) -> None:
    service.events = [event()]
    with listening(service.address) as (notices, one):
        until(lambda: notices)
        service.raw = raw
        before = one.faults
        until(lambda: one.faults > before + 1)

        assert notices.get("event E1")


@pytest.mark.parametrize("status", [401, 404, 410, 429, 500, 503])
def test_an_error_neither_announces_nor_calls_off(service: Service, status: int) -> None:
    service.events = [event()]
    with listening(service.address) as (notices, one):
        until(lambda: notices)
        service.status = status
        before = one.faults
        until(lambda: one.faults > before + 1)

        assert notices.get("event E1")


def test_a_redirect_is_not_followed(service: Service) -> None:
    with serving() as other:
        other.events = [event()]
        service.status, service.headers = 302, {"Location": f"{other.address}/metadata/scheduledevents"}
        with listening(service.address) as (notices, one):
            until(lambda: one.faults > 2)

        assert (bool(notices), other.asked) == (False, [])


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_is_not_asked(service: Service, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with serving() as proxy:
        monkeypatch.setenv(variable, proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)

        asked(service.address, "/metadata/scheduledevents", 1, 1)

        assert (len(service.asked), proxy.asked) == (1, [])


def test_off_azure_it_gives_up_without_a_word() -> None:
    with warnings.catch_warnings(), listening("http://127.0.0.1:9") as (notices, one):
        warnings.simplefilter("error")
        until(lambda: not [each for each in threading.enumerate() if each.name == "finops-checkpoint-events"])

        assert (one.faults, one.answers, bool(notices)) == (QUICK.tries, 0, False)


def test_in_a_job_of_azure_ml_it_goes_on_asking(service: Service) -> None:
    service.status = 503
    with listening(service.address, AZUREML_RUN_ID="run_1") as (notices, one):
        until(lambda: one.faults > QUICK.tries + 2)
        service.status, service.events = 200, [event()]
        until(lambda: notices)


def test_the_marker_file_of_azure_mls_images_is_seen_to_come_and_go(tmp_path: Path) -> None:
    marker = tmp_path / "to-be-preempted"
    with listening("off", FINOPS_CHECKPOINT_MARKER=str(marker)) as (notices, _):
        marker.touch()
        until(lambda: notices)
        marker.unlink()
        until(lambda: not notices)

    assert (notices.heard, notices.withdrawn) == (1, 1)


# A training that is told to end, in each phase of its life

PROLOGUE = """
import os, signal, sys, threading, time
from finops import checkpoint
data = list(range(1_000_000))
def say(what): print(what, flush=True)
count = {"seen": 0}
def opened(**more):
    return checkpoint.open({"count": count, "ballast": bytearray(1 << 16)}, "ckpts", job="j", **more)
def go(ck, until=10**9, pause=0.002):
    for one in ck.run(data):
        count["seen"] += 1
        ck.step()
        say(count["seen"])
        if count["seen"] >= until: return
        time.sleep(pause)
"""


class Attempt:
    """A process that trains in `folder`; what it says is read line by line."""

    def __init__(self, folder: Path, body: str, **env: str) -> None:
        self.last = ""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AZ", "FINOPS"))}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROLOGUE + body],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(ROOT), IMDS: "off", MARKER: str(folder / "marker"), **env},
            stdout=subprocess.PIPE,
            text=True,
        )

    def until(self, wanted: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.last = line.strip()
            if self.last == wanted:
                return
        raise AssertionError(f"{wanted!r} was never said")

    def send(self, number: int) -> Attempt:
        self.process.send_signal(number)
        return self

    def end(self) -> tuple[int, str]:
        """How it ended, and the last that it said."""
        assert self.process.stdout
        with self.process:
            said = [line.strip() for line in self.process.stdout]
        return self.process.returncode, [self.last, *said][-1]


LOOK = "ck = opened(); say(ck.restore()); say(count['seen'])"


def found(folder: Path) -> int:
    """How many steps the next attempt finds done."""
    code, seen = Attempt(folder, LOOK).end()
    assert code == 0
    return int(seen)


def saved(folder: Path) -> int:
    """The newest step that was published; -1: none was."""
    return max((name.step for name in Folder(folder / "ckpts").names()), default=-1)


def test_before_the_first_step_it_ends_as_ever(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "ck = opened(); ck.restore(); say('open'); time.sleep(60)")
    one.until("open")

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM


def test_between_steps_it_saves_the_last_one_and_ends_with_143(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "go(opened(every=3600))")
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1  # the step within which it ended


def test_while_a_save_is_written_that_one_and_the_last_are_whole(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "count['ballast'] = bytearray(40_000_000); go(opened(every=0.001))")
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1


def test_after_the_loop_it_ends_as_ever(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "data = data[:5]; go(opened()); say('done'); time.sleep(60)")
    one.until("done")

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM


def test_at_the_very_end_of_the_loop_it_ends_once_all_is_saved(tmp_path: Path) -> None:
    body = """
ck = opened(every=3600)
for one in ck.run(list(range(5))):
    count["seen"] += 1
    ck.step()
    say(count["seen"])
    if count["seen"] == 5: os.kill(os.getpid(), signal.SIGTERM)
say("went on")
"""
    assert Attempt(tmp_path, body).end() == (143, "5")
    assert found(tmp_path) == 5


def test_after_close_what_stood_before_stands_again(tmp_path: Path) -> None:
    body = "signal.signal(signal.SIGUSR1, signal.SIG_IGN); ck = opened(); ck.close()"
    one = Attempt(
        tmp_path, f"{body}; say((signal.getsignal(10), signal.getsignal(15)) == (signal.SIG_IGN, signal.SIG_DFL))"
    )

    assert one.end() == (0, "True")


def test_in_azure_ml_it_goes_on_and_saves_until_it_is_killed(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "go(opened(every=3600))", AZUREML_RUN_ID="run_1", FINOPS_CHECKPOINT_FOLDER="ckpts")
    one.until("5")
    one.send(signal.SIGTERM)
    until(lambda: saved(tmp_path) >= 5)
    first = saved(tmp_path)
    until(lambda: saved(tmp_path) > first)

    code, last = one.send(signal.SIGKILL).end()

    assert code == -signal.SIGKILL
    assert 5 < found(tmp_path) <= int(last) + 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="Linux")
def test_from_an_announcement_on_its_writer_has_the_priority_of_the_training(tmp_path: Path) -> None:
    body = """
ck, data = opened(every=0.2), data[:3000]
def writers():
    beside = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    try: return [os.getpriority(os.PRIO_PROCESS, int(one)) for one in beside]
    except ProcessLookupError: return []
for one in ck.run(data):
    ck.step()
    say(writers())
    time.sleep(0.01)
"""
    one = Attempt(tmp_path, body, AZUREML_RUN_ID="run_1", FINOPS_CHECKPOINT_FOLDER="ckpts")
    one.until("[19]")
    one.send(signal.SIGTERM)

    one.until(f"[{os.getpriority(os.PRIO_PROCESS, 0)}]")
    one.send(signal.SIGKILL).end()


def test_where_nobody_kills_it_in_time_it_ends_by_itself_and_not_as_done(tmp_path: Path) -> None:
    body = """
from finops.checkpoint import cadence, loop, retention, stores
from finops.checkpoint.notices import watch
store = stores.store_of("ckpts")
ck = loop.Checkpointer({"count": count, "ballast": b""}, store, "j", retention.Keep(), cadence.Cadence(least=3600),
                       watch=watch.Watch(grace=0.5))
go(ck)
"""
    one = Attempt(tmp_path, body)
    one.until("5")

    assert one.send(signal.SIGTERM).end()[0] == 143


def test_a_second_one_ends_it_at_once(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "go(opened(every=3600))", AZUREML_RUN_ID="run_1")
    one.until("5")
    one.send(signal.SIGTERM)
    until(lambda: saved(tmp_path) >= 5)  # it was heard
    time.sleep(1.3)  # two within a second are one

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM


def test_two_at_once_are_one(tmp_path: Path) -> None:
    body = """
ck = opened(every=3600)
for one in ck.run(data):
    ck.step()
    if ck.place.step == 5:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
"""
    assert Attempt(tmp_path, body).end()[0] == 143


def test_a_handler_that_would_end_it_as_done_does_not(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); go(opened())")
    one.until("5")

    assert one.send(signal.SIGTERM).end()[0] == 143


def test_a_handler_that_stood_before_has_its_turn_and_its_way(tmp_path: Path) -> None:
    body = "asked = []; signal.signal(15, lambda *_: asked.append(1)); ck = opened(every=3600)\n"
    body += (
        "for one in ck.run(data):\n    ck.step(); say(ck.place.step); time.sleep(0.002)\n    if asked: sys.exit(7)\n"
    )
    one = Attempt(tmp_path, body)
    one.until("5")

    assert one.send(signal.SIGTERM).end()[0] == 7


def test_where_it_was_ignored_it_is_a_notice_only(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "signal.signal(15, signal.SIG_IGN); data = data[:400]; go(opened(every=3600)); say('done')")
    one.until("5")

    assert one.send(signal.SIGTERM).end() == (0, "done")
    assert found(tmp_path) > 5


def test_sigusr1_has_it_save_and_go_on(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "data = data[:400]; go(opened(every=3600)); say('done')")
    one.until("5")

    assert one.send(signal.SIGUSR1).end() == (0, "done")
    assert found(tmp_path) > 5


def test_a_signal_that_a_c_library_handles_is_left_to_it(tmp_path: Path) -> None:
    body = "import faulthandler; faulthandler.register(signal.SIGUSR1, file=sys.stdout); data = data[:300]\n"
    one = Attempt(
        tmp_path, body + "ck = opened(every=3600); go(ck, 200); say('ck.stats().saves'); say(ck.stats().saves)"
    )
    one.until("5")
    one.send(signal.SIGUSR1)
    one.until("ck.stats().saves")

    assert one.end() == (0, "1")  # that of the last step


def test_a_forked_child_ends_by_sigterm_as_its_parent_expects(tmp_path: Path) -> None:
    body = """
import multiprocessing
ck = opened(every=3600)
for one in ck.run(data):
    ck.step()
    fork = multiprocessing.get_context("fork"); there = fork.Event()
    child = fork.Process(target=lambda: (there.set(), time.sleep(60))); child.start()
    there.wait(); child.terminate(); child.join()
    say(child.exitcode)
    break
ck.close()
"""
    assert Attempt(tmp_path, body).end() == (0, "-15")


def test_in_another_thread_than_the_first_signals_are_left_alone(tmp_path: Path) -> None:
    body = "t = threading.Thread(target=lambda: go(opened(), until=5)); t.start(); t.join(); "
    body += "say(signal.getsignal(15) == 0)"

    assert Attempt(tmp_path, body).end() == (0, "True")


def test_who_wants_none_of_it_gets_none_of_it(tmp_path: Path) -> None:
    body = "ck = opened(watch=False); say(signal.getsignal(15) == 0 and threading.active_count() == 1)"

    assert Attempt(tmp_path, body).end() == (0, "True")


def test_a_preemption_loses_nothing_that_was_done_a_second_before(tmp_path: Path, service: Service) -> None:
    one = Attempt(tmp_path, "go(opened(every=3600))", **{IMDS: service.address})
    one.until("5")
    service.events = [event()]
    for _ in range(3):
        before = saved(tmp_path)
        until(lambda: saved(tmp_path) > before)  # noqa: B023

    _, last = one.send(signal.SIGKILL).end()  # without any warning

    lost = int(last) + 1 - found(tmp_path)
    assert 0 <= lost < int(last) / 2


def test_after_one_that_was_called_off_saves_are_as_seldom_as_before(tmp_path: Path, service: Service) -> None:
    service.events = [event()]
    body = "ck = opened(every=3600); go(ck, 2000); say(ck.stats().saves)"
    one = Attempt(tmp_path, body, **{IMDS: service.address})
    one.until("500")
    service.events = []

    code, saves = one.end()

    assert (code, 1 <= int(saves) <= 4) == (0, True)


def test_what_the_machine_is_tells_how_long_it_may_last(tmp_path: Path, service: Service) -> None:
    (tmp_path / "rates.json").write_text('{"rates": {"standard_nc6s_v3/westeurope": "99"}}')
    body = "ck = opened()\nwhile ck.stats().interval == 60: time.sleep(0.01)\nsay(round(ck.stats().interval))"
    one = Attempt(tmp_path, body, **{IMDS: service.address, "FINOPS_EVICTION_RATE": "rates.json"})

    assert one.end() == (0, "39")  # a twentieth of the 13 minutes that such a machine lasts


# Loops that are left, several trainings in one script, threads

SHORT = """
from finops.checkpoint import cadence, loop, retention, stores
from finops.checkpoint.notices import watch
ck = loop.Checkpointer({"count": count, "ballast": bytearray(1 << 16)}, stores.store_of("ckpts"), "j",
                       retention.Keep(), cadence.Cadence(least=3600), watch=watch.Watch(grace=0, hold=1.2))
"""


def test_a_loop_left_by_break_has_its_last_step_saved_and_ends_as_ever_afterwards(tmp_path: Path) -> None:
    one = Attempt(tmp_path, "go(opened(every=3600), until=10); say('left'); time.sleep(60)")
    one.until("left")

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM
    assert found(tmp_path) == 10


def test_a_loop_left_within_a_step_is_not_saved_as_if_it_stood_before_it(tmp_path: Path) -> None:
    body = """
for one in opened(every=3600).run(data):
    count["seen"] += 1
    break
"""
    assert Attempt(tmp_path, body).end()[0] == 0
    assert Attempt(tmp_path, "say(opened().latest())").end() == (0, "None")


def test_told_to_end_in_the_step_after_which_the_loop_is_left_it_saves_and_ends(tmp_path: Path) -> None:
    body = """
ck = opened(every=3600)
for one in ck.run(data):
    count["seen"] += 1
    ck.step()
    if count["seen"] == 5:
        os.kill(os.getpid(), signal.SIGTERM)
        break
say("went on")
"""
    assert Attempt(tmp_path, body).end()[0] == 143
    assert found(tmp_path) == 5


def test_left_over_epochs_too_it_ends_as_ever_afterwards(tmp_path: Path) -> None:
    body = """
ck = opened(every=3600)
for epoch in ck.epochs(3):
    for one in ck.run(data):
        ck.step()
        if ck.place.step == 5: break
    break
say('left'); time.sleep(60)
"""
    one = Attempt(tmp_path, body)
    one.until("left")

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM


def test_after_a_break_in_an_epoch_those_that_follow_are_saved_and_end_with_143(tmp_path: Path) -> None:
    body = """
ck = opened(every=3600)
for epoch in ck.epochs(10**6):
    for one in ck.run(data):
        count["seen"] += 1
        ck.step()
        say(count["seen"])
        if ck.place.step % 5 == 0: break
    time.sleep(0.01)
"""
    one = Attempt(tmp_path, body)
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) in (int(last), int(last) + 1)


def test_where_steps_come_no_more_it_ends_as_ever_after_a_while(tmp_path: Path) -> None:
    body = SHORT + "for _ in range(5): ck.step()\nsay('over'); time.sleep(60)"
    one = Attempt(tmp_path, body)
    one.until("over")

    assert one.send(signal.SIGTERM).end()[0] == -signal.SIGTERM


def test_a_step_that_takes_as_long_as_others_did_is_waited_for(tmp_path: Path) -> None:
    body = (
        SHORT
        + """
for one in range(100):
    count["seen"] += 1
    ck.step(); say(one); time.sleep(2 if one in (1, 3) else 0.01)
"""
    )
    one = Attempt(tmp_path, body)
    one.until("3")

    assert one.send(signal.SIGTERM).end()[0] == 143
    assert found(tmp_path) == 5


def test_a_loop_by_step_alone_that_was_told_to_end_ends_at_close(tmp_path: Path) -> None:
    body = "ck = opened(every=3600)\nfor _ in range(5): ck.step()\nos.kill(os.getpid(), 15); ck.close(); say('went on')"

    assert Attempt(tmp_path, body).end() == (143, "")


TWO = """
first = checkpoint.open({"x": {"v": 1}}, "first", job="j", every=3600)
for one in first.run(data[:10]):
    first.step()
    if LEFT and one == 5: break
go(opened(every=3600))
"""


@pytest.mark.parametrize("left", [False, True])
def test_the_second_of_two_trainings_saves_and_ends_as_the_first_would(tmp_path: Path, left: bool) -> None:
    one = Attempt(tmp_path, f"LEFT = {left}\n{TWO}")
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1


def test_the_first_of_two_that_are_open_saves_and_ends_too(tmp_path: Path) -> None:
    body = 'ck = opened(every=3600); other = checkpoint.open({"x": {"v": 1}}, "other", job="j"); go(ck)'
    one = Attempt(tmp_path, body)
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1


def test_what_stood_before_stands_again_once_all_are_closed(tmp_path: Path) -> None:
    body = """
mine = lambda *_: None
signal.signal(15, mine)
first, second = opened(), checkpoint.open({"x": {"v": 1}}, "other", job="j")
first.close()
between = signal.getsignal(15) is mine
second.close()
say((between, signal.getsignal(15) is mine))
"""
    assert Attempt(tmp_path, body).end() == (0, "(False, True)")


def test_a_handler_that_came_between_two_has_its_turn_once(tmp_path: Path) -> None:
    body = """
asked = []
first = opened(every=3600)
before = signal.signal(15, lambda *given: (asked.append(1), before(*given)))
second = checkpoint.open({"x": {"v": 1}}, "other", job="j", every=3600)
try:
    for one in second.run(data):
        second.step()
        if one == 5: os.kill(os.getpid(), 15)
finally:
    say((asked, second.latest().step))
"""
    assert Attempt(tmp_path, body).end() == (143, "([1], 7)")


@pytest.mark.parametrize("joined", ["t.join()", "pass"])
def test_a_training_in_another_thread_ends_the_process_and_not_as_done(tmp_path: Path, joined: str) -> None:
    body = f"ck = opened(every=3600); t = threading.Thread(target=lambda: go(ck)); t.start(); {joined}"
    one = Attempt(tmp_path, body)
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1


def test_of_trainings_in_several_threads_each_has_its_last_step_saved(tmp_path: Path) -> None:
    body = """
slow = checkpoint.open({"x": {"v": 1}}, "other", job="j", every=3600)
def train():
    for one in slow.run(data):
        time.sleep(0.4)
        slow.step()
ck = opened(every=3600)
threading.Thread(target=train).start()
while not slow.place.step: time.sleep(0.01)
threading.Thread(target=go, args=[ck]).start()
"""
    one = Attempt(tmp_path, body)
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1
    assert int(Attempt(tmp_path, 'say(checkpoint.open({"x": {"v": 1}}, "other", job="j").restore())').end()[1]) > 0


def test_a_training_that_was_cut_in_another_thread_is_not_done_where_the_script_ends_first(tmp_path: Path) -> None:
    body = """
first = checkpoint.open({"x": {"v": 1}}, "first", job="j", every=3600)
first.step()
ck = opened(every=3600)
t = threading.Thread(target=go, args=[ck]); t.start(); t.join()
"""
    one = Attempt(tmp_path, body)
    one.until("20")

    code, last = one.send(signal.SIGTERM).end()

    assert code == 143
    assert found(tmp_path) == int(last) + 1


def test_one_that_nobody_holds_any_more_ends_it_too(tmp_path: Path) -> None:
    body = """
def train():
    ck = opened(every=3600)
    ck.step()
    os.kill(os.getpid(), signal.SIGTERM)
train()
say("went on")
"""
    assert Attempt(tmp_path, body).end() == (143, "")


def test_a_fault_that_is_on_its_way_is_told_and_not_hidden_by_the_end(tmp_path: Path) -> None:
    body = """
with opened(every=3600) as ck:
    ck.step()
    os.kill(os.getpid(), signal.SIGTERM)
    raise ValueError
"""
    assert Attempt(tmp_path, body).end()[0] == 1
