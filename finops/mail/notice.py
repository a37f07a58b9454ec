"""A notice: a mail without attachment to a few people, such as the owner of a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from finops.mail.compose import address_of, fix_boundaries, host_of

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
) -> EmailMessage:
    """The mail of one notice. about: keys of what it tells; the same keys to the same people are the same mail."""
    people = [to] if isinstance(to, str) else list(to)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["From"] = address_of(settings.sender)
    message["To"] = [address_of(one) for one in people]
    if settings.reply_to:
        message["Reply-To"] = address_of(settings.reply_to)
    message["Date"] = format_datetime(made)
    digest = hashlib.sha256("\n".join([*sorted(one.lower() for one in people), *sorted(about)]).encode()).hexdigest()[
        :24
    ]
    message["Message-ID"] = f"<{kind}.{digest}.{LIST}@{host_of(settings)}>"
    message["List-ID"] = f"<{LIST}.{host_of(settings)}>"
    # RFC 3834: nobody's holiday notice should answer this; the second is what Exchange understands.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    fix_boundaries(message)
    return message
