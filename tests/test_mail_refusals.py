"""Refusals: about one of several, about us, about the mail; and mails that were taken and came to nothing."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from mail_wire import Wire
from mailing import NOW, Behaviour, by_smtp, imap, letter, smtp

from finops.config.mailing import MailSettings
from finops.config.model import AzureSettings
from finops.errors import FinopsError
from finops.mail import Delivered, Post
from finops.mail.transport import Answer, Said
from finops.state import State

SETTINGS = MailSettings(sender="finops@contoso.com")
LOCAL = AzureSettings(endpoint="http://127.0.0.1:9")  # its tokens are worth nothing, and nothing is called there


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def statuses(state: State, number: int = 1) -> dict[str, str]:
    return {one.address: one.status for one in state.letters.get(number).recipients}


def sent_by(state: State, settings: MailSettings, **more: object) -> Delivered:
    post = Post(state, settings, LOCAL)
    post.put(letter(settings=settings, **more), NOW)  # type: ignore[arg-type]
    return post.deliver(NOW)


# -- one of several ---------------------------------------------------------------------------------------------------


def test_a_refusal_that_is_seen_in_the_next_round_costs_nobody_else_the_mail(state: State):
    people = ["ann@example.com", "ben@example.com", "gone@example.com"]
    wire = Wire(said={who: [Said("pending")] for who in people}, answer=Answer("refused", "gone is no recipient"))
    wire.said["gone@example.com"].append(Said("refused", "no such user"))
    post = Post(state, SETTINGS)
    post.put(letter(to=people), NOW)
    post.deliver(NOW, {"mail": wire})

    done = post.deliver(later(15), {"mail": wire})

    assert statuses(state) == {"ann@example.com": "sent", "ben@example.com": "sent", "gone@example.com": "failed"}
    assert (done.sent, done.failed, done.waiting) == (2, 1, 0)


# -- about us ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "554 5.7.1 relay access denied",
        "550 5.7.60 not allowed to send as this sender",
        "530 5.7.0 authentication required",
        "521 5.3.2 takes no mail",
        "550 relaying denied",
    ],
)
def test_a_refusal_at_the_address_that_is_about_us_is_tried_again(state: State, tmp_path: Path, answer: str):
    people = ["ann@example.com", "ben@example.com"]
    with smtp(tmp_path / "taken", Behaviour(rcpt={who: [answer] for who in people})) as (port, _, _):
        done = sent_by(state, by_smtp(port), to=people)

    assert (done.failed, done.waiting) == (0, 2)
    assert answer in done.problems[0]


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "550 no such user", "552 5.2.2 the mailbox is full"])
def test_a_refusal_of_one_address_is_for_good(state: State, tmp_path: Path, answer: str):
    with smtp(tmp_path / "taken", Behaviour(rcpt={"gone@example.com": [answer]})) as (port, _, _):
        done = sent_by(state, by_smtp(port), to=["ann@example.com", "gone@example.com"])

    assert (done.sent, done.failed) == (1, 1)


def test_two_who_are_gone_are_both_given_up(state: State, tmp_path: Path):
    gone = ["gone@example.com", "left@example.com"]
    ways = Behaviour(rcpt={who: ["550 5.1.1 no such user"] for who in gone})
    with smtp(tmp_path / "taken", ways) as (port, _, _):
        assert sent_by(state, by_smtp(port), to=gone).failed == 2


@pytest.mark.parametrize("answer", ["550 5.7.60 not allowed to send as this sender", "554 transaction failed"])
def test_a_refusal_of_the_whole_mail_is_tried_again_for_everybody(state: State, tmp_path: Path, answer: str):
    with smtp(tmp_path / "taken", Behaviour(data=[answer])) as (port, taken, _):
        settings = by_smtp(port)
        first = sent_by(state, settings, to=["ann@example.com", "ben@example.com"])
        second = Post(state, settings).deliver(later(1))

    assert (first.failed, first.waiting, second.sent, len(taken.all())) == (0, 2, 2, 1)


# -- taken, and dropped -----------------------------------------------------------------------------------------------


def seen_before(post: Post, wire: Wire) -> None:
    """A mail that was found among the copies, so that those are trusted."""
    post.put(letter("before"), later(-60))
    wire.answer = Answer("arrived")
    post.deliver(later(-60), {"mail": wire})
    post.deliver(later(-30), {"mail": wire})
    wire.answer = Answer("absent", "no copy in Sent")


def test_an_alert_that_was_dropped_is_sent_again_once(state: State):
    wire, post = Wire(proves=True), Post(state, SETTINGS)
    seen_before(post, wire)
    for about in ("one", "two"):
        post.put(letter(about, kind="budget-alert"), NOW)
    post.deliver(NOW, {"mail": wire})

    for minutes in range(10, 200, 10):
        post.deliver(later(minutes), {"mail": wire})

    assert [one.subject for one in wire.mails].count("About one") == 2
    assert [one.subject for one in wire.mails].count("About two") == 2
    assert statuses(state, 2) == {"ann@example.com": "unsure"}


def test_a_report_that_was_dropped_is_held_for_a_person(state: State):
    wire, post = Wire(proves=True), Post(state, SETTINGS)
    seen_before(post, wire)
    post.put(letter(kind="report"), NOW)
    post.deliver(NOW, {"mail": wire})

    done = post.deliver(later(10), {"mail": wire})

    assert (done.held, statuses(state, 2)) == (1, {"ann@example.com": "unsure"})
    assert "it may have been dropped" in done.problems[0]
    assert "`finops mail retry 2` sends it again" in done.problems[0]


def test_what_was_dropped_can_be_sent_again_by_a_person(state: State):
    wire, post = Wire(proves=True, answer=Answer("absent", "no copy in Sent")), Post(state, SETTINGS)
    post.put(letter(), NOW)
    post.deliver(NOW, {"mail": wire})
    post.deliver(later(10), {"mail": wire})

    again = post.retry(1, later(11))

    assert (again, post.deliver(later(11), {"mail": wire}).sent, len(wire.mails)) == (1, 1, 2)


def test_where_copies_were_never_seen_nothing_is_sent_twice_for_want_of_one(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken") as (port, taken, _), imap(taken) as box:
        settings = by_smtp(port, box)
        elsewhere = settings.model_copy(update={"sent": settings.sent.model_copy(update={"folder": "Sent of others"})})
        sent_by(state, elsewhere, kind="budget-alert")
        for file in taken.folder.iterdir():
            file.rename(file.with_suffix(".kept"))  # a copy that lies where nobody looks
        for minutes in (10, 20, 90):
            Post(state, elsewhere).deliver(later(minutes))

        assert taken.all() == []
    assert statuses(state) == {"ann@example.com": "unsure"}


# -- a fault of one letter --------------------------------------------------------------------------------------------


def test_a_way_out_that_breaks_in_an_unforeseen_way_stops_no_other_letter(state: State):
    class Breaking(Wire):
        def send(self, mail, handing):  # type: ignore[no-untyped-def]
            if mail.subject == "About one":
                raise TimeoutError("timed out")
            return super().send(mail, handing)

    wire, post = Breaking(), Post(state, SETTINGS)
    for about in ("one", "two"):
        post.put(letter(about), NOW)

    done = post.deliver(NOW, {"mail": wire})

    assert (done.sent, done.waiting) == (1, 1)
    assert "The way out broke (TimeoutError)" in done.problems[0]


# -- secrets ----------------------------------------------------------------------------------------------------------

PASSWORD = "s3cretCanary"
IN_BASE64 = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()


@contextmanager
def echoing(greeting: str, answers: dict[str, str]) -> Iterator[int]:
    """A server that repeats what it was told after the answer to each command; its port."""

    def talk(server: socket.socket) -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            peer.settimeout(5)
            with suppress(OSError), peer, peer.makefile("rwb", 0) as lines:
                lines.write(f"{greeting}\r\n".encode())
                while line := lines.readline().decode().strip():
                    for name, answer in answers.items():
                        if name in line.upper():
                            tag = line.partition(" ")[0]
                            lines.write((answer.format(tag=tag, line=line) + "\r\n").encode())
                            break
                    else:
                        break

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def unsaid(state: State, folder: Path, words: list[str], *secrets: str) -> None:
    kept = b"".join(file.read_bytes() for file in folder.glob("state.db*"))
    for secret in secrets:
        assert secret not in " ".join(words)
        assert secret.encode() not in kept


@pytest.mark.parametrize("answer", ["535 5.7.8 rejected: {line}", "500 unknown: {line}", "334 {line}"])
def test_a_server_that_repeats_how_we_signed_in_does_not_get_it_into_our_words(
    state: State, tmp_path: Path, answer: str
):
    signing = {"sign_in": "password", "user": "alice", "password": PASSWORD}
    with echoing("220 hi", {"EHLO": "250-x\r\n250 AUTH PLAIN", "AUTH": answer, "": "334 {line}"}) as port:
        done = sent_by(state, by_smtp(port, smtp_more=signing))

    assert done.waiting == 1
    unsaid(state, tmp_path, list(done.problems), PASSWORD, IN_BASE64)


def test_a_server_that_repeats_our_token_does_not_get_it_into_our_words(state: State, tmp_path: Path):
    answers = {"EHLO": "250-x\r\n250 AUTH XOAUTH2", "AUTH": "535 5.7.3 rejected: {line}", "": "250 ok"}
    with echoing("220 hi", answers) as port:
        done = sent_by(state, by_smtp(port, smtp_more={"sign_in": "xoauth2", "user": "alice"}))

    token = base64.b64encode(b"user=alice\x01auth=Bearer local\x01\x01").decode()
    assert "refused the sign-in of alice: 535 5.7.3." in done.problems[0]
    unsaid(state, tmp_path, list(done.problems), token)


def test_a_password_that_comes_back_later_is_not_said_either(state: State, tmp_path: Path):
    signing = {"sign_in": "password", "user": "alice", "password": PASSWORD}
    answers = {"EHLO": "250-x\r\n250 AUTH PLAIN", "AUTH": "235 ok", "MAIL": f"550 {PASSWORD} {IN_BASE64}", "": "250 ok"}
    with echoing("220 hi", answers) as port:
        done = sent_by(state, by_smtp(port, smtp_more=signing))

    assert "does not take mail from" in done.problems[0]
    unsaid(state, tmp_path, list(done.problems), PASSWORD, IN_BASE64)


@pytest.mark.parametrize("answer", ["{tag} NO [AUTHENTICATIONFAILED] no: {line}", "{tag} BAD {line}"])
@pytest.mark.parametrize("how", ["password", "xoauth2"])
def test_a_mailbox_server_that_repeats_how_we_signed_in_does_not_get_it_into_our_words(
    state: State, tmp_path: Path, how: str, answer: str
):
    from finops.mail.sentbox import SentBox

    with echoing("* OK ready", {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n{tag} OK done", "": answer}) as port:
        settings = by_smtp(1, port, smtp_more={"sign_in": how, "user": "alice", "password": PASSWORD})
        sent = settings.sent.model_copy(update={"password": None, "user": "alice"})
        box = SentBox(settings.model_copy(update={"sent": sent}), lambda scope: "tokenCanary")
        with pytest.raises(FinopsError) as fault:
            box.ask("<1@contoso.com>")

    assert "refused the sign-in of alice" in str(fault.value)
    for secret in (PASSWORD, "tokenCanary"):
        assert secret not in str(fault.value)
        assert base64.b64encode(secret.encode()).decode()[:12] not in str(fault.value)
