"""Addresses, host names and header fields as mail takes them: ASCII, on one line, or refused by name."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING

from finops.config.addresses import parted
from finops.errors import ConfigError

if TYPE_CHECKING:
    from finops.config.model import MailSettings

LONGEST_SUBJECT = 250  # characters: longer ones are cut by every reader, and some servers refuse long header lines


def address_of(text: str) -> Address:
    """The address, as settings take it; ConfigError for what is none."""
    try:
        return Address("", *parted(text))
    except ValueError as fault:
        raise ConfigError(f"{fault}.", "Write it as name@example.com.") from fault


def host_of(settings: MailSettings) -> str:
    """The domain that our Message-IDs and lists are below."""
    return address_of(settings.sender).domain


def one_line(text: str, longest: int = LONGEST_SUBJECT) -> str:
    """`text` for a header: no line breaks, no control characters, nothing that turns reading around, not endless.

    Python's email takes "=?utf-8?q?=0A...?=" for an encoded word when a field is set, and writes out the line break in
    it (CVE-2024-6923): so none is left.
    """
    seen = "".join(c if c.isprintable() else " " for c in text).replace("=?", "= ?")
    found = " ".join(seen.split())
    return found if len(found) <= longest else found[: longest - 1].rstrip() + "…"


def add_list_fields(message: EmailMessage, settings: MailSettings, name: str) -> None:
    """What lists have: an id, a way out, and that a machine wrote it."""
    message["List-ID"] = f"<{name}.{host_of(settings)}>"
    wanted = settings.unsubscribe or ""
    if not wanted:
        address = address_of(settings.reply_to or settings.sender).addr_spec
        wanted = f"mailto:{address}?subject=unsubscribe%20{name}"
    message["List-Unsubscribe"] = f"<{wanted}>"
    if wanted.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    # RFC 3834: nobody's holiday notice should answer this; the second is what Exchange understands.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
