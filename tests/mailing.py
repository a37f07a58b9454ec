"""Servers to send mail to in tests: SMTP that behaves as told, IMAP over what it took, certificates, webhooks."""

from __future__ import annotations

import asyncio
import base64
import http.server
import ipaddress
import json
import os
import re
import socketserver
import ssl
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Any

from finops import mail
from finops.config.mailing import MailSettings, SentSettings, SmtpSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aiosmtpd.smtp import SMTP, AuthResult

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
Json = dict[str, Any]


def letter(
    about: str = "one", to: str | list[str] = "ann@example.com", kind: str = "owner-notice", **more: Any
) -> EmailMessage:
    """A notice, as the jobs write them."""
    settings = more.pop("settings", MailSettings(sender="finops@contoso.com"))
    return mail.notice(
        kind, to, f"About {about}", f"Text of {about}\n", f"<p>HTML of {about}</p>", [about], NOW, settings, **more
    )


def message_id(content: bytes) -> str:
    return str(message_from_bytes(content, policy=WIRE)["Message-ID"]).strip()


# -- SMTP -------------------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """The mails that a server took for good, each a file: they outlive its death."""

    folder: Path

    def add(self, to: list[str], content: bytes) -> None:
        name = uuid.uuid4().hex
        draft = self.folder / f".{name}"
        draft.write_text(json.dumps({"to": to, "content": base64.b64encode(content).decode()}))
        os.replace(draft, self.folder / f"{name}.json")

    def all(self) -> list[tuple[list[str], bytes]]:
        found = [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.json"))]
        return [(one["to"], base64.b64decode(one["content"])) for one in found]

    def pairs(self) -> list[tuple[str, str]]:
        """(recipient, subject) of everything that arrived."""
        return sorted(
            (who, str(message_from_bytes(content, policy=WIRE)["Subject"])) for to, content in self.all() for who in to
        )


@dataclass
class Behaviour:
    """How a server treats what comes. Keys of `rcpt`: addresses; values: answers, used up from the front."""

    rcpt: dict[str, list[str]] = field(default_factory=dict)
    mail_from: str = ""
    data: list[str] = field(default_factory=list)  # answers in place of taking the mail, used up from the front
    store: str = ""  # "drop": says 250 and keeps nothing; "hang up": keeps it and closes without an answer
    slow: float = 0.0  # seconds before the mail is kept, and again before that is said


class Desk:
    """aiosmtpd's hooks."""

    def __init__(self, taken: Taken, behaviour: Behaviour) -> None:
        self.taken = taken
        self.behaviour = behaviour

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.behaviour.mail_from:
            return self.behaviour.mail_from
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if answers := self.behaviour.rcpt.get(address):
            return answers.pop(0) if len(answers) > 1 or answers[0][0] == "4" else answers[0]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        told = self.behaviour
        if told.data:
            return told.data.pop(0)
        await asyncio.sleep(told.slow)
        if told.store != "drop":
            self.taken.add(envelope.rcpt_tos, envelope.original_content)
        await asyncio.sleep(told.slow)
        if told.store == "hang up":
            server.transport.abort()
        return "250 queued"


@dataclass
class Sign:
    """Who may sign in, and how."""

    user: str = "finops"
    password: str = "hunter2-of-smtp"
    token: str = ""

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = data.login == self.user.encode() and data.password == self.password.encode()
        return AuthResult(success=good, handled=False)


class _TokenDesk(Desk):
    """XOAUTH2 as Exchange Online speaks it: for a token that was made for it."""

    async def auth_XOAUTH2(self, server: Any, args: list[str]) -> AuthResult:  # noqa: N802
        user, token, *_ = base64.b64decode(args[1]).decode().split("\x01")
        parts = token.removeprefix("auth=Bearer ").split(".")
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "==")) if len(parts) == 3 else {}
        if user == "user=finops@contoso.com" and told.get("aud") == "https://outlook.office365.com":
            return AuthResult(success=True)
        await server.challenge_auth(json.dumps({"status": "401"}))
        return AuthResult(success=False, handled=False)


@contextmanager
def smtp(
    folder: Path, behaviour: Behaviour | None = None, tls: Certificate | None = None, implicit: bool = False,
    sign: Sign | None = None, size: int | None = None, xoauth2: bool = False,
) -> Iterator[tuple[int, Taken, Behaviour]]:  # fmt: skip
    """A server on 127.0.0.1 in this process: its port, what it took, and how to change its ways."""
    folder.mkdir(exist_ok=True)
    taken, ways = Taken(folder), behaviour or Behaviour()
    options: Json = {"data_size_limit": size} if size else {}
    if tls and not implicit:
        options |= {"tls_context": tls.server(), "require_starttls": True}
    if sign:
        options |= {"authenticator": sign.check, "auth_required": True, "auth_require_tls": False}
    if xoauth2:
        options |= {"auth_required": True, "auth_require_tls": False}

    desk = _TokenDesk(taken, ways) if xoauth2 else Desk(taken, ways)

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it signs in without TLS: this is 127.0.0.1
            return SMTP(desk, hostname="mail.test", loop=loop, enable_SMTPUTF8=False, **options)

    loop = asyncio.new_event_loop()
    context = tls.server() if tls and implicit else None
    started = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield started.sockets[0].getsockname()[1], taken, ways
    finally:
        loop.call_soon_threadsafe(started.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


# -- certificates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """A certificate of our own authority for some names."""

    chain: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context


def certificate(folder: Path, *names: str, days: int = 1) -> Certificate:
    """For `names`, self-signed; days below 0: it has run out."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    listed = [
        x509.IPAddress(ipaddress.ip_address(one)) if re.fullmatch(r"[\d.]+", one) else x509.DNSName(one)
        for one in names
    ]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(listed), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    name = uuid.uuid4().hex
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, raw, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(pem, raw, plain))
    return Certificate(chain, secret)


# -- IMAP -------------------------------------------------------------------------------------------------------------


class _Box(socketserver.StreamRequestHandler):
    """As much of IMAP as a look for a Message-ID needs (RFC 3501)."""

    def handle(self) -> None:
        self.say("* OK ready")
        while line := self.rfile.readline().decode().strip():
            tag, _, rest = line.partition(" ")
            name, _, args = rest.partition(" ")
            match name.upper():
                case "CAPABILITY":
                    self.say("* CAPABILITY IMAP4rev1")
                case "LOGIN" if "wrong" in args:
                    self.say(f"{tag} NO [AUTHENTICATIONFAILED] wrong password {args}")
                    continue
                case "EXAMINE" if "Sent" not in args:
                    self.say(f"{tag} NO no such mailbox")
                    continue
                case "EXAMINE":
                    self.say("* 3 EXISTS")
                case "UID":
                    wanted = args.rpartition(" ")[2].strip('"')
                    copies = [one for _, one in self.server.taken.all() if message_id(one) == wanted]  # type: ignore[attr-defined]
                    self.say(f"* SEARCH{' 1' if copies else ''}")
                case "LOGOUT":
                    self.say(f"* BYE\r\n{tag} OK")
                    return
            self.say(f"{tag} OK done")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _BoxServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """Whoever asked was killed."""


@contextmanager
def imap(taken: Taken) -> Iterator[int]:
    """A mailbox with a copy of all that was taken; its port."""
    with _BoxServer(("127.0.0.1", 0), _Box) as server:
        server.taken = taken  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


# -- webhooks ---------------------------------------------------------------------------------------------------------


@dataclass
class Hook:
    """A chat's webhook: what was posted, and what it answers."""

    url: str
    posted: list[Json] = field(default_factory=list)
    answers: list[tuple[int, str, Json]] = field(default_factory=list)  # status, body, headers; used up from the front
    hang_up: bool = False
    stall: float = 0.0  # seconds between the head of an answer and its body


@contextmanager
def webhook(tls: Certificate, path: str = "/services/T0/B0/secretpart") -> Iterator[Hook]:
    hook = Hook("")

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if hook.hang_up:
                self.connection.close()
                return
            status, body, headers = hook.answers.pop(0) if hook.answers else (200, "ok", {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            time.sleep(hook.stall)
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            return

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            return

    with Server(("127.0.0.1", 0), Door) as server:
        server.socket = tls.server().wrap_socket(server.socket, server_side=True)
        hook.url = f"https://127.0.0.1:{server.server_address[1]}{path}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


# -- settings ---------------------------------------------------------------------------------------------------------


def by_smtp(port: int, sent: int | None = None, smtp_more: Json | None = None, **more: Any) -> MailSettings:
    """Settings for a relay on this machine; sent: the port of the mailbox with copies."""
    smtp_settings = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 30, **(smtp_more or {})}
    box: Json = {}
    if sent:
        box = {"host": "127.0.0.1", "port": sent, "security": "none", "user": "finops", "password": "box-secret"}
    return MailSettings(
        sender="finops@contoso.com",
        transport="smtp",
        smtp=SmtpSettings(**smtp_settings),
        sent=SentSettings(**box),
        **more,
    )
