"""Two at once: people, daemons, processes. On SQLite and PostgreSQL exactly one of them is taken."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from databases import database, postgresql, server  # noqa: F401
from lives import ANA, DAY, MONDAY, desk, finding, history, only, pending, row, settings, sweep

from finops import approvals
from finops.approvals import Answer, NotAllowed, Person
from finops.errors import FinopsError
from finops.state import State

NEXT_WEEK = MONDAY.replace(day=24)


def someone(number: int) -> Person:
    return Person(f"oid-{number}", f"Person {number}", f"p{number}@contoso.example", frozenset({"approver"}))


def at_once(count: int, work) -> list:
    """What `count` threads gave that began together; errors included."""
    gate = Barrier(count)

    def begin(number: int) -> object:
        gate.wait()
        try:
            return work(number)
        except FinopsError as fault:
            return fault

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_of_many_who_approve_at_once_one_is_taken(database: str):  # noqa: F811
    with State.open(database) as state:
        record = pending(state)

        answers: list[list[Answer]] = at_once(12, lambda n: desk(state).approve(row(record), someone(n), MONDAY))

        assert sum(answer.ok for [answer] in answers) == 1
        assert history(state, only(state)).count("approved") == 1
        assert len(only(state).votes) == 1


def test_one_person_in_many_windows_is_one_vote(database: str):  # noqa: F811
    with State.open(database) as state:
        record = pending(state, risk="high")

        answers = at_once(12, lambda n: desk(state).approve(row(record), ANA, MONDAY))

        assert sum(answer.ok for [answer] in answers) == 1
        assert (only(state).status, len(only(state).votes)) == ("pending", 1)


def test_approving_and_denying_at_once_leaves_one_of_both(database: str):  # noqa: F811
    with State.open(database) as state:
        record = pending(state)

        at_once(8, lambda n: (
            desk(state).approve(row(record), someone(n), MONDAY) if n % 2
            else desk(state).deny(row(record), someone(n), MONDAY, "no")
        ))  # fmt: skip

        assert only(state).status == "denied"  # an approval can be denied, a denial cannot be approved
        assert history(state, only(state)).count("denied") == 1


def test_two_daemons_act_on_an_approval_once(database: str):  # noqa: F811
    with State.open(database) as one, State.open(database) as other:
        record = pending(one)
        desk(one).approve(row(record), ANA, MONDAY)
        at_once(2, lambda n: approvals.schedule((one, other)[n], settings(), NEXT_WEEK))

        done = at_once(8, lambda n: approvals.moved(
            (one, other)[n % 2], record.number, "acted", "sent", NEXT_WEEK, f"daemon {n}"
        ))  # fmt: skip

        assert sum(not isinstance(result, FinopsError) for result in done) == 1
        assert all(isinstance(result, NotAllowed) for result in done if isinstance(result, FinopsError))
        assert history(one, only(one)).count("scheduled") == 1
        assert history(one, only(one)).count("acted") == 1


def test_two_sweeps_at_once_record_each_finding_once(database: str):  # noqa: F811
    with State.open(database) as one, State.open(database) as other:
        found = [finding(f"e{number}") for number in range(30)]

        results = at_once(2, lambda n: sweep((one, other)[n], MONDAY, *found, told=False))

        problems = [result for result in results if isinstance(result, FinopsError)]
        records, total, _ = one.findings.all(limit=None)
        assert (total, {record.runs for record in records}) == (30, {1})
        assert len({record.finding.resource_id for record in records}) == 30
        assert problems == []
        assert one.verify_audit().fault is None


def test_a_sweep_that_changes_the_evidence_and_a_vote_at_once_approve_nothing_else(database: str):  # noqa: F811
    with State.open(database) as state:
        record = pending(state)

        at_once(2, lambda n: (
            desk(state).approve(row(record), ANA, MONDAY + DAY) if n
            else sweep(state, MONDAY + DAY, finding(digest="d2" * 32))
        ))  # fmt: skip

        assert (only(state).status, only(state).votes) == ("pending", ())


def _approve(where: str, digest: str, number: int, answers) -> None:
    with State.open(where) as state:
        [answer] = desk(state).approve([(1, digest)], someone(number), MONDAY)
        answers.put(answer.ok)


def test_of_many_processes_one_is_taken(database: str):  # noqa: F811
    with State.open(database) as state:
        digest = pending(state).finding.digest
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()

    workers = [context.Process(target=_approve, args=(database, digest, number, answers)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert sorted(answers.get(timeout=60) for _ in workers) == [False, False, False, True]


def test_a_change_by_hand_in_between_is_noticed(database: str):  # noqa: F811
    with State.open(database) as state:
        record = pending(state)
        stale = record

        with state.findings.changing() as change:
            change.say(change.get(record.number), "first", MONDAY, "a")

        with pytest.raises(FinopsError, match="changed by somebody else"), state.findings.changing() as change:
            change.move(stale, "denied", "second", MONDAY, "b", alive=True)
        assert history(state, record)[-1] == "pending"
