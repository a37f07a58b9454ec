"""The ways out that the settings name, by channel; what they hold open is closed with the block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from finops.mail.chat import Chat
from finops.mail.folder import Folder
from finops.mail.sentbox import SentBox
from finops.mail.server import Server
from finops.mail.transport import Transport

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import AzureSettings, MailSettings


@contextmanager
def carriers(settings: MailSettings, azure: AzureSettings | None = None) -> Iterator[dict[str, Transport]]:
    """By channel: mail, and teams and slack where they have a webhook. Nothing is called before it is needed."""
    with ExitStack() as stack:
        gateway = _Gateway(azure, stack)
        found: dict[str, Transport] = {"mail": _mail(settings, gateway)}
        for name, chat in (("teams", settings.teams), ("slack", settings.slack)):
            if chat.webhook:
                found[name] = Chat(name, chat.webhook, settings.ca_file)  # type: ignore[arg-type]
        yield found


def _mail(settings: MailSettings, gateway: _Gateway) -> Transport:
    if settings.transport == "file":
        return Folder(settings.outbox)
    if settings.transport == "smtp":
        sent = SentBox(settings, gateway.token) if settings.sent.host else None
        return Server(settings, gateway.token, sent)
    if settings.transport == "graph":
        from finops.mail.graphmail import GraphMail

        return GraphMail(settings, gateway)
    from finops.mail.acs import Acs

    return Acs(settings, gateway)


class _Gateway:
    """The connection to Azure, made when somebody asks for it."""

    def __init__(self, settings: AzureSettings | None, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._open: Azure | None = None

    def __call__(self) -> Azure:
        if self._open is None:
            from finops.cloud import connect
            from finops.config.model import AzureSettings

            self._open = self._stack.enter_context(connect(self._settings or AzureSettings()))
        return self._open

    def token(self, scope: str) -> str:
        from finops.cloud.posting import token_of

        return token_of(self(), scope)
