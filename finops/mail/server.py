"""The way out `smtp`: one mail server, over verified TLS."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from finops.errors import FinopsError
from finops.mail.rewriting import fitting
from finops.mail.secure import refused_certificate, tls
from finops.mail.sentbox import SentBox
from finops.mail.transport import Answer, Handing, Outgoing, Said, Unreachable, scrubbed
from finops.state import Attempt

if TYPE_CHECKING:
    from finops.config.mailing import MailSettings

PORTS = {"starttls": 587, "implicit": 465, "none": 25}
PATIENCE = 5  # times mail.smtp.timeout_seconds for one mail, however slowly the server drips
TAKEN = (250, 251, 252)
# Replies to an address that are about it and no other: RFC 5321 4.2.2 and RFC 7504, or by their enhanced code about
# the address (x.1) or the mailbox (x.2), RFC 3463. The rest, such as "relay access denied", somebody mends.
ABOUT_ADDRESS = (501, 550, 551, 552, 553, 556)
ENHANCED = re.compile(r"\d{3} 5\.(\d{1,3})\.\d{1,3}\b")
TOO_LARGE = 552  # RFC 1870


class Server:
    """A mail server. token: gives a token for xoauth2."""

    name = "smtp"

    def __init__(self, settings: MailSettings, token: Callable[[str], str], sent: SentBox | None) -> None:
        self._settings = settings.smtp
        self._largest = int(settings.largest_mb * 2**20) if settings.largest_mb else None
        self._sender = settings.sender
        self._ca_file = settings.ca_file
        self._token = token
        self._sent = sent
        self._copy_to = settings.sent.copy_to if sent else None
        self._secrets: list[str] = []  # what no words of the server may bring into ours
        self.longest = timedelta(seconds=settings.smtp.timeout_seconds * (PATIENCE + 1))
        self.proves = sent is not None

    def receipt(self) -> str:
        return ""

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        """One transaction for all. A single answer at its end holds for everybody who was not refused before."""
        with self._session() as session:
            limit = session.esmtp_features.get("size", "")
            largest = min(
                (size for size in (self._largest, int(limit) if limit.isdigit() else 0) if size), default=None
            )
            content = fitting(mail.content, largest, mail.link)
            code, answer = session.mail(self._sender, [f"size={len(content)}"] if limit else [])
            if code != 250:
                if code == TOO_LARGE:
                    return dict.fromkeys(mail.to, Said("refused", self._words(code, answer)))
                raise self._fault(f"does not take mail from {self._sender}", self._words(code, answer))
            said = _ours({who: self._recipient(session, who) for who in mail.to})
            taken = [who for who, one in said.items() if one.status == "sent"]
            if not taken:
                return said
            self._add_copy(session, mail.to)
            settled = {who: one for who, one in said.items() if one.status != "sent"}
            code, answer = session.hand_over(content, lambda: handing(settled))
            return said | dict.fromkeys(taken, self._said(code, answer, code == TOO_LARGE))

    def ask(self, attempt: Attempt) -> Answer:
        if self._sent is None:
            return Answer("cannot", "SMTP does not tell; mail.sent names no mailbox with copies")
        return self._sent.ask(attempt.wire_id)

    def check(self) -> str:
        with self._session() as session:
            code, answer = session.noop()
        if code != 250:
            raise self._fault("is not well", self._words(code, answer))
        how = {"none": "without sign-in"}.get(self._settings.sign_in, f"signed in as {self._settings.user}")
        found = f"{self._where()} answers, {how}"
        if self._sent is None:
            return f"{found}; no mailbox with copies (mail.sent), so a mail that may have left cannot be looked for"
        return f"{found}; {self._sent.check()}"

    # -- one session --------------------------------------------------------------------------------------------------

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        """Signed in and ready for a mail; ended by force when it takes too long."""
        begun: list[_Session] = []
        late = threading.Event()

        def cut() -> None:
            late.set()
            for one in begun:
                one.cut()

        timer = threading.Timer(self._settings.timeout_seconds * PATIENCE, cut)
        timer.daemon = True
        timer.start()
        ready = False
        try:
            session = self._connect(begun.append)
            self._sign_in(session)
            ready = True
            yield session
            session.bye()
        except (smtplib.SMTPException, OSError) as fault:
            if late.is_set():
                raise self._fault(f"took longer than {self._settings.timeout_seconds * PATIENCE:g} s") from fault
            raise self._explained(fault, ready) from None  # its words may hold our secrets, and so may its chain
        finally:
            timer.cancel()
            for one in begun:
                one.close()

    def _connect(self, begin: Callable[[_Session], None]) -> _Session:
        settings = self._settings
        port = settings.port or PORTS[settings.security]
        context = None if settings.security == "none" else tls(self._ca_file)
        if settings.security == "implicit":
            return _SessionTls(begin, settings.host, port, timeout=settings.timeout_seconds, context=context)
        session = _Session(begin, settings.host, port, timeout=settings.timeout_seconds)
        if context:
            session.ehlo_or_helo_if_needed()
            session.starttls(context=context)
        return session

    def _sign_in(self, session: _Session) -> None:
        settings = self._settings
        session.ehlo_or_helo_if_needed()
        if settings.sign_in == "password" and settings.password:
            password = settings.password.get_secret_value()
            self._secrets = [password, f"\0{settings.user}\0{password}"]
            session.login(settings.user, password)
        elif settings.sign_in == "xoauth2":
            token = self._token(settings.token_scope)
            self._secrets = [token, xoauth2(settings.user, token)]
            # A refusal comes as a challenge with the reason, to be answered with nothing.
            session.auth("XOAUTH2", lambda challenge=None: "" if challenge else xoauth2(settings.user, token))

    def _recipient(self, session: _Session, who: str) -> Said:
        if not who.isascii():
            return Said("refused", f"{who} is not an address in ASCII, and this needs one")
        code, answer = session.rcpt(who)
        about = ENHANCED.match(self._words(code, answer))
        return self._said(code, answer, about[1] in "12" if about else code in ABOUT_ADDRESS)

    def _add_copy(self, session: _Session, to: tuple[str, ...]) -> None:
        if self._copy_to and self._copy_to.lower() not in {who.lower() for who in to}:
            code, answer = session.rcpt(self._copy_to)
            if code not in TAKEN:
                raise self._fault(
                    f"does not take the copy for {self._copy_to} (mail.sent.copy_to)", self._words(code, answer)
                )

    # -- what it said -----------------------------------------------------------------------------------------------

    def _said(self, code: int, answer: bytes, final: bool) -> Said:
        """final: whether trying a refusal (5xx) again cannot help"""
        words = self._words(code, answer)
        if code in TAKEN:
            return Said("sent", words)
        return Said("refused" if code >= 500 and final else "later", words)

    def _words(self, code: int, answer: bytes) -> str:
        return scrubbed(f"{code} {answer.decode('utf-8', 'replace')}", *self._secrets)

    def _explained(self, fault: Exception, ready: bool) -> FinopsError:
        if isinstance(fault, smtplib.SMTPAuthenticationError):
            # A server may repeat what we said, whole or in part: of its answer, only the codes are shown.
            code = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", _bytes(fault.smtp_error).decode("latin-1"))
            return self._fault(
                f"refused the sign-in of {self._settings.user}", f"{fault.smtp_code} {code[0] if code else ''}".strip(),
                "Check mail.smtp.user and its secret; for xoauth2 the identity needs SMTP.SendAsApp and the mailbox.",
            )  # fmt: skip
        if isinstance(fault, smtplib.SMTPNotSupportedError):
            return self._fault(
                "does not offer what is asked of it", scrubbed(str(fault)),
                "Set mail.smtp.security to implicit where it has a port of its own for TLS. Nothing was sent in clear.",
            )  # fmt: skip
        if isinstance(fault, ssl.SSLError):
            what, fix = refused_certificate(fault)
            return self._fault(what, fix=fix)
        if isinstance(fault, smtplib.SMTPResponseException):
            return self._fault("refused", self._words(fault.smtp_code, _bytes(fault.smtp_error)))
        if isinstance(fault, TimeoutError) or isinstance(fault.__context__, TimeoutError):
            return self._fault(f"did not answer within {self._settings.timeout_seconds:g} s")
        if isinstance(fault, OSError) and not isinstance(fault, smtplib.SMTPException):
            return self._fault(f"cannot be reached ({scrubbed(fault.strerror or str(fault), *self._secrets)})")
        if ready:
            return FinopsError(f"The mail server {self._where()} broke off.", "It is tried again.")
        if isinstance(fault, smtplib.SMTPServerDisconnected):
            return self._fault("broke off")
        return self._fault("offers no sign-in that we know, or does not come to its end")

    def _fault(self, what: str, words: str = "", fix: str = "It is tried again.") -> Unreachable:
        return Unreachable(f"The mail server {self._where()} {what}{f': {words}' if words else ''}.", fix)

    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port or PORTS[self._settings.security]}"


class _Session(smtplib.SMTP):
    """smtplib's, with the moment known from which on a mail may arrive.

    begin: gets this before it connects, so that it can be cut off while it does
    """

    def __init__(self, begin: Callable[[_Session], None], *args: Any, **options: Any) -> None:
        self._begin = begin
        super().__init__(*args, **options)

    def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        self._begin(self)
        return super().connect(*args, **options)

    def hand_over(self, content: bytes, handing: Callable[[], None]) -> tuple[int, bytes]:
        """DATA in two steps: a server that has not seen the final dot has no mail (RFC 5321, 4.1.1.4)."""
        code, answer = self.docmd("DATA")
        if code != 354:
            return code, answer
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        self.send(b"." + stuffed if stuffed.startswith(b".") else stuffed)
        if not content.endswith(b"\r\n"):
            self.send(b"\r\n")
        handing()
        self.send(b".\r\n")
        return self.getreply()

    def bye(self) -> None:
        """Leave politely; whether that is answered changes nothing."""
        try:
            self.docmd("QUIT")
        except (smtplib.SMTPException, OSError):
            return

    def cut(self) -> None:
        """End the connection from another thread."""
        if self.sock:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


class _SessionTls(_Session, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""


def _ours(said: dict[str, Said]) -> dict[str, Said]:
    """Several who are all refused in the same words, which do not say why, are refused because of us."""
    words = {one.why for one in said.values()}
    alike = len(said) > 1 and len(words) == 1 and not ENHANCED.match(words.pop())
    if not alike or any(one.status != "refused" for one in said.values()):
        return said
    return {who: Said("later", one.why) for who, one in said.items()}


def xoauth2(user: str, token: str) -> str:
    """https://developers.google.com/workspace/gmail/imap/xoauth2-protocol; Exchange Online takes the same."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
