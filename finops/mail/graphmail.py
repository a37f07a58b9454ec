"""The way out `graph`: Microsoft Graph's sendMail with the whole mail, and Sent Items to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from finops.cloud import posting
from finops.errors import AzureError
from finops.mail.azurefaults import known
from finops.mail.rewriting import fitting, with_fields
from finops.mail.transport import Answer, Handing, Outgoing, Said, TooMany
from finops.state import Attempt

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.mailing import MailSettings

LARGEST = 3 * 2**20 - 2**16  # a request has 4 MB at most (Graph's limit for sendMail), and base64 takes a third


class GraphMail:
    """One mailbox of Exchange Online. azure: connects when it is needed."""

    name = "graph"

    def __init__(self, settings: MailSettings, azure: Callable[[], Azure]) -> None:
        self._user = settings.graph.user
        self._look_up = settings.graph.look_up
        self._largest = min(LARGEST, int((settings.largest_mb or 150) * 2**20))
        self._azure = azure
        self.longest = timedelta(minutes=10)
        self.proves = settings.graph.look_up

    def receipt(self) -> str:
        return ""

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        """One mail for all; where Graph refuses it for one of them, each gets it by itself.

        Graph takes whom it is for from the mail itself.
        """
        azure = self._azure()
        content = with_fields(fitting(mail.content, self._largest, mail.link), To=",\r\n ".join(mail.to))
        handing({})
        try:
            posting.send_mime(azure, self._user, content)
        except AzureError as fault:
            said = known(fault)
            if said.status == "refused" and len(mail.to) > 1:
                raise TooMany(fault.what, "Each gets it by itself.") from fault
            return dict.fromkeys(mail.to, said)
        return dict.fromkeys(mail.to, Said("sent", "202 from Microsoft Graph"))

    def ask(self, attempt: Attempt) -> Answer:
        if not self._look_up:
            return Answer("cannot", "mail.graph.look_up is off")
        if posting.was_sent(self._azure(), self._user, attempt.wire_id):
            return Answer("arrived", f"it is among the sent mails of {self._user}")
        return Answer("absent", f"it is not among the sent mails of {self._user}")

    def check(self) -> str:
        if not self._look_up:
            return f"mail leaves from {self._user}; not looked into (mail.graph.look_up is off)"
        posting.was_sent(self._azure(), self._user, "<none@finops.invalid>")
        return f"the sent mails of {self._user} can be read; whether mail may be sent shows only by sending"
