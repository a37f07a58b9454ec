"""The outbox in the database: kept once, sent once to each, tried again, given up in the end, never silent."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest
from databases import database, postgresql, server
from mail_wire import Wire
from mailing import NOW, letter

from finops.config.mailing import MailSettings
from finops.errors import DataError, FinopsError, TemporaryError
from finops.mail import Delivered, Post
from finops.mail.transport import Answer, Said, Unreachable
from finops.state import Attempt, State

SETTINGS = MailSettings(sender="finops@contoso.com")


@pytest.fixture
def state(database: str) -> Iterator[State]:
    with State.open(database) as opened:
        yield opened


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def statuses(state: State) -> dict[str, str]:
    return {one.address: one.status for letter in state.letters.newest() for one in letter.recipients}


def test_a_letter_is_put_once_however_many_put_it(state: State):
    post = Post(state, SETTINGS)
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda number: post.put(letter(), NOW), range(24)))

    assert sum(new) == 1
    assert len(state.letters.newest()) == 1


def test_a_letter_goes_out_once_to_all_of_its_recipients(state: State):
    wire, post = Wire(), Post(state, SETTINGS)
    post.put(letter(to=["ann@example.com", "ben@example.com"]), NOW)

    first = post.deliver(NOW, {"mail": wire})
    second = post.deliver(later(600), {"mail": wire})

    assert (first, second) == (Delivered(sent=2), Delivered())
    assert [one.to for one in wire.mails] == [("ann@example.com", "ben@example.com")]


def test_an_address_that_is_named_twice_gets_one(state: State):
    message = letter(to=["ann@example.com", "ben@example.com"])
    message["Cc"] = "ANN@example.com"
    wire, post = Wire(), Post(state, SETTINGS)
    post.put(message, NOW)
    post.deliver(NOW, {"mail": wire})

    assert [len(one.to) for one in wire.mails] == [2]


def test_who_is_in_bcc_gets_it_and_is_not_named(state: State):
    message = letter()
    message["Bcc"] = "auditor@example.com"
    wire, post = Wire(), Post(state, SETTINGS)
    post.put(message, NOW)
    post.deliver(NOW, {"mail": wire})

    assert "auditor@example.com" in wire.mails[0].to
    assert b"auditor" not in wire.mails[0].content


def test_a_mail_without_an_id_or_to_nobody_is_refused(state: State):
    nameless, nobody = letter(), letter()
    del nameless["Message-ID"]
    del nobody["To"]

    for wrong in (nameless, nobody):
        with pytest.raises(DataError):
            Post(state, SETTINGS).put(wrong, NOW)


def test_one_refused_recipient_does_not_stop_the_others(state: State):
    wire = Wire(said={"gone@example.com": [Said("refused", "550 no such user")]})
    post = Post(state, SETTINGS)
    post.put(letter(to=["ann@example.com", "gone@example.com", "ben@example.com"]), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert (done.sent, done.failed, done.waiting) == (2, 1, 0)
    assert statuses(state)["gone@example.com"] == "failed"
    assert "550 no such user (gone@example.com; given up)" in done.problems[0]
    assert post.deliver(later(600), {"mail": wire}).sent == 0


def test_who_was_put_off_gets_it_later_alone_under_another_id(state: State):
    """The mailbox with copies may keep one mail of each id: each attempt that reaches somebody has an id of its own."""
    wire = Wire(said={"grey@example.com": [Said("later", "451 come back")]})
    post = Post(state, SETTINGS)
    post.put(letter(to=["ann@example.com", "grey@example.com"]), NOW)

    first = post.deliver(NOW, {"mail": wire})
    early = post.deliver(later(0.5), {"mail": wire})
    second = post.deliver(later(1), {"mail": wire})

    assert (first.sent, first.waiting, early.sent, second.sent) == (1, 1, 0, 1)
    assert [one.to for one in wire.mails] == [("ann@example.com", "grey@example.com"), ("grey@example.com",)]
    ids = [str(message_from_bytes(one.content)["Message-ID"]) for one in wire.mails]
    assert ids == [one.wire_id for one in wire.mails]
    assert ids[1] == f"<2.{ids[0][1:]}"


def test_tries_come_further_apart_and_end(state: State):
    post = Post(state, SETTINGS.model_copy(update={"retry_hours": 3}))
    wire = Wire(fault=TemporaryError("The server is down.", "Wait."))
    post.put(letter(), NOW)
    tried = []
    for minute in range(600):
        before = len(state.letters.attempts(1))
        done = post.deliver(later(minute), {"mail": wire})
        if len(state.letters.attempts(1)) > before:
            tried.append(minute)
        if done.failed:
            break

    assert tried == [0, 1, 6, 21, 51, 111, 171, 231]
    assert state.letters.get(1).recipients[0].note.startswith("given up after 8 tries: The server is down.")


def test_a_person_can_have_it_tried_again(state: State):
    post = Post(state, SETTINGS.model_copy(update={"retry_hours": 1}))
    wire = Wire(fault=TemporaryError("The server is down.", "Wait."))
    post.put(letter(), NOW)
    for minute in range(0, 300, 30):
        post.deliver(later(minute), {"mail": wire})
    assert state.letters.get(1).status == "failed"

    again = post.retry(1, later(600))
    done = post.deliver(later(600), {"mail": Wire()})

    assert (again, done.sent) == (1, 1)


def test_when_the_server_cannot_be_spoken_to_the_others_are_not_tried(state: State):
    wire = Wire(fault=Unreachable("Nobody is there.", "Wait."))
    post = Post(state, SETTINGS)
    for number in range(5):
        post.put(letter(str(number)), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert len(done.problems) == 1
    assert sum(len(state.letters.attempts(number)) for number in range(1, 6)) == 1
    assert done.waiting == 5


def test_a_letter_that_fails_does_not_stop_the_next(state: State):
    wire, post = Wire(said={"a@example.com": [Said("refused", "no")]}), Post(state, SETTINGS)
    post.put(letter("a", "a@example.com"), NOW)
    post.put(letter("b", "b@example.com"), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert (done.sent, done.failed) == (1, 1)


def test_a_fault_before_anything_left_is_tried_again_by_itself(state: State):
    wire, post = Wire(fault=TemporaryError("Busy.", "Wait.")), Post(state, SETTINGS)
    post.put(letter(), NOW)
    post.deliver(NOW, {"mail": wire})
    wire.fault = None

    assert post.deliver(later(1), {"mail": wire}).sent == 1
    assert wire.asked == []


@pytest.mark.parametrize(
    ("kind", "rule", "becomes"),
    [
        ("owner-notice", "by-kind", "waiting"),
        ("report", "by-kind", "unsure"),
        ("report", "send", "waiting"),
        ("owner-notice", "hold", "unsure"),
    ],
)
def test_where_nobody_can_be_asked_the_setting_decides(state: State, kind: str, rule: str, becomes: str):
    settings = SETTINGS.model_copy(update={"when_unsure": rule})
    wire, post = Wire(breaks=FinopsError("It broke off.", "")), Post(state, settings)
    post.put(letter(kind=kind), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert statuses(state) == {"ann@example.com": becomes}
    assert any("it may have arrived, and nobody can be asked" in one for one in done.problems)
    assert (done.held, done.waiting) == ((1, 0) if becomes == "unsure" else (0, 1))


def test_what_is_held_is_sent_again_or_let_be_by_a_person(state: State):
    wire, post = Wire(breaks=FinopsError("It broke off.", "")), Post(state, SETTINGS)
    for about in ("a", "b"):
        post.put(letter(about, kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})
    wire.breaks = None

    post.retry(1, NOW)
    post.arrived(2, NOW, "ann has it")

    assert post.deliver(NOW, {"mail": wire}).sent == 1
    assert [one.status for one in state.letters.newest()] == ["sent", "sent"]
    assert wire.mails[0].wire_id == wire.mails[-1].wire_id  # recognisable as the same mail


def test_what_arrived_after_all_is_not_sent_again(state: State):
    wire = Wire(breaks=FinopsError("It broke off.", ""), answer=Answer("arrived", "a copy is there"))
    post = Post(state, SETTINGS)
    post.put(letter(), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert (done.sent, len(wire.mails)) == (1, 1)
    assert state.letters.attempts(1)[0].outcome == "sent"


def test_what_certainly_never_left_is_sent_again(state: State):
    wire = Wire(breaks=FinopsError("It broke off.", ""), answer=Answer("never", "the draft is there"))
    post = Post(state, SETTINGS)
    post.put(letter(kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})
    wire.breaks = None

    assert post.deliver(later(1), {"mail": wire}).sent == 1


def proven(state: State, wire: Wire) -> Post:
    """A post by whose way out a mail was found again before."""
    post = Post(state, SETTINGS)
    post.put(letter("before"), later(-60))
    wire.answer = Answer("arrived")
    post.deliver(later(-60), {"mail": wire})
    post.deliver(later(-30), {"mail": wire})
    assert state.letters.attempts(1)[0].outcome == "proven"
    wire.mails.clear()
    return post


def test_no_trace_yet_is_waited_for_and_then_means_that_it_never_left(state: State):
    wire = Wire(proves=True)
    post = proven(state, wire)
    wire.breaks, wire.answer = FinopsError("It broke off.", ""), Answer("absent", "no copy")
    post.put(letter(kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})
    wire.breaks = None

    waits = post.deliver(later(9), {"mail": wire})
    settles = post.deliver(later(10), {"mail": wire})
    sends = post.deliver(later(11), {"mail": wire})

    assert (waits.waiting, settles.sent, sends.sent, len(wire.mails)) == (1, 0, 1, 2)


@pytest.mark.parametrize("before", ["never looked", "looked and not found"])
def test_no_trace_means_nothing_where_traces_were_never_seen(state: State, before: str):
    """Servers that rewrite Message-IDs, and folders that are the wrong ones, must not make two mails of one."""
    wire, post = Wire(proves=True, answer=Answer("absent", "no copy")), Post(state, SETTINGS)
    if before == "looked and not found":
        post.put(letter("before"), later(-60))
        post.deliver(later(-60), {"mail": wire})
        post.deliver(later(-30), {"mail": wire})
    wire.breaks = FinopsError("It broke off.", "")
    post.put(letter(kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})

    done = post.deliver(later(11), {"mail": wire})

    assert done.held == 1
    assert "not been seen yet that mails that left are found there" in " ".join(done.problems)


def test_a_copy_that_comes_late_is_found(state: State):
    wire = Wire(proves=True)
    post = proven(state, wire)
    wire.breaks, wire.answer = FinopsError("It broke off.", ""), Answer("absent", "no copy")
    post.put(letter(), NOW)
    post.deliver(NOW, {"mail": wire})
    wire.answer = Answer("arrived", "a copy is there")

    assert post.deliver(later(5), {"mail": wire}).sent == 1
    assert len(wire.mails) == 1


def test_while_nobody_answers_who_could_be_asked_nothing_is_sent(state: State):
    class Silent(Wire):
        def ask(self, attempt: Attempt) -> Answer:
            raise TemporaryError("The mailbox is down.", "Wait.")

    wire, post = Silent(breaks=FinopsError("It broke off.", "")), Post(state, SETTINGS)
    post.put(letter(kind="report"), NOW)
    for hours in (0, 1, 24, 47):
        post.deliver(later(hours * 60), {"mail": wire})
    waiting = len(wire.mails)

    done = post.deliver(later(48 * 60), {"mail": wire})

    assert (waiting, len(wire.mails), done.held) == (1, 1, 1)


def test_what_the_other_side_is_still_at_is_asked_for_later(state: State):
    wire = Wire(said={"ann@example.com": [Said("pending", "running")]}, answer=Answer("pending", "running"))
    post = Post(state, SETTINGS)
    post.put(letter(), NOW)
    first = post.deliver(NOW, {"mail": wire})
    second = post.deliver(later(60), {"mail": wire})
    wire.answer = Answer("arrived", "done")
    third = post.deliver(later(61), {"mail": wire})

    assert (first.waiting, second.waiting, third.sent, len(wire.mails)) == (1, 1, 1, 1)


def test_a_mail_refused_for_one_goes_to_each_by_itself(state: State):
    wire, post = Wire(together=False), Post(state, SETTINGS)
    wire.said = {"gone@example.com": [Said("sent"), Said("refused", "no such user")]}
    post.put(letter(to=["ann@example.com", "gone@example.com", "ben@example.com"]), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert (done.sent, done.failed, done.waiting) == (2, 1, 0)
    assert len({one.wire_id for one in wire.mails if one.to != ("gone@example.com",)}) == 2


def test_a_server_that_takes_mail_and_drops_it_is_found_out(state: State):
    wire, post = Wire(proves=True, answer=Answer("absent", "no copy in Sent")), Post(state, SETTINGS)
    post.put(letter(), NOW)
    post.deliver(NOW, {"mail": wire})

    done = post.deliver(later(10), {"mail": wire})
    again = post.deliver(later(20), {"mail": wire})

    assert "the server took it, and no copy in Sent: it may have been dropped" in done.problems[0]
    assert (again.problems, len(wire.mails)) == ((), 1)
    assert state.letters.attempts(1)[0].outcome == "missing"


def test_a_transport_that_was_changed_meanwhile_cannot_be_asked(state: State):
    wire, post = Wire(breaks=FinopsError("It broke off.", "")), Post(state, SETTINGS)
    wire.ask = lambda attempt: Answer("pending")  # type: ignore[method-assign]
    post.put(letter(kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})

    done = post.deliver(later(6), {"mail": Wire(name="another")})

    assert done.held == 1
    assert "the way out was wire then" in done.problems[0]


def test_two_never_send_at_the_same_time(state: State, database: str):
    wire, post = Wire(), Post(state, SETTINGS)
    post.put(letter(), NOW)
    with State.open(database) as other, other.letters.turn():
        busy = post.deliver(NOW, {"mail": wire})

    assert (busy, wire.mails) == (Delivered(waiting=1, busy=True), [])
    assert post.deliver(NOW, {"mail": wire}).sent == 1


def test_many_at_once_send_each_letter_once(state: State, database: str):
    wire = Wire()
    for number in range(30):
        Post(state, SETTINGS).put(letter(str(number)), NOW)

    def deliver(number: int) -> int:
        with State.open(database) as own:
            return Post(own, SETTINGS).deliver(NOW, {"mail": wire}).sent

    with ThreadPoolExecutor(6) as pool:
        sent = sum(pool.map(deliver, range(12)))

    assert (sent, len(wire.mails)) == (30, 30)
