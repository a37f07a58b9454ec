"""Mail: the message in all its parts, and the outbox that it leaves from."""

from __future__ import annotations

from finops.mail.compose import compose, message_id
from finops.mail.letterbox import Letterbox, Refused
from finops.mail.notice import notice
from finops.mail.outbox import Outbox
from finops.mail.post import Delivered, Post

__all__ = ["Delivered", "Letterbox", "Outbox", "Post", "Refused", "compose", "message_id", "notice"]
