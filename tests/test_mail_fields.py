"""Header fields and the wire: nothing that people or tags write gets out of its field, and every line is short."""

from __future__ import annotations

import contextlib
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailing import NOW, letter

from finops import mail
from finops.config.mailing import MailSettings
from finops.errors import ConfigError, DataError
from finops.mail.content import letter_of, names_of
from finops.mail.naming import address_of, one_line
from finops.mail.rewriting import fitting, with_fields

SETTINGS = MailSettings(sender="finops@contoso.com", reply_to="team@contoso.com")


def wire(**more: object) -> bytes:
    return letter_of(letter(settings=SETTINGS, **more), SETTINGS).content  # type: ignore[arg-type]


def read(content: bytes):
    return message_from_bytes(content, policy=SMTP)


# -- lists and threads ------------------------------------------------------------------------------------------------


def test_a_notice_says_that_a_machine_wrote_it_and_how_to_get_no_more():
    message = letter(settings=SETTINGS)

    assert message["List-ID"] == "<finops-notices.contoso.com>"
    assert message["List-Unsubscribe"] == "<mailto:team@contoso.com?subject=unsubscribe%20finops-notices>"
    assert message["List-Unsubscribe-Post"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "team@contoso.com"


def test_an_address_over_https_takes_one_click():
    settings = SETTINGS.model_copy(update={"unsubscribe": "https://finops.contoso.com/unsubscribe"})
    message = letter(settings=settings)

    assert message["List-Unsubscribe"] == "<https://finops.contoso.com/unsubscribe>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_mails_of_one_incident_form_one_thread():
    first, second = (letter(about, thread="budget/all/2026-11") for about in ("first", "second"))
    other = letter("third", thread="budget/all/2026-12")

    assert first["References"] == second["References"] != other["References"]
    assert first["In-Reply-To"] == first["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_the_same_news_to_the_same_people_are_the_same_mail():
    one = letter(to=["ann@example.com", "Ben@example.com"])
    two = letter(to=["ben@example.com", "ann@example.com"])
    three = letter(to=["ann@example.com"])

    assert one["Message-ID"] == two["Message-ID"] != three["Message-ID"]


# -- injection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil",
    [
        "x\r\nBcc: evil@example.com",
        "x\nBcc: evil@example.com",
        "x\rBcc: evil@example.com",
        "x\r\n\r\n<script>alert(1)</script>",
        "x\u2028Bcc: evil@example.com",
        "x\x85Bcc: evil@example.com",
        "x\0y\x1b[31m",
        "\u202eevil",
        "=?utf-8?q?x=0ABcc=3A_evil=40example=2Ecom?=",
        "x" * 5000,
    ],
)
def test_a_subject_stays_in_its_field(evil: str):
    content = letter_of(mail.notice("k", "ann@example.com", evil, "t", "h", [], NOW, SETTINGS), SETTINGS).content
    found = read(content)

    assert found["Bcc"] is None
    assert found.get_body(("plain",)).get_content().strip() == "t"
    assert len(str(found["Subject"])) <= 260
    head = content.partition(b"\r\n\r\n")[0]
    assert {line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"} == {
        line.partition(b":")[0].lower()
        for line in wire().partition(b"\r\n\r\n")[0].split(b"\r\n")
        if line[:1] not in b" \t"
    }


def test_a_mail_that_somebody_else_composed_badly_gets_no_more_fields():
    message = letter()
    del message["Subject"]
    message["Subject"] = "=?utf-8?q?x=0ABcc=3A_evil=40example=2Ecom?="

    found: list[str] = []
    with contextlib.suppress(DataError):  # Python 3.11.7 would write the line break as it is, and 3.11.2 encodes it
        found = names_of(letter_of(message, SETTINGS).content)

    assert "bcc" not in found


@given(st.text(max_size=200))
def test_no_text_gets_out_of_its_line(text: str):
    found = one_line(text)

    assert found == " ".join(found.split())
    assert found.isprintable()


@given(st.text(max_size=300), st.text(max_size=300))
def test_every_line_on_the_wire_is_short_ascii_and_ends_in_crlf(subject: str, text: str):
    message = mail.notice("k", "ann@example.com", subject, text, f"<p>{text}</p>", [], NOW, SETTINGS)
    content = letter_of(message, SETTINGS).content

    assert content.isascii()
    assert b"\0" not in content
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ann",
        "a@b@c",
        "ann @example.com",
        "ann@example.com\r\nBcc: evil@example.com",
        "ann@example.com, ben@example.com",
        "Ann <ann@example.com>",
        "müller@example.com",
        "ann@exa mple.com",
        "ann@\u202eexample.com",
        f"{'x' * 65}@example.com",
        "ann@",
        "@example.com",
        "=?utf-8?q?x=0ABcc=3Ay?=@example.com",
    ],
)
def test_what_is_no_address_is_refused_by_name(wrong: str):
    with pytest.raises(ConfigError, match="is not a mail address") as fault:
        address_of(wrong)

    assert "\n" not in str(fault.value)


def test_a_domain_beyond_ascii_is_written_as_dns_has_it():
    assert address_of("ann@bücher.example").addr_spec == "ann@xn--bcher-kva.example"
    assert b"To: ann@xn--bcher-kva.example\r\n" in wire(to="ann@bücher.example")


# -- rewriting --------------------------------------------------------------------------------------------------------


def test_only_the_named_fields_are_rewritten():
    before = wire()

    after = with_fields(before, Message_ID="<2.x@contoso.com>", To="ben@example.com")

    assert (read(after)["Message-ID"], read(after)["To"]) == ("<2.x@contoso.com>", "ben@example.com")
    assert after.partition(b"\r\n\r\n")[2] == before.partition(b"\r\n\r\n")[2]
    kept = {name.lower() for name in read(before)} - {"message-id", "to"}
    assert {name: read(after)[name] for name in kept} == {name: read(before)[name] for name in kept}


def test_what_fits_is_left_as_it_is():
    assert fitting(wire(), 10**6, "") == wire()


def test_a_link_in_place_of_an_attachment_is_escaped():
    message = letter()
    message.make_mixed()
    message.add_attachment(b"x" * 9000, "application", "zip", filename='<b>"week"</b>.xlsx')

    found = read(fitting(message.as_bytes(policy=SMTP), 5000, 'https://x.example/?a=1&b="<2>"'))

    html = found.get_body(("html",)).get_content()
    assert "<b>" not in html
    assert 'href="https://x.example/?a=1&amp;b=&quot;&lt;2&gt;&quot;"' in html


# -- files ------------------------------------------------------------------------------------------------------------


def test_two_mails_whose_names_are_alike_are_two_files(tmp_path: Path):
    from finops.mail.carriers import carriers
    from finops.mail.transport import Outgoing

    with carriers(MailSettings(outbox=tmp_path)) as ways:
        for wire_id in ("<a/b@contoso.com>", "<a_b@contoso.com>", "<a/b@contoso.com>"):
            content = with_fields(wire(), Message_ID=wire_id)
            ways["mail"].send(Outgoing(wire_id, content, ("x@example.com",), "s", "k", "", ""), lambda said: None)

    assert len(list(tmp_path.glob("*.eml"))) == 2
