"""Addresses, host names and header fields as mail takes them: ASCII, on one line, or refused by name."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING

from finops.errors import ConfigError

if TYPE_CHECKING:
    from finops.config.model import MailSettings

LONGEST_SUBJECT = 250  # characters: longer ones are cut by every reader, and some servers refuse long header lines
FIX = "Write it as name@example.com."


def address_of(text: str) -> Address:
    """The address, its domain as DNS has it (xn--...). Letters beyond ASCII before the @ are refused.

    Few servers take them (SMTPUTF8), and the others would make one more bounce of it.
    """
    name, at, domain = text.strip().rpartition("@")
    if not at or "=?" in text or not name.isascii() or not name.isprintable() or " " in name or len(name) > 64:
        raise ConfigError(f"'{shown(text)}' is not a mail address.", FIX)
    try:
        return Address(addr_spec=f"{name}@{ascii_domain(domain)}")
    except (ValueError, IndexError, MessageError) as fault:
        raise ConfigError(f"'{shown(text)}' is not a mail address.", FIX) from fault


def ascii_domain(domain: str) -> str:
    """`domain` as DNS has it; ValueError for what is none."""
    import idna

    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as fault:
        raise ValueError(f"{shown(domain)} is no domain") from fault


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


def shown(text: str) -> str:
    return one_line(text, 100)


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
