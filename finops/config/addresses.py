"""Mail addresses as settings and mails take them: checked where they are written, in one way everywhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

FIX = "write it as name@example.com"


def parted(text: str) -> tuple[str, str]:
    """Name and domain, the domain as DNS has it (xn--...). ValueError for what is no address.

    Letters beyond ASCII before the @ are refused: few servers take them (SMTPUTF8), and the others would make one more
    bounce of it.
    """
    from email.errors import MessageError
    from email.headerregistry import Address

    name, at, domain = text.strip().rpartition("@")
    if not at or "=?" in text or not name.isascii() or not name.isprintable() or " " in name or len(name) > 64:
        raise ValueError(f"'{shown(text)}' is not a mail address")
    try:
        found = Address(addr_spec=f"{name}@{ascii_domain(domain)}")
    except (ValueError, IndexError, MessageError) as fault:
        raise ValueError(f"'{shown(text)}' is not a mail address") from fault
    return found.username, found.domain


def ascii_domain(domain: str) -> str:
    """`domain` as DNS has it; ValueError for what is none."""
    import idna

    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as fault:
        raise ValueError(f"{shown(domain)} is no domain") from fault


def shown(text: str) -> str:
    """`text` for a message: on one line, not endless."""
    return "".join(c if c.isprintable() else " " for c in text)[:100]


def _checked(text: str) -> str:
    try:
        parted(text)
    except ValueError as fault:
        raise ValueError(f"{fault}; {FIX}") from fault
    return text.strip()


def _domain(text: str) -> str:
    plain = text.strip().lstrip("@").lower()
    if plain != "*":
        parted(f"a@{plain}")
        plain = ascii_domain(plain)
    return plain


Mailbox = Annotated[str, AfterValidator(_checked)]
Mailboxes = Annotated[list[Mailbox], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
Domain = Annotated[str, AfterValidator(_domain)]
