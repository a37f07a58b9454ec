"""Who is one of us: everybody whom the settings name, and owners at the same domains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .addresses import parted

if TYPE_CHECKING:
    from .model import Settings


def may_tell(settings: Settings, address: str) -> bool:
    """Whether an owner whom a tag or Azure names is one of us, so that no tag takes what things cost elsewhere."""
    try:
        _, domain = parted(address)
    except ValueError:
        return False
    ours = settings.mail.owner_domains or [parted(one)[1] for one in named(settings)]
    return "*" in ours or any(domain == one or domain.endswith(f".{one}") for one in ours)


def named(settings: Settings) -> Iterator[str]:
    """Everybody whom the settings name."""
    yield from (settings.mail.sender, *settings.mail.finance)
    yield from (*settings.daemon.operators, *settings.guard.admins, *settings.anomalies.to, *settings.watch.to)
    for people in (*settings.janitor.approvers.values(), *settings.report.audiences.values()):
        yield from people
    for budget in settings.budgets.values():
        yield from (*budget.to, *(budget.escalate.to if budget.escalate else []))
    yield from filter(None, (settings.mail.reply_to, *(budget.owner for budget in settings.budgets.values())))
