"""The ways out `teams` and `slack`: a short notice with the link, by an incoming webhook.

Teams: a Workflows webhook takes an Adaptive Card, 28 KB at most, and answers 202; mentions need `msteams.entities`,
of which we send none. Slack: an incoming webhook takes blocks and answers 200 "ok"; & < > are its only markup
characters, and @channel is <!channel>. The address is the secret: it is in no message, log or error.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from finops.config.mailing import is_https
from finops.errors import ConfigError, FinopsError
from finops.mail.secure import refused_certificate, tls
from finops.mail.transport import Answer, Handing, Outgoing, Said, Unreachable, scrubbed
from finops.state import Attempt

TIMEOUT_SECONDS = 30.0
LONGEST_TITLE, LONGEST_TEXT = 150, 700  # Slack's header has 150 characters
SIGNS = re.compile(r"([\\*_~`#>\[\]()!|])")  # what Adaptive Cards' Markdown reads, https://adaptivecards.io
INVISIBLE = "\u200b"  # between @ and a word: neither chat makes a mention of it


class Chat:
    """One webhook."""

    proves = False

    def __init__(
        self,
        name: Literal["teams", "slack"],
        webhook: SecretStr,
        ca_file: Path | None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name: str = name
        self.longest = timedelta(seconds=3 * timeout_seconds)
        self._timeout = timeout_seconds
        self._webhook = webhook
        self._ca_file = ca_file

    def receipt(self) -> str:
        return ""

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        title, text = told(mail)
        body = card(title, text, mail.link) if self.name == "teams" else blocks(title, text, mail.link)
        address = self._address()
        handing({})
        return dict.fromkeys(mail.to, self._post(address, json.dumps(body).encode()))

    def ask(self, attempt: Attempt) -> Answer:
        return Answer("cannot", f"a webhook of {self.name} does not tell")

    def check(self) -> str:
        """Only whether its host can be reached: whatever is posted there, people see."""
        parts = urlsplit(self._address())
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=self._timeout, context=tls(self._ca_file)
        )
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as fault:
            raise self._fault(fault) from None
        finally:
            connection.close()
        return f"{parts.hostname} can be reached; nothing was posted"

    def _address(self) -> str:
        """Where to post: what a vault told was looked at by nobody yet."""
        address = self._webhook.get_secret_value()
        if not is_https(address):
            raise ConfigError(f"mail.{self.name}.webhook is no address that begins with https://.", "Mend that secret.")
        return address

    def _post(self, address: str, body: bytes) -> Said:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls(self._ca_file)), _NoRedirect)
        try:
            request = urllib.request.Request(  # noqa: S310 - the settings take https only
                address, body, {"Content-Type": "application/json"}, method="POST"
            )
            with opener.open(request, timeout=self._timeout) as answer:
                return Said("sent", f"{answer.status} from {self.name}")
        except urllib.error.HTTPError as fault:
            words = scrubbed(_words(fault), address)
            return Said(_status(fault.code), f"{self.name} answered {fault.code} {words}".strip())
        except (OSError, ValueError, http.client.HTTPException) as fault:
            # The words of these errors may hold the address, and so may their chain.
            reason = getattr(fault, "reason", fault)
            if _never_left(reason):
                return Said("later", self._fault(reason).what)
            raise FinopsError(self._fault(reason).what, "It may have been posted.") from None

    def _fault(self, fault: object) -> FinopsError:
        host = urlsplit(self._webhook.get_secret_value()).hostname
        if isinstance(fault, ssl.SSLError):
            what, fix = refused_certificate(fault)
            return Unreachable(f"{host} (mail.{self.name}.webhook) {what}.", fix)
        words = fault.strerror if isinstance(fault, OSError) and fault.strerror else type(fault).__name__
        return Unreachable(
            f"{host} (mail.{self.name}.webhook) cannot be reached ({words}).", "Check the network; it is tried again."
        )


def _words(fault: urllib.error.HTTPError) -> str:
    """What a refusal says; nothing where it does not come to its end in time."""
    with fault:
        try:
            return fault.read(300).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is posted goes to the address that was given, and to no other."""

    def redirect_request(self, *args: object) -> None:
        return None


def _status(code: int) -> Literal["refused", "later"]:
    """A webhook that is gone, or refuses what it gets, does so for good; the rest may pass."""
    return "refused" if code in (400, 403, 404, 405, 410, 413, 422) or 300 <= code < 400 else "later"


def _never_left(reason: object) -> bool:
    """Whether the connection was not even made."""
    import socket

    return isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError)


def told(mail: Outgoing) -> tuple[str, str]:
    """Subject and the first paragraphs of the text: what fits on a phone."""
    message = message_from_bytes(mail.content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    paragraphs = [one.strip() for one in re.split(r"\n\s*\n", text) if one.strip()]
    found = ""
    for paragraph in paragraphs:
        if found and len(found) + len(paragraph) > LONGEST_TEXT:
            break
        found += f"\n\n{paragraph}" if found else paragraph
    return _short(mail.subject, LONGEST_TITLE), _short(found, LONGEST_TEXT)


def card(title: str, text: str, link: str) -> dict[str, Any]:
    """An Adaptive Card in the envelope that Workflows takes. Text is escaped: no Markdown, no mention."""
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": plain(title), "weight": "Bolder", "size": "Medium", "wrap": True},
            {"type": "TextBlock", "text": plain(text), "wrap": True},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": link}] if link.startswith("https://") else [],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def blocks(title: str, text: str, link: str) -> dict[str, Any]:
    """Blocks of plain text, in which Slack reads no markup; the fallback is escaped."""
    found: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _quiet(title) or "-", "emoji": False}},
        {"type": "section", "text": {"type": "plain_text", "text": _quiet(text) or "-", "emoji": False}},
    ]
    if link.startswith("https://"):
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": link}
        found.append({"type": "actions", "elements": [button]})
    return {"text": escaped(title), "blocks": found, "link_names": False, "unfurl_links": False}


def escaped(text: str) -> str:
    """`text` for Slack's mrkdwn."""
    return _quiet(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """`text` so that Adaptive Cards' Markdown shows it as it is, lines included; <at> and HTML are shown, too."""
    safe = _quiet(text).replace("&", "&amp;").replace("<", "&lt;")
    return "\n\n".join(SIGNS.sub(r"\\\1", line) for line in safe.splitlines())


def _quiet(text: str) -> str:
    """Without control characters, and without an @ that could call somebody."""
    shown = "".join(c for c in text if c.isprintable() or c == "\n")
    return re.sub(r"@(?=\w)", f"@{INVISIBLE}", shown)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
