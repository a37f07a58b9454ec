"""Mail: the message in all its parts, and the outbox folder that it is left in."""

from __future__ import annotations

from finops.mail.compose import compose, message_id
from finops.mail.notice import notice
from finops.mail.outbox import Outbox

__all__ = ["Outbox", "compose", "message_id", "notice"]
