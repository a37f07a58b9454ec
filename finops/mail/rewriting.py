"""A finished mail changed for the wire: another Message-ID or To, or a link where its attachments were."""

from __future__ import annotations

import html
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from finops.errors import FinopsError

SPLIT = b"\r\n\r\n"


class TooLarge(FinopsError):
    """The mail is too large for this way out, even without attachments."""


def with_fields(content: bytes, **fields: str) -> bytes:
    """`content` with header fields replaced (Message_ID for Message-ID); all other bytes are as they were."""
    head, _, body = content.partition(SPLIT)
    wanted = {name.replace("_", "-").lower(): value for name, value in fields.items()}
    lines = [
        f"{name.decode()}: {wanted.pop(name.decode().lower())}".encode()
        if (name := line.partition(b":")[0]).decode("latin-1").lower() in wanted
        else line
        for line in re.split(rb"\r\n(?![ \t])", head)
    ]
    lines += [f"{name.title()}: {value}".encode() for name, value in wanted.items()]
    return b"\r\n".join(lines) + SPLIT + body


def fitting(content: bytes, largest: int | None, link: str) -> bytes:
    """`content`, or where it has more than `largest` bytes the mail with a link in place of its attachments."""
    if largest is None or len(content) <= largest:
        return content
    message = message_from_bytes(content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    left_out = [part for part in message.iter_attachments() if part.get_content_disposition() == "attachment"]
    if left_out:
        message.set_payload([part for part in message.iter_parts() if part not in left_out])
        names = ", ".join(part.get_filename() or "an attachment" for part in left_out)
        _say(message, f"{names} is too large for mail ({len(content) / 2**20:.1f} MB).", link)
        content = message.as_bytes(policy=SMTP)
    if len(content) > largest:
        raise TooLarge(
            f"The mail has {len(content) / 2**20:.1f} MB, and {largest / 2**20:.1f} MB can be sent.",
            "Report less at once, or send it another way (mail.transport, mail.largest_mb).",
        )
    return content


def _say(message: EmailMessage, what: str, link: str) -> None:
    where = f"Read it at {link}" if link else "Ask whoever sends you this report for it."
    for part in message.walk():
        if part.get_content_disposition() or part.get_content_maintype() != "text":
            continue
        assert isinstance(part, EmailMessage)
        body = part.get_content()
        if part.get_content_subtype() == "html":
            seen = f'<a href="{html.escape(link)}">Read it there</a>' if link else html.escape(where)
            said = f'<p style="margin:16px;color:#1b1b1b;background-color:#ffffff">{html.escape(what)} {seen}</p>'
            before, end, after = body.rpartition("</body>")
            body = f"{before}{said}{end}{after}" if end else body + said
        else:
            body = f"{body.rstrip()}\n\n{what} {where}\n"
        part.set_content(body, subtype=part.get_content_subtype(), cte="quoted-printable")
