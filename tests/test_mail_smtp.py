"""Mail servers: well, slow, down, greylisting, refusing, taking and dropping, with and without a TLS to be trusted."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from awake import awake
from mailing import NOW, Behaviour, Certificate, Sign, by_smtp, certificate, imap, letter, smtp

from finops.config.mailing import MailSettings, SmtpSettings
from finops.config.model import AzureSettings
from finops.errors import FinopsError
from finops.mail import Delivered, Post
from finops.mail.carriers import carriers
from finops.state import State

LOCAL = AzureSettings(endpoint="http://127.0.0.1:9")  # its tokens are worth nothing, and nothing is called there


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("ca"), "127.0.0.1")


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def sent_by(state: State, settings: MailSettings, now: datetime = NOW, **more: Any) -> Delivered:
    post = Post(state, settings, LOCAL)
    post.put(letter(settings=settings, **more), now)
    return post.deliver(now)


def simple(text: str) -> EmailMessage:
    """A mail of one part."""
    message = letter()
    message.clear_content()
    message.set_content(text, cte="7bit")
    return message


def test_a_mail_arrives_byte_for_byte_as_it_was_composed(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken") as (port, taken, _):
        settings = by_smtp(port)
        done = sent_by(state, settings, to=["ann@example.com", "ben@example.com"])

    [(to, content)] = taken.all()
    assert (done.sent, to) == (2, ["ann@example.com", "ben@example.com"])
    composed = letter(settings=settings, to=["ann@example.com", "ben@example.com"]).as_bytes(policy=SMTP)
    assert content == composed.replace(b"Message-ID:\r\n ", b"Message-ID: ")


def test_lines_that_begin_with_a_dot_stay_whole(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken") as (port, taken, _):
        message = simple(".\n..\n.hidden\n")
        post = Post(state, by_smtp(port))
        post.put(message, NOW)
        post.deliver(NOW)

    text = message_from_bytes(taken.all()[0][1], policy=SMTP).get_content()
    assert text.splitlines() == [".", "..", ".hidden"]


def test_a_server_that_is_down_is_told_and_tried_again(state: State, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = sent_by(state, by_smtp(port))

    assert (done.waiting, done.sent) == (1, 0)
    assert f"The mail server 127.0.0.1:{port} cannot be reached (Connection refused)" in done.problems[0]


def told(state: State, settings: MailSettings, problem: str) -> bool:
    """Whether one of three tries is told so: on a machine that stalls, another limit may be the first to be reached."""
    tries = (sent_by(state, settings, NOW + timedelta(hours=number)) for number in range(3))
    return any(problem in done.problems[0] for done in tries)


def test_a_server_that_is_slow_is_given_up_on_for_now(state: State):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = by_smtp(silent.getsockname()[1], smtp_more={"timeout_seconds": 0.2})

        assert told(state, settings, "did not answer within 0.2 s")


def test_a_server_that_drips_is_cut_off(state: State):
    """Each byte comes in time; all of them together would take an hour."""
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        while not stop.is_set():
            with suppress(OSError):  # whoever was cut off is gone
                peer, _ = server.accept()
                with peer:
                    while not stop.wait(0.05):
                        peer.sendall(b"2")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        with awake() as seconds:
            cut = told(state, by_smtp(server.getsockname()[1], smtp_more={"timeout_seconds": 0.2}), "longer than 1 s")
            took = seconds()
        stop.set()
        thread.join()

    assert cut
    assert took < 3 * 3


def test_greylisting_is_waited_for(state: State, tmp_path: Path):
    ways = Behaviour(rcpt={"grey@example.com": ["451 4.7.1 Greylisted, come back"]})
    with smtp(tmp_path / "taken", ways) as (port, taken, _):
        settings = by_smtp(port)
        first = sent_by(state, settings, to=["ann@example.com", "grey@example.com"])
        second = Post(state, settings).deliver(later(1))

    assert (first.sent, first.waiting, second.sent) == (1, 1, 1)
    assert [who for who, _ in taken.pairs()] == ["ann@example.com", "grey@example.com"]
    assert "451 4.7.1 Greylisted, come back" in first.problems[0]


def test_a_recipient_who_is_refused_is_told_and_the_others_have_it(state: State, tmp_path: Path):
    ways = Behaviour(rcpt={"gone@example.com": ["550 5.1.1 no such user"]})
    with smtp(tmp_path / "taken", ways) as (port, taken, _):
        done = sent_by(state, by_smtp(port), to=["gone@example.com", "ann@example.com"])

    assert (done.sent, done.failed, done.waiting) == (1, 1, 0)
    assert taken.pairs() == [("ann@example.com", "About one")]
    assert "550 5.1.1 no such user (gone@example.com; given up)" in done.problems[0]


@pytest.mark.parametrize(
    ("answer", "becomes"), [("451 4.3.0 disk is full", "waiting"), ("552 5.3.4 too large", "failed")]
)
def test_a_mail_that_is_refused_as_a_whole(state: State, tmp_path: Path, answer: str, becomes: str):
    with smtp(tmp_path / "taken", Behaviour(data=[answer])) as (port, taken, _):
        done = sent_by(state, by_smtp(port))

    assert state.letters.get(1).recipients[0].status == becomes
    assert answer in done.problems[0]
    assert taken.all() == []


def test_a_sender_who_is_not_taken_is_our_own_fault_and_tried_again(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(mail_from="553 5.7.60 not your address")) as (port, _, _):
        done = sent_by(state, by_smtp(port))

    assert done.waiting == 1
    assert "does not take mail from finops@contoso.com: 553 5.7.60 not your address" in done.problems[0]


def test_a_server_that_takes_a_mail_and_hangs_up_leaves_it_unsure(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(store="hang up")) as (port, taken, _):
        done = sent_by(state, by_smtp(port), kind="report")

    assert (done.held, len(taken.all())) == (1, 1)
    assert "broke off" in done.problems[0]


def test_with_a_mailbox_to_ask_it_is_known_to_have_left(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(store="hang up")) as (port, taken, _), imap(taken) as box:
        done = sent_by(state, by_smtp(port, box), kind="report")

    assert (done.sent, len(taken.all())) == (1, 1)
    assert state.letters.attempts(1)[0].outcome == "proven"


def test_a_server_that_says_yes_and_keeps_nothing_is_found_out(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(store="drop")) as (port, taken, _), imap(taken) as box:
        settings = by_smtp(port, box)
        first = sent_by(state, settings)
        done = Post(state, settings).deliver(later(10))

    assert first.sent == 1
    assert "the server took it, and no copy in Sent of finops: it may have been dropped" in done.problems[0]


def test_a_copy_goes_to_the_mailbox_where_the_server_keeps_none(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken") as (port, taken, _), imap(taken) as box:
        settings = by_smtp(port, box)
        sent = settings.sent.model_copy(update={"copy_to": "journal@contoso.com"})
        sent_by(state, settings.model_copy(update={"sent": sent}))

    assert [who for who, _ in taken.pairs()] == ["ann@example.com", "journal@contoso.com"]
    assert b"journal" not in taken.all()[0][1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"folder": "Elsewhere"}, "has no folder Elsewhere (mail.sent.folder)"),
        ({"user": "wrong"}, "refused"),
        ({"port": 9}, "cannot be reached"),
    ],
)
def test_a_mailbox_that_does_not_answer_is_told_by_check(tmp_path: Path, wrong: dict[str, Any], said: str):
    with smtp(tmp_path / "taken") as (port, taken, _), imap(taken) as box:
        settings = by_smtp(port, box)
        settings = settings.model_copy(update={"sent": settings.sent.model_copy(update=wrong)})
        with carriers(settings) as ways, pytest.raises(FinopsError) as fault:
            ways["mail"].check()

    assert said in str(fault.value)
    assert "box-secret" not in str(fault.value)


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("implicit", [False, True])
def test_mail_goes_over_tls_that_is_verified(state: State, tmp_path: Path, ours: Certificate, implicit: bool):
    with smtp(tmp_path / "taken", tls=ours, implicit=implicit) as (port, taken, _):
        security = {"security": "implicit" if implicit else "starttls"}
        done = sent_by(state, by_smtp(port, smtp_more=security, ca_file=ours.chain))

    assert (done.sent, done.problems, len(taken.all())) == (1, (), 1)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("unknown", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("another name", "IP address mismatch"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_stops_everything(
    state: State, tmp_path: Path, how: str, said: str, implicit: bool
):
    wrong = certificate(
        tmp_path, "10.0.0.1" if how == "another name" else "127.0.0.1", days=-1 if how == "expired" else 1
    )
    with smtp(tmp_path / "taken", tls=wrong, implicit=implicit) as (port, taken, _):
        security = {"security": "implicit" if implicit else "starttls"}
        ca_file = None if how == "unknown" else wrong.chain
        done = sent_by(state, by_smtp(port, smtp_more=security, ca_file=ca_file))

    assert "has a certificate that is not to be trusted" in done.problems[0]
    assert said in done.problems[0]
    assert (done.waiting, taken.all()) == (1, [])


def test_a_server_without_starttls_gets_neither_mail_nor_password(state: State, tmp_path: Path, ours: Certificate):
    with smtp(tmp_path / "taken", sign=Sign()) as (port, taken, _):
        secret = {"security": "starttls", "sign_in": "password", "user": "finops", "password": "hunter2-of-smtp"}
        done = sent_by(state, by_smtp(port, smtp_more=secret, ca_file=ours.chain))

    assert "does not offer what is asked of it: STARTTLS" in done.problems[0]
    assert taken.all() == []


def test_plain_text_is_for_this_machine_only():
    with pytest.raises(ValueError, match=r"only for a relay on this machine"):
        MailSettings(transport="smtp", smtp=SmtpSettings(host="mail.example.com", security="none"))


# -- signing in -------------------------------------------------------------------------------------------------------


def signing(**more: str) -> dict[str, str]:
    return {"sign_in": "password", "user": "finops", "password": "hunter2-of-smtp", **more}


def test_a_password_signs_in(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", sign=Sign()) as (port, _, _):
        assert sent_by(state, by_smtp(port, smtp_more=signing())).sent == 1


def test_a_token_of_our_identity_signs_in(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", xoauth2=True) as (port, _, _):
        settings = by_smtp(port, smtp_more={"sign_in": "xoauth2", "user": "finops@contoso.com"})
        assert sent_by(state, settings).sent == 1


@pytest.mark.parametrize("how", ["password", "xoauth2"])
def test_a_refused_sign_in_is_told_without_the_secret(
    state: State, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    wrong = {"sign_in": how, "user": "somebody", "password": "wrong-secret-1"}
    with smtp(tmp_path / "taken", sign=Sign(), xoauth2=how == "xoauth2") as (port, _, _):
        done = sent_by(state, by_smtp(port, smtp_more=wrong))

    assert "refused the sign-in of somebody" in done.problems[0]
    assert done.waiting == 1
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("mail.log")]
    assert "wrong-secret-1" not in "".join([*done.problems, *ours, repr(by_smtp(1, smtp_more=wrong))])
    assert b"wrong-secret-1" not in (tmp_path / "state.db").read_bytes() + (tmp_path / "state.db-wal").read_bytes()


def test_a_server_that_repeats_the_password_does_not_get_it_into_our_words(state: State):
    def echo(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer, peer.makefile("rwb", 0) as lines:
            lines.write(b"220 hello\r\n")
            lines.readline()
            lines.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            lines.readline()
            lines.write(b"535 5.7.8 hunter2-of-smtp is wrong\r\n")
            lines.readline()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=echo, args=(server,), daemon=True)
        thread.start()
        done = sent_by(state, by_smtp(server.getsockname()[1], smtp_more=signing()))
        thread.join()

    assert "refused the sign-in of finops: 535 5.7.8. Check" in done.problems[0]


# -- size -------------------------------------------------------------------------------------------------------------


def large() -> Any:
    message = letter(kind="report")
    message.make_mixed()
    message.add_attachment(b"x" * 60_000, "application", "octet-stream", filename="week.xlsx")
    return message


def test_what_is_too_large_goes_with_a_link_in_place_of_the_attachment(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", size=40_000) as (port, taken, _):
        post = Post(state, by_smtp(port))
        post.put(large(), NOW, link="https://finops.contoso.com/reports/week")
        done = post.deliver(NOW)

    [(_, content)] = taken.all()
    message = message_from_bytes(content, policy=SMTP)
    assert (done.sent, list(message.iter_attachments())) == (1, [])
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()
        assert "week.xlsx is too large for mail" in body
        assert "https://finops.contoso.com/reports/week" in body
    assert str(message["Message-ID"]) == str(large()["Message-ID"])


def test_what_is_too_large_in_itself_is_refused_with_its_size(state: State, tmp_path: Path):
    message = simple(("x" * 70 + "\n") * 1000)
    with smtp(tmp_path / "taken", size=40_000) as (port, _, _):
        post = Post(state, by_smtp(port))
        post.put(message, NOW)
        done = post.deliver(NOW)

    assert done.failed == 1
    assert "The mail has 0.1 MB, and 0.0 MB can be sent" in done.problems[0]


def test_check_signs_in_and_sends_nothing(tmp_path: Path):
    with (
        smtp(tmp_path / "taken", sign=Sign()) as (port, taken, _),
        imap(taken) as box,
        carriers(by_smtp(port, box, smtp_more=signing())) as ways,
    ):
        found = ways["mail"].check()

    assert found == f"127.0.0.1:{port} answers, signed in as finops; copies lie in Sent on 127.0.0.1"
    assert taken.all() == []
