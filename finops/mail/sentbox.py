"""A mailbox with a copy of every sent mail, over IMAP: whether a mail left, asked by its Message-ID."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from finops.errors import FinopsError, TemporaryError
from finops.mail.secure import refused_certificate, tls
from finops.mail.transport import Answer, scrubbed

if TYPE_CHECKING:
    from finops.config.mailing import MailSettings

SAFE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # printable ASCII without " and \: it is sent within quotes


class SentBox:
    """The folder that mail.sent names."""

    def __init__(self, settings: MailSettings, token: Callable[[str], str]) -> None:
        self._settings = settings.sent
        self._smtp = settings.smtp
        self._ca_file = settings.ca_file
        self._token = token
        self._user = settings.sent.user or settings.smtp.user
        self._secret = settings.sent.password or settings.smtp.password
        self._secrets: list[str] = []  # what no words of a server may bring into ours

    def ask(self, message_id: str) -> Answer:
        """arrived, or absent: a copy may still be on its way there."""
        if not SAFE.fullmatch(message_id):
            return Answer("cannot", "its Message-ID cannot be asked for")
        with self._folder() as box:
            status, found = box.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')
        if status != "OK":
            raise self._fault("did not search", scrubbed(_text(found), *self._secrets))
        where = f"{self._settings.folder} of {self._user or self._settings.host}"
        return Answer("arrived", f"a copy lies in {where}") if _text(found) else Answer("absent", f"no copy in {where}")

    def check(self) -> str:
        with self._folder():
            return f"copies lie in {self._settings.folder} on {self._settings.host}"

    @contextmanager
    def _folder(self) -> Iterator[imaplib.IMAP4]:
        box: imaplib.IMAP4 | None = None
        try:
            box = self._connect()
            try:
                self._sign_in(box)
            except imaplib.IMAP4.error as fault:
                # A server may repeat what we said: of its words, only the code is ours to show (RFC 5530).
                code = re.search(r"\[[A-Z]+\]", str(fault))
                raise self._fault(f"refused the sign-in of {self._user}", code[0] if code else "") from None
            name = self._settings.folder.replace("\\", "\\\\").replace('"', '\\"')
            status, said = box.select(f'"{name}"', readonly=True)
            if status != "OK":
                words = scrubbed(_text(said), *self._secrets)
                raise self._fault(f"has no folder {self._settings.folder} (mail.sent.folder)", words)
            yield box
        except ssl.SSLError as fault:
            what, fix = refused_certificate(fault)
            raise self._fault(what, fix=fix) from fault
        except imaplib.IMAP4.error as fault:
            raise self._fault("refused", scrubbed(str(fault), *self._secrets)) from None
        except OSError as fault:
            raise self._fault(f"cannot be reached ({fault.strerror or 'no answer'})") from fault
        finally:
            if box:
                _leave(box)

    def _connect(self) -> imaplib.IMAP4:
        settings = self._settings
        timeout = self._smtp.timeout_seconds
        if settings.security == "none":
            return imaplib.IMAP4(settings.host, settings.port, timeout)
        return imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=tls(self._ca_file), timeout=timeout)

    def _sign_in(self, box: imaplib.IMAP4) -> None:
        if self._smtp.sign_in == "xoauth2" and self._settings.password is None:
            from finops.mail.server import xoauth2

            token = self._token(self._smtp.token_scope)
            words = xoauth2(self._user, token).encode()
            self._secrets += [token, words.decode()]
            box.authenticate("XOAUTH2", lambda challenge: b"" if challenge else words)
        else:
            password = self._secret.get_secret_value() if self._secret else ""
            self._secrets.append(password)
            box.login(self._user, password)

    def _fault(self, what: str, words: str = "", fix: str = "It is looked up again in the next round.") -> FinopsError:
        where = f"{self._settings.host}:{self._settings.port}"
        return TemporaryError(f"The mailbox server {where} {what}{f': {words}' if words else ''}.", fix)


def _leave(box: imaplib.IMAP4) -> None:
    """Politely; closed even where that is not answered well."""
    try:
        box.logout()
    except (imaplib.IMAP4.error, OSError):
        box.shutdown()


def _text(said: object) -> str:
    parts = said if isinstance(said, list) else [said]
    return " ".join(
        one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one or "") for one in parts
    ).strip()
