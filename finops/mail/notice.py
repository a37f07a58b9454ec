"""A notice: a mail without attachment to a few people, such as the owner of a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from finops.mail.compose import fix_boundaries, wire_text
from finops.mail.content import KIND
from finops.mail.naming import add_list_fields, address_of, host_of, one_line

if TYPE_CHECKING:
    from finops.config.model import MailSettings

LIST = "finops-notices"


def notice(
    kind: str,
    to: str | Sequence[str],
    subject: str,
    text: str,
    html: str,
    about: list[str],
    made: datetime,
    settings: MailSettings,
    thread: str = "",
) -> EmailMessage:
    """The mail of one notice. about: keys of what it tells; the same keys to the same people are the same mail.

    thread: the incident that it belongs to. Mails of one thread with one subject are shown together: Gmail wants both
    """
    people = [to] if isinstance(to, str) else list(to)
    host = host_of(settings)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(subject)
    message["From"] = address_of(settings.sender)
    message["To"] = [address_of(one) for one in people]
    if settings.reply_to:
        message["Reply-To"] = address_of(settings.reply_to)
    message["Date"] = format_datetime(made)
    message["Message-ID"] = f"<{kind}.{_digest(*sorted(one.lower() for one in people), *sorted(about))}.{LIST}@{host}>"
    if thread:
        root = f"<thread.{_digest(thread)}.{LIST}@{host}>"
        message["In-Reply-To"] = root
        message["References"] = root
    message[KIND] = kind
    add_list_fields(message, settings, LIST)
    message.set_content(wire_text(text), cte="quoted-printable")
    message.add_alternative(wire_text(html), subtype="html", cte="quoted-printable")
    fix_boundaries(message)
    return message


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
