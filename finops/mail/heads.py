"""Heads of the audit trail that were noted in mails: read them from mails that somebody kept."""

from __future__ import annotations

import email
import html
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from finops.errors import DataError
from finops.state.audit import noted

MOST = 32 * 1024 * 1024  # bytes of a mail that are read


def heads_of(path: Path) -> tuple[dict[str, str], int]:
    """The heads in a mail, or in the mails (*.eml) of a folder and those below it, each with the mail's name.

    Also how many mails were looked at. What is no mail of ours has none.
    """
    files = sorted(path.rglob("*.eml")) if path.is_dir() else [path]
    found: dict[str, str] = {}
    for file in files:
        head = noted(_text(file))
        if head is not None:
            found.setdefault(head, file.name)
    return found, len(files)


def _text(file: Path) -> str:
    """What a mail says: its plain text, else its HTML without the marks."""
    try:
        with file.open("rb") as opened:
            message = email.message_from_bytes(opened.read(MOST), policy=default)
    except OSError as fault:
        raise DataError(f"{file} cannot be read: {fault.strerror or fault}.", "Give read access to it.") from fault
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    if part.get_content_subtype() == "html":
        return html.unescape(re.sub(r"<[^>]*>", "\n", text))
    return text
