"""The mail: every part where mail programs look for it, the same bytes for the same report."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from report_data import rendered
from test_report_build import two_weeks

from finops.config.model import MailSettings
from finops.errors import ConfigError
from finops.mail import compose, message_id
from finops.report import Rendered


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return rendered(tmp_path_factory.mktemp("report"), *two_weeks("CC-1 Müller & Söhne", "1000", "900"))


def parsed(message: EmailMessage) -> EmailMessage:
    read = message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def tree(part: EmailMessage) -> object:
    kind = part.get_content_type()
    return (kind, [tree(child) for child in part.iter_parts()]) if part.is_multipart() else kind  # type: ignore[arg-type]


def test_its_parts_stand_as_mail_programs_expect(bundle: Rendered) -> None:
    mail = parsed(compose(bundle, MailSettings()))

    assert tree(mail) == (
        "multipart/mixed",
        [
            ("multipart/alternative", ["text/plain", ("multipart/related", ["text/html", "image/png", "image/png"])]),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ],
    )


def test_the_parts_come_back_as_they_went_in(bundle: Rendered) -> None:
    mail = parsed(compose(bundle, MailSettings()))

    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == bundle.text.splitlines()
    assert html.get_content().splitlines() == bundle.html.splitlines()
    [workbook] = list(mail.iter_attachments())
    assert workbook.get_content() == bundle.workbook
    assert workbook.get_filename() == "cost-week-2026-11-21.xlsx"


def test_every_content_id_that_the_html_uses_is_there(bundle: Rendered) -> None:
    mail = parsed(compose(bundle, MailSettings()))

    there = {str(part["Content-ID"]).strip("<>") for part in mail.walk() if part["Content-ID"]}
    assert there == set(bundle.images)
    assert all(f"cid:{cid}" in bundle.html for cid in there)


def test_on_the_wire_it_is_ascii_in_short_lines(bundle: Rendered) -> None:
    raw = compose(bundle, MailSettings()).as_bytes()

    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_equal_reports_are_equal_mails(bundle: Rendered) -> None:
    assert compose(bundle, MailSettings()).as_bytes() == compose(bundle, MailSettings()).as_bytes()


def test_the_id_stays_whatever_the_order_of_recipients_and_changes_with_them_and_the_revision(bundle: Rendered) -> None:
    both = message_id(bundle, MailSettings(finance=["a@x.org", "b@x.org"]))

    assert both == message_id(bundle, MailSettings(finance=["B@x.org", "a@x.org"]))
    assert both != message_id(bundle, MailSettings(finance=["a@x.org"]))
    assert both != message_id(bundle, MailSettings(finance=["a@x.org", "b@x.org"]), revision=2)


def test_no_machine_is_invited_to_answer(bundle: Rendered) -> None:
    mail = compose(bundle, MailSettings(reply_to="finops-team@example.com"))

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Reply-To"] == "finops-team@example.com"


def test_an_address_that_is_none_is_refused_by_name(bundle: Rendered) -> None:
    with pytest.raises(ConfigError, match="a@b@c"):
        compose(bundle, MailSettings().model_copy(update={"finance": ["a@b@c"]}))


def test_a_mail_to_nobody_is_refused(bundle: Rendered) -> None:
    with pytest.raises(ConfigError, match=r"mail\.finance"):
        compose(bundle, MailSettings(finance=[]))
