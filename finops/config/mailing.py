"""Settings of mail: who gets it, how it leaves, and what is done when nobody knows whether it left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from .addresses import Domain, Mailbox
from .secrets import at_hand
from .strict import LOOPBACK, STRICT

# https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
EXCHANGE = "https://outlook.office365.com/.default"
Transport = Literal["file", "smtp", "graph", "acs"]


class SmtpSettings(BaseModel):
    """A mail server."""

    model_config = STRICT

    host: Annotated[str, Field(description="Name of the mail server, as its certificate has it.")] = ""
    port: Annotated[
        int | None, Field(ge=1, le=65535, description="Its port; empty: 587, with security implicit 465, with none 25.")
    ] = None
    security: Annotated[
        Literal["starttls", "implicit", "none"],
        Field(description="TLS from STARTTLS on, from the start, or none: only to a relay on this machine."),
    ] = "starttls"
    sign_in: Annotated[
        Literal["none", "password", "xoauth2"],
        Field(description="Not at all, with user and password, or with a token of azure.identity (XOAUTH2)."),
    ] = "none"
    user: Annotated[str, Field(description="Who signs in; for xoauth2 the mailbox.")] = ""
    password: Annotated[SecretStr | None, Field(description="Its password; give it as a secret, not in the file.")] = (
        None
    )
    token_scope: Annotated[str, Field(description="What the token of xoauth2 is for.")] = EXCHANGE
    timeout_seconds: Annotated[float, Field(gt=0, le=600, description="Longest silence of the server.")] = 60


class SentSettings(BaseModel):
    """Where a copy of each sent mail lies, to look whether one was sent."""

    model_config = STRICT

    host: Annotated[
        str, Field(description="IMAP server (TLS) that holds a copy of what was sent; empty: nobody can be asked.")
    ] = ""
    port: Annotated[int, Field(ge=1, le=65535, description="Its port.")] = 993
    security: Annotated[
        Literal["implicit", "none"], Field(description="TLS from the start, or none: only on this machine.")
    ] = "implicit"
    folder: Annotated[str, Field(min_length=1, description="Its folder with the copies.")] = "Sent"
    user: Annotated[str, Field(description="Who signs in there; empty: mail.smtp.user.")] = ""
    password: Annotated[SecretStr | None, Field(description="Its password; empty: that of mail.smtp.")] = None
    copy_to: Annotated[
        Mailbox | None,
        Field(description="Address of that mailbox, where the mail server keeps no copy by itself: it gets one."),
    ] = None


class GraphSettings(BaseModel):
    """Microsoft Graph."""

    model_config = STRICT

    user: Annotated[str, Field(description="Mailbox to send from: address or object id.")] = ""
    look_up: Annotated[
        bool, Field(description="Look into its Sent Items whether a mail left (needs Mail.ReadBasic.All).")
    ] = True


class AcsSettings(BaseModel):
    """Azure Communication Services."""

    model_config = STRICT

    endpoint: Annotated[str, Field(description="Such as https://NAME.europe.communication.azure.com.")] = ""
    access_key: Annotated[
        SecretStr | None, Field(description="Its key; empty: azure.identity signs in. Give it as a secret.")
    ] = None

    @field_validator("endpoint")
    @classmethod
    def _https(cls, value: str) -> str:
        if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
            raise ValueError("write https:// and the name of the resource")
        return value.rstrip("/")


class ChatSettings(BaseModel):
    """An incoming webhook of a chat."""

    model_config = STRICT

    webhook: Annotated[
        SecretStr | None, Field(description="Its address. Whoever knows it can post: give it as a secret.")
    ] = None
    kinds: Annotated[
        list[str], Field(description="Mails that are told there too, by the start of their kind: report, budget, ...")
    ] = ["report", "budget", "anomaly"]

    @field_validator("webhook")
    @classmethod
    def _https(cls, value: SecretStr | None) -> SecretStr | None:
        text = at_hand(value)
        if text is not None and not is_https(text):
            raise ValueError("the address of a webhook begins with https://")
        return value


def is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and text.isprintable()
    except ValueError:
        return False


class MailSettings(BaseModel):
    """Who gets it, and how it leaves."""

    model_config = STRICT

    outbox: Annotated[
        Path, Field(description="Folder in which each mail is left as an .eml file (transport file).")
    ] = Path("finops-data/outbox")
    sender: Annotated[Mailbox, Field(description="Address in From.")] = "finops@localhost"
    reply_to: Annotated[Mailbox | None, Field(description="Where answers go: a list that people read.")] = None
    finance: Annotated[list[Mailbox], Field(description="Recipients of the weekly report.")] = ["finance@localhost"]
    owner_domains: Annotated[
        list[Domain],
        Field(
            description="Domains, with those below them, to which owners that tags or Azure name are mailed; empty: "
            "those of everybody in these settings; '*': any."
        ),
    ] = []
    transport: Annotated[
        Transport,
        Field(description="file, smtp, graph (Microsoft Graph), or acs (Azure Communication Services)."),
    ] = "file"
    when_unsure: Annotated[
        Literal["by-kind", "hold", "send"],
        Field(
            description="For a mail that may have left and nobody can be asked: hold it for a person, send it again, "
            "or hold reports and send notices."
        ),
    ] = "by-kind"
    unsure_minutes: Annotated[
        int, Field(ge=0, le=1440, description="Minutes after which a mail with no copy among the sent ones never left.")
    ] = 10
    retry_hours: Annotated[
        int, Field(ge=1, le=336, description="Hours for which a mail is tried again before it is given up.")
    ] = 48
    keep_days: Annotated[
        int, Field(ge=14, le=3650, description="Days after which the content of a mail that everybody got is cleared.")
    ] = 90
    largest_mb: Annotated[
        float | None,
        Field(gt=0, le=150, description="Above this a link takes the place of attachments; empty: as the transport."),
    ] = None
    report_url: Annotated[
        str | None, Field(pattern=r"^https://\S+$", description="Where reports can be read, for links (https).")
    ] = None
    unsubscribe: Annotated[
        str | None,
        Field(
            pattern=r"^(https://|mailto:)\S+$",
            description="For List-Unsubscribe; empty: a mail to reply_to, else to sender. https takes one click.",
        ),
    ] = None
    ca_file: Annotated[
        Path | None, Field(description="Certificates (PEM) of your own authorities, besides this machine's.")
    ] = None
    smtp: SmtpSettings = SmtpSettings()
    sent: SentSettings = SentSettings()
    graph: GraphSettings = GraphSettings()
    acs: AcsSettings = AcsSettings()
    teams: ChatSettings = ChatSettings()
    slack: ChatSettings = ChatSettings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {"smtp": self.smtp.host, "graph": self.graph.user, "acs": self.acs.endpoint}
        name = {"smtp": "mail.smtp.host", "graph": "mail.graph.user", "acs": "mail.acs.endpoint"}
        if self.transport != "file" and not needed[self.transport]:
            raise ValueError(f"transport {self.transport} needs {name[self.transport]}")
        if self.transport == "smtp":
            self._smtp_is_safe()
        if self.sent.host and self.sent.security == "none" and self.sent.host not in LOOPBACK:
            raise ValueError("sent.security none is only for this machine")
        return self

    def _smtp_is_safe(self) -> None:
        smtp = self.smtp
        if smtp.security == "none" and smtp.host not in LOOPBACK:
            raise ValueError("smtp.security none is only for a relay on this machine (127.0.0.1, ::1, localhost)")
        if smtp.sign_in != "none" and not smtp.user:
            raise ValueError(f"smtp.sign_in {smtp.sign_in} needs smtp.user")
        if smtp.sign_in == "password" and smtp.password is None:
            raise ValueError("smtp.sign_in password needs the secret mail__smtp__password")
